# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blkio controller, io's name on v1 (blkio-controller.rst, bfq-iosched.rst)."""

from __future__ import annotations

from typing import Any

from ..kinds_device import PerDevice, Weights
from ..values import Choice, Number
from .entry import InterfaceFile, Kind

# io.max's keys, each in a file of its own.
THROTTLES = {
    "rbps": "blkio.throttle.read_bps_device",
    "wbps": "blkio.throttle.write_bps_device",
    "riops": "blkio.throttle.read_iops_device",
    "wiops": "blkio.throttle.write_iops_device",
}
WEIGHT, WEIGHT_DEVICE = "blkio.bfq.weight", "blkio.bfq.weight_device"
# CFQ's, which went with Linux 5.0.
CFQ, CFQ_DEVICE = "blkio.weight", "blkio.weight_device"
BFQ_CONFIG = "CONFIG_BFQ_GROUP_IOSCHED, and the module bfq to be loaded"
_CFQ_CONFIG = "CFQ, which went with Linux 5.0"
PRIORITY_CONFIG = "CONFIG_BLK_CGROUP_IOPRIO"
PRIORITY = Choice("no-change", "promote-to-rt", "restrict-to-be", "idle", "none-to-rt")
_LEAF = "v2 has no weight of a group's own processes beside the groups below it: make a group below it for them"


def _v1(name: str, kind: Kind, default: object, since: str, tried: str = "real", **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 1, "io", kind, default, since=since, tried=tried, **more)


def _throttle(key: str) -> InterfaceFile:
    kind = PerDevice("0", count=key.endswith("iops"))
    return _v1(THROTTLES[key], kind, "max", "2.6.37", root=True)


def _cfq(name: str, since: str, devices_since: str, elsewhere: str = "") -> tuple[InterfaceFile, InterfaceFile]:
    more: dict[str, Any] = {"tried": "documented", "root": True, "elsewhere": elsewhere, "config": _CFQ_CONFIG}
    device = Weights(1000, with_default=False, low=10, gone="0")
    return (
        _v1(name, Number(10, 1000), 500, since, **more),
        _v1(name + "_device", device, {"*": "default"}, devices_since, **more),
    )


FILES = (
    *map(_throttle, THROTTLES),
    _v1(WEIGHT, Number(1, 1000), 100, "4.12", forgets=WEIGHT_DEVICE, config=BFQ_CONFIG),
    _v1(WEIGHT_DEVICE, Weights(1000, with_default=False), {"*": "default"}, "5.4", rise=1, fall=1, config=BFQ_CONFIG),
    *_cfq(CFQ, "2.6.33", "2.6.35"),
    *_cfq("blkio.leaf_weight", "3.9", "3.9", _LEAF),
    _v1("blkio.prio.class", PRIORITY, "no-change", "5.14", "documented", root=True, config=PRIORITY_CONFIG),
)
