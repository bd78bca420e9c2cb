# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bounded waits: a test looks until what it waits for is there, and says what it was when it never came."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

# Only what fails waits so long: a machine that emulates another one is slow.
BOUND = 60.0
_PAUSE = 0.003


def until(look: Callable[[], Found], what: str, bound: float = BOUND) -> Found:
    """The first true value that ``look`` returns."""
    end = time.monotonic() + bound
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {bound:g} s")
        time.sleep(_PAUSE)
