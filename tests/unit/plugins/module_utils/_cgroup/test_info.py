# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cgroup_info answers, over hierarchies that are plain directories: what vanishes, what is refused, what is too much."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies, info, info_processes
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.info_place import Notes
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError
from ansible_collections.linux.isolation.plugins.module_utils._kernel import mounts, processes
from ansible_collections.linux.isolation.plugins.module_utils._kernel.beneath import Root
from ansible_collections.linux.isolation.plugins.module_utils._kernel.processes import Process

CORE = {
    "cgroup.controllers": "",
    "cgroup.type": "domain",
    "cgroup.events": "populated 0\nfrozen 0",
    "cgroup.procs": "",
    "cgroup.threads": "",
    "cgroup.max.depth": "max",
    "cgroup.max.descendants": "max",
    "cpu.stat": "usage_usec 7\nuser_usec 5\nsystem_usec 2",
}
V1_CORE = {"cgroup.procs": "", "tasks": "", "notify_on_release": "0"}
FILES = {
    1: {
        "memory": {
            "memory.limit_in_bytes": "536870912",
            "memory.memsw.limit_in_bytes": "9223372036854771712",
            "memory.swappiness": "60",
            "memory.usage_in_bytes": "4096",
            "memory.stat": "cache 0",
        },
        "pids": {"pids.max": "500", "pids.current": "1"},
        "cpu": {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000", "cpu.stat": "nr_periods 3"},
        "cpuacct": {"cpuacct.usage": "9000"},
        "freezer": {"freezer.state": "THAWED"},
        "cpuset": {"cpuset.cpus": "0-1", "cpuset.mems": "0"},
    },
    2: {
        "memory": {
            "memory.max": "536870912",
            "memory.swap.max": "max",
            "memory.current": "4096",
            "memory.reclaim": "",
        },
        "pids": {"pids.max": "500", "pids.current": "1"},
        "cpu": {"cpu.max": "50000 100000", "cpu.weight": "100"},
        "cpuset": {"cpuset.cpus": "", "cpuset.mems": ""},
    },
}


class Watched(Root):
    """Counts what is looked at and lets a test come between."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self.looked: Counter[str] = Counter()
        self.before: Callable[[str], None] = lambda path: None
        self.owner = (0, 0)
        self.closed = ""

    def read(self, path: str) -> str:
        self.looked[path] += 1
        self.before(path)
        return super().read(path) + "\n"

    def file_status(self, path: str) -> os.stat_result | None:
        if self.closed and path.startswith(self.closed + "/"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        found = super().file_status(path)
        return found and os.stat_result((*found[:4], *self.owner, *found[6:]))

    def files(self, path: str) -> list[str]:
        self.looked[path + "/*"] += 1
        return super().files(path)

    def names(self, path: str) -> list[str]:
        self.looked[path + "/"] += 1
        return super().names(path)


class Kernel:
    """Hierarchies in a folder: each a name, which is a v1 controller, name=..., or "unified"."""

    def __init__(self, folder: Path, *points: str, passed: str = "", mounted_root: str = "/") -> None:
        self.folder = folder
        self._controllers = tuple(passed.split())
        candidates = []
        for point in points:
            top = folder / point
            v2 = point == "unified"
            own = {"cgroup.controllers": passed, "cgroup.subtree_control": passed} if v2 else {"release_agent": ""}
            core = {file: text for file, text in CORE.items() if file not in ("cgroup.type", "cgroup.events")}
            _fill(top, {**(core if v2 else V1_CORE), **own})
            mount = mounts.Mount("0:1", mounted_root, str(top), ("rw",), "cgroup2" if v2 else "cgroup", ("rw", point))
            candidates.append(hierarchies.Candidate(mount, self._controllers if v2 else ()))
        self.host = hierarchies.describe(mounts.TMPFS, candidates)
        self.roots = {point: Watched(os.open(folder / point, os.O_RDONLY)) for point in points}

    def make(self, point: str, name: str, **texts: str) -> Path:
        """A group; ``texts`` are files with _ for the dots."""
        files = dict(CORE if point == "unified" else V1_CORE)
        if point == "unified":
            files["cgroup.controllers"] = " ".join(self._controllers)
            for controller in self._controllers:
                files.update(FILES[2].get(controller, {}))
        else:
            files.update(FILES[1].get(point, {}))
        files.update({file.replace("__", "."): text for file, text in texts.items()})
        return _fill(self.folder / point / name, files)

    def ask(self, **params: Any) -> dict[str, Any]:
        self.warnings: list[str]
        opened = hierarchies.Roots(self.host, tuple(self.roots.values()))
        values, self.warnings = info.look(opened, info.parse(params), Notes())
        return values

    def group(self, name: str, **params: Any) -> dict[str, Any]:
        (found,) = self.ask(names=[name], **params)["groups"]
        assert isinstance(found, dict)
        return found


def _fill(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder


def remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kernel]]:
    made: list[Kernel] = []

    def kernel(*points: str, **more: Any) -> Kernel:
        made.append(Kernel(tmp_path / str(len(made)), *points, **more))
        return made[-1]

    running = {5: "nginx", 6: "worker", 7: "thread"}
    monkeypatch.setattr(processes, "read", lambda pid: Process(pid, 1, 1, running[pid]) if pid in running else None)
    monkeypatch.setattr(processes, "blind_spot", lambda: "")
    yield kernel
    for one in made:
        for root in one.roots.values():
            root.close()


# -- options ----------------------------------------------------------------------------------------------------------


def test_options_become_a_query() -> None:
    query = info.parse({"names": ["b/", "/", "b", "a"], "below": "x", "depth": 3, "max_items": 0, "pids": [5, 5]})
    assert query == info.Query(("b", "", "a"), "x", 3, None, (5,), frozenset(info.GATHER))
    assert info.parse({}) == info.Query()
    assert info.parse({"gather": []}).gather == frozenset()
    assert info.parse({"max_items": 7, "depth": None}).most == 7


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
        info.parse(params)


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
        "usage": {
            "cpu.stat": {"nr_periods": 3},
            "cpuacct.usage": 9000,
            "memory.usage_in_bytes": 4096,
            "pids.current": 1,
        },
        "as_v2": {
            "limits": {
                "cpu.max": [50000, 100000],
                "memory.max": 536870912,
                "memory.swap.max": "max",
                "pids.max": 500,
            },
            "usage": {
                "cpu.stat": {"nr_periods": 3, "usage_usec": 9},
                "memory.current": 4096,
                "pids.current": 1,
            },
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
    found = kernel.group("batch")
    limits = {
        "cgroup.max.depth": "max",
        "cgroup.max.descendants": "max",
        "cpu.max": [50000, 100000],
        "cpu.weight": 100,
        "cpuset.cpus": "",
        "cpuset.mems": "",
        "memory.max": 536870912,
        "memory.swap.max": "max",
        "pids.max": 500,
    }
    usage = {
        "cpu.stat": {"usage_usec": 7, "user_usec": 5, "system_usec": 2},
        "memory.current": 4096,
        "pids.current": 1,
    }
    assert (found["limits"], found["usage"]) == (limits, usage)
    assert found["as_v2"] == {"limits": limits, "usage": usage}
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
    kernel.ask(names=["batch"], below="/", depth=2)
    for point, root in kernel.roots.items():
        assert {path: count for path, count in root.looked.items() if count != 1} == {}, point
    there = {path.rpartition("/")[2] for path in kernel.roots["memory"].looked if path.startswith("batch/")}
    assert not there & {"memory.stat", "tasks", "notify_on_release"}
    assert {"memory.limit_in_bytes", "memory.usage_in_bytes", "cgroup.procs"} <= there


@pytest.mark.parametrize(
    ("gather", "keys", "files"),
    [
        ([], set(), set()),
        (["limits"], {"limits", "as_v2"}, {"pids.max", "cgroup.max.depth", "cgroup.max.descendants"}),
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
    found = kernel.ask(names=["nope/below", "batch", "tasks", "/"])["groups"]
    assert [(one["name"], one["exists"]) for one in found] == [
        ("nope/below", False),
        ("batch", True),
        ("tasks", False),  # a file
        ("/", True),
    ]
    assert all(set(one) == set(found[1]) for one in found)
    assert found[0]["limits"] == {} and found[0]["paths"] == [] and found[0]["as_v2"] == {"limits": {}, "usage": {}}
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
    _fill(kernel.folder / "cpuset/batch", {**V1_CORE, "cpus": "0-1", "mems": "0"})
    assert kernel.group("batch")["limits"] == {"cpuset.cpus": "0-1", "cpuset.mems": "0"}


def test_groups_with_other_controllers_have_other_files(build: Callable[..., Kernel]) -> None:
    kernel = build("unified", passed="memory pids")
    kernel.make("unified", "one")
    kernel.make("unified", "two")
    kernel.make("unified", "few", cgroup__controllers="pids")
    found = {one["name"]: one["limits"] for one in kernel.ask(below="/")["groups"]}
    assert found["one"] == found["two"]
    assert set(found["one"]) - set(found["few"]) == {"memory.max", "memory.swap.max"}


# -- state ------------------------------------------------------------------------------------------------------------


def test_whether_a_v1_group_is_populated_is_not_known_for_groups_below_it(build: Callable[..., Kernel]) -> None:
    kernel = build("memory", "pids")
    for name, pids in (("full", "5"), ("full/low", ""), ("upper", ""), ("upper/low", ""), ("leaf", "")):
        kernel.make("memory", name, cgroup__procs=pids)
    kernel.make("pids", "leaf")
    found = kernel.ask(names=["full", "upper", "leaf"], gather=["state", "children"])["groups"]
    assert [one["populated"] for one in found] == [True, None, False]


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
    assert kernel.group("batch", gather=["state"])["frozen"] is frozen


def test_a_threaded_group_tells_its_processes_by_their_threads(
    build: Callable[..., Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "process_of", {51: 5, 52: 5, 61: 6}.get)
    kernel = build("unified")
    kernel.make("unified", "batch", cgroup__type="threaded", cgroup__threads="51\n52\n61\n99")

    def refuse(path: str) -> None:
        if path == "batch/cgroup.procs":
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    kernel.roots["unified"].before = refuse
    for gather in (["processes"], ["processes", "state"]):
        found = kernel.group("batch", gather=gather)
        assert [one["pid"] for one in found["processes"]] == [5, 6]
        assert kernel.warnings == []


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


# -- what vanishes and what is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENODEV, errno.ESRCH])
def test_a_file_that_vanishes_is_left_out(build: Callable[..., Kernel], number: int) -> None:
    kernel = build("unified", passed="memory pids")
    kernel.make("unified", "batch")

    def gone(path: str) -> None:
        if path == "batch/pids.max":
            raise OSError(number, os.strerror(number))

    kernel.roots["unified"].before = gone
    found = kernel.group("batch", gather=["limits"])
    assert found["exists"] is True
    assert "pids.max" not in found["limits"] and found["limits"]["memory.max"] == 536870912
    assert kernel.warnings == []


@pytest.mark.parametrize("file", ["pids.max", "pids.current", "cgroup.procs"])
def test_a_group_that_vanishes_is_left_out_wherever_it_does(build: Callable[..., Kernel], file: str) -> None:
    kernel = build("memory", "pids")
    for name in ("batch", "other"):
        for point in kernel.roots:
            kernel.make(point, name)

    def vanish(path: str) -> None:
        if path == "batch/" + file and (kernel.folder / "pids/batch").exists():
            remove(kernel.folder / "pids/batch")

    kernel.roots["pids"].before = vanish
    found = kernel.group("batch")
    assert (found["exists"], found["controllers"], kernel.warnings) == (True, ["memory"], [])
    assert "pids.max" not in found["limits"]


@pytest.mark.parametrize("asked", ["names", "below", "pids"])
def test_a_group_that_vanishes_everywhere(
    build: Callable[..., Kernel], asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = build("pids")
    kernel.make("pids", "batch")
    monkeypatch.setattr(processes, "groups_of", lambda pid: {"pids": "/batch"})

    def vanish(path: str) -> None:
        if (kernel.folder / "pids/batch").exists():
            remove(kernel.folder / "pids/batch")

    kernel.roots["pids"].before = vanish
    params: dict[str, Any] = {"names": ["batch"], "below": "/", "pids": [5]}
    found = kernel.ask(**{asked: params[asked]})["groups"]
    assert [one["exists"] for one in found] == ([False] if asked == "names" else [])
    assert kernel.warnings == []


def test_a_group_that_loses_its_files_while_it_is_listed_does_not_stand_for_others(
    build: Callable[..., Kernel],
) -> None:
    kernel = build("memory", "unified", passed="pids")
    for name in ("a", "b", "c", "d"):
        kernel.make("unified", name)
    (kernel.folder / "unified/a/pids.max").unlink()
    found = {one["name"]: "pids.max" in one["limits"] for one in kernel.ask(below="/")["groups"]}
    assert found == {"a": False, "b": True, "c": True, "d": True}
    # Two agreed: the fourth was not listed.
    assert kernel.roots["unified"].looked["d/*"] == 0


def test_what_is_refused_is_told_once(build: Callable[..., Kernel]) -> None:
    kernel = build("pids")
    for number in range(5):
        kernel.make("pids", f"batch{number}")

    def refuse(path: str) -> None:
        if path.endswith("pids.current"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    kernel.roots["pids"].before = refuse
    found = kernel.ask(below="/")
    assert [one["usage"] for one in found["groups"]] == [{}] * 5
    assert [one["limits"] for one in found["groups"]] == [{"pids.max": 500}] * 5
    sentence = f"{kernel.folder}/pids/batch0/pids.current and 4 more could not be read: Permission denied (EACCES)"
    assert found["incomplete"] == kernel.warnings == [sentence]


def test_behind_a_closed_directory_nobody_knows(build: Callable[..., Kernel]) -> None:
    kernel = build("pids")
    kernel.roots["pids"].closed = "secret"
    found = kernel.ask(names=["secret/group", "nope"])
    assert [one["exists"] for one in found["groups"]] == [None, False]
    assert [sentence.split(" could")[0] for sentence in found["incomplete"]] == [f"{kernel.folder}/pids/secret/group"]


def test_what_no_kernel_known_here_shows_is_returned_as_it_is(build: Callable[..., Kernel]) -> None:
    kernel = build("pids")
    kernel.make("pids", "batch", pids__max="a lot")
    found = kernel.ask(names=["batch"])
    assert found["groups"][0]["limits"] == {"pids.max": "a lot"}
    assert "no known kernel" in found["incomplete"][0]


# -- below ------------------------------------------------------------------------------------------------------------


def tree(kernel: Kernel) -> None:
    for name in ("b", "b/2", "b/2/deep", "b/1", "a", "a-b", "c"):
        kernel.make("pids", name)
    for name in ("c", "d"):
        kernel.make("memory", name)


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"below": "/"}, ["a", "a-b", "b", "c", "d"]),
        ({"below": "/", "depth": 2}, ["a", "a-b", "b", "b/1", "b/2", "c", "d"]),
        ({"below": "/", "depth": 9}, ["a", "a-b", "b", "b/1", "b/2", "b/2/deep", "c", "d"]),
        ({"below": "b"}, ["b/1", "b/2"]),
        ({"below": "b/2/deep"}, []),
        ({"below": "b", "names": ["c", "b/2"]}, ["c", "b/2", "b/1"]),
    ],
)
def test_groups_below_another(build: Callable[..., Kernel], params: dict[str, Any], names: list[str]) -> None:
    kernel = build("memory", "pids")
    tree(kernel)
    found = kernel.ask(**params)
    assert [one["name"] for one in found["groups"]] == names
    assert (found["truncated"], kernel.warnings) == (False, [])
    where = {one["name"]: one["controllers"] for one in found["groups"]}
    assert where.get("c", ["memory", "pids"]) == ["memory", "pids"]


def test_below_a_group_that_is_not_there(build: Callable[..., Kernel]) -> None:
    kernel = build("pids")
    found = kernel.ask(below="nope")
    assert (found["groups"], found["truncated"]) == ([], False)
    assert kernel.warnings == ["below: nope is not there, so nothing is below it"]


@pytest.mark.parametrize(
    ("most", "names"),
    [
        (1, ["a"]),
        (4, ["a", "a-b", "b", "c"]),
        (5, ["a", "a-b", "b", "c", "d"]),
        (6, ["a", "a-b", "b", "b/1", "c", "d"]),
        (7, ["a", "a-b", "b", "b/1", "b/2", "c", "d"]),
        (8, None),
        (0, None),
    ],
)
def test_no_more_groups_than_permitted(build: Callable[..., Kernel], most: int, names: list[str] | None) -> None:
    kernel = build("memory", "pids")
    tree(kernel)
    found = kernel.ask(below="/", depth=9, max_items=most, gather=[])
    if names is None:
        assert (len(found["groups"]), found["truncated"], kernel.warnings) == (8, False, [])
    else:
        assert ([one["name"] for one in found["groups"]], found["truncated"]) == (names, True)
        (warning,) = kernel.warnings
        assert f"more than {most} groups below /" in warning and "max_items" in warning


def test_a_walk_ends_where_enough_was_found(build: Callable[..., Kernel]) -> None:
    kernel = build("pids")
    for top in "abcdefgh":
        for low in "12":
            kernel.make("pids", f"{top}/{low}")
    kernel.ask(below="/", depth=9, max_items=10, gather=[])
    walked = {path for path in kernel.roots["pids"].looked if path.endswith("/")}
    assert walked == {"/", "a/", "b/"}


def test_no_more_children_and_processes_than_permitted(build: Callable[..., Kernel]) -> None:
    kernel = build("pids")
    kernel.make("pids", "batch", cgroup__procs="7\n5\n6\n5")
    for name in ("3", "1", "2"):
        kernel.make("pids", "batch/" + name)
    found = kernel.group("batch", max_items=2)
    assert (found["children"], found["children_total"]) == (["batch/1", "batch/2"], 3)
    assert ([one["pid"] for one in found["processes"]], found["processes_total"]) == ([5, 6], 3)
    found = kernel.group("/", max_items=0)
    assert (found["children"], found["children_total"]) == (["batch"], 1)


def test_a_name_that_is_no_text_is_shown(build: Callable[..., Kernel]) -> None:
    kernel = build("pids")
    kernel.make("pids", os.fsdecode(b"caf\xe9"))
    kernel.make("pids", os.fsdecode("café/é".encode()))
    found = kernel.ask(below="/")["groups"]
    assert [(one["name"], one["limits"]) for one in found] == [
        ("café", {"pids.max": 500} if (kernel.folder / "pids/café/pids.max").exists() else {}),
        ("caf\\udce9", {"pids.max": 500}),
    ]
    assert kernel.group("/")["children"] == ["café", "caf\\udce9"]


# -- processes --------------------------------------------------------------------------------------------------------


def test_processes_that_are_gone_or_have_no_number_here(build: Callable[..., Kernel]) -> None:
    kernel = build("unified", passed="pids")
    kernel.make("unified", "batch", cgroup__procs="0\n0\n5\n404")
    found = kernel.ask(names=["batch"])
    assert [one["pid"] for one in found["groups"][0]["processes"]] == [5]
    assert found["groups"][0]["processes_total"] == 1
    assert found["incomplete"] == kernel.warnings
    assert [sentence.partition(",")[0] for sentence in kernel.warnings] == [
        "batch holds processes of another pid namespace"
    ]


def test_processes_that_may_not_be_seen_have_no_name(
    build: Callable[..., Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "blind_spot", lambda: "/proc is mounted with hidepid")
    kernel = build("unified")
    kernel.make("unified", "batch", cgroup__procs="5\n404")
    found = kernel.ask(names=["batch"], pids=[404])
    shown = [(one["pid"], one["comm"]) for one in found["groups"][0]["processes"]]
    assert shown == [(5, "nginx"), (404, None)]
    assert [(one["exists"], one["comm"]) for one in found["processes"]] == [(None, None)]
    assert len(kernel.warnings) == 2 and all("hidepid" in warning for warning in kernel.warnings)


def test_the_numbers_of_another_pid_namespace_name_nobody(
    build: Callable[..., Kernel], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "self").symlink_to("1000000000")
    monkeypatch.setattr(processes, "PROC", str(tmp_path))
    monkeypatch.setattr(processes, "blind_spot", lambda: "/proc shows another pid namespace")
    kernel = build("unified")
    kernel.make("unified", "batch", cgroup__procs="5")
    found = kernel.ask(names=["batch"], pids=[5])
    assert found["groups"][0]["processes"] == [{"pid": 5, "comm": None, "controllers": []}]
    assert [one["exists"] for one in found["processes"]] == [None]


def test_the_groups_of_processes(build: Callable[..., Kernel], monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {5: {"": "/", "pids": "/batch", "name=systemd": "/x", "net_cls": "/y"}, 6: {"": "/../up", "pids": "/batch"}}
    monkeypatch.setattr(processes, "groups_of", lambda pid: shown[pid])
    kernel = build("pids", "name=systemd", "unified")
    kernel.make("pids", "batch")
    found = kernel.ask(pids=[5, 404, 6], names=["batch"])
    assert [(one["pid"], one["exists"], one["comm"]) for one in found["processes"]] == [
        (5, True, "nginx"),
        (404, False, None),
        (6, True, "worker"),
    ]
    where = [
        [(group["name"], Path(group["mount_point"]).name) for group in one["groups"]] for one in found["processes"]
    ]
    assert where == [
        [("batch", "pids"), ("x", "name=systemd"), ("/", "unified")],
        [],
        [("batch", "pids"), (None, "unified")],
    ]
    # The group x is in no hierarchy any more.
    assert [one["name"] for one in found["groups"]] == ["batch", "/"]


@pytest.mark.parametrize(
    ("root", "path", "name"),
    [
        ("/", "/", ""),
        ("/", "/a/b", "a/b"),
        ("/", "/..", None),
        ("/", "/../a", None),
        ("/", "/..a", "..a"),
        ("/x", "/x", ""),
        ("/x", "/x/a", "a"),
        ("/x", "/xa", None),
        ("/x", "/", None),
        ("/..", "/a", None),
        ("/../..", "/..", None),
    ],
)
def test_a_group_below_what_is_mounted(root: str, path: str, name: str | None) -> None:
    hierarchy = hierarchies.Hierarchy(2, "/sys/fs/cgroup", root, frozenset(), "", True, False)
    assert info_processes.inside(hierarchy, path) == name
