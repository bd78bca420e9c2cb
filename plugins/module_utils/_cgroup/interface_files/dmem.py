# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dmem controller (cgroup-v2.rst, DMEM): memory of devices, such as a graphics card's, by region."""

from __future__ import annotations

from ..kinds_listed import Amount, Listed
from ..values import UNLIMITED
from .entry import Family, InterfaceFile

_REGIONS = Listed("dmem", "region", Amount(0, UNLIMITED - 1, "max"), '{"drm/0000:03:00.0/vram0": 1G}')


def _row(name: str, version: int, default: object, effective: str) -> InterfaceFile:
    return InterfaceFile(name, version, "dmem", _REGIONS, default, since="6.14", effective=effective)


FAMILY = Family(
    tuple(
        row
        for version in (1, 2)
        for row in (
            _row("dmem.min", version, {"*": 0}, "shared"),
            _row("dmem.low", version, {"*": 0}, "shared"),
            _row("dmem.max", version, "max", "device"),
        )
    )
)
