# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of the cpu controller: bandwidth, periods, clamps, and the names that both dialects are told apart by."""

from __future__ import annotations

from .interface_files.entry import MAX, Facts, Kind, Value, unreadable
from .values import Number, Switch, scan, whole, word, wrong

QUOTA, PERIOD, BURST = "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.cfs_burst_us"
LONGEST = 2**44 - 1  # microseconds that the scheduler counts for a quota
USUAL_PERIOD = 100000


class Quota(Number):
    """v1's quota; every negative number is no limit."""

    def read(self, text: str) -> int:
        found = super().read(text)
        return MAX if found < 0 else found


class Idle(Switch):
    """cpu.idle: on is the least that a group can get, and weights are refused while it is."""

    def direction(self, observed: Value, wanted: Value) -> str:
        return "fall" if wanted else "rise"


class Period(Number):
    """v1's period: a longer one leaves less."""

    def direction(self, observed: Value, wanted: Value) -> str:
        return "fall" if wanted > observed else "rise"


class Clamp(Kind):
    """cpu.uclamp.*, a percentage of the strongest CPU's capacity, canonical as the kernel prints it: 12.50, or max."""

    def parse(self, option: str, value: object, facts: Facts) -> str:
        way_out = 'write a percentage from 0 to 100 with at most two decimals ("37.50"), or max'
        if word(value) == "max":
            return "max"
        number, parts, unit = scan(option, value, way_out)
        if unit not in ("", "%") or number * 100 % parts:
            raise wrong(option, value, "is not a percentage of two decimals", way_out)
        if not 0 <= number <= 100 * parts:
            raise wrong(option, value, "is out of range", way_out)
        return _clamp(number * 100 // parts)

    def read(self, text: str) -> str:
        text = text.strip()
        head, _point, tail = text.partition(".")
        if text != "max" and not (text.isascii() and head.isdigit() and tail.isdigit() and len(tail) == 2):
            raise unreadable(text)
        return text if text == "max" else _clamp(int(head[:20] + tail))

    def direction(self, observed: Value, wanted: Value) -> str:
        had, gets = (100.0 if value == "max" else float(value) for value in (observed, wanted))
        return "rise" if gets >= had else "fall"


def _clamp(hundredths: int) -> str:
    # The kernel counts in parts of 1024, and shows max for what it rounds to all of them.
    whole_of_it = (hundredths * 1024 + 5000) // 10000 >= 1024
    return "max" if whole_of_it else "{}.{:02}".format(*divmod(hundredths, 100))


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
        if quota > LONGEST:
            raise wrong(option, value, "is more than the kernel can count", "write max")
        return quota, period

    def note(self, declared: object, wanted: Value) -> str:
        if wanted[0] != 1000:
            return ""
        said = declared.split() if isinstance(declared, str) else declared
        if isinstance(said, (list, tuple)) and len(said) == 2:
            if word(str(said[1])) == str(wanted[1]):
                return ""
        elif wanted[1] == USUAL_PERIOD:
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
        return (MAX if word(said[0]) == "max" else whole(option, said[0], 0, LONGEST, ", or max")), 1, period
    if len(said) != 1 or (isinstance(value, (list, tuple))):
        raise wrong(option, value, "is neither a number of CPUs nor a quota and a period", way_out)
    if word(said[0]) == "max":
        return MAX, 1, USUAL_PERIOD
    number, parts, unit = scan(option, value, way_out)
    if unit not in ("", "%") or number < 0:
        raise wrong(option, value, "is not a number of CPUs", way_out)
    if facts.cpus and not unit and number > facts.cpus * parts:
        shown = str(value).strip()
        raise wrong(
            option,
            value,
            f"is a number of CPUs, and this host has {facts.cpus}",
            f'write {facts.cpus} or less, or "{shown} 100000" if microseconds are meant',
        )
    return number * USUAL_PERIOD, parts * (100 if unit else 1), USUAL_PERIOD
