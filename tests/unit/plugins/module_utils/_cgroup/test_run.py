# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a module from its options to its result, on hosts out of files."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies, run
from ansible_collections.linux.isolation.plugins.module_utils._convergence.answer import answer
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    InputError,
    TimedOutError,
    UnsupportedError,
)
from ansible_collections.linux.isolation.plugins.module_utils._kernel import lock, machine
from ansible_collections.linux.isolation.tests.unit.plans import cases
from ansible_collections.linux.isolation.tests.unit.plans.host import DISKS, GIB, Described


class Runner:
    """Runs modules on a host and tells how the lock was held."""

    def __init__(self, host: Described) -> None:
        self.host = host
        self.locks: list[str] = []

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        self.locks.append(f"taken after {len(self.host.log)} calls")
        try:
            yield
        finally:
            self.locks.append(f"left after {len(self.host.log)} calls")

    def run(
        self, module: str, check: bool = False, diff: bool = False, **options: Any
    ) -> tuple[dict[str, Any], list[str]]:
        params = cases.parameters(module, options)
        with self.host.entered():
            return (run.run_tree if module == "cgroup_tree" else run.run_one)(params, check, diff)


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(host: str, **given: Any) -> Runner:
        runner = Runner(Described({"host": host, **given}, tmp_path))
        monkeypatch.setattr(run, "need_root", lambda: None)
        monkeypatch.setattr(hierarchies, "observe", lambda: runner.host.opened)
        monkeypatch.setattr(lock, "held", runner.held)
        monkeypatch.setattr(machine, "page_size", lambda: 4096)
        monkeypatch.setattr(machine, "memory_total", lambda: 16 * GIB)
        monkeypatch.setattr(machine, "cpus", lambda: 4)
        monkeypatch.setattr(machine, "has_systemd", lambda: runner.host.systemd)
        monkeypatch.setattr(machine, "block_device", DISKS.__getitem__)
        return runner

    return make


LIMIT = {"name": "batch", "create": True, "limits": {"pids.max": 5}}


def test_a_result(on: Any) -> None:
    runner = on("legacy")
    values, warnings = runner.run("cgroup_limit", **LIMIT)
    assert values == {
        "changed": True,
        "mode": "legacy",
        "actions": [
            {
                "action": "create",
                "target": "batch",
                "path": "/sys/fs/cgroup/pids/batch",
                "before": None,
                "after": "group",
            },
            {
                "action": "write",
                "target": "batch",
                "path": "/sys/fs/cgroup/pids/batch/pids.max",
                "before": None,
                "after": "5",
            },
        ],
        "actions_total": 2,
        "groups": [
            {"name": "batch", "state": "present", "paths": ["/sys/fs/cgroup/pids/batch"], "limits": {"pids.max": "5"}}
        ],
        "drifted": [],
    }
    assert warnings == []
    again, _ = runner.run("cgroup_limit", **LIMIT)
    assert again == {**values, "changed": False, "actions": [], "actions_total": 0}


def test_the_lock_is_held_from_the_first_look_to_the_last(on: Any) -> None:
    runner = on("legacy")
    runner.run("cgroup_limit", **LIMIT)
    assert runner.locks == ["taken after 0 calls", "left after 2 calls"]


def test_check_mode_predicts_and_touches_nothing(on: Any) -> None:
    runner = on("legacy")
    predicted, _ = runner.run("cgroup_limit", check=True, diff=True, **LIMIT)
    assert (runner.locks, runner.host.log) == ([], [])
    real, _ = runner.run("cgroup_limit", diff=True, **LIMIT)
    assert predicted == real


