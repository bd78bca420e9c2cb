# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blkio controller, io's name on v1 (blkio-controller.rst, bfq-iosched.rst)."""

from __future__ import annotations

from ..kinds_device import PerDevice, Weights
from ..values import Number
from .entry import InterfaceFile, Kind

# io.max's keys, each in a file of its own.
THROTTLES = {
    "rbps": "blkio.throttle.read_bps_device",
    "wbps": "blkio.throttle.write_bps_device",
    "riops": "blkio.throttle.read_iops_device",
    "wiops": "blkio.throttle.write_iops_device",
}
WEIGHT, WEIGHT_DEVICE = "blkio.bfq.weight", "blkio.bfq.weight_device"


def _v1(name: str, kind: Kind, default: object, since: str, root: bool = False) -> InterfaceFile:
    return InterfaceFile(name, 1, "io", kind, default, since=since, tried="real", root=root)


FILES = (
    _v1(THROTTLES["rbps"], PerDevice("0"), "max", "2.6.37", True),
    _v1(THROTTLES["wbps"], PerDevice("0"), "max", "2.6.37", True),
    _v1(THROTTLES["riops"], PerDevice("0", count=True), "max", "2.6.37", True),
    _v1(THROTTLES["wiops"], PerDevice("0", count=True), "max", "2.6.37", True),
    _v1(WEIGHT, Number(1, 1000), 100, "4.12"),
    _v1(WEIGHT_DEVICE, Weights(1000, with_default=False), {"*": "default"}, "5.4"),
)
