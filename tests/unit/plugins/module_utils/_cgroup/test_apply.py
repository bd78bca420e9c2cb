# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applying: the verbs one by one, their patience and what is taken back, on hierarchies that are dictionaries."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import gathering, placement, protection, verbs
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    KernelError,
    RefusedError,
    TimedOutError,
)
from ansible_collections.linux.isolation.tests.unit.plans.files import Files
from ansible_collections.linux.isolation.tests.unit.plans.host import Described
from ansible_collections.linux.isolation.tests.unit.plans.running import Hosts, tree

MIB = 1024**2


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hosts:
    # Long enough for what shall succeed on a busy machine; what shall not has its own.
    for bound in ("PATIENCE", "FREEZE_BOUND", "RECLAIM_BOUND"):
        monkeypatch.setattr(verbs, bound, 30.0)
    monkeypatch.setattr(gathering, "BOUND", 0.05)
    return Hosts(tmp_path)


# -- two files that the kernel checks against each other ------------------------------------------------------------


def test_where_one_file_cannot_be_first_the_other_is(hosts: Hosts) -> None:
    host = hosts.make("legacy", groups={"batch": {"cpu.cfs_quota_us": 50000}})
    tree(host, "cpu").refusals["batch/cpu.cfs_period_us"] = [errno.EINVAL]
    hosts.run(host, "cgroup_limit", name="batch", limits={"cpu.max": "20000 50000"})
    # The period was to come first: it leaves more for a moment, and more than the group above allows.
    assert host.log[:2] == ["cpu/batch/cpu.cfs_quota_us = 20000", "cpu/batch/cpu.cfs_period_us = 50000"]


def test_where_neither_file_can_be_first_the_first_refusal_is_told(hosts: Hosts) -> None:
    host = hosts.make("legacy", groups={"batch": {"cpu.cfs_quota_us": 50000}})
    for file in ("cpu.cfs_period_us", "cpu.cfs_quota_us"):
        tree(host, "cpu").refusals["batch/" + file] = [errno.EINVAL] * 4
    with pytest.raises(KernelError) as caught:
        hosts.run(host, "cgroup_limit", name="batch", limits={"cpu.max": "20000 50000"})
    assert "refused '50000' for /sys/fs/cgroup/cpu/batch/cpu.cfs_period_us" in caught.value.sentence()
    assert host.log == []


def test_memory_in_use_is_no_matter_of_order(hosts: Hosts) -> None:
    host = hosts.make(
        "legacy", groups={"batch": {"memory.limit_in_bytes": 200 * MIB, "memory.memsw.limit_in_bytes": 300 * MIB}}
    )
    tree(host, "memory").refusals["batch/memory.limit_in_bytes"] = [errno.EBUSY] * 4
    with pytest.raises(KernelError) as caught:
        hosts.run(host, "cgroup_limit", name="batch", limits={"memory.max": "100M", "memory.swap.max": "100M"})
    assert caught.value.details()["errno"] == "EBUSY"
    assert "more than that is in use" in caught.value.way_out
    assert host.log == []


class Picky(Files):
    """Does not know the second disk."""

    def write(self, path: str, text: str) -> None:
        if text.startswith("8:16 "):
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV), path)
        super().write(path, text)


@pytest.mark.parametrize(
    ("disks", "told"),
    [
        (["/dev/sda", "/dev/sdb", "/dev/vda"], "No such device (ENODEV), after '8:0 wiops=7' was written"),
        (["/dev/sda", "/dev/vda", "/dev/sdb"], "(ENODEV), after '8:0 wiops=7' and '254:0 wiops=7' were written"),
        (["/dev/sdb", "/dev/sda"], "No such device (ENODEV) ("),
    ],
)
def test_of_several_lines_the_refused_one_is_named(hosts: Hosts, disks: list[str], told: str) -> None:
    host = hosts.make("unified", groups={"/": {"cgroup.subtree_control": "io"}, "batch": {}})
    tree(host, "/").__class__ = Picky
    with pytest.raises(KernelError) as caught:
        hosts.run(host, "cgroup_limit", name="batch", limits={"io.max": {disk: {"wiops": 7} for disk in disks}})
    sentence = caught.value.sentence()
    assert "the kernel refused '8:16 wiops=7' for /sys/fs/cgroup/batch/io.max" in sentence
    assert told in sentence
    assert caught.value.details()["wrote"] == "8:16 wiops=7"


