# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a refusal of the kernel means for a cgroup: the cause that its errno stands for here, and the way out."""

from __future__ import annotations

import errno
from typing import Optional, Sequence, Tuple, cast

from .._convergence.errors import IsolationError, KernelError
from .._convergence.plan import Change
from .._kernel.beneath import Root
from .hierarchies import Host, file_path

# (file, what its name begins with, or verb; errno) -> what it means here; "write" is any file, "" anything at all.
_MEANINGS = {
    (
        "control",
        errno.EBUSY,
    ): "the group holds processes, and on v2 those live in leaves: move them to a group below it",
    ("control", errno.ENOENT): "the group above does not pass that controller on",
    (
        "control",
        errno.EOPNOTSUPP,
    ): "the group is threaded, and only cpu, cpuset, perf_event and pids can be passed on there",
    ("control", errno.EINVAL): "real-time processes outside the root keep cpu from being enabled",
    ("rmdir", errno.EBUSY): "it still holds processes or groups, perhaps of another pid namespace",
    ("mkdir", errno.EAGAIN): "cgroup.max.descendants or cgroup.max.depth of a group above is reached",
    ("mkdir", errno.EEXIST): "somebody has made it meanwhile: run the task again",
    ("mkdir", errno.ENOSPC): "the kernel has no room for more groups of this controller",
    (
        "cgroup.type",
        errno.EOPNOTSUPP,
    ): "a domain controller is enabled in the group or passed on to it, or a sibling holds processes",
    ("cpuset.cpus", errno.EACCES): "its parent does not have all of these CPUs",
    ("cpuset.mems", errno.EACCES): "its parent does not have all of these memory nodes",
    ("cpuset.cpus", errno.EBUSY): "a group below it uses CPUs that it would lose",
    ("cpuset.mems", errno.EBUSY): "a group below it uses memory nodes that it would lose",
    ("cpuset.cpus", errno.EINVAL): "this host lacks one of these CPUs, or a sibling has one of them exclusively",
    ("cpuset.cpus", errno.ERANGE): "this host cannot have that many CPUs",
    ("cpuset.mems", errno.EINVAL): "this host lacks one of these memory nodes",
    ("cpuset.cpus", errno.ENOSPC): "it holds processes and would be left without CPUs",
    ("cpuset.mems", errno.ENOSPC): "it holds processes and would be left without memory",
    ("cpuset.cpu_exclusive", errno.EINVAL): "a group beside it has some of its CPUs",
    ("cpuset.mem_exclusive", errno.EINVAL): "a group beside it has some of its memory nodes",
    ("cpuset.cpu_exclusive", errno.EACCES): "the group above it is not exclusive",
    ("cpuset.mem_exclusive", errno.EACCES): "the group above it is not exclusive",
    ("cpuset.cpu_exclusive", errno.EBUSY): "a group below it is exclusive",
    ("cpuset.mem_exclusive", errno.EBUSY): "a group below it is exclusive",
    (
        "cpuset.sched_relax_domain_level",
        errno.EINVAL,
    ): "the processors of this host have fewer levels of scheduling domains",
    (
        "cpuset.cpus.partition",
        errno.EINVAL,
    ): "before Linux 6.1 there is no isolated, and what cannot be a partition is refused: its CPUs have to be its own",
    ("cpuset.cpus.exclusive", errno.EINVAL): "a group beside it has some of these CPUs",
    ("io.bfq.weight", errno.EOPNOTSUPP): "bfq does not schedule this disk: see queue/scheduler below /sys/block",
    (
        "blkio.bfq.weight_device",
        errno.EOPNOTSUPP,
    ): "bfq does not schedule this disk: see queue/scheduler below /sys/block",
    ("io.weight", errno.EOPNOTSUPP): "io.cost has not been told of this disk: set io.cost.qos for /",
    ("io.cost.qos", errno.EINVAL): "min is above max",
    ("io.prio.class", errno.EINVAL): "this kernel lacks that class: promote-to-rt came with Linux 6.5",
    ("blkio.prio.class", errno.EINVAL): "this kernel lacks that class: promote-to-rt came with Linux 6.5",
    (
        "cpu.cfs_quota_us",
        errno.EINVAL,
    ): "a group above it has a smaller share of CPU time, or a group below it a larger one",
    (
        "cpu.cfs_period_us",
        errno.EINVAL,
    ): "a group above it has a smaller share of CPU time, or a group below it a larger one",
    (
        "cpu.rt_runtime_us",
        errno.EINVAL,
    ): "a group above it has less for real-time processes, or the groups below it have more together",
    (
        "cpu.rt_period_us",
        errno.EINVAL,
    ): "a group above it has less for real-time processes, or the groups below it have more together",
    ("cpu.rt_runtime_us", errno.EBUSY): "real-time processes are in it, and need some",
    ("cpu.shares", errno.EINVAL): "shares cannot be set while cpu.idle is 1",
    ("cpu.weight", errno.EINVAL): "a weight cannot be set while cpu.idle is 1",
    ("cpu.weight.nice", errno.EINVAL): "a weight cannot be set while cpu.idle is 1",
    (
        "memory.limit_in_bytes",
        errno.EBUSY,
    ): "more than that is in use and cannot be reclaimed: stop what uses it, or give it more",
    ("memory.limit_in_bytes", errno.EINVAL): "it would exceed memory.memsw.limit_in_bytes: declare memory.swap.max too",
    ("memory.memsw.limit_in_bytes", errno.EINVAL): "it would be below memory.limit_in_bytes",
    ("memory.memsw.limit_in_bytes", errno.EBUSY): "more than that is in use with swap and cannot be reclaimed",
    ("move", errno.EBUSY): "the group passes controllers on to groups below it, and on v2 processes live in leaves",
    ("move", errno.EOPNOTSUPP): "the group is domain invalid: it is beside or below a threaded one",
    ("move", errno.EINVAL): "the kernel does not let this process be moved (a kernel thread that is bound to a CPU)",
    ("move", errno.ENOSPC): "its cpuset has no CPUs or no memory nodes yet",
    ("hugetlb", errno.EBUSY): "more huge pages of this size are in use: stop what uses them, or give it more",
    ("misc", errno.EINVAL): "this host has none of that resource: misc.capacity of the root group lists those it has",
    ("dmem", errno.EINVAL): "this host has no such region: dmem.capacity of the root group lists those it has",
    ("write", errno.ENODEV): "no such device here",
    ("", errno.EROFS): "the hierarchy is mounted read only",
    ("", errno.EACCES): "this process may not do it, root as it may be: a security module or a delegation boundary",
    ("", errno.EPERM): "this process may not do it: a delegation boundary (nsdelegate) or a missing capability",
}
_CHILDREN_MATTER = (
    *("cpuset.cpus", "cpuset.mems"),
    *("cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.rt_runtime_us", "cpu.rt_period_us"),
)


