# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cgroup_info answers: its options, the host, and what a group is in all of its hierarchies together."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies, info_figures, info_query
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError
from ansible_collections.linux.isolation.plugins.module_utils._kernel import mounts, processes
from ansible_collections.linux.isolation.tests.unit.plugins.module_utils._cgroup.info_kernel import (
    V1_CORE,
    Kernel,
    fill,
    kernels,
)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kernel]]:
    yield from kernels(tmp_path, monkeypatch)


# -- options ----------------------------------------------------------------------------------------------------------


def test_options_become_a_query() -> None:
    query = info_query.parse({"names": ["b/", "/", "b", "a"], "below": "x", "depth": 3, "max_items": 0, "pids": [5, 5]})
    assert query == info_query.Query(("b", "", "a"), "x", 3, None, (5,), frozenset(info_query.USUAL))
    assert info_query.parse({}) == info_query.Query()
    assert info_query.parse({"gather": []}).gather == frozenset()
    assert info_query.parse({"max_items": 7, "depth": None}).most == 7


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"names": ["a", "../b"]}, r"names\[1\]"),
        ({"below": "/x"}, "below: '/x' begins with /"),
        ({"depth": 2}, "depth: says how far"),
        ({"below": "/", "depth": 0}, "depth: 0 is too small; write 1 or more"),
        ({"max_items": -1}, "max_items: -1 is too small"),
        ({"pids": [1, 0]}, r"pids\[1\]: 0 is not the number of a process"),
    ],
)
def test_what_cannot_be_meant(params: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        info_query.parse(params)


# -- the host ---------------------------------------------------------------------------------------------------------


def test_asked_for_nothing_it_tells_of_the_host_alone(build: Callable[..., Kernel]) -> None:
    kernel = build("memory", "name=systemd", "unified", passed="pids")
    (kernel.folder / "unified/cgroup.subtree_control").write_text("")
    kernel.make("memory", "batch")
    found = kernel.ask()
    assert set(found) == {"changed", "mode", "reasons", "hierarchies", "controllers", "incomplete"}
    assert found["changed"] is False
    assert (found["mode"], found["reasons"]) == (kernel.host.mode, list(kernel.host.reasons))
    memory, systemd, unified = found["hierarchies"]
    assert memory == {
        "version": 1,
        "mount_point": str(kernel.folder / "memory"),
        "mounted_root": "/",
        "controllers": ["memory"],
        "name": "",
        "flags": [],
        "writable": True,
        "partial": False,
    }
    assert (systemd["name"], systemd["controllers"], unified["version"]) == ("systemd", [], 2)
    # v2's root has the controller and does not pass it on.
    shown = {name: (one["version"], one["enabled"]) for name, one in found["controllers"].items()}
    assert shown == {"memory": (1, True), "pids": (2, False)}
    assert sum(root.looked.total() for root in kernel.roots.values()) == 1


@pytest.mark.parametrize("point", ["memory", "unified"])
@pytest.mark.parametrize("seen_by", ["mounted root", "cgroup namespace"])
def test_a_partial_view_says_so(build: Callable[..., Kernel], point: str, seen_by: str) -> None:
    kernel = build(point, mounted_root="/container" if seen_by == "mounted root" else "/")
    if seen_by == "cgroup namespace":
        top = kernel.folder / point
        (top / "release_agent").unlink() if point == "memory" else (top / "cgroup.type").write_text("domain")
    kernel.make(point, "batch")
    found = kernel.ask(names=["batch"])
    assert [one["partial"] for one in found["hierarchies"]] == [True]
    assert found["groups"][0]["complete"] is False


# -- groups -----------------------------------------------------------------------------------------------------------


def said_by(group: str | None, value: object) -> dict[str, object]:
    return {"value": value, "set_by": group, "complete": True}


def test_a_v1_group(build: Callable[..., Kernel]) -> None:
    kernel = build("cpu", "cpuacct", "memory", "pids", "freezer")
    for point in ("cpu", "cpuacct", "memory", "pids"):
        kernel.make(point, "batch", cgroup__procs="5\n6" if point == "pids" else "5")
    kernel.make("memory", "batch/low")
    found = kernel.group("batch")
    assert found == {
        "name": "batch",
        "exists": True,
        "paths": [str(kernel.folder / point / "batch") for point in ("cpu", "cpuacct", "memory", "pids")],
        "controllers": ["cpu", "cpuacct", "memory", "pids"],
        "complete": True,
        "delegated_to": None,
        "type": None,
        "populated": True,
        "frozen": None,
        "limits": {
            "cpu.cfs_period_us": 100000,
            "cpu.cfs_quota_us": 50000,
            "memory.limit_in_bytes": 536870912,
            "memory.memsw.limit_in_bytes": "max",
            "memory.swappiness": 60,
            "pids.max": 500,
        },
        "effective": {
            "cpu.cfs_period_us": said_by("batch", 100000),
            "cpu.cfs_quota_us": said_by("batch", 50000),
            "memory.limit_in_bytes": said_by("batch", 536870912),
            "memory.memsw.limit_in_bytes": said_by(None, "max"),
            "memory.swappiness": said_by("batch", 60),
            "pids.max": said_by("batch", 500),
        },
        "usage": {
            "cpu.stat": {"nr_periods": 3},
            "cpuacct.usage": 9000,
            "memory.usage_in_bytes": 4096,
            "pids.current": 1,
        },
        "events": {"memory.failcnt": 2},
        "pressure": {},
        "as_v2": {
            "limits": {
                "cpu.max": [50000, 100000],
                "memory.max": 536870912,
                "memory.swap.max": "max",
                "pids.max": 500,
            },
            "effective": {
                "cpu.max": said_by("batch", [50000, 100000]),
                "memory.max": said_by("batch", 536870912),
                "memory.swap.max": said_by(None, "max"),
                "pids.max": said_by("batch", 500),
            },
            "usage": {
                "cpu.stat": {"nr_periods": 3, "usage_usec": 9},
                "memory.current": 4096,
                "pids.current": 1,
            },
            "events": {},
        },
        "processes": [
            {"pid": 5, "comm": "nginx", "controllers": ["cpu", "cpuacct", "memory", "pids"]},
            {"pid": 6, "comm": "worker", "controllers": ["pids"]},
        ],
        "processes_total": 2,
        "children": ["batch/low"],
        "children_total": 1,
    }


def test_a_v2_group(build: Callable[..., Kernel]) -> None:
    kernel = build("unified", passed="cpu cpuset memory pids")
    kernel.make("unified", "batch", cgroup__events="populated 1\nfrozen 1", cgroup__procs="5")
    found = kernel.group("batch", gather=[*info_query.USUAL, "stat"])
    limits = {
        "cgroup.max.depth": "max",
        "cgroup.max.descendants": "max",
        "cgroup.pressure": True,
        "cpu.max": [50000, 100000],
        "cpu.weight": 100,
        "cpuset.cpus": "",
        "cpuset.mems": "",
        "memory.low": 0,
        "memory.max": 536870912,
        "memory.swap.max": "max",
        "pids.max": 500,
    }
    usage = {
        "cpu.stat": {"usage_usec": 7, "user_usec": 5, "system_usec": 2},
        "memory.current": 4096,
        "pids.current": 1,
    }
    events = {"cgroup.events": {"populated": 1, "frozen": 1}, "memory.events": {"low": 0, "max": 3}}
    stat = {
        "cgroup.stat": {"nr_descendants": 0},
        "cpu.stat": usage["cpu.stat"],
        "memory.stat": {"anon": 4096, "file": 0},
        "memory.numa_stat": {"anon": {"N0": 4096, "N1": 0}},
    }
    effective = {
        "cgroup.max.depth": said_by(None, "max"),
        "cgroup.max.descendants": said_by(None, "max"),
        "cgroup.pressure": said_by("batch", True),
        "cpu.max": said_by("batch", [50000, 100000]),
        "cpu.weight": said_by("batch", 100),
        # Empty in the group: it has what the groups above it have.
        "cpuset.cpus": said_by(None, "0-1"),
        "cpuset.mems": said_by(None, "0"),
        "memory.low": said_by(None, 0),
        "memory.max": said_by("batch", 536870912),
        "memory.swap.max": said_by(None, "max"),
        "pids.max": said_by("batch", 500),
    }
    parts = {"limits": limits, "effective": effective, "usage": usage, "events": events, "stat": stat}
    assert {part: found[part] for part in parts} == parts
    assert found["as_v2"] == parts
    assert found["pressure"] == {
        "cpu.pressure": {
            "some": {"avg10": 1.5, "avg60": 0.0, "avg300": 0.0, "total": 7},
            "full": {"avg10": 0.0, "avg60": 0.0, "avg300": 0.0, "total": 0},
        }
    }
    assert (found["type"], found["populated"], found["frozen"]) == ("domain", True, True)
    assert found["processes"] == [
        {"pid": 5, "comm": "nginx", "controllers": ["cpu", "cpuset", "memory", "pids"]},
    ]


def test_every_file_is_read_once_and_no_other_is(build: Callable[..., Kernel]) -> None:
    kernel = build("memory", "pids", "unified", passed="cpu")
    for point in kernel.roots:
        kernel.make(point, "batch")
        kernel.make(point, "batch/low")
        kernel.make(point, "other")
    everything = [*info_query.GATHER]
    kernel.ask(names=["batch/low", "/", "batch"], below="/", depth=2, gather=everything)
    for point, root in kernel.roots.items():
        assert {path: count for path, count in root.looked.items() if count != 1} == {}, point
    # What the mount was told by holds for its root; and groups without others below them are not searched for any.
    assert not {"cgroup.controllers", "other/", "batch/low/"} & set(kernel.roots["unified"].looked)
    there = {path.rpartition("/")[2] for path in kernel.roots["memory"].looked if path.startswith("batch/")}
    assert not there & {"notify_on_release"}
    assert {"memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat", "cgroup.procs", "tasks"} <= there


def test_what_is_not_usual_is_not_read_unasked(build: Callable[..., Kernel]) -> None:
    kernel = build("memory", "devices", "unified", passed="cpu")
    for point in kernel.roots:
        kernel.make(point, "batch")
    found = kernel.group("batch")
    assert not {"devices", "stat", "threads"} & set(found)
    read = {path.rpartition("/")[2] for root in kernel.roots.values() for path in root.looked}
    assert not read & {"memory.stat", "devices.list", "tasks", "cgroup.threads", "cgroup.stat"}


_LIMITS = {"pids.max", "cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"}


@pytest.mark.parametrize(
    ("gather", "keys", "files"),
    [
        ([], set(), set()),
        (["limits"], {"limits", "as_v2"}, _LIMITS),
        (["effective"], {"effective", "as_v2"}, _LIMITS),
        (["limits", "effective"], {"limits", "effective", "as_v2"}, _LIMITS),
        (["events"], {"events", "as_v2"}, {"cgroup.events"}),
        (["events", "state"], {"events", "as_v2", "type", "populated", "frozen"}, {"cgroup.events", "cgroup.type"}),
        (["pressure"], {"pressure"}, {"cpu.pressure"}),
        (["stat"], {"stat", "as_v2"}, {"cpu.stat", "cgroup.stat"}),
        (["stat", "usage"], {"stat", "usage", "as_v2"}, {"cpu.stat", "cgroup.stat", "pids.current"}),
        (["devices"], {"devices"}, set()),
        (["threads"], {"threads", "threads_total"}, {"cgroup.threads"}),
        (["usage"], {"usage", "as_v2"}, {"pids.current", "cpu.stat"}),
        (["state"], {"type", "populated", "frozen"}, {"cgroup.type", "cgroup.events"}),
        (["processes"], {"processes", "processes_total"}, {"cgroup.procs"}),
        (["children"], {"children", "children_total"}, set()),
    ],
)
def test_only_what_is_to_be_gathered_is_read(
    build: Callable[..., Kernel], gather: list[str], keys: set[str], files: set[str]
) -> None:
    kernel = build("unified", passed="pids")
    kernel.make("unified", "batch")
    found = kernel.group("batch", gather=gather)
    assert set(found) == {"name", "exists", "paths", "controllers", "complete", "delegated_to"} | keys
    read = {path for path in kernel.roots["unified"].looked if path.startswith("batch/") and path[-1] not in "/*"}
    assert read == {"batch/" + file for file in files | {"cgroup.controllers"}}


def test_a_missing_group_is_no_error_and_has_the_same_keys(build: Callable[..., Kernel]) -> None:
    kernel = build("memory", "unified", passed="pids")
    kernel.make("memory", "batch")
    found = kernel.ask(names=["nope/below", "batch", "/"])["groups"]
    assert [(one["name"], one["exists"]) for one in found] == [
        ("nope/below", False),
        ("batch", True),
        ("/", True),
    ]
    assert all(set(one) == set(found[1]) for one in found)
    assert (found[0]["limits"], found[0]["paths"]) == ({}, [])
    assert found[0]["as_v2"] == {"limits": {}, "effective": {}, "usage": {}, "events": {}}
    assert kernel.warnings == []


def test_cpu_stat_is_of_the_hierarchy_that_has_the_controller(build: Callable[..., Kernel]) -> None:
    for points, there in ((("cpuacct", "unified"), False), (("cpu", "unified"), False), (("memory", "unified"), True)):
        kernel = build(*points)
        kernel.make("unified", "batch")
        assert ("cpu.stat" in kernel.group("batch")["usage"]) is there
    kernel = build("memory", "unified", passed="cpu")
    kernel.make("unified", "batch", cgroup__controllers="")
    assert kernel.group("batch")["usage"]["cpu.stat"]["usage_usec"] == 7


def test_cpuset_without_prefix(build: Callable[..., Kernel]) -> None:
    kernel = build("cpuset")
    bare = kernel.host.hierarchies[0]._replace(noprefix=True)
    kernel.host = kernel.host._replace(hierarchies=(bare,))
    fill(kernel.folder / "cpuset/batch", {**V1_CORE, "cpus": "0-1", "mems": "0"})
    assert kernel.group("batch")["limits"] == {"cpuset.cpus": "0-1", "cpuset.mems": "0"}


def test_groups_with_other_controllers_have_other_files(build: Callable[..., Kernel]) -> None:
    kernel = build("unified", passed="memory pids")
    kernel.make("unified", "one")
    kernel.make("unified", "two")
    kernel.make("unified", "few", cgroup__controllers="pids")
    found = {one["name"]: one["limits"] for one in kernel.ask(below="/")["groups"]}
    assert found["one"] == found["two"]
    assert set(found["one"]) - set(found["few"]) == {"memory.max", "memory.swap.max", "memory.low"}


# -- state ------------------------------------------------------------------------------------------------------------


def test_whether_a_v1_group_is_populated_is_not_known_for_groups_below_it(build: Callable[..., Kernel]) -> None:
    kernel = build("memory", "pids")
    for name, pids in (("full", "5"), ("full/low", ""), ("upper", ""), ("upper/low", ""), ("leaf", "")):
        kernel.make("memory", name, cgroup__procs=pids)
    kernel.make("pids", "leaf")
    for gather in (["state"], ["state", "children"]):
        found = kernel.ask(names=["full", "upper", "leaf"], gather=gather)["groups"]
        assert [one["populated"] for one in found] == [True, None, False]


def test_what_one_hierarchy_does_not_tell_no_other_denies(build: Callable[..., Kernel]) -> None:
    kernel = build("pids", "unified")
    kernel.make("unified", "batch")
    kernel.make("pids", "batch")
    kernel.make("pids", "batch/low")
    assert kernel.group("batch", gather=["state"])["populated"] is None


def test_populated_in_one_hierarchy_is_populated(build: Callable[..., Kernel]) -> None:
    kernel = build("pids", "unified")
    kernel.make("pids", "batch", cgroup__procs="5")
    kernel.make("unified", "batch")
    assert kernel.group("batch", gather=["state"])["populated"] is True


@pytest.mark.parametrize(("state", "frozen"), [("FROZEN", True), ("FREEZING", False), ("THAWED", False)])
def test_frozen_on_v1(build: Callable[..., Kernel], state: str, frozen: bool) -> None:
    kernel = build("pids", "freezer")
    kernel.make("pids", "batch")
    kernel.make("freezer", "batch", freezer__state=state)
    found = kernel.group("batch", gather=["state", "limits"])
    assert found["frozen"] is frozen
    assert set(found["limits"]) == {"pids.max"}


def test_a_threaded_group_tells_its_processes_by_their_threads(
    build: Callable[..., Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "process_of", {51: 5, 52: 5, 7: 6}.get)
    kernel = build("unified")
    kernel.make("unified", "batch", cgroup__type="threaded", cgroup__threads="51\n52\n7\n99")

    def refuse(path: str) -> None:
        if path == "batch/cgroup.procs":
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    kernel.roots["unified"].before = refuse
    for gather in (["processes"], ["processes", "state"]):
        found = kernel.group("batch", gather=gather)
        assert [one["pid"] for one in found["processes"]] == [5, 6]
        # Which of their threads are here is the point of such a group: they are told unasked.
        assert found["threads"] == [{"tid": 7, "pid": 6, "comm": "thread", "controllers": []}]
        assert found["threads_total"] == 1
        assert kernel.warnings == []
        # Where the type is known already, what would be refused is not tried.
        assert kernel.roots["unified"].looked["batch/cgroup.procs"] == 1


def test_threads_where_they_are_asked_for(build: Callable[..., Kernel], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "process_of", {5: 5, 6: 6, 7: 6}.get)
    kernel = build("memory", "pids", "unified", passed="cpu")
    kernel.make("memory", "batch", tasks="7\n5\n404")
    kernel.make("pids", "batch", tasks="7")
    kernel.make("unified", "other", cgroup__threads="6\n7\n0")
    found = kernel.group("batch", gather=["threads"])
    assert found["threads"] == [
        {"tid": 5, "pid": 5, "comm": "nginx", "controllers": ["memory"]},
        {"tid": 7, "pid": 6, "comm": "thread", "controllers": ["memory", "pids"]},
    ]
    assert found["threads_total"] == 2
    found = kernel.group("other", gather=["threads", "processes", "state"], max_items=1)
    assert [one["tid"] for one in found["threads"]] == [6]
    assert (found["threads_total"], found["processes"]) == (2, [])
    assert [sentence.partition(",")[0] for sentence in kernel.warnings] == [
        "other holds processes of another pid namespace"
    ]


def test_v1_tells_of_kills(build: Callable[..., Kernel]) -> None:
    kernel = build("memory")
    kernel.make("memory", "batch", memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 1")
    found = kernel.group("batch", gather=["events", "limits"])
    assert found["events"]["memory.oom_control"] == {"oom_kill_disable": 0, "under_oom": 0, "oom_kill": 1}
    assert found["as_v2"]["events"] == {"memory.events.local": {"oom_kill": 1}}
    assert kernel.roots["memory"].looked["batch/memory.oom_control"] == 1


def test_rules_of_devices(build: Callable[..., Kernel]) -> None:
    kernel = build("devices", "unified")
    kernel.make("devices", "batch")
    kernel.make("unified", "batch")
    kernel.make("unified", "other")
    rules = [{"type": "c", "device": "1:3", "access": "rwm"}, {"type": "b", "device": "*:*", "access": "m"}]
    assert kernel.group("batch", gather=["devices"])["devices"] == rules
    # v2 has a program there, of which no file tells.
    assert kernel.group("other", gather=["devices"])["devices"] is None
    kernel.make("devices", "new", devices__list="something else")
    assert kernel.group("new", gather=["devices"])["devices"] is None
    assert [sentence.partition(" holds")[2] for sentence in kernel.warnings] == [
        " what no known kernel shows, and is left out"
    ]


def test_the_kernels_switched_off_pressure_is_none(build: Callable[..., Kernel]) -> None:
    kernel = build("unified")
    kernel.make("unified", "batch")

    def refuse(path: str) -> None:
        if path.endswith("cpu.pressure"):
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    kernel.roots["unified"].before = refuse
    assert kernel.group("batch")["pressure"] == {}
    assert kernel.warnings == []


def test_a_file_that_is_limit_and_event_is_read_once(
    build: Callable[..., Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(info_figures, "parts_of", lambda file: ("events",) if file == "pids.max" else ())
    kernel = build("pids")
    kernel.make("pids", "batch")
    found = kernel.group("batch", gather=["limits", "events"])
    assert (found["limits"], found["events"]) == ({"pids.max": 500}, {"pids.max": 500})
    assert kernel.roots["pids"].looked["batch/pids.max"] == 1


def test_the_flags_of_a_hierarchy() -> None:
    mount = mounts.Mount("0:1", "/", "/sys/fs/cgroup", ("rw",), "cgroup2", ("rw", "nsdelegate", "memory_recursiveprot"))
    (hierarchy,) = hierarchies.describe(mounts.CGROUP_V2, [hierarchies.Candidate(mount, ("memory",))]).hierarchies
    assert hierarchy.flags == ("nsdelegate", "memory_recursiveprot")


def test_to_whom_a_group_is_delegated(build: Callable[..., Kernel]) -> None:
    kernel = build("memory", "pids", "unified")
    for point in kernel.roots:
        kernel.make(point, "batch")
    kernel.roots["pids"].owner = kernel.roots["unified"].owner = (1000, 100)
    assert kernel.group("batch")["delegated_to"] == {
        "owner": 1000,
        "group": 100,
        "paths": [str(kernel.folder / point / "batch") for point in ("pids", "unified")],
    }