# -- patience ----------------------------------------------------------------------------------------------------


def test_a_busy_group_is_tried_again(hosts: Hosts) -> None:
    host = hosts.make("unified", groups={"batch": {}})
    tree(host, "/").refusals["batch"] = [errno.EBUSY] * 3
    hosts.run(host, "cgroup_group", name="batch", state="absent")
    assert host.log == ["rmdir batch"]


def test_patience_with_a_busy_group_ends(hosts: Hosts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verbs, "PATIENCE", 0.05)
    host = hosts.make("unified", groups={"batch": {}})
    tree(host, "/").refusals["batch"] = [errno.EBUSY] * 10000
    with pytest.raises(KernelError, match="still holds processes or groups"):
        hosts.run(host, "cgroup_group", name="batch", state="absent")


def test_a_group_that_somebody_else_has_removed_is_removed(hosts: Hosts) -> None:
    host = hosts.make("unified", groups={"batch": {}})
    with host.entered():
        domain = hosts.domain(host, "cgroup_group", {"name": "batch", "state": "absent"})
        changes = domain.plan(domain.observe()).changes
        tree(host, "/").rmdir("batch")
        domain.begin(changes)
        domain.apply(changes[0])


def test_a_group_that_somebody_was_just_moved_out_of_is_tried_again(hosts: Hosts) -> None:
    host = hosts.make("unified", groups={"batch": {}})
    tree(host, "/").refusals["cgroup.subtree_control"] = [errno.EBUSY] * 3
    hosts.run(host, "cgroup_group", name="batch", controllers=["cpu"])
    assert host.log == ["cgroup.subtree_control = +cpu"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOENT, errno.EOPNOTSUPP])
def test_other_refusals_are_final(hosts: Hosts, number: int) -> None:
    host = hosts.make("unified", groups={"batch": {}})
    tree(host, "/").refusals["cgroup.subtree_control"] = [number]
    with pytest.raises(KernelError) as caught:
        hosts.run(host, "cgroup_group", name="batch", controllers=["cpu"])
    assert caught.value.details()["errno"] == errno.errorcode[number]
    assert caught.value.details()["wrote"] == "+cpu"


# -- taking back -------------------------------------------------------------------------------------------------


def test_what_this_run_made_is_taken_back(hosts: Hosts) -> None:
    host = hosts.make("unified", groups={"batch": {}})
    tree(host, "/").refusals["batch/a/b/pids.max"] = [errno.EPERM]
    with pytest.raises(KernelError, match="the groups it made were taken back") as caught:
        hosts.run(host, "cgroup_limit", name="batch/a/b", create=True, limits={"pids.max": 5})
    assert host.log[-2:] == ["rmdir batch/a/b", "rmdir batch/a"]
    assert sorted(tree(host, "/").inodes) == ["", "batch"]
    assert "5 of 6 changes were made before it" in caught.value.sentence()


def test_what_was_filled_meanwhile_stays_and_is_named(hosts: Hosts) -> None:
    host = hosts.make("unified")
    tree(host, "/").refusals.update({"batch/pids.max": [errno.EPERM], "batch": []})
    with host.entered():
        domain = hosts.domain(host, "cgroup_limit", {"name": "batch", "create": True, "limits": {"pids.max": 5}})
        plan = domain.plan(domain.observe())
        domain.begin(plan.changes)
        for change in plan.changes[:2]:
            domain.apply(change)
        tree(host, "/").refusals["batch"] = [errno.EBUSY] * 10000
        left = domain.take_back(plan.changes)
    assert left == ("/sys/fs/cgroup/batch were made and could not be taken back",)


