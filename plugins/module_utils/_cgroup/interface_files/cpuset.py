# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cpuset controller (cpusets.rst, cgroup-v2.rst): lists of CPUs and memory nodes, and v1's switches."""

from __future__ import annotations

import re
from typing import Any

from ..values import Number, Switch, wrong
from .entry import INHERIT, Facts, Family, InterfaceFile, Kind

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


_RANGES = Ranges()
_NONE = "v2 has cpuset.cpus and cpuset.mems alone of these"


def _flag(name: str, default: bool = False, rise: int = 2, fall: int = 2) -> InterfaceFile:
    return _v1("cpuset." + name, Switch(), default, rise=rise, fall=fall, elsewhere=_NONE)


def _v1(name: str, kind: Kind, default: object, **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 1, "cpuset", kind, default, since="2.6.24", tried="real", root=True, **more)


FAMILY = Family(
    (
        _v1("cpuset.cpus", _RANGES, INHERIT, rise=1, fall=1, effective="kernel"),
        _v1("cpuset.mems", _RANGES, INHERIT, rise=1, fall=1, effective="kernel"),
        _flag("cpu_exclusive", fall=0),  # set when the list is right, taken off before it changes
        _flag("mem_exclusive", fall=0),
        _flag("mem_hardwall", fall=0),
        _flag("memory_migrate", rise=0),  # before mems, so that the memory moves along
        _flag("memory_spread_page"),
        _flag("memory_spread_slab"),
        _flag("sched_load_balance", default=True),
        _v1("cpuset.sched_relax_domain_level", Number(-1, 5), -1, rise=2, fall=2, elsewhere=_NONE),
        InterfaceFile("cpuset.cpus", 2, "cpuset", _RANGES, "", since="5.0", tried="guest", effective="kernel"),
        InterfaceFile("cpuset.mems", 2, "cpuset", _RANGES, "", since="5.0", tried="guest", effective="kernel"),
    )
)
