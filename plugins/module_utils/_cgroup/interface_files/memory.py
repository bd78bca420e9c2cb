# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory controller (memory.rst, cgroup-v2.rst)."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping

from ..kinds_memory import LIMIT, MEMSW, SOFT, SWITCH, V1, V2, OomControl, swap_beside
from ..values import UNLIMITED, Number
from .entry import INHERIT, Choices, Family, InterfaceFile, Kind, Said, Turn, Want

_ONLY_MAX = "of these v1 has the counterparts of memory.max and memory.swap.max alone"
_SOFT_LOW, _SOFT_HIGH = (f"memory_soft_limit: {one} has it set as {SOFT} there" for one in ("low", "high"))


def translate(said: Mapping[str, Said], version: int, at: Callable[[str], str], choices: Choices) -> Iterator[Turn]:
    """Limits are exact, swap is reckoned from memory and swap together, the soft limit is what was chosen."""
    from ..translation import memory  # most declarations are in the host's own dialect

    return memory(said, version, at, choices)


def check(wants: Mapping[str, Want], at: Callable[[str], str]) -> None:
    """v1 takes no memory+swap below the memory."""
    memsw, limit = wants.get(MEMSW), wants.get(LIMIT)
    if memsw and limit and memsw.value is not None and memsw.value < min(limit.value, UNLIMITED):
        swap_beside(memsw.value, limit.value, at(memsw.declared))


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
    return InterfaceFile(name, 2, "memory", SWITCH, default, since=since, elsewhere=_ONLY_MAX, **more)


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
)
