# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs: what a task changes, that it finds it so when it looks again, and that its like has nothing left to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._convergence.converge import converge
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import IsolationError
from ansible_collections.linux.isolation.tests.unit.plans.files import Files
from ansible_collections.linux.isolation.tests.unit.plans.running import Hosts, tree

MIB = 1024**2


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    return Hosts(tmp_path)


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


class Stubborn(Files):
    """Takes what is enabled and forgets it."""

    def write(self, path: str, text: str) -> None:
        if not path.endswith("cgroup.subtree_control"):
            super().write(path, text)


def test_a_hold_that_does_not_hold_is_an_error(hosts: Hosts) -> None:
    host = hosts.make(
        "unified", systemd=True, groups={"/": {"cgroup.subtree_control": "cpu"}, "a": {"cpu.weight": 200}}
    )
    tree(host, "/").__class__ = Stubborn
    with pytest.raises(IsolationError, match=r"does not hold after it was written: .*/linux-isolation-hold/cgroup\."):
        hosts.run(host, "cgroup_limit", name="a", limits={"cpu.weight": 200})


def test_what_another_program_undoes_at_once_is_an_error(hosts: Hosts) -> None:
    """systemd takes controllers away: what was enabled has to be looked at again, whichever group it is for."""
    host = hosts.make("unified", groups={"a": {}})
    tree(host, "/").__class__ = Stubborn
    with pytest.raises(
        IsolationError, match=r"does not hold after it was written: /sys/fs/cgroup/cgroup\.subtree_control"
    ):
        hosts.run(host, "cgroup_group", name="a", controllers=["memory"])
