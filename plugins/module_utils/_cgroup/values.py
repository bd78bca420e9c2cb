# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers, sizes and switches: how people write them, how the kernel shows them."""

from __future__ import annotations

import re

from .._convergence.errors import InputError
from .interface_files.entry import MAX, Facts, Kind, Value, unreadable

UNLIMITED = 2**63 - 65536  # v1's "no limit" is 2**63-1 cut to a page of at most 64 KiB: all from here on is none
_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]{0,19})(?:\.([0-9]{1,19}))?\s?([a-z%]{0,3})")
_TRUE = ("1", "true", "t", "yes", "y", "on")
_FALSE = ("0", "false", "f", "no", "n", "off")


def wrong(option: str, value: object, reason: str, way_out: str = "") -> InputError:
    """The error for one value, with a long value cut."""
    try:
        shown = value if isinstance(value, str) else str(value)
    except ValueError:  # an int of more than 4300 digits
        value = shown = "(a number too long to show)"
    if len(shown) > 80:
        value = shown[:77] + "..."
    return InputError(reason, option=option, value="null" if value is None else value, way_out=way_out)


def word(value: object) -> str:
    """A string, -1, 0, 1 or a bool, lower case and stripped, to compare with ``max`` and the like; '' for all else."""
    if isinstance(value, str):
        return value.strip().lower()
    return str(value).lower() if isinstance(value, int) and -2 < value < 2 else ""


def scan(option: str, value: object, way_out: str) -> tuple[int, int, str]:
    """A number as numerator, denominator and unit (lower case): 1.5, "1.5G", 512, "50%"."""
    if isinstance(value, bool):
        raise wrong(
            option, value, "is a truth value where a number is meant (YAML reads on, off, yes, no as such)", way_out
        )
    if isinstance(value, int) and -(2**70) < value < 2**70:
        return value, 1, ""
    if isinstance(value, float):
        value = str(int(value)) if -1e18 < value < 1e18 and value == int(value) else repr(value)
    if not isinstance(value, str):
        raise wrong(option, value, "is not a number", way_out)
    found = _NUMBER.fullmatch(value.strip().lower())
    if not found:
        reason = "begins with a zero, which some read as octal" if re.match("-?0[0-9]", value) else "is not a number"
        raise wrong(option, value, reason, way_out)
    sign, head, tail, unit = found.groups("")
    number = int(head + tail)
    return -number if sign else number, 10 ** len(tail), unit


def whole(option: str, value: object, low: int, high: int, more: str = "") -> int:
    """A whole number from ``low`` to ``high``."""
    way_out = f"write a whole number from {low} to {high}{more}"
    number, parts, unit = scan(option, value, way_out)
    if unit or number % parts:
        raise wrong(option, value, "is not a whole number", way_out)
    if not low <= number // parts <= high:
        raise wrong(option, value, "is out of range", way_out)
    return number // parts


def size(option: str, value: object, total: int = 0) -> int:
    """Bytes: 512M, 1.5GiB (binary), a number, and with ``total`` a percentage of it. Cut to whole bytes."""
    way_out = "write it like 512M, 1.5GiB{} or max".format(", 50%" if total else "")
    number, parts, unit = scan(option, value, way_out)
    if number < 0:
        raise wrong(option, value, "is negative", way_out)
    if unit == "%" and total:
        return total * number // (parts * 100)
    if unit[-1:] == "b":
        unit = unit[:-1]
    if len(unit) == 2 and unit[1] == "i":
        unit = unit[0]
    power = "kmgtpe".find(unit) + 1 if unit else 0
    if len(unit) > 1 or (unit and not power) or (number % parts and not power):
        raise wrong(option, value, "is not a size in bytes", way_out)
    amount = (number << 10 * power) // parts
    if amount >> 64:
        raise wrong(option, value, "is more bytes than the kernel can count", way_out)
    return amount


def show_size(amount: int) -> str:
    """512M for 536870912: the largest unit that divides it."""
    power = 0
    while amount and not amount % 1024 and power < 6:
        amount //= 1024
        power += 1
    return str(amount) + " KMGTPE"[power].strip()


class Number(Kind):
    """A whole number; ``unlimited`` is the kernel's word for no limit (max, -1), '' where there is none."""

    def __init__(self, low: int, high: int, unlimited: str = "") -> None:
        self.low, self.high, self.unlimited = low, high, unlimited

    def parse(self, option: str, value: object, facts: Facts) -> int:
        if self.unlimited and word(value) in ("max", self.unlimited):
            return MAX
        return whole(option, value, self.low, self.high, ", or max" if self.unlimited else "")

    def read(self, text: str) -> int:
        text = text.strip()
        try:
            return MAX if text and text == self.unlimited else int(text)
        except ValueError:
            raise unreadable(text) from None

    def text(self, wanted: Value) -> str:
        return self.unlimited if self.unlimited and wanted == MAX else str(wanted)

    def show(self, value: Value) -> str:
        return "max" if self.unlimited and value == MAX else str(value)


class Bytes(Kind):
    """An amount of memory, cut to the page. ``legacy``: no limit reads as a huge number and is written -1."""

    def __init__(self, legacy: bool = False) -> None:
        self.legacy = legacy

    def parse(self, option: str, value: object, facts: Facts) -> int:
        none = MAX // facts.page_size * facts.page_size if self.legacy else MAX
        if word(value) == "max" or (self.legacy and word(value) == "-1"):
            return none
        amount = size(option, value, facts.memory_total)
        if 0 < amount < facts.page_size:
            reason = f"is less than one page of memory ({facts.page_size} bytes)"
            raise wrong(option, value, reason, "give it a unit, as in 512M")
        return amount // facts.page_size * facts.page_size if amount < UNLIMITED else none

    def read(self, text: str) -> int:
        text = text.strip()
        try:
            return MAX if text == "max" else int(text)
        except ValueError:
            raise unreadable(text) from None

    def text(self, wanted: Value) -> str | None:
        return "max" if wanted == MAX else str(wanted)

    def written(self, wanted: Value) -> str:
        return ("-1" if self.legacy else "max") if wanted >= UNLIMITED else str(wanted)

    def holds(self, observed: Value, wanted: Value) -> bool:
        return bool(observed == wanted or min(observed, wanted) >= UNLIMITED)

    def show(self, value: Value) -> str:
        return "max" if value >= UNLIMITED else show_size(value)


class Switch(Kind):
    """True and false; ``words`` are the kernel's for them."""

    def __init__(self, on: str = "1", off: str = "0") -> None:
        self.on, self.off = on, off

    def parse(self, option: str, value: object, facts: Facts) -> bool:
        said = word(int(value) if value in (0.0, 1.0) else value) if isinstance(value, (str, int, float)) else ""
        if said in _TRUE + _FALSE:
            return said in _TRUE
        raise wrong(option, value, "is neither true nor false", "write true or false")

    def read(self, text: str) -> bool:
        text = text.strip()
        if text not in (self.on, self.off):
            raise unreadable(text)
        return text == self.on

    def text(self, wanted: Value) -> str:
        return self.on if wanted else self.off

    def show(self, value: Value) -> str:
        return "true" if value else "false"


class Choice(Kind):
    """One of the kernel's words. What it shows is taken as it is: later kernels know more words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def parse(self, option: str, value: object, facts: Facts) -> str:
        said = word(value)
        if said in self.words:
            return said
        raise wrong(option, value, "is none of the kernel's words for it", "write " + ", ".join(self.words))

    def read(self, text: str) -> str:
        return text.strip()

    def direction(self, observed: Value, wanted: Value) -> str:
        return "rise"
