# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between the dialects where it takes more than another name: formulas, arithmetic, and what the user has to choose."""

from __future__ import annotations

import math
from typing import Callable, Iterator, Mapping

from .._convergence.errors import InputError, UnsupportedError
from .interface_files.entry import MAX, Choices, Said, Turn, Value
from .kinds_cpu import BURST, PERIOD, QUOTA, Bandwidth
from .kinds_memory import LIMIT, MEMSW, SOFT, V2, swap_beside
from .values import UNLIMITED

At = Callable[[str], str]
_LEAST, _MOST = 2, 262144  # cpu.shares, for cpu.weight's 1 and 10000
# The shares of each nice value from -20 to 19. The scheduler counts both in one unit: from one to the next is a fourth more.
NICE = (
    *(88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916),
    *(9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277),
    *(1024, 820, 655, 526, 423, 335, 272, 215, 172, 137),
    *(110, 87, 70, 56, 45, 36, 29, 23, 18, 15),
)


def weight_of(shares: int, formula: str = "quadratic") -> int:
    """cpu.weight for v1's cpu.shares.

    ``quadratic`` (runc since 1.3.2, crun since 1.23) fits both ends and both defaults, ``linear`` (runc before) both
    ends alone, ``proportional`` (systemd, libcgroup) is the share of the default that the scheduler itself counts in.
    """
    shares = min(max(shares, _LEAST), _MOST)
    if formula == "linear":
        return 1 + (shares - _LEAST) * 9999 // 262142
    if formula == "proportional":
        return min(max(shares * 100 // 1024, 1), 10000)
    length = math.log2(shares)
    exponent = (length * length + 125 * length) / 612 - 7 / 34
    return min(max(math.ceil(10**exponent - 1e-9), 1), 10000)


def shares_of(weight: int, formula: str = "quadratic") -> int:
    """v1's cpu.shares for cpu.weight, by the inverse in use of each formula.

    For ``quadratic`` those are the most shares that have this weight; there and back nothing is lost.
    """
    if formula == "linear":
        return _LEAST + (weight - 1) * 262142 // 9999
    if formula == "proportional":
        return min(max(weight * 1024 // 100, _LEAST), _MOST)
    root = math.sqrt(125**2 + 4 * 612 * (math.log10(weight) + 7 / 34))
    return int(2 ** ((root - 125) / 2) + 1e-6)


def cpu(said: Mapping[str, Said], version: int, at: At, choices: Choices) -> Iterator[Turn]:
    """Bandwidth, idle and nice values are exact; weights go by the formula that was chosen."""
    yield from _weights(said, version, at, choices.cpu_weight_formula)
    there, here = ("cpu.max.burst", BURST) if version == 1 else (BURST, "cpu.max.burst")
    if there in said:
        yield Turn(here, said[there].value, there)
    if version == 2:
        yield from _to_max(said)
    elif "cpu.max" in said:
        quota, period = said["cpu.max"].value
        yield Turn(QUOTA, "max" if quota == MAX else quota, "cpu.max")
        yield Turn(PERIOD, period, "cpu.max")


def _weights(said: Mapping[str, Said], version: int, at: At, formula: str) -> Iterator[Turn]:
    there, here, default = ("cpu.weight", "cpu.shares", 1024) if version == 1 else ("cpu.shares", "cpu.weight", 100)
    if there in said:
        value = said[there].value
        result = shares_of(value, formula) if version == 1 else weight_of(value, formula)
        if said[there].reset:  # a file's own default, whatever the formula makes of the other one's
            result = default
        warning = f"{there}: {value} becomes {here}: {result} by the {formula} formula, which is not exact"
        exact = said[there].reset or (result == default and value == said[there].row.default)
        yield Turn(here, result, there, "" if exact else warning)
    if version == 1 and "cpu.weight.nice" in said:
        if "cpu.weight" in said:
            raise InputError(
                "cannot be said beside cpu.weight.nice", option=at("cpu.weight"), way_out="keep one of the two"
            )
        yield Turn("cpu.shares", NICE[said["cpu.weight.nice"].value + 20], "cpu.weight.nice")


def _to_max(said: Mapping[str, Said]) -> Iterator[Turn]:
    whole_pair = said["cpu.max"].value if "cpu.max" in said else (None, None)
    quota = said[QUOTA].value if QUOTA in said else whole_pair[0]
    period = said[PERIOD].value if PERIOD in said else whole_pair[1]

    def resolve(texts: Mapping[str, str]) -> Value:
        now = Bandwidth().read(texts.get("cpu.max", "max 100000"))
        return now[0] if quota is None else quota, now[1] if period is None else period

    for there in (QUOTA, PERIOD):
        if there not in said:
            continue
        if quota is None or period is None:
            yield Turn("cpu.max", None, there, "", ("cpu.max",), resolve)
        else:
            yield Turn("cpu.max", ["max" if quota == MAX else quota, period], there)


def memory(said: Mapping[str, Said], version: int, at: At, choices: Choices) -> Iterator[Turn]:
    """memory.max is limit_in_bytes; memory.swap.max is memsw less the limit, from the host where none is declared."""
    here, there = (LIMIT, "memory.max") if version == 1 else ("memory.max", LIMIT)
    if there in said:
        yield Turn(here, _spelled(said[there].value), there)
    yield from _swaps(said, version, at)
    # What may have to be refused comes last: whoever looks at what there is has had the rest then.
    yield from _soft(said, version, at, choices.memory_soft_limit)


def _spelled(amount: int) -> object:
    return amount if amount < UNLIMITED else "max"


def _memsw(swap: int, limit: int, option: str) -> int:
    """What v1 has to allow in all for ``swap`` bytes beside ``limit``."""
    if limit < UNLIMITED:
        return limit + swap
    raise UnsupportedError(
        "limits swap alone, and the v1 memory controller limits memory and swap only together",
        option=option,
        way_out="limit memory.max too, or use a host with the memory controller on v2",
    )


def _swaps(said: Mapping[str, Said], version: int, at: At) -> Iterator[Turn]:
    there, name, here = ("memory.swap.max", MEMSW, LIMIT) if version == 1 else (MEMSW, "memory.swap.max", "memory.max")
    if there not in said:
        return
    turned = _memsw if version == 1 else swap_beside
    figure = said[there].value
    limit = next((said[one].value for one in (here, "memory.max", LIMIT) if one in said), None)
    if figure >= UNLIMITED:
        yield Turn(name, "max", there)
    elif limit is not None:
        yield Turn(name, turned(figure, limit, at(there)), there)
    else:

        def resolve(texts: Mapping[str, str]) -> Value:
            return turned(figure, V2.read(texts.get(here, "max")), there)

        yield Turn(name, None, there, "", (here,), resolve)


def _soft(said: Mapping[str, Said], version: int, at: At, meaning: str) -> Iterator[Turn]:
    """v1's soft limit: where memory is taken from first. The two files of v2 that are taken for it mean opposite things."""
    if version == 2 and SOFT in said:
        if not meaning:
            raise InputError(
                "is memory.low to some and memory.high to others, and they mean opposite things on v2",
                option=at(SOFT),
                way_out="set memory_soft_limit to low (kept while there is enough) or to high (slowed down above it)",
            )
        amount = said[SOFT].value
        yield Turn("memory." + meaning, 0 if meaning == "low" and amount >= UNLIMITED else _spelled(amount), SOFT)
    there = "memory." + meaning
    if version == 1 and meaning and there in said:
        if meaning == "low" and said[there].value >= UNLIMITED:
            raise UnsupportedError(
                "protects all of its memory, which no soft limit does",
                option=at(there),
                value="max",
                way_out="write how much is to be kept",
            )
        # No protection is no soft limit, which v1 writes as the most.
        amount = said[there].value
        yield Turn(SOFT, "max" if meaning == "low" and not amount else _spelled(amount), there)
