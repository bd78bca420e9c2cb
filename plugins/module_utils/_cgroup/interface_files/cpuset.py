# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cpuset controller (cpusets.rst, cgroup-v2.rst): lists of CPUs and memory nodes, and v1's switches."""

from __future__ import annotations

import re
from typing import Any, Callable, Iterator, Mapping

from ..._convergence.errors import InputError, UnsupportedError
from ..values import Choice, Number, Switch, wrong
from .entry import INHERIT, Choices, Facts, Family, InterfaceFile, Kind, Said, Turn, Value, Want

_RANGE = re.compile(r"([0-9]{1,5})(?:\s?-\s?([0-9]{1,5}))?")


class Ranges(Kind):
    """A list of numbers, canonical as the kernel prints it: 0-2,4. Empty on v2 means the parent's."""

    def parse(self, option: str, value: object, facts: Facts) -> str:
        pairs: list[list[int]] = []
        for item in value if isinstance(value, (list, tuple)) else [] if value == "" else [value]:
            if isinstance(item, bool) or not isinstance(item, (int, str)) or (isinstance(item, int) and item >> 17):
                raise self._wrong(option, value)
            for part in str(item).split(","):
                found = _RANGE.fullmatch(part.strip())
                if not found:
                    raise self._wrong(option, value)
                first, last = int(found.group(1)), int(found.group(2) or found.group(1))
                if first > last:
                    raise wrong(option, value, "has a range that ends before it begins", "write the lower number first")
                pairs.append([first, last])
        return _joined(pairs)

    def _wrong(self, option: str, value: object) -> Exception:
        return wrong(option, value, "is not a list of numbers and ranges", 'write "0-2,4" or [0, 1, 2, 4]')

    def read(self, text: str) -> str:
        return text.strip()

    def written(self, wanted: str) -> str:
        return wanted or "\n"  # an empty write(2) changes nothing

    def direction(self, observed: str, wanted: str) -> str:
        had, gets = _members(observed), _members(wanted)
        # Nothing, on v2, is all that the parent has.
        return "rise" if not wanted or had <= gets else "fall" if gets <= had else "both"

    def union(self, one: str, other: str) -> str:
        """Both lists as one: where neither contains the other, a change passes through it."""
        return _joined(_pairs(one) + _pairs(other))


class Exclusive(Switch):
    """v1's exclusive flags: the kernel compares the lists of all siblings when one is set."""

    def late(self, observed: Value | None, wanted: Value) -> bool:
        return bool(wanted)


class Partition(Choice):
    """cpuset.cpus.partition. What cannot be one reads ``root invalid (why)``: that holds nothing, and says what is wrong."""

    def writes(self, observed: Value | None, wanted: Value) -> tuple[str, ...]:
        texts = super().writes(observed, wanted)
        # Linux 6.1 leaves what is not valid as it is, however often it is told what it shall be; 6.12 looks again.
        again = observed is not None and "invalid" in observed and wanted != "member"
        return ("member", *texts) if again else texts

    def late(self, observed: Value | None, wanted: Value) -> bool:
        return bool(wanted != "member")


class Own(Ranges):
    """cpuset.cpus.exclusive: no two siblings have the same CPU, so one gives it up before the other gets it."""

    def direction(self, observed: str, wanted: str) -> str:
        had, gets = _members(observed), _members(wanted)
        return "fall" if gets <= had else "rise" if had <= gets else "both"

    def union(self, one: str, other: str) -> str:
        """What is in both lists: the way from one to the other that is in no sibling's way."""
        return _joined([[number, number] for number in _members(one) & _members(other)])

    def late(self, observed: str | None, wanted: str) -> bool:
        return self.direction(observed or "", wanted) == "rise"


def _pairs(text: str) -> list[list[int]]:
    return [[int(first), int(last or first)] for first, last in _RANGE.findall(text)]


def _members(text: str) -> set[int]:
    return {number for first, last in _pairs(text) for number in range(first, last + 1)}


def _joined(pairs: list[list[int]]) -> str:
    merged: list[list[int]] = []
    for first, last in sorted(pairs):
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(last, merged[-1][1])
        else:
            merged.append([first, last])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in merged)


_RANGES, _SWITCH, _EXCLUSIVE = Ranges(), Switch(), Exclusive()
PARTITION, EXCLUSIVE = "cpuset.cpus.partition", "cpuset.cpu_exclusive"
_NONE = "v2 has cpuset.cpus, cpuset.mems and cpuset.cpus.partition alone"
_LOSSY = "{}: {} is {}: {} on this host, which is not the same: {}"
_V1 = "on v1 every group above has to be exclusive too, and the CPUs stay in the scheduling domain that they are in"
_V2 = "on v2 its CPUs become a scheduling domain of their own, and are taken from the groups beside it and above it"


