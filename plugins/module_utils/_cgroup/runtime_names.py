# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``linux.resources`` of the OCI runtime specification, by the interface files that it stands for. For the filters alone."""

from __future__ import annotations

from typing import Callable, Dict, List, Mapping, Tuple

from .._convergence.errors import InputError
from .docker_names import Named, clamped
from .values import word, wrong

_THROTTLES = {
    "throttleReadBpsDevice": "blkio.throttle.read_bps_device",
    "throttleWriteBpsDevice": "blkio.throttle.write_bps_device",
    "throttleReadIOPSDevice": "blkio.throttle.read_iops_device",
    "throttleWriteIOPSDevice": "blkio.throttle.write_iops_device",
}
# The members of cpu and memory that are one file of v1.
_SAME = {
    "cpu.shares": "cpu.shares",
    "cpu.quota": "cpu.cfs_quota_us",
    "cpu.period": "cpu.cfs_period_us",
    "cpu.burst": "cpu.cfs_burst_us",
    "cpu.realtimeRuntime": "cpu.rt_runtime_us",
    "cpu.realtimePeriod": "cpu.rt_period_us",
    "cpu.idle": "cpu.idle",
    "cpu.cpus": "cpuset.cpus",
    "cpu.mems": "cpuset.mems",
    "memory.limit": "memory.limit_in_bytes",
    "memory.reservation": "memory.soft_limit_in_bytes",
    "memory.swap": "memory.memsw.limit_in_bytes",
    "memory.kernelTCP": "memory.kmem.tcp.limit_in_bytes",
    "memory.swappiness": "memory.swappiness",
    "memory.disableOOMKiller": "memory.oom_control",
}
# Of all others 0 is "not set".
_NULL_COUNTS = ("cpu.idle", "cpu.burst", "cpu.cpus", "cpu.mems", "memory.swappiness", "memory.disableOOMKiller")
# How a runtime goes about it, and what every kernel of today does anyway.
_NO_LIMITS = ("memory.checkBeforeUpdate", "memory.useHierarchy")
_OBSOLETE = {
    "memory.kernel": "kernels of today count it with all other memory",
    "blockIO.leafWeight": "it ended with Linux 5.0",
}


def _table(option: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise wrong(option, value, "is not a dictionary")
    return {str(key): one for key, one in value.items() if one is not None}


def _list(option: str, value: object) -> List[Mapping[str, object]]:
    if not isinstance(value, (list, tuple)):
        raise wrong(option, value, "is not a list")
    return [_table(f"{option}[{number}]", item) for number, item in enumerate(value)]


def _members(option: str, item: Mapping[str, object], *names: str) -> Tuple[object, ...]:
    if set(item) != set(names):
        raise wrong(option, dict(item), "has other members than {}".format(", ".join(names)))
    return tuple(item[name] for name in names)


def _plain(option: str, part: str, value: object) -> Named:
    """cpu and memory: one file a member."""
    found: Named = {}
    for member, one in _table(option, value).items():
        whole = f"{part}.{member}"
        at = f"{option}.{member}"
        if whole in _NO_LIMITS:
            continue
        if whole not in _SAME:
            raise _unknown(at, whole)
        if one == "" or (word(one) == "0" and whole not in _NULL_COUNTS):
            continue
        found[_SAME[whole]] = clamped(one) if whole == "cpu.shares" else one
    return found


def _pids(option: str, part: str, value: object) -> Named:
    (limit,) = _members(option, _table(option, value), "limit")
    if word(limit) == "0":
        reason = "is no limit to some runtimes and nothing at all to others"
        raise InputError(reason, option=option + ".limit", value=0, way_out="write -1, or leave it out")
    return {"pids.max": "max" if word(limit) == "-1" else limit}


def _block_io(option: str, part: str, value: object) -> Named:
    found: Named = {}
    for member, one in _table(option, value).items():
        at = f"{option}.{member}"
        if member == "weight":
            found.update({} if word(one) == "0" else {"blkio.bfq.weight": one})
        elif member == "weightDevice":
            found["blkio.bfq.weight_device"] = _by_device(at, one, "weight")
        elif member in _THROTTLES:
            found[_THROTTLES[member]] = _by_device(at, one, "rate")
        else:
            raise _unknown(at, f"{part}.{member}")
    return {name: one for name, one in found.items() if one != {}}


def _by_device(option: str, value: object, figure: str) -> Dict[str, object]:
    items = [_members(option, item, "major", "minor", figure) for item in _list(option, value)]
    return {f"{major}:{minor}": amount for major, minor, amount in items}


def _hugepages(option: str, part: str, value: object) -> Named:
    items = [_members(option, item, "pageSize", "limit") for item in _list(option, value)]
    return {f"hugetlb.{size}.max": limit for size, limit in items}


def _network(option: str, part: str, value: object) -> Named:
    found: Named = {}
    for member, one in _table(option, value).items():
        if member == "classID":
            found["net_cls.classid"] = one
        elif member == "priorities":
            items = [_members(option, item, "name", "priority") for item in _list(f"{option}.{member}", one)]
            found["net_prio.ifpriomap"] = {str(name): priority for name, priority in items}
        else:
            raise _unknown(f"{option}.{member}", f"{part}.{member}")
    return found


def _rdma(option: str, part: str, value: object) -> Named:
    names = {"hcaHandles": "hca_handle", "hcaObjects": "hca_object"}
    devices: Dict[str, object] = {}
    for device, limits in _table(option, value).items():
        own: Dict[str, object] = {}
        for member, one in _table(f"{option}.{device}", limits).items():
            if member not in names:
                raise _unknown(f"{option}.{device}.{member}", f"{part}.{member}")
            own[names[member]] = one
        devices[device] = own
    return {"rdma.max": devices} if devices else {}


def _unified(option: str, part: str, value: object) -> Named:
    return dict(_table(option, value))


def _unknown(option: str, name: str) -> InputError:
    if name in _OBSOLETE:
        return InputError("is obsolete: " + _OBSOLETE[name], option=option, way_out="leave it out")
    return InputError(
        "is nothing that the runtime specification knows as a limit", option=option, way_out="leave it out"
    )


_PARTS: Mapping[str, Callable[[str, str, object], Named]] = {
    "cpu": _plain,
    "memory": _plain,
    "pids": _pids,
    "blockIO": _block_io,
    "hugepageLimits": _hugepages,
    "network": _network,
    "rdma": _rdma,
    "unified": _unified,
}


def is_part(name: str, value: object) -> bool:
    """Whether this is a member of linux.resources. ``memory`` and ``cpu`` are so only with members of their own."""
    return (name in _PARTS or name == "devices") and isinstance(value, (Mapping, list, tuple))


def member_of(part: str, limit: str) -> str:
    """The member of ``part`` that a limit comes from, with a point before it; '' where that is more than one."""
    found = [name for name, file in _SAME.items() if file == limit and name.partition(".")[0] == part]
    return found[0][len(part) :] if found else ""


def limits_of(option: str, name: str, value: object) -> Named:
    """The limits that one member of linux.resources stands for; InputError for what it cannot mean."""
    if name == "devices":
        raise InputError("is a list of rules about devices and none of limits", option=option, way_out="leave it out")
    return _PARTS[name](option, name, value)