def explained(host: Host, roots: Sequence[Root], change: Change, error: OSError, taken: int = 0) -> IsolationError:
    """The error of one change that the kernel refused; of several lines for one file it took ``taken`` before."""
    verb = cast(str, change.do[0])
    file = cast(str, change.do[3]) if verb in ("write", "shrink") else verb
    kinds = (file, file.partition(".")[0], "write", "") if file != verb else (verb, "")
    meaning = next(filter(None, [_MEANINGS.get((kind, error.errno or 0)) for kind in kinds]), "")
    if file in _CHILDREN_MATTER and error.errno in (errno.EBUSY, errno.EINVAL):
        below = _children(host, roots, cast(Tuple[int, str], change.do[1:3]), file)
        meaning += "; below it are " + below if below else ""
    found = KernelError(change.path, error, wrote=_wrote(change, taken), option=change.target, way_out=meaning)
    if taken and file != verb:
        lines = [repr(line) for line in cast(Tuple[str, ...], change.do[4])[:taken]]
        found.reason += ", after {} {} written".format(" and ".join(lines), "was" if taken == 1 else "were")
    return found


def _wrote(change: Change, taken: int) -> Optional[str]:
    verb = change.do[0]
    if verb in ("write", "shrink"):
        return cast(Tuple[str, ...], change.do[4])[taken]
    if verb == "control":
        return cast(str, change.do[3])
    return str(change.do[3]) if verb == "move" else None


def _children(host: Host, roots: Sequence[Root], place: Tuple[int, str], file: str) -> str:
    index, name = place
    found = []
    try:
        for child in roots[index].names(name)[:5]:
            path = file_path(host.hierarchies[index], name + "/" + child, file)
            found.append("{} ({})".format(child, roots[index].read(path).strip() or "empty"))
    except OSError:
        # The group went away while it was looked at: the refusal alone has to do.
        return ""
    return ", ".join(found)
