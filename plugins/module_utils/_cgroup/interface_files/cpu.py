# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cpu controller (sched-bwc.rst, sched-design-CFS.rst, cgroup-v2.rst), its weights and its bandwidth."""

from __future__ import annotations

import math
from typing import Any, Callable, Iterator, Mapping

from ..._convergence.errors import InputError
from ..values import Number, Switch, scan, whole, word, wrong
from .entry import MAX, Facts, Family, InterfaceFile, Kind, Said, Turn, Value, Want, unreadable

QUOTA, PERIOD, BURST = "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.cfs_burst_us"
_LONGEST = 2**44 - 1  # microseconds that the scheduler counts for a quota
_USUAL = 100000


class Quota(Number):
    """v1's quota; every negative number is no limit."""

    def read(self, text: str) -> int:
        found = super().read(text)
        return MAX if found < 0 else found


_QUOTA = Quota(1000, _LONGEST, "-1")


class Idle(Switch):
    """cpu.idle: on is the least that a group can get, and weights are refused while it is."""

    def direction(self, observed: Value, wanted: Value) -> str:
        return "fall" if wanted else "rise"


class Period(Number):
    """v1's period: a longer one leaves less."""

    def direction(self, observed: Value, wanted: Value) -> str:
        return "fall" if wanted > observed else "rise"


class Bandwidth(Kind):
    """cpu.max, canonical (quota or MAX, period) in microseconds. A number is CPUs of 100 ms periods."""

    def parse(self, option: str, value: object, facts: Facts) -> tuple[int, int]:
        time, parts, period = _asked(option, value, facts)
        if time == MAX:
            return MAX, period
        quota = (2 * time + parts) // (2 * parts)
        if quota < 1000 and time:  # less than the kernel takes: the same share of a longer period
            quota, period = 1000, (2 * 1000 * period * parts + time) // (2 * time)
        if not time or period > 1000000:
            raise wrong(option, value, "is less than the kernel gives", "write 0.001 (of a CPU) or more")
        if quota > _LONGEST:
            raise wrong(option, value, "is more than the kernel can count", "write max")
        return quota, period

    def note(self, declared: object, wanted: Value) -> str:
        if wanted[0] != 1000:
            return ""
        said = declared.split() if isinstance(declared, str) else declared
        if isinstance(said, (list, tuple)) and len(said) == 2:
            if word(str(said[1])) == str(wanted[1]):
                return ""
        elif wanted[1] == _USUAL:
            return ""
        return "cpu.max: {} is a quota below 1 ms, which the kernel refuses: it is set as {} us of a longer period of {} us".format(
            declared, *wanted
        )

    def read(self, text: str) -> tuple[int, int]:
        try:
            quota, period = text.split()
            return MAX if quota == "max" else int(quota), int(period)
        except ValueError:
            raise unreadable(text) from None

    def text(self, wanted: Value) -> str:
        return "{} {}".format("max" if wanted[0] == MAX else wanted[0], wanted[1])

    def show(self, value: Value) -> str:
        return self.text(value)

    def direction(self, observed: Value, wanted: Value) -> str:
        # By the quota, which the burst hangs on: v2 compares no share with the parent's.
        if wanted[0] != observed[0]:
            return "rise" if wanted[0] > observed[0] else "fall"
        return "fall" if wanted[1] > observed[1] else "rise"


def _asked(option: str, value: object, facts: Facts) -> tuple[int, int, int]:
    """Microseconds a period as numerator and denominator, and the period; the numerator is MAX for no limit."""
    way_out = 'write CPUs (1.5, "150%"), "50000 100000" (microseconds of quota and period) or max'
    said = value.split() if isinstance(value, str) else list(value) if isinstance(value, (list, tuple)) else [value]
    if len(said) == 2:
        period = whole(option, said[1], 1000, 1000000, " (microseconds of period)")
        return (MAX if word(said[0]) == "max" else whole(option, said[0], 0, _LONGEST, ", or max")), 1, period
    if len(said) != 1 or (isinstance(value, (list, tuple))):
        raise wrong(option, value, "is neither a number of CPUs nor a quota and a period", way_out)
    if word(said[0]) == "max":
        return MAX, 1, _USUAL
    number, parts, unit = scan(option, value, way_out)
    if unit not in ("", "%") or number < 0:
        raise wrong(option, value, "is not a number of CPUs", way_out)
    if not unit and number > facts.cpus * parts:
        shown = str(value).strip()
        raise wrong(
            option,
            value,
            f"is a number of CPUs, and this host has {facts.cpus}",
            f'write {facts.cpus} or less, or "{shown} 100000" if microseconds are meant',
        )
    return number * _USUAL, parts * (100 if unit else 1), _USUAL


