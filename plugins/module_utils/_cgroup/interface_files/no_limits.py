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
_OBSOLETE = [
    "memory.kmem.limit_in_bytes",
    "memory.use_hierarchy",
    "memory.move_charge_at_immigrate",
    "memory.kmem.slabinfo",
    "memory.kmem.usage_in_bytes",
    "memory.kmem.max_usage_in_bytes",
    "memory.kmem.failcnt",
    "cgroup.sane_behavior",
]
# Names, and endings with a * before them.
_READ_ONLY = [
    "*.current",
    "*.peak",
    "*.stat",
    "*.stat.local",
    "*.events",
    "*.events.local",
    "*.effective",
    "*.numa_stat",
    "*usage_in_bytes",
    "*.failcnt",
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
    "cgroup.controllers",
]
_TRIGGERS = [
    "*.pressure",
    "*.pressure_level",
    "cgroup.event_control",
    "memory.force_empty",
    "memory.reclaim",
    "blkio.reset_stats",
]
_LATER = [
    "cpu.uclamp.*",
    "cpu.rt_*",
    "cpuset.cpus.exclusive",
    "cpuset.cpus.partition",
    "memory.zswap.*",
    "memory.oom_control",
    "memory.kmem.tcp.*",
    "io.latency",
    "io.cost.*",
    "io.prio.class",
    "blkio.prio.class",
    "blkio.weight*",
    "hugetlb.*",
    "rdma.*",
    "misc.*",
    "dmem.*",
    "net_cls.*",
    "net_prio.*",
    "cgroup.clone_children",
    "notify_on_release",
    "release_agent",
    "cpuset.memory_pressure_enabled",
]


def _among(name: str, patterns: Sequence[str]) -> bool:
    return any(
        name == pattern
        or (pattern[0] == "*" and name.endswith(pattern[1:]))
        or (pattern[-1] == "*" and name.startswith(pattern[:-1]))
        for pattern in patterns
    )


def refused(option: str, name: str, known: Sequence[str]) -> InputError:
    """Why a name is not taken as a limit."""
    way_out = ""
    if name in _OPTIONS:
        reason, way_out = "is not set as a limit", "use the option " + _OPTIONS[name]
    elif name.startswith("devices."):
        reason = "is not set as a limit: device rules come with a later version"
    elif _among(name, _OBSOLETE):
        reason, way_out = "is obsolete: kernels of today ignore or refuse it", "leave it out"
    elif _among(name, _LATER):
        reason = "is an interface file that this version cannot set yet"
    elif _among(name, _TRIGGERS):
        reason = "is no limit: a write to it starts something and leaves no value behind"
    elif _among(name, _READ_ONLY) and name.partition(".")[0] in _PREFIXES:
        reason = "is read only"
    else:
        reason = "is no limit that is known"
        near = difflib.get_close_matches(name, known, 1)
        way_out = (
            f"perhaps {near[0]} is meant" if near else "limits are named as the kernel names the file, like memory.max"
        )
    shown = name if len(name) <= 80 else name[:77] + "..."
    return InputError(reason, option=option, value=shown, way_out=way_out)


_PREFIXES = ["cgroup", "cpu", "cpuacct", "cpuset", "memory", "io", "blkio", "pids", "freezer"]