def test_a_lock_that_is_not_free_is_an_error_before_anything(on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = on("legacy")

    def never() -> None:
        raise TimedOutError("is held by process 12 (python3) for more than 60 s", option=lock.LOCK)

    monkeypatch.setattr(lock, "held", never)
    with pytest.raises(TimedOutError):
        runner.run("cgroup_limit", **LIMIT)
    assert runner.host.log == []


def test_a_diff_is_made_when_it_is_asked_for(on: Any) -> None:
    runner = on("legacy")
    values, _ = runner.run("cgroup_limit", check=True, **LIMIT)
    assert "diff" not in values
    values, _ = runner.run("cgroup_limit", check=True, diff=True, **LIMIT)
    assert values["diff"] == [
        {
            "before_header": "batch",
            "after_header": "batch",
            "before": "",
            "after": "/sys/fs/cgroup/pids/batch: group\n/sys/fs/cgroup/pids/batch/pids.max: 5\n",
        }
    ]


def test_actions_and_groups_are_cut_and_counted(on: Any) -> None:
    runner = on("legacy")
    groups = [{"name": f"g{number}", "limits": {"pids.max": 1}} for number in range(150)]
    values, _ = runner.run("cgroup_tree", check=True, groups=groups)
    assert (len(values["actions"]), values["actions_total"], len(values["groups"])) == (200, 300, 150)
    values, _ = runner.run("cgroup_tree", check=True, groups=groups, return_actions="all")
    assert (len(values["actions"]), values["actions_total"]) == (300, 300)


def test_groups_are_told_in_the_order_of_the_tree(on: Any) -> None:
    runner = on("hybrid", groups={"old": {"in": ["pids"]}})
    values, _ = runner.run(
        "cgroup_tree",
        groups=[
            {"name": "batch/night", "limits": {"memory.max": "1G", "cpu.weight": 100}},
            {"name": "old", "state": "absent"},
            {"name": "batch"},
        ],
    )
    assert values["groups"] == [
        {"name": "batch", "state": "present", "paths": ["/sys/fs/cgroup/unified/batch"], "limits": {}},
        {"name": "old", "state": "absent"},
        {
            "name": "batch/night",
            "state": "present",
            "paths": ["/sys/fs/cgroup/cpu/batch/night", "/sys/fs/cgroup/memory/batch/night"],
            "limits": {"memory.limit_in_bytes": "1G", "cpu.shares": "1024"},
        },
    ]


def test_a_result_tells_what_the_group_now_holds(on: Any) -> None:
    """Whether it was declared as such, taken from the host, or from the parent; whether it was written or is there already."""
    mib = 1024**2
    runner = on(
        "legacy",
        groups={
            "a": {
                "memory.limit_in_bytes": 100 * mib,
                "memory.memsw.limit_in_bytes": 300 * mib,
                "memory.swappiness": 10,
            },
            "b": {"memory.limit_in_bytes": 100 * mib, "memory.memsw.limit_in_bytes": 150 * mib},
            "c": {"cpuset.cpus": "0-3", "cpuset.mems": "0"},
            "c/d": {"cpuset.cpus": "1", "cpuset.mems": "0"},
        },
    )
    task = {
        "groups": [
            {"name": "a", "limits": {"memory.swap.max": "50M", "memory.swappiness": "default"}},
            {"name": "b", "limits": {"memory.swap.max": "50M"}},
            {"name": "c/d", "limits": {"cpuset.cpus": "default"}},
            {"name": "c/new", "limits": {"cpuset.cpus": "default", "cpuset.mems": "default"}},
        ]
    }
    told = {
        "a": {"memory.memsw.limit_in_bytes": "150M", "memory.swappiness": "60"},
        "b": {"memory.memsw.limit_in_bytes": "150M"},
        "c/d": {"cpuset.cpus": "0-3"},
        "c/new": {"cpuset.cpus": "0-3", "cpuset.mems": "0"},
    }
    for check, changed in ((True, True), (False, True), (False, False)):
        values, _ = runner.run("cgroup_tree", check=check, **task)
        assert values["changed"] is changed
        assert {group["name"]: group["limits"] for group in values["groups"]} == told


def test_a_result_tells_all_devices_that_are_limited(on: Any) -> None:
    runner = on(
        "unified",
        groups={"/": {"cgroup.subtree_control": "io"}, "a": {"io.max": "8:16 rbps=4096 wbps=max riops=max wiops=max"}},
    )
    values, _ = runner.run("cgroup_limit", check=True, name="a", limits={"io.max": {"/dev/sda": {"wiops": 100}}})
    assert values["groups"][0]["limits"] == {"io.max": "8:16 rbps=4K, 8:0 wiops=100"}


def test_warnings_come_along(on: Any) -> None:
    _, warnings = on("legacy").run("cgroup_limit", name="batch", create=True, limits={"cpu.weight": 200})
    assert len(warnings) == 1
    assert "quadratic formula" in warnings[0]


@pytest.mark.parametrize("host", ["none", "none with v1 elsewhere", "unknown on ext4", "unknown on an empty tmpfs"])
@pytest.mark.parametrize("check", [True, False])
def test_in_an_unknown_mode_nothing_is_changed(on: Any, host: str, check: bool) -> None:
    runner = on(host)
    with pytest.raises(UnsupportedError) as caught:
        runner.run("cgroup_limit", check=check, **LIMIT)
    assert caught.value.sentence().startswith("this host: has no cgroup hierarchy in a known mode: /sys/fs/cgroup is ")
    assert (runner.locks, runner.host.log) == ([], [])


def test_bad_input_is_told_before_the_lock(on: Any) -> None:
    runner = on("legacy")
    with pytest.raises(InputError):
        runner.run("cgroup_limit", name="/batch", limits={"pids.max": 5})
    with pytest.raises(InputError, match="purge_below"):
        runner.run("cgroup_tree", groups=[{"name": "batch"}], purge_below="/")
    with pytest.raises(InputError, match=r"purge_below: '\.\./up'"):
        runner.run("cgroup_tree", groups=[{"name": "batch"}], purge_below="../up")
    assert runner.locks == []


def test_an_error_is_data_too(on: Any) -> None:
    runner = on("legacy")
    found = answer(lambda: runner.run("cgroup_limit", name="batch", limits={"pids.max": "many"}))
    assert found.failed
    assert found.values["failure"]["kind"] == "InputError"
    assert found.values["failure"]["option"] == "limits['pids.max']"
    assert found.values["msg"].startswith("limits['pids.max']: 'many' is not a number")


# -- who may run it --------------------------------------------------------------------------------------------------


def test_without_root_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(UnsupportedError) as caught:
        run.run_one({"name": "batch"}, True, False)
    assert caught.value.sentence() == "this task: needs root; add become: true."


def test_outside_linux_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "freebsd14")
    with pytest.raises(UnsupportedError, match="is not Linux"):
        run.run_one({"name": "batch"}, True, False)


def test_a_host_that_cannot_be_looked_at_is_no_traceback(on: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of the host's, nor its absence, is worth a traceback."""
    runner = on("legacy")

    def unreadable() -> Any:
        raise PermissionError(13, "Permission denied", "/proc/self/mountinfo")

    monkeypatch.setattr(hierarchies, "observe", unreadable)
    found = answer(lambda: runner.run("cgroup_limit", **LIMIT))
    assert found.failed
    assert "/proc/self/mountinfo: Permission denied (EACCES)" in found.values["msg"]
