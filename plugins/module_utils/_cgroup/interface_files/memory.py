# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory controller (memory.rst, cgroup-v2.rst), and how v1's memory+swap corresponds to v2's swap."""

from __future__ import annotations

from typing import Callable, Iterator, Mapping

from ..._convergence.errors import InputError, UnsupportedError
from ..values import UNLIMITED, Bytes, Number, Switch
from .entry import INHERIT, Family, InterfaceFile, Said, Turn, Value, Want

_V1, _V2 = Bytes(legacy=True), Bytes()
LIMIT, MEMSW = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
_NONE = "v2 has no swappiness of a group"
_ONLY_MAX = "of these v1 has the counterparts of memory.max and memory.swap.max alone"


def _spelled(amount: int) -> object:
    return amount if amount < UNLIMITED else "max"


def _first(said: Mapping[str, Said], *names: str) -> int | None:
    return next((said[name].value for name in names if name in said), None)


def _memsw(swap: int, limit: int, option: str) -> int:
    """What v1 has to allow in all for ``swap`` bytes beside ``limit``."""
    if limit < UNLIMITED:
        return limit + swap
    raise UnsupportedError(
        "limits swap alone, and the v1 memory controller limits memory and swap only together",
        option=option,
        way_out="limit memory.max too, or use a host with the memory controller on v2",
    )


def _swap(memsw: int, limit: int, option: str) -> int:
    """The swap that v1's memory+swap leaves beside ``limit``."""
    if limit <= memsw:
        return memsw - limit
    reason = "is below the limit of memory alone, and it is the limit of memory and swap together"
    raise InputError(reason, option=option, value=_V2.show(memsw), way_out="write at least " + _V2.show(limit))


def translate(said: Mapping[str, Said], version: int, at: Callable[[str], str]) -> Iterator[Turn]:
    """memory.max is limit_in_bytes; memory.swap.max is memsw less the limit, from the host where none is declared."""
    here, there = (LIMIT, "memory.max") if version == 1 else ("memory.max", LIMIT)
    if there in said:
        yield Turn(here, _spelled(said[there].value), there)
    there = "memory.swap.max" if version == 1 else MEMSW
    if there not in said:
        return
    figure, limit = said[there].value, _first(said, here, "memory.max", LIMIT)
    turned, name = (_memsw, MEMSW) if version == 1 else (_swap, "memory.swap.max")
    if figure >= UNLIMITED:
        yield Turn(name, "max", there)
    elif limit is not None:
        yield Turn(name, turned(figure, limit, at(there)), there)
    else:

        def resolve(texts: Mapping[str, str]) -> Value:
            return turned(figure, _V2.read(texts.get(here, "max")), there)

        yield Turn(name, None, there, "", (here,), resolve)


def check(wants: Mapping[str, Want], at: Callable[[str], str]) -> None:
    """v1 takes no memory+swap below the memory."""
    memsw, limit = wants.get(MEMSW), wants.get(LIMIT)
    if memsw and limit and memsw.value is not None and memsw.value < min(limit.value, UNLIMITED):
        _swap(memsw.value, limit.value, at(memsw.declared))


def _v1(name: str, since: str, rise: int = 2, fall: int = 2, **more: str) -> InterfaceFile:
    return InterfaceFile(name, 1, "memory", _V1, "max", rise, fall, since, "real", root=True, **more)


def _v2(name: str, default: str, order: int, since: str, effective: str, elsewhere: str = _ONLY_MAX) -> InterfaceFile:
    return InterfaceFile(
        name, 2, "memory", _V2, default, order, order, since, "guest", elsewhere=elsewhere, effective=effective
    )


FAMILY = Family(
    (
        _v1(LIMIT, "2.6.25", 1, 0, pair=MEMSW, effective="least"),
        _v1(MEMSW, "2.6.29", 0, 1, pair=LIMIT, effective="least"),
        _v1("memory.soft_limit_in_bytes", "2.6.32", elsewhere="say memory.low or memory.high, whichever is meant"),
        InterfaceFile(
            "memory.swappiness", 1, "memory", Number(0, 200), INHERIT, 2, 2, "2.6.29", "real", "", True, _NONE
        ),
        _v2("memory.min", "0", 0, "4.18", "shared"),
        _v2("memory.low", "0", 0, "4.5", "shared"),
        _v2("memory.swap.high", "max", 0, "5.8", "least"),
        _v2("memory.swap.max", "max", 0, "4.5", "least", ""),
        InterfaceFile("memory.oom.group", 2, "memory", Switch(), False, 0, 0, "4.19", "guest", elsewhere=_ONLY_MAX),
        _v2("memory.high", "max", 1, "4.5", "least"),
        _v2("memory.max", "max", 2, "4.5", "least", ""),
    ),
    translate,
    check,
)