def translate(said: Mapping[str, Said], version: int, at: Callable[[str], str], choices: Choices) -> Iterator[Turn]:
    """An exclusive cpuset is the nearest that v1 has to a partition root. Neither is the other."""
    if version == 1 and PARTITION in said:
        kind = said[PARTITION].value
        if kind == "isolated":
            raise UnsupportedError(
                "is a partition without load balancing, and v1 has none",
                option=at(PARTITION),
                value=kind,
                way_out=f"declare {EXCLUSIVE}: true and cpuset.sched_load_balance: false, on a host with cpuset on v1",
            )
        wanted = kind == "root"
        yield Turn(
            EXCLUSIVE, wanted, PARTITION, _LOSSY.format(PARTITION, kind, EXCLUSIVE, "true", _V1) if wanted else ""
        )
    elif version == 2 and EXCLUSIVE in said:
        kind = "root" if said[EXCLUSIVE].value else "member"
        yield Turn(
            PARTITION,
            kind,
            EXCLUSIVE,
            "" if kind == "member" else _LOSSY.format(EXCLUSIVE, "true", PARTITION, kind, _V2),
        )


def check(wants: Mapping[str, Want], at: Callable[[str], str]) -> None:
    """A partition has CPUs of its own, so its list is not empty."""
    partition = wants.get(PARTITION)
    if partition is None or partition.value == "member":
        return
    lists = [wants[name] for name in ("cpuset.cpus", "cpuset.cpus.exclusive") if name in wants]
    if lists and not any(want.value for want in lists):
        raise InputError(
            f"is empty, and {partition.declared} wants CPUs of the group's own",
            option=at(lists[0].declared),
            way_out="name the CPUs",
        )


def _flag(name: str, default: bool = False, rise: int = 2, fall: int = 2, kind: Kind = _SWITCH) -> InterfaceFile:
    return _v1("cpuset." + name, kind, default, rise=rise, fall=fall, elsewhere=_NONE)


def _v1(name: str, kind: Kind, default: object, tried: str = "real", **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 1, "cpuset", kind, default, since="2.6.24", tried=tried, root=True, **more)


def _v2(name: str, kind: Kind, default: object, since: str, **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 2, "cpuset", kind, default, since=since, **more)


FAMILY = Family(
    (
        _v1("cpuset.cpus", _RANGES, INHERIT, rise=1, fall=1, effective="kernel"),
        _v1("cpuset.mems", _RANGES, INHERIT, rise=1, fall=1, effective="kernel"),
        _flag("cpu_exclusive", fall=0, kind=_EXCLUSIVE),  # set when the list is right, taken off before it changes
        _flag("mem_exclusive", fall=0, kind=_EXCLUSIVE),
        _flag("mem_hardwall", fall=0),
        _flag("memory_migrate", rise=0),  # before mems, so that the memory moves along
        _flag("memory_spread_page"),
        _flag("memory_spread_slab"),
        _flag("sched_load_balance", default=True),
        # How far up a search for work goes; the kernel takes as many levels as this machine has, and answers EINVAL beyond.
        _v1("cpuset.sched_relax_domain_level", Number(-1, 31), -1, rise=2, fall=2, elsewhere=_NONE),
        _v1(
            "cpuset.memory_pressure_enabled",
            _SWITCH,
            False,
            "documented",
            elsewhere="v2 has memory.pressure",
            only_root=True,
        ),
        # In every v1 hierarchy there is such a file, and cpuset alone looks at it: when a group is made below.
        InterfaceFile(
            "cgroup.clone_children",
            1,
            "cpuset",
            _SWITCH,
            INHERIT,
            since="2.6.37",
            tried="real",
            root=True,
            elsewhere="on v2 a new group has what its parent has while its own lists are empty",
        ),
        _v2("cpuset.cpus", _RANGES, "", "5.0", rise=1, fall=1, tried="guest", effective="kernel"),
        _v2("cpuset.mems", _RANGES, "", "5.0", rise=1, fall=1, tried="guest", effective="kernel"),
        # Taken whatever the groups above have, as long as no sibling has any of them.
        _v2(
            "cpuset.cpus.exclusive",
            Own(),
            "",
            "6.7",
            rise=1,
            fall=1,
            tried="guest",
            effective="kernel",
            elsewhere=f"v1 has {EXCLUSIVE} alone",
        ),
        _v2(PARTITION, Partition("member", "root", "isolated"), "member", "5.0", rise=2, fall=0, tried="guest"),
    ),
    translate,
    check,
)
