# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The net_prio controller of v1 (net_prio.rst): the priority of a group's packets on each interface."""

from __future__ import annotations

from ..kinds_listed import Listed
from ..values import Number
from .entry import INHERIT, Family, InterfaceFile

_PRIORITIES = Listed("net_prio", "network interface", Number(0, 2**32 - 1), "{eth0: 5}")

FAMILY = Family(
    (
        InterfaceFile(
            "net_prio.ifpriomap",
            1,
            "net_prio",
            _PRIORITIES,
            INHERIT,
            since="3.3",
            tried="real",
            root=True,
            elsewhere="mount that v1 hierarchy where the kernel has it, or set the priority of a v2 group's packets instead: "
            "nftables socket cgroupv2 with meta priority set, or a BPF program",
        ),
    )
)