def test_a_group_that_is_another_one_by_now_stays(hosts: Hosts) -> None:
    host = hosts.make("unified")
    files = tree(host, "/")
    with host.entered():
        domain = hosts.domain(host, "cgroup_group", {"name": "batch"})
        plan = domain.plan(domain.observe())
        domain.begin(plan.changes)
        domain.apply(plan.changes[0])
        files.rmdir("batch")
        files.mkdir("batch")
        domain.take_back(plan.changes)
    assert "batch" in files.inodes


def test_what_was_there_before_is_there_afterwards(hosts: Hosts) -> None:
    """A group that is made again because the kernel undoes nothing is none that this run brought."""
    host = hosts.make("unified", groups={"/": {"cgroup.subtree_control": "pids"}, "batch": {"cgroup.type": "threaded"}})
    tree(host, "/").refusals["batch/pids.max"] = [errno.EPERM]
    with pytest.raises(KernelError):
        hosts.run(
            host, "cgroup_tree", recreate=True, groups=[{"name": "batch", "type": "domain", "limits": {"pids.max": 5}}]
        )
    assert "batch" in tree(host, "/").inodes


def test_nothing_made_is_nothing_taken_back(hosts: Hosts) -> None:
    host = hosts.make("unified", groups={"/": {"cgroup.subtree_control": "pids"}, "batch": {}})
    tree(host, "/").refusals["batch/pids.max"] = [errno.EPERM]
    with pytest.raises(KernelError) as caught:
        hosts.run(host, "cgroup_limit", name="batch", limits={"pids.max": 5})
    assert "taken back" not in caught.value.sentence()


def test_taking_back_before_anything_began(hosts: Hosts) -> None:
    host = hosts.make("unified")
    with host.entered():
        assert hosts.domain(host, "cgroup_group", {"name": "batch"}).take_back(()) == ()


# -- the journal of cpusets ----------------------------------------------------------------------------------------

CPUSET = "/sys/fs/cgroup/cpuset/"


def test_an_empty_cpuset_is_known_as_ours_before_it_is_there(hosts: Hosts) -> None:
    host = hosts.make("legacy")
    tree(host, "cpuset").refusals["batch/cpuset.cpus"] = [errno.EPERM]
    tree(host, "cpuset").refusals["batch"] = []
    with host.entered():
        domain = hosts.domain(host, "cgroup_group", {"name": "batch", "controllers": ["cpuset"]})
        plan = domain.plan(domain.observe())
        domain.begin(plan.changes)
    assert host.unfinished == {CPUSET + "batch"}
    assert host.log == []


def test_a_run_that_ended_well_leaves_nothing_unfinished(hosts: Hosts) -> None:
    host = hosts.make("legacy")
    hosts.run(host, "cgroup_group", name="batch", controllers=["cpuset"])
    assert host.unfinished == frozenset()


def test_a_run_that_died_is_finished_by_its_like(hosts: Hosts) -> None:
    host = hosts.make("legacy", unfinished=[CPUSET + "batch"], groups={"batch": {"in": ["cpuset"]}})
    hosts.run(host, "cgroup_group", name="batch/in", controllers=["cpuset"])
    assert tree(host, "cpuset").texts["batch/cpuset.cpus"] == "0-3"
    assert host.unfinished == frozenset()


def test_another_task_does_not_make_the_dead_run_forgotten(hosts: Hosts) -> None:
    """Or a plain run of the dead one's task would find an empty group that it takes for somebody else's."""
    host = hosts.make("legacy", unfinished=[CPUSET + "batch"], groups={"batch": {"in": ["cpuset"]}})
    hosts.run(host, "cgroup_limit", name="other", create=True, limits={"pids.max": 5})
    hosts.run(host, "cgroup_group", name="other", controllers=["cpuset"])
    assert host.unfinished == {CPUSET + "batch"}
    hosts.run(host, "cgroup_group", name="batch", controllers=["cpuset"])
    assert tree(host, "cpuset").texts["batch/cpuset.cpus"] == "0-3"


