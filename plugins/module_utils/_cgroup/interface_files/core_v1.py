# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core files of v1 (cgroups.rst, section 1.4): each hierarchy has its own, and a group has them in each that it is in."""

from __future__ import annotations

from ..values import Switch
from .entry import INHERIT, Family, InterfaceFile

# release_agent, of the root alone, is refused in no_limits.py: it is no property of a group but a program that the kernel
# starts as root, outside of all groups, for a whole hierarchy, and whoever manages the hierarchy has put its own there.
FAMILY = Family(
    (
        InterfaceFile(
            "notify_on_release",
            1,
            "v1",
            Switch(),
            INHERIT,
            since="2.6.24",
            tried="real",
            root=True,
            elsewhere="on v2 watch populated in cgroup.events",
        ),
    )
)
