# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lines that tell a person how far it is, apart from the results on standard output."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(message: str) -> None:
    """Prints one line about what the lab does."""
    print(f"lab: {message}", file=sys.stderr, flush=True)


@contextmanager
def step(message: str) -> Iterator[None]:
    """Says what begins, and when it is done how many seconds it took."""
    say(f"{message} ...")
    begin = time.monotonic()
    yield
    say(f"{message}: {time.monotonic() - begin:.1f} s")
