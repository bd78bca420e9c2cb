# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pids controller (pids.rst, cgroup-v2.rst): the same file in both versions."""

from __future__ import annotations

from ..values import Number
from .entry import Family, InterfaceFile

_COUNT = Number(0, 4194304, "max")

FAMILY = Family(
    (
        InterfaceFile("pids.max", 1, "pids", _COUNT, "max", since="4.3", tried="real", effective="least"),
        InterfaceFile("pids.max", 2, "pids", _COUNT, "max", since="4.5", tried="guest", effective="least"),
    )
)
