# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core files of every v2 group that hold a limit (cgroup-v2.rst, Core Interface Files)."""

from __future__ import annotations

from ..values import Number, Switch
from .entry import Family, InterfaceFile

_COUNT = Number(0, 2**31 - 2, "max")
_NONE = "cgroup v1 has no such file"

FAMILY = Family(
    (
        InterfaceFile("cgroup.max.depth", 2, "", _COUNT, "max", since="4.14", tried="real", root=True, elsewhere=_NONE),
        InterfaceFile(
            "cgroup.max.descendants", 2, "", _COUNT, "max", since="4.14", tried="real", root=True, elsewhere=_NONE
        ),
        InterfaceFile("cgroup.pressure", 2, "", Switch(), True, since="6.1", tried="real", root=True, elsewhere=_NONE),
    )
)