def test_other_hierarchies_keep_no_journal(hosts: Hosts) -> None:
    host = hosts.make("legacy")
    with host.entered():
        domain = hosts.domain(host, "cgroup_limit", {"name": "batch", "create": True, "limits": {"pids.max": 5}})
        domain.begin(domain.plan(domain.observe()).changes)
    assert host.unfinished == frozenset()


# -- memory that is in use -----------------------------------------------------------------------------------------


class Memory(Files):
    """memory.reclaim takes what it can: at most ``step`` bytes a write, down to ``floor``."""

    step, floor = 10**12, 0

    def write(self, path: str, text: str) -> None:
        if path.endswith("/memory.reclaim") and path in self.texts:
            current = path.removesuffix("reclaim") + "current"
            had = int(self.texts[current])
            gone = min(int(text), self.step, max(had - self.floor, 0))
            self.texts[current] = str(had - gone)
            self.log.append(f"{path} = {text}")
            if gone < int(text):
                raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), path)
            return
        super().write(path, text)


def full(hosts: Hosts, step: int = 10**12, floor: int = 0, **given: Any) -> Described:
    host = hosts.make(
        "unified", groups={"/": {"cgroup.subtree_control": "memory"}, "batch": {"memory.current": 300 * MIB}}, **given
    )
    files = tree(host, "/")
    files.__class__ = Memory
    files.step, files.floor = step, floor  # type: ignore[attr-defined]  # it is a Memory now
    return host


def test_memory_is_reclaimed_before_its_limit_is_lowered(hosts: Hosts) -> None:
    host = full(hosts)
    hosts.run(host, "cgroup_limit", name="batch", limits={"memory.max": "100M"})
    assert host.log == [f"batch/memory.reclaim = {200 * MIB}", f"batch/memory.max = {100 * MIB}"]


