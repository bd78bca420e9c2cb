# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of v1's devices.list as values (devices.rst). On v2 they are a BPF program, which no file shows."""

from __future__ import annotations

from typing import Dict, List, Optional


def rules(text: str) -> Optional[List[Dict[str, str]]]:
    """Every rule, None for a text that is not of this form: ``c 1:3 rwm`` is a type, a device and the access to it."""
    found = []
    for line in text.split("\n"):
        if not line:
            continue
        words = line.split(" ")
        if len(words) != 3 or words[0] not in ("a", "b", "c") or ":" not in words[1]:
            return None
        found.append({"type": words[0], "device": words[1], "access": words[2]})
    return found
