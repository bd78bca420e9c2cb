# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The misc controller (misc.rst, cgroup-v2.rst): resources that only count, such as the keys of encrypted machines."""

from __future__ import annotations

from ..kinds_listed import Listed
from ..values import UNLIMITED, Number
from .entry import Family, InterfaceFile

_LIMITS = Listed("misc", "resource", Number(0, UNLIMITED - 1, "max"), "{sev: 10}")


def _row(version: int) -> InterfaceFile:
    return InterfaceFile("misc.max", version, "misc", _LIMITS, "max", since="5.13", effective="device")


FAMILY = Family((_row(1), _row(2)))
