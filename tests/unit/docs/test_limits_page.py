# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of limits says what the table says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]


def test_the_page_is_made_from_the_table() -> None:
    made = subprocess.run([sys.executable, CHECKOUT / "tools/limits"], capture_output=True, text=True, check=True)
    page = (CHECKOUT / "docs/reference/limits.md").read_text()
    assert made.stdout == page, "run `make limits` and commit docs/reference/limits.md"
