# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that are no limits, and what to do instead. Imported only to say so."""

from __future__ import annotations

import difflib
from typing import Sequence

from ..._convergence.errors import InputError

_OPTIONS = {
    "cgroup.procs": "processes",
    "cgroup.threads": "processes",
    "tasks": "processes",
    "cgroup.freeze": "frozen",
    "freezer.state": "frozen",
    "cgroup.type": "type",
    "cgroup.subtree_control": "controllers",
    "cgroup.kill": "on_processes",
}
# Names, and beginnings or endings with a * for the rest.
_OBSOLETE = (
    "memory.kmem.limit_in_bytes",
    "memory.use_hierarchy",
    "memory.move_charge_at_immigrate",
    "memory.kmem.slabinfo",
    "memory.kmem.usage_in_bytes",
    "memory.kmem.max_usage_in_bytes",
    "memory.kmem.failcnt",
    "cgroup.sane_behavior",
)
# Their mode says that they can be written.
_COUNTERS = ("*.failcnt", "*.max_usage_in_bytes", "*.peak", "cpuacct.usage")
_TRIGGERS = (
    "*.pressure",
    "*.pressure_level",
    "cgroup.event_control",
    "memory.force_empty",
    "memory.reclaim",
    "blkio.reset_stats",
)
_READ_ONLY = (
    "*.current",
    "*.capacity",
    "*.stat",
    "*.stat.local",
    "*.events",
    "*.events.local",
    "*.effective",
    "*.numa_stat",
    "*usage_in_bytes",
    "*.usage",
    "*.usage_all",
    "*.usage_percpu",
    "*.usage_sys",
    "*.usage_user",
    "*.usage_percpu_sys",
    "*.usage_percpu_user",
    "*.effective_cpus",
    "*.effective_mems",
    "*.isolated",
    "*.memory_pressure",
    "*.self_freezing",
    "*.parent_freezing",
    "*.io_service_bytes",
    "*.io_serviced",
    "*_recursive",
    "net_prio.prioidx",
    "cgroup.controllers",
)
_PREFIXES = (
    *("cgroup", "cpu", "cpuacct", "cpuset", "memory", "io", "blkio", "pids", "freezer"),
    *("hugetlb", "rdma", "misc", "dmem", "net_prio"),
)


def _among(name: str, patterns: Sequence[str]) -> bool:
    return any(
        name == pattern
        or (pattern[0] == "*" and name.endswith(pattern[1:]))
        or (pattern[-1] == "*" and name.startswith(pattern[:-1]))
        for pattern in patterns
    )


def known(name: str) -> tuple[str, str]:
    """Why an interface file is no limit, and what to do; two empty texts for a name that is no interface file known here."""
    if name in _OPTIONS:
        return "is not set as a limit", "use the option " + _OPTIONS[name]
    if name.startswith("devices."):
        return "is not set as a limit: device rules come with a later version", ""
    if _among(name, _OBSOLETE):
        return "is obsolete: kernels of today ignore or refuse it", "leave it out"
    if name == "release_agent":
        return (
            "is no limit: it names a program that the kernel starts for a whole hierarchy, and is set by who manages that",
            "",
        )
    if _among(name, _TRIGGERS):
        return "is no limit: a write to it starts something and leaves no value behind", ""
    if name.partition(".")[0] in _PREFIXES:
        if _among(name, _COUNTERS):
            return "is only read: whatever is written to it sets it back", ""
        if _among(name, _READ_ONLY):
            return "is read only", ""
    return "", ""


def refused(option: str, name: str, limits: Sequence[str]) -> InputError:
    """Why a name is not taken as a limit."""
    reason, way_out = known(name)
    if not reason:
        reason = "is no limit that is known"
        near = difflib.get_close_matches(name, limits, 1)
        if name.startswith("hugetlb."):
            way_out = "the size stands there as the kernel names it, as in hugetlb.64KB.max, hugetlb.2MB.max and hugetlb.1GB.max"
        elif near:
            way_out = f"perhaps {near[0]} is meant"
        else:
            way_out = "limits are named as the kernel names the file, like memory.max"
    shown = name if len(name) <= 80 else name[:77] + "..."
    return InputError(reason, option=option, value=shown, way_out=way_out)
