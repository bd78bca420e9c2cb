# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the kernel reads what is written to an interface file, and shows what it holds."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from typing import NoReturn

ULONG = 2**64 - 1
_SIGNED = 2**63 - 1


def refuse(number: int, path: str = "") -> NoReturn:
    """The OSError of an errno, as a system call raises it."""
    raise OSError(number, os.strerror(number), path)


def _digits(text: str) -> tuple[int, int]:
    """A number at the beginning by C's prefixes (0x, 0), and how many letters it takes; 0 letters for none."""
    base, begin, letters = 10, 0, "[0-9]"
    if re.match("0[xX][0-9a-fA-F]", text):
        base, begin, letters = 16, 2, "[0-9a-fA-F]"
    elif text[:1] == "0":
        base, letters = 8, "[0-7]"
    found = re.compile(letters + "*").match(text, begin)
    end = found.end() if found else begin
    return (int(text[begin:end], base) if end > begin else 0), end


def unsigned(text: str) -> int:
    """A 64-bit number, a sign before it and one line break after it allowed, nothing else around it."""
    text = text.removeprefix("+")
    number, end = _digits(text)
    if number > ULONG:
        refuse(errno.ERANGE)
    if not end or text[end:] not in ("", "\n"):
        refuse(errno.EINVAL)
    return number


def signed(text: str) -> int:
    """The same with a minus."""
    negative = text.startswith("-")
    number = unsigned(text[1:] if negative else text)
    if number > _SIGNED + negative:
        refuse(errno.ERANGE)
    return -number if negative else number


def integer(text: str) -> int:
    """The same in 32 bits."""
    number = signed(text)
    if not -(2**31) <= number < 2**31:
        refuse(errno.ERANGE)
    return number


def size(text: str, unlimited: str, page: int) -> int:
    """Bytes with a suffix, cut to the page; more than can be counted is as much as can be. Overflows as 64 bits do."""
    most = _SIGNED // page * page
    text = text.strip()
    if text == unlimited:
        return most
    number, end = _digits(text)
    rest = text[end:]
    power = "kmgtpe".find(rest[:1].lower()) + 1 if rest else 0
    if rest and (not power or len(rest) > 1):
        refuse(errno.EINVAL)
    amount = (number << 10 * power) & ULONG
    return min(amount // page * page, most)


def numbers(text: str, most: int) -> frozenset[int]:
    """A list like 0-2,4 of numbers below ``most``; blanks part it as well as commas."""
    found: set[int] = set()
    for part in re.split(r"[\s,]+", text.strip()):
        if not part:
            continue
        match = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", part)
        if not match:
            refuse(errno.EINVAL)
        first, last = int(match.group(1)), int(match.group(2) or match.group(1))
        if first > last:
            refuse(errno.EINVAL)
        if last >= most:
            refuse(errno.ERANGE)
        found.update(range(first, last + 1))
    return frozenset(found)


def ranges(found: Iterable[int]) -> str:
    """Numbers as the kernel lists them: 0-2,4."""
    pairs: list[list[int]] = []
    for number in sorted(found):
        if pairs and pairs[-1][1] == number - 1:
            pairs[-1][1] = number
        else:
            pairs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in pairs)


def device(text: str) -> tuple[str, str]:
    """MAJOR:MINOR and what follows it."""
    match = re.match(r"\s*([0-9]+):([0-9]+)\s", text)
    if not match:
        refuse(errno.EINVAL)
    return f"{int(match.group(1))}:{int(match.group(2))}", text[match.end() :].lstrip()


def leading(text: str) -> int:
    """The decimal number that a text begins with, whatever follows it."""
    match = re.match(r"\s*([0-9]+)", text)
    if not match:
        refuse(errno.EINVAL)
    return min(int(match.group(1)), ULONG)
