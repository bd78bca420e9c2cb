# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Applying: the verbs one by one, their patience, and whole runs, on hierarchies that are dictionaries."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import placement, protection, verbs
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.apply import Cgroups
from ansible_collections.linux.isolation.plugins.module_utils._convergence.converge import Outcome, converge
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    IsolationError,
    KernelError,
    RefusedError,
    TimedOutError,
)
from ansible_collections.linux.isolation.tests.unit.plans import cases
from ansible_collections.linux.isolation.tests.unit.plans.host import Described, Files

MIB = 1024**2


class Hosts:
    """Makes hosts, and runs tasks on them."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._made = 0

    def make(self, host: str, **given: Any) -> Described:
        self._made += 1
        return Described({"host": host, **given}, self._place / str(self._made))

    def domain(self, host: Described, module: str, options: Mapping[str, Any]) -> Cgroups:
        return Cgroups(host.opened, cases.desired(host, module, options))

    def run(self, host: Described, module: str, **options: Any) -> Outcome:
        with host.entered():
            domain = self.domain(host, module, options)
            found = converge(domain, check_mode=False)
            domain.finish()
            return found


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    # Long enough for what shall succeed on a busy machine; what shall not has its own.
    for bound in ("PATIENCE", "FREEZE_BOUND", "RECLAIM_BOUND"):
        monkeypatch.setattr(verbs, bound, 30.0)
    monkeypatch.setattr(verbs, "GATHER_BOUND", 0.05)
    yield Hosts(tmp_path)


def tree(host: Described, where: str) -> Files:
    return host.files[host.index(where)]


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
    host = hosts.make(
        "unified", groups={"/": {"cgroup.subtree_control": "pids"}, "batch": {"cgroup.type": "threaded"}}
    )
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


def test_a_family_that_is_never_inside_is_an_error_after_a_while(hosts: Hosts) -> None:
    # The /proc of these hosts does not follow what is written: the process stays where it is.
    host = hosts.make(
        "unified", groups={"batch": {}}, processes=[{"pid": 500, "comm": "nightly", "exe": "/usr/bin/nightly"}]
    )
    with pytest.raises(TimedOutError, match="fork faster than they are moved"):
        hosts.run(host, "cgroup_group", name="batch", processes=[{"exe": "/usr/bin/nightly"}])
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
        "legacy", groups={"batch": {"in": ["memory", "pids"]}}, processes=[{"pid": 500, "comm": "nightly", "in": "batch"}]
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


# -- whole runs: apply, verify, and again --------------------------------------------------------------------------

LIMITS = {"pids.max": 5, "cpu.weight": 200}
RUNS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "v1 limits": ({"host": "legacy"}, "cgroup_limit", {"name": "a/b", "create": True, "limits": LIMITS}),
    "v2 limits": ({"host": "unified"}, "cgroup_limit", {"name": "a/b", "create": True, "limits": LIMITS}),
    "hybrid": (
        {"host": "hybrid with memory and pids on v2"},
        "cgroup_limit",
        {"name": "a/b", "create": True, "limits": LIMITS},
    ),
    "controllers alone": (
        {"host": "unified", "groups": {"a": {}}},
        "cgroup_group",
        {"name": "a", "controllers": ["memory"]},
    ),
    "cpusets are filled": ({"host": "legacy"}, "cgroup_group", {"name": "a/b", "controllers": ["cpuset"]}),
    "cpusets of a mount without prefixes": (
        {"host": "legacy with noprefix"},
        "cgroup_limit",
        {"name": "a/b", "create": True, "limits": {"cpuset.cpus": "1-2"}},
    ),
    "swap alone": (
        {
            "host": "legacy",
            "groups": {"a": {"memory.limit_in_bytes": 100 * MIB, "memory.memsw.limit_in_bytes": 300 * MIB}},
        },
        "cgroup_limit",
        {"name": "a", "limits": {"memory.swap.max": "50M"}},
    ),
    "the hold": (
        {"host": "unified", "systemd": True},
        "cgroup_limit",
        {"name": "a", "create": True, "limits": {"cpu.weight": 200}},
    ),
    "a hold that was lost": (
        {
            "host": "unified",
            "systemd": True,
            "groups": {"/": {"cgroup.subtree_control": "cpu"}, "a": {"cpu.weight": 200}},
        },
        "cgroup_limit",
        {"name": "a", "limits": {"cpu.weight": 200}},
    ),
    "a hold that lacks something": (
        {
            "host": "unified",
            "systemd": True,
            "groups": {
                "/": {"cgroup.subtree_control": "cpu pids"},
                "linux-isolation-hold": {"cgroup.subtree_control": "pids"},
                "a": {},
            },
        },
        "cgroup_group",
        {"name": "a", "controllers": ["cpu"]},
    ),
    "the last group that needs the hold": (
        {
            "host": "unified",
            "systemd": True,
            "groups": {
                "/": {"cgroup.subtree_control": "cpu"},
                "linux-isolation-hold": {"cgroup.subtree_control": "cpu"},
                "a": {},
            },
        },
        "cgroup_group",
        {"name": "a", "state": "absent"},
    ),
    "a controller less": (
        {"host": "unified", "groups": {"/": {"cgroup.subtree_control": "cpu pids"}, "a": {}}},
        "cgroup_group",
        {"name": "a", "controllers_absent": ["cpu"]},
    ),
    "a hierarchy less": (
        {"host": "legacy", "groups": {"a": {"in": ["cpu", "pids"]}}},
        "cgroup_group",
        {"name": "a", "controllers": ["pids"], "controllers_absent": ["cpu"]},
    ),
    "threaded": ({"host": "unified"}, "cgroup_group", {"name": "a/b", "type": "threaded", "controllers": ["cpu"]}),
    "a domain again": (
        {"host": "unified", "groups": {"a": {"cgroup.type": "threaded"}}},
        "cgroup_group",
        {"name": "a", "type": "domain", "recreate": True},
    ),
    "handed over": ({"host": "unified"}, "cgroup_group", {"name": "a", "delegate": {"owner": "1000", "group": "1000"}}),
    "frozen by v1": ({"host": "legacy"}, "cgroup_group", {"name": "a", "frozen": True}),
    "frozen by v2": ({"host": "unified"}, "cgroup_group", {"name": "a", "frozen": True}),
    "thawed": (
        {"host": "unified", "groups": {"a": {"cgroup.freeze": 1, "cgroup.events": "populated 0\nfrozen 1"}}},
        "cgroup_group",
        {"name": "a", "frozen": False},
    ),
    "absent": (
        {"host": "hybrid", "groups": {"a": {"in": ["pids", "v2"]}, "a/b": {"in": ["pids"]}}},
        "cgroup_group",
        {"name": "a", "state": "absent", "recursive": True},
    ),
    "purged": (
        {"host": "unified", "groups": {"a": {}, "a/b": {}, "a/c": {}, "a/c/d": {}}},
        "cgroup_tree",
        {"purge_below": "a", "purge_force": True, "groups": [{"name": "a/b"}]},
    ),
    "raised, lowered, made and removed": (
        {
            "host": "legacy",
            "groups": {
                "a": {"cpu.cfs_quota_us": 50000},
                "b": {"cpu.cfs_quota_us": 90000},
                "b/c": {"cpu.cfs_quota_us": 90000},
                "old": {"in": ["cpu"]},
            },
        },
        "cgroup_tree",
        {
            "groups": [
                {"name": "a", "limits": {"cpu.max": 1}},
                {"name": "b", "limits": {"cpu.max": 0.5}},
                {"name": "b/c", "limits": {"cpu.max": 0.5}},
                {"name": "new/in", "limits": {"cpu.max": 0.25}},
                {"name": "old", "state": "absent"},
            ]
        },
    ),
    "one of two that would not be planned again alone": (
        {
            "host": "legacy",
            "groups": {"a": {"pids.max": 0}, "b": {"pids.max": 3}},
            "processes": [{"pid": 500, "comm": "nightly", "in": "a"}],
        },
        "cgroup_tree",
        {
            "groups": [
                {"name": "a", "limits": {"pids.max": 0}, "processes": [{"pid": 500}]},
                {"name": "b", "limits": {"pids.max": 4}},
            ]
        },
    ),
    "one of two that takes a value from the host": (
        {
            "host": "legacy",
            "groups": {
                "a": {"memory.limit_in_bytes": 100 * MIB, "memory.memsw.limit_in_bytes": 150 * MIB},
                "b": {"pids.max": 3},
            },
        },
        "cgroup_tree",
        {
            "groups": [
                {"name": "a", "limits": {"memory.swap.max": "50M"}},
                {"name": "b", "limits": {"pids.max": 4}},
            ]
        },
    ),
}


@pytest.mark.parametrize("run", RUNS)
def test_a_run_reaches_what_is_wanted_and_the_next_finds_it(hosts: Hosts, run: str) -> None:
    given, module, options = RUNS[run]
    host = hosts.make(**given)
    with host.entered():
        domain = hosts.domain(host, module, options)
        predicted = converge(domain, check_mode=True)
    assert host.log == []
    first = hosts.run(host, module, **options)
    assert first.changed
    assert first.changes == predicted.changes
    assert first.drifted == ()
    host.log.clear()
    again = hosts.run(host, module, **options)
    assert (again.changes, host.log) == ((), [])


def test_what_another_program_undoes_at_once_is_an_error(hosts: Hosts) -> None:
    """systemd takes controllers away: what was enabled has to be looked at again, whichever group it is for."""

    class Stubborn(Files):
        def write(self, path: str, text: str) -> None:
            if path != "cgroup.subtree_control":
                super().write(path, text)

    host = hosts.make("unified", groups={"a": {}})
    tree(host, "/").__class__ = Stubborn
    with pytest.raises(IsolationError, match=r"does not hold after it was written: /sys/fs/cgroup/cgroup\.subtree_control"):
        hosts.run(host, "cgroup_group", name="a", controllers=["memory"])
