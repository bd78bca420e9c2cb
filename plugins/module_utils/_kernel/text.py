# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files of /proc and /sys by their whole path."""

from __future__ import annotations

from typing import Optional


def read_text(path: str) -> Optional[str]:
    """The text of a file, None where it is not there or was removed meanwhile."""
    try:
        # Without newline a carriage return in a name would read as the end of a line.
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as text:
            return text.read()
    except (FileNotFoundError, ProcessLookupError):
        return None