def weight_of(shares: int) -> int:
    """cpu.weight of v1's cpu.shares, the quadratic formula: ceil(10 ** ((L*L + 125*L) / 612 - 7/34)), L = log2(shares)."""
    if shares <= 2:
        return 1
    length = math.log2(min(shares, 262144))
    return min(math.ceil(10 ** ((length * length + 125 * length) / 612 - 7 / 34) - 1e-9), 10000)


def shares_of(weight: int) -> int:
    """The most cpu.shares whose weight is ``weight``: the inverse of ``weight_of``."""
    root = math.sqrt(125**2 + 4 * 612 * (math.log10(weight) + 7 / 34))
    return int(2 ** ((root - 125) / 2) + 1e-6)


def translate(said: Mapping[str, Said], version: int, at: Callable[[str], str]) -> Iterator[Turn]:
    """Bandwidth and idle are exact, weights go by the quadratic formula."""
    for there, here, turned in (("cpu.weight", "cpu.shares", shares_of), ("cpu.shares", "cpu.weight", weight_of)):
        if there in said and said[there].row.version != version:
            value = said[there].value
            formula = "{}: {} is {}: {} on this host, by the quadratic formula, which is not exact"
            exact = value == said[there].row.default
            yield Turn(here, turned(value), there, "" if exact else formula.format(there, value, here, turned(value)))
    there, here = ("cpu.max.burst", BURST) if version == 1 else (BURST, "cpu.max.burst")
    if there in said:
        yield Turn(here, said[there].value, there)
    if version == 1 and "cpu.max" in said:
        quota, period = said["cpu.max"].value
        yield Turn(QUOTA, "max" if quota == MAX else quota, "cpu.max")
        yield Turn(PERIOD, period, "cpu.max")
    elif version == 2:
        yield from _to_max(said)


def _to_max(said: Mapping[str, Said]) -> Iterator[Turn]:
    whole_pair = said["cpu.max"].value if "cpu.max" in said else (None, None)
    quota = said[QUOTA].value if QUOTA in said else whole_pair[0]
    period = said[PERIOD].value if PERIOD in said else whole_pair[1]

    def resolve(texts: Mapping[str, str]) -> Value:
        now = _MAX.read(texts.get("cpu.max", "max 100000"))
        return now[0] if quota is None else quota, now[1] if period is None else period

    for there in (QUOTA, PERIOD):
        if there not in said:
            continue
        if quota is None or period is None:
            yield Turn("cpu.max", None, there, "", ("cpu.max",), resolve)
        else:
            yield Turn("cpu.max", ["max" if quota == MAX else quota, period], there)


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


_MAX, _WEIGHT, _US = Bandwidth(), Number(1, 10000), Number(0, _LONGEST)


def _v1(name: str, kind: Kind, default: object, rise: int, fall: int, since: str, **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 1, "cpu", kind, default, rise, fall, since, "real", root=True, **more)


def _v2(name: str, kind: Kind, default: object, rise: int, fall: int, since: str, **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 2, "cpu", kind, default, rise, fall, since, "guest", **more)


FAMILY = Family(
    (
        _v1("cpu.shares", Number(2, 262144), 1024, 2, 2, "2.6.24"),
        _v1("cpu.idle", Idle(), False, 0, 4, "5.15"),
        _v1(PERIOD, Period(1000, 1000000), _USUAL, 1, 1, "3.2", pair=QUOTA, effective="ratio"),
        _v1(QUOTA, _QUOTA, "max", 2, 2, "3.2", pair=PERIOD, effective="ratio"),
        _v1(BURST, _US, 0, 3, 0, "5.14"),
        _v2("cpu.max", _MAX, "max", 2, 2, "4.15", effective="ratio"),
        _v2("cpu.max.burst", _US, 0, 3, 0, "5.14"),
        _v2("cpu.weight", _WEIGHT, 100, 2, 2, "4.15"),
        _v2("cpu.weight.nice", Number(-20, 19), 0, 2, 2, "4.15", elsewhere="declare cpu.weight instead"),
        _v2("cpu.idle", Idle(), False, 0, 4, "5.15"),
    ),
    translate,
    check,
)
