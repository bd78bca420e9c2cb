# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of ``docker run`` that limit resources, by the interface files that they stand for. For the filters alone."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Tuple

from .._convergence.errors import InputError
from .values import word, wrong

Named = Dict[str, object]
# What is one file of v1 with the same value. Nothing is "not set", and so is 0, but for CPUs and nodes.
_SAME = {
    "cpus": "cpu.max",
    "cpu_quota": "cpu.cfs_quota_us",
    "cpu_period": "cpu.cfs_period_us",
    "cpu_rt_runtime": "cpu.rt_runtime_us",
    "cpu_rt_period": "cpu.rt_period_us",
    "cpu_shares": "cpu.shares",
    "cpuset_cpus": "cpuset.cpus",
    "cpuset_mems": "cpuset.mems",
    "memory": "memory.limit_in_bytes",
    "memory_reservation": "memory.soft_limit_in_bytes",
    "memory_swap": "memory.memsw.limit_in_bytes",
    "blkio_weight": "blkio.bfq.weight",
}
_THROTTLES = {
    "device_read_bps": "blkio.throttle.read_bps_device",
    "device_write_bps": "blkio.throttle.write_bps_device",
    "device_read_iops": "blkio.throttle.read_iops_device",
    "device_write_iops": "blkio.throttle.write_iops_device",
}
_SHORT = {"c": "cpu_shares", "m": "memory"}
_OTHERS = ("pids_limit", "memory_swappiness", "oom_kill_disable", "blkio_weight_device", "kernel_memory")
NAMES = (*_SAME, *_THROTTLES, *_OTHERS)


def name_of(said: str) -> str:
    """An option's name without its dashes: ``--cpu-shares`` and ``cpu-shares`` are ``cpu_shares``; '' for none of them."""
    plain = said.lstrip("-").replace("-", "_")
    if said.startswith("-") and not said.startswith("--"):
        plain = _SHORT.get(plain, "")
    return plain if plain in NAMES else ""


def limits_of(option: str, name: str, value: object) -> Named:
    """The limits that one option of docker stands for; InputError for what it cannot mean."""
    if value is None or value == "":
        return {}
    if name == "kernel_memory":
        raise InputError(
            "is obsolete: kernels of today count it with all other memory", option=option, way_out="leave it out"
        )
    if name == "pids_limit":
        return {"pids.max": "max" if word(value) in ("0", "-1") else value}
    if name == "memory_swappiness":
        return {} if word(value) == "-1" else {"memory.swappiness": value}
    if name == "oom_kill_disable":
        return {"memory.oom_control": value}
    if name in _THROTTLES:
        return {_THROTTLES[name]: dict(_devices(option, value, "rate"))}
    if name == "blkio_weight_device":
        return {"blkio.bfq.weight_device": dict(_devices(option, value, "weight"))}
    if word(value) == "0" and not name.startswith("cpuset"):
        return {}
    return {_SAME[name]: clamped(value) if name == "cpu_shares" else value}


def clamped(shares: object) -> object:
    """cpu.shares as the kernel takes them: what is beyond an end is that end."""
    text = str(shares).strip()
    if isinstance(shares, bool) or not text.isdigit() or not text.isascii() or len(text) > 20:
        return shares
    return min(max(int(text), 2), 262144)


def _devices(option: str, value: object, figure: str) -> List[Tuple[str, Any]]:
    """Pairs out of "8:0:1mb", a list of such, or docker's own dictionaries of path and figure."""
    found = []
    for item in value if isinstance(value, (list, tuple)) else [value]:
        if isinstance(item, Mapping):
            lowered = {str(key).lower(): one for key, one in item.items()}
            if set(lowered) != {"path", figure}:
                raise wrong(option, item, "is not a device and its figure", f'write {{path: "8:0", {figure}: ...}}')
            found.append((str(lowered["path"]), lowered[figure]))
            continue
        device, _colon, amount = str(item).rpartition(":")
        if not device or not amount:
            raise wrong(option, item, "is not a device and its figure", 'write "8:0:1mb"')
        found.append((device, amount))
    return found
