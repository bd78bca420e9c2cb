# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory controller (memory.rst, cgroup-v2.rst)."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping

from ..._convergence.errors import InputError
from ..values import UNLIMITED, Bytes, Number, Switch
from .entry import INHERIT, USUAL, Choices, Facts, Family, InterfaceFile, Kind, Said, Turn, Value, Want, unreadable

V1, V2 = Bytes(legacy=True), Bytes()
LIMIT, MEMSW, SOFT = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes"
_ONLY_MAX = "of these v1 has the counterparts of memory.max and memory.swap.max alone"
_SOFT_LOW, _SOFT_HIGH = (f"memory_soft_limit: {one} has it set as {SOFT} there" for one in ("low", "high"))


class OomControl(Kind):
    """v1's switch that keeps the kernel from killing: one figure is written, three lines are shown."""

    def parse(self, option: str, value: object, facts: Facts) -> bool:
        return _SWITCH.parse(option, value, facts)

    def read(self, text: str) -> bool:
        key, _blank, figure = text.strip().partition("\n")[0].rpartition(" ")
        if key not in ("oom_kill_disable", ""):
            raise unreadable(text)
        return _SWITCH.read(figure)

    def text(self, wanted: Value) -> None:
        """The other two lines are what happens there."""

    def written(self, wanted: Value) -> str:
        return _SWITCH.text(wanted)

    def show(self, value: Value) -> str:
        return _SWITCH.show(value)


def swap_beside(memsw: int, limit: int, option: str) -> int:
    """The swap that v1's memory+swap leaves beside ``limit``."""
    if limit <= memsw:
        return memsw - limit
    if limit >= UNLIMITED:
        reason = "limits memory and swap together where memory alone has no limit"
        way_out = "limit memory.max too, or limit swap by memory.swap.max"
        raise InputError(reason, option=option, value=V2.show(memsw), way_out=way_out)
    reason = "is below the limit of memory alone, and it is the limit of memory and swap together"
    raise InputError(reason, option=option, value=V2.show(memsw), way_out="write at least " + V2.show(limit))


def choose(said: Mapping[str, Said], version: int, at: Callable[[str], str], choices: Choices) -> Iterator[Turn]:
    """Limits are exact, swap is reckoned from memory and swap together, the soft limit is what was chosen."""
    from ..translation import memory  # most declarations are in the host's own dialect

    return memory(said, version, at, choices)


def translate(said: Mapping[str, Said], version: int, at: Callable[[str], str]) -> Iterator[Turn]:
    """The same with nothing chosen."""
    return choose(said, version, at, USUAL)


def check(wants: Mapping[str, Want], at: Callable[[str], str]) -> None:
    """v1 takes no memory+swap below the memory."""
    memsw, limit = wants.get(MEMSW), wants.get(LIMIT)
    if memsw and limit and memsw.value is not None and memsw.value < min(limit.value, UNLIMITED):
        swap_beside(memsw.value, limit.value, at(memsw.declared))


_SWITCH = Switch()
_OOM = "memory.oom.group is another thing: it kills all of a group or none of it"
_TCP = "v2 counts the buffers of sockets with all other memory, in memory.max"


def _v1(name: str, since: str, rise: int = 2, fall: int = 2, **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 1, "memory", V1, "max", rise, fall, since, "real", root=True, **more)


def _inherited(name: str, kind: Kind, since: str, elsewhere: str) -> InterfaceFile:
    return InterfaceFile(name, 1, "memory", kind, INHERIT, 2, 2, since, "real", "", True, elsewhere)


def _v2(name: str, default: str, order: int, since: str, effective: str, elsewhere: str = _ONLY_MAX) -> InterfaceFile:
    return InterfaceFile(
        name, 2, "memory", V2, default, order, order, since, "guest", elsewhere=elsewhere, effective=effective
    )


def _switch(name: str, default: bool, since: str, **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 2, "memory", _SWITCH, default, since=since, elsewhere=_ONLY_MAX, **more)


FAMILY = Family(
    (
        _v1(LIMIT, "2.6.25", 1, 0, pair=MEMSW, effective="least"),
        _v1(MEMSW, "2.6.29", 0, 1, pair=LIMIT, effective="least"),
        _v1(SOFT, "2.6.32"),
        _v1("memory.kmem.tcp.limit_in_bytes", "3.3", effective="least", elsewhere=_TCP),
        _inherited("memory.swappiness", Number(0, 200), "2.6.29", "v2 has no swappiness of a group"),
        _inherited("memory.oom_control", OomControl(), "2.6.34", _OOM),
        _v2("memory.min", "0", 0, "4.18", "shared"),
        _v2("memory.low", "0", 0, "4.5", "shared", _SOFT_LOW),
        _v2("memory.swap.high", "max", 0, "5.8", "least"),
        _v2("memory.swap.max", "max", 0, "4.5", "least", ""),
        _v2("memory.zswap.max", "max", 0, "5.19", "least"),
        _switch("memory.zswap.writeback", True, "6.8", effective="least", config="CONFIG_ZSWAP"),
        _switch("memory.oom.group", False, "4.19", tried="guest"),
        _v2("memory.high", "max", 1, "4.5", "least", _SOFT_HIGH),
        _v2("memory.max", "max", 2, "4.5", "least", ""),
    ),
    translate,
    check,
    choose,
)
