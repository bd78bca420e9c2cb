# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel's refusals mean for a group."""

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.explain import explained
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import KernelError
from ansible_collections.linux.isolation.plugins.module_utils._convergence.plan import Change
from ansible_collections.linux.isolation.tests.unit.plans.files import Files
from ansible_collections.linux.isolation.tests.unit.plans.host import described

Do = tuple[object, ...]


def write(file: str, *texts: str, verb: str = "write") -> Do:
    return (verb, 0, "batch", file, texts or ("1",), "")


def refusal(do: Do, number: int, host: str = "unified", files: Files | None = None) -> KernelError:
    found = described(host)
    roots = [files or Files(found.hierarchies[0], [])]
    change = Change("act", "batch", "/sys/fs/cgroup/batch", None, "x", do)
    error = explained(found, roots, change, OSError(number, os.strerror(number)))
    assert isinstance(error, KernelError)
    return error


@pytest.mark.parametrize(
    ("do", "number", "meaning"),
    [
        (("control", 0, "batch", "+cpu"), errno.EBUSY, "those live in leaves"),
        (("control", 0, "batch", "+cpu"), errno.ENOENT, "the group above does not pass"),
        (("control", 0, "batch", "+memory"), errno.EOPNOTSUPP, "the group is threaded"),
        (("control", 0, "batch", "+cpu"), errno.EINVAL, "real-time processes"),
        (("mkdir", 0, "batch"), errno.EAGAIN, "cgroup.max.descendants or cgroup.max.depth"),
        (("mkdir", 0, "batch"), errno.ENOSPC, "no room"),
        (("mkdir", 0, "batch"), errno.EEXIST, "made it meanwhile"),
        (("rmdir", 0, "batch"), errno.EBUSY, "still holds processes or groups"),
        (("move", 0, "batch", 7, 1), errno.EBUSY, "processes live in leaves"),
        (("move", 0, "batch", 7, 1), errno.EOPNOTSUPP, "domain invalid"),
        (("move", 0, "batch", 7, 1), errno.EINVAL, "does not let this process be moved"),
        (("move", 0, "batch", 7, 1), errno.ENOSPC, "no CPUs or no memory nodes"),
        (write("cgroup.type", "threaded"), errno.EOPNOTSUPP, "a domain controller"),
        (write("cpuset.cpus"), errno.EACCES, "its parent does not have all of these CPUs"),
        (write("cpuset.mems"), errno.EACCES, "its parent does not have all of these memory nodes"),
        (write("cpuset.cpus"), errno.EBUSY, "a group below it uses CPUs"),
        (write("cpuset.cpus"), errno.EINVAL, "this host lacks one of these CPUs"),
        (write("cpuset.cpus"), errno.ENOSPC, "left without CPUs"),
        (write("cpuset.cpu_exclusive"), errno.EINVAL, "a group beside it has some of its CPUs"),
        (write("cpuset.mem_exclusive"), errno.EACCES, "the group above it is not exclusive"),
        (write("cpuset.cpus.partition"), errno.EINVAL, "before Linux 6.1"),
        (write("cpuset.sched_relax_domain_level"), errno.EINVAL, "fewer levels"),
        (write("io.bfq.weight"), errno.EOPNOTSUPP, "bfq does not schedule this disk"),
        (write("io.weight"), errno.EOPNOTSUPP, "set io.cost.qos for /"),
        (write("io.cost.qos"), errno.EINVAL, "min is above max"),
        (write("blkio.prio.class"), errno.EINVAL, "promote-to-rt came with Linux 6.5"),
        (write("cpu.cfs_quota_us"), errno.EINVAL, "a smaller share of CPU time"),
        (write("cpu.cfs_period_us"), errno.EINVAL, "a smaller share of CPU time"),
        (write("cpu.shares"), errno.EINVAL, "while cpu.idle is 1"),
        (write("cpu.weight"), errno.EINVAL, "while cpu.idle is 1"),
        (write("memory.limit_in_bytes"), errno.EBUSY, "more than that is in use"),
        (write("memory.limit_in_bytes"), errno.EINVAL, "declare memory.swap.max too"),
        (write("memory.memsw.limit_in_bytes"), errno.EINVAL, "below memory.limit_in_bytes"),
        (write("io.max"), errno.ENODEV, "no such device"),
        (write("pids.max"), errno.EROFS, "read only"),
        (write("pids.max"), errno.EACCES, "delegation boundary"),
        (write("pids.max"), errno.EPERM, "nsdelegate"),
        (write("memory.max", verb="shrink"), errno.EPERM, "nsdelegate"),
        (("mkdir", 0, "batch"), errno.EROFS, "read only"),
        (("rmdir", 0, "batch"), errno.EROFS, "read only"),
        (("chown", 0, "batch", "", 1, 1), errno.EROFS, "read only"),
    ],
)
def test_a_refusal_has_a_meaning(do: Do, number: int, meaning: str) -> None:
    error = refusal(do, number)
    assert meaning in error.way_out
    assert errno.errorcode[number] in error.sentence()
    assert error.sentence().startswith("batch: the kernel refused ")


def test_a_group_that_went_away_is_no_missing_device() -> None:
    assert refusal(("control", 0, "batch", "+cpu"), errno.ENODEV).way_out == ""


def test_a_refusal_that_means_nothing_known_is_told_as_it_is() -> None:
    assert refusal(write("pids.max", "5"), errno.ENOMEM).sentence() == (
        "batch: the kernel refused '5' for /sys/fs/cgroup/batch: Cannot allocate memory (ENOMEM)."
    )


@pytest.mark.parametrize(
    ("do", "wrote"),
    [
        (write("io.max", "8:0 rbps=1", "8:16 rbps=2"), "8:0 rbps=1"),
        (("control", 0, "batch", "+cpu +pids"), "+cpu +pids"),
        (("move", 0, "batch", 77, 1), "77"),
        (("mkdir", 0, "batch"), None),
        (("freeze", 0, "batch", True), None),
    ],
)
def test_what_was_written_is_told(do: Do, wrote: str | None) -> None:
    assert refusal(do, errno.EIO).wrote == wrote


def test_the_groups_below_that_are_in_the_way_are_named() -> None:
    files = Files(described("legacy").hierarchies[0], [])
    files.make("batch")
    for name, quota in (("a", "60000"), ("b", "-1")):
        files.make("batch/" + name)
        files.texts[f"batch/{name}/cpu.cfs_quota_us"] = quota
    error = refusal(write("cpu.cfs_quota_us", "1000"), errno.EINVAL, "legacy", files)
    assert error.way_out.endswith("below it are a (60000), b (-1)")


def test_on_a_mount_without_prefixes_too() -> None:
    files = Files(described("legacy with noprefix").hierarchies[0], [])
    files.make("batch")
    files.make("batch/a")
    files.texts["batch/a/cpus"] = ""
    assert refusal(write("cpuset.cpus", "1"), errno.EBUSY, "legacy with noprefix", files).way_out.endswith("a (empty)")


def test_a_group_that_went_away_meanwhile_has_none_below() -> None:
    assert "below it are" not in refusal(write("cpuset.cpus", "1"), errno.EBUSY, "legacy with noprefix").way_out