def test_memory_is_reclaimed_in_as_many_steps_as_it_takes(hosts: Hosts) -> None:
    host = full(hosts, step=50 * MIB)
    hosts.run(host, "cgroup_limit", name="batch", limits={"memory.max": "100M"})
    assert [int(line.split()[-1]) // MIB for line in host.log] == [200, 150, 100, 50, 100]


def test_memory_that_cannot_be_reclaimed_keeps_its_limit(hosts: Hosts) -> None:
    host = full(hosts, floor=200 * MIB)
    with pytest.raises(RefusedError) as caught:
        hosts.run(host, "cgroup_limit", name="batch", limits={"memory.max": "100M"})
    assert caught.value.sentence() == (
        "/sys/fs/cgroup/batch/memory.max: would be lowered to 100M where 209715200 bytes are in use and no more of it "
        "can be reclaimed: the kernel would kill processes (0 of 1 changes were made before it); "
        "give it more, stop what uses it, or set shrink: immediate."
    )
    assert tree(host, "/").texts["batch/memory.max"] == "max"


def test_a_kernel_without_reclaim_refuses_to_provoke_a_kill(hosts: Hosts) -> None:
    host = full(hosts, without=["memory.reclaim"])
    with pytest.raises(RefusedError, match=r"Linux 5\.19"):
        hosts.run(host, "cgroup_limit", name="batch", limits={"memory.max": "100M"})
    assert tree(host, "/").texts["batch/memory.max"] == "max"


def test_immediate_means_at_once(hosts: Hosts) -> None:
    host = full(hosts)
    hosts.run(host, "cgroup_limit", name="batch", shrink="immediate", limits={"memory.max": "100M"})
    assert host.log == [f"batch/memory.max = {100 * MIB}"]


# -- processes ---------------------------------------------------------------------------------------------------


def nightly(hosts: Hosts) -> Described:
    # The /proc of these hosts does not follow what is written: the process stays where it is.
    return hosts.make(
        "unified", groups={"batch": {}}, processes=[{"pid": 500, "comm": "nightly", "exe": "/usr/bin/nightly"}]
    )


def test_a_family_of_which_there_are_always_more_is_an_error_after_a_while(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = nightly(hosts)
    move, births = placement.move, iter(range(501, 10**6))

    def move_and_fork(*arguments: Any) -> None:
        move(*arguments)
        pid = next(births)
        host.born({"pid": pid, "comm": "nightly", "exe": "/usr/bin/nightly"})

    monkeypatch.setattr(placement, "move", move_and_fork)
    with pytest.raises(TimedOutError) as caught:
        hosts.run(host, "cgroup_group", name="batch", processes=[{"exe": "/usr/bin/nightly"}])
    assert "fork faster than they are moved: after 0.05 s there are new ones outside, " in caught.value.sentence()
    assert "(nightly)" in caught.value.sentence()


def test_a_process_that_never_stays_inside_has_drifted(hosts: Hosts) -> None:
    """It is no family that forks: somebody else moves it, and there is no new one to wait for."""
    host = nightly(hosts)
    outcome = hosts.run(host, "cgroup_group", name="batch", processes=[{"exe": "/usr/bin/nightly"}])
    assert outcome.drifted == ("/sys/fs/cgroup/batch/cgroup.procs",)
    assert outcome.warnings == ("/sys/fs/cgroup/batch/cgroup.procs: drifted while this task ran",)
    assert 1 < len(host.log) < 10
    assert set(host.log) == {"batch/cgroup.procs = 500"}


def test_a_process_that_is_another_one_by_now_is_not_moved(hosts: Hosts) -> None:
    host = hosts.make("unified", groups={"batch": {}}, processes=[{"pid": 500, "comm": "nightly"}])
    with host.entered():
        placement.move(tree(host, "/"), "batch", 500, 1, 1.0)
        placement.move(tree(host, "/"), "batch", 501, 1501, 1.0)
        assert host.log == []
        placement.move(tree(host, "/"), "batch", 500, 1500, 1.0)
    assert host.log == ["batch/cgroup.procs = 500"]


def test_a_process_that_ends_while_it_is_moved_is_none(hosts: Hosts) -> None:
    host = hosts.make("unified", groups={"batch": {}}, processes=[{"pid": 500, "comm": "nightly"}])
    tree(host, "/").refusals["batch/cgroup.procs"] = [errno.ESRCH]
    with host.entered():
        placement.move(tree(host, "/"), "batch", 500, 1500, 1.0)


@pytest.mark.parametrize("lockout", [False, True])
def test_killing_looks_again_who_is_protected(hosts: Hosts, monkeypatch: pytest.MonkeyPatch, lockout: bool) -> None:
    host = hosts.make(
        "legacy",
        groups={"batch": {"in": ["memory", "pids"]}},
        processes=[{"pid": 500, "comm": "nightly", "in": "batch"}],
    )
    calls = []

    def empty(_host: Any, _roots: Any, indexes: Any, name: str, protected: Mapping[int, str], option: str) -> None:
        calls.append((list(indexes), name, sorted(protected)))

    monkeypatch.setattr(placement, "empty", empty)
    with host.entered():
        options = {"name": "batch", "state": "absent", "on_processes": "kill", "allow_lockout": lockout}
        domain = hosts.domain(host, "cgroup_group", options)
        plan = domain.plan(domain.observe())
        domain.begin(plan.changes)
        # Gone from one hierarchy meanwhile.
        tree(host, "pids").rmdir("batch")
        domain.apply(plan.changes[0])
        everybody = sorted(protection.observe().pids)
    assert calls == [([host.index("memory")], "batch", [] if lockout else everybody)]
    assert everybody == [1, 200, 300, 400]


# -- handing over ------------------------------------------------------------------------------------------------


def test_a_listed_file_that_this_group_lacks_is_left_out(hosts: Hosts) -> None:
    host = hosts.make("unified", **{"handed over": "cgroup.procs cgroup.no_such_file"})
    hosts.run(host, "cgroup_group", name="batch", delegate={"owner": "1000"})
    assert tree(host, "/").owners == {"batch": (1000, 0), "batch/cgroup.procs": (1000, 0)}
