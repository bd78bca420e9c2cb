# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rdma controller (rdma.rst, cgroup-v2.rst): what may be held open of each RDMA device."""

from __future__ import annotations

from ..kinds_listed import Listed
from ..values import Number
from .entry import Family, InterfaceFile

_KEYS = ("hca_handle", "hca_object")
# 2147483647 is the kernel's own number for no limit.
_LIMITS = Listed(
    "rdma", "RDMA device", Number(0, 2**31 - 2, "max"), "{mlx4_0: {hca_handle: 2, hca_object: 2000}}", _KEYS
)


def _row(version: int) -> InterfaceFile:
    return InterfaceFile("rdma.max", version, "rdma", _LIMITS, "max", since="4.11", tried="guest", effective="device")


FAMILY = Family((_row(1), _row(2)))
