# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cpu controller (sched-bwc.rst, sched-rt-group.rst, sched-util-clamp.rst, cgroup-v2.rst): weights, bandwidth, clamps."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping

from ..._convergence.errors import InputError
from ..kinds_cpu import BURST, LONGEST, PERIOD, QUOTA, USUAL_PERIOD, Bandwidth, Clamp, Idle, Period, Quota
from ..values import Number
from .entry import MAX, Choices, Family, InterfaceFile, Kind, Said, Turn, Want

_RT_RUNTIME, _RT_PERIOD = "cpu.rt_runtime_us", "cpu.rt_period_us"
_LONGEST_RT = LONGEST // 1000  # a runtime is bounded in nanoseconds


def translate(said: Mapping[str, Said], version: int, at: Callable[[str], str], choices: Choices) -> Iterator[Turn]:
    """Bandwidth, idle and nice values are exact, weights go by the formula that was chosen."""
    from ..translation import cpu  # most declarations are in the host's own dialect

    return cpu(said, version, at, choices)


def check(wants: Mapping[str, Want], at: Callable[[str], str]) -> None:
    """One weight at a time, none beside idle, and a burst within its quota."""
    idle, burst = wants.get("cpu.idle"), wants.get("cpu.max.burst") or wants.get(BURST)
    weights = [wants[name] for name in ("cpu.weight", "cpu.weight.nice", "cpu.shares") if name in wants]
    if idle and idle.value and weights:
        weights.append(idle)
    if len(weights) > 1:
        one, other = weights[0].declared, weights[1].declared
        raise InputError("cannot be said beside " + other, option=at(one), way_out="keep one of the two")
    limit = wants.get("cpu.max") or wants.get(QUOTA)
    if burst and limit and limit.value is not None:
        quota = limit.value[0] if isinstance(limit.value, tuple) else limit.value
        if quota < burst.value:
            way_out = f"write {quota} or less"
            raise InputError("is above the quota", option=at(burst.declared), value=burst.value, way_out=way_out)
    runtime, period = wants.get(_RT_RUNTIME), wants.get(_RT_PERIOD)
    if runtime and period and period.value < runtime.value < MAX:
        way_out = f"write {period.value} or less"
        raise InputError("is above the period", option=at(runtime.declared), value=runtime.value, way_out=way_out)


_MAX, _WEIGHT, _US, _CLAMP = Bandwidth(), Number(1, 10000), Number(0, LONGEST), Clamp()
_QUOTA = Quota(1000, LONGEST, "-1")
_NO_RT = "v2 has no time of a group for real-time processes: leave it out"
_UCLAMP, _RT = "CONFIG_UCLAMP_TASK_GROUP", "CONFIG_RT_GROUP_SCHED"


def _v1(name: str, kind: Kind, default: object, rise: int, fall: int, since: str, **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 1, "cpu", kind, default, rise, fall, since, "real", root=True, **more)


def _v2(name: str, kind: Kind, default: object, rise: int, fall: int, since: str, **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 2, "cpu", kind, default, rise, fall, since, "guest", **more)


def _rt(name: str, kind: Kind, default: object, order: int, pair: str) -> InterfaceFile:
    # All groups right below one have no more than it has itself; a new one has nothing.
    return _v1(name, kind, default, order, order, "2.6.25", pair=pair, elsewhere=_NO_RT, divided=True, config=_RT)


FAMILY = Family(
    (
        _v1("cpu.shares", Number(2, 262144), 1024, 2, 2, "2.6.24"),
        _v1("cpu.idle", Idle(), False, 0, 4, "5.15"),
        _v1(PERIOD, Period(1000, 1000000), USUAL_PERIOD, 1, 1, "3.2", pair=QUOTA, effective="ratio"),
        _v1(QUOTA, _QUOTA, "max", 2, 2, "3.2", pair=PERIOD, effective="ratio"),
        _v1(BURST, _US, 0, 3, 0, "5.14"),
        _rt(_RT_PERIOD, Period(1, LONGEST), 1000000, 1, _RT_RUNTIME),
        _rt(_RT_RUNTIME, Quota(0, _LONGEST_RT, "-1"), 0, 2, _RT_PERIOD),
        InterfaceFile("cpu.uclamp.min", 1, "cpu", _CLAMP, 0, since="5.4", effective="shared", config=_UCLAMP),
        InterfaceFile("cpu.uclamp.max", 1, "cpu", _CLAMP, "max", since="5.4", effective="shared", config=_UCLAMP),
        _v2("cpu.max", _MAX, "max", 2, 2, "4.15", effective="ratio"),
        _v2("cpu.max.burst", _US, 0, 3, 0, "5.14"),
        _v2("cpu.weight", _WEIGHT, 100, 2, 2, "4.15"),
        _v2("cpu.weight.nice", Number(-20, 19), 0, 2, 2, "4.15"),
        _v2("cpu.idle", Idle(), False, 0, 4, "5.15"),
        InterfaceFile("cpu.uclamp.min", 2, "cpu", _CLAMP, 0, since="5.4", effective="shared", config=_UCLAMP),
        InterfaceFile("cpu.uclamp.max", 2, "cpu", _CLAMP, "max", since="5.4", effective="shared", config=_UCLAMP),
    ),
    translate,
    check,
)
