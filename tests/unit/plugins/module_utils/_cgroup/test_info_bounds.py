# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cgroup_info answers where things vanish, are refused, or are too many; and whose processes are where."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies, info_processes
from ansible_collections.linux.isolation.plugins.module_utils._kernel import processes
from ansible_collections.linux.isolation.tests.unit.plugins.module_utils._cgroup.info_kernel import (
    Kernel,
    fill,
    kernels,
    remove,
)


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kernel]]:
    yield from kernels(tmp_path, monkeypatch)


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
    assert "pids.max" not in found["limits"]
    assert found["limits"]["memory.max"] == 536870912
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


def test_a_group_stands_before_those_below_it_and_those_before_the_next(build: Callable[..., Kernel]) -> None:
    kernel = build("memory", "pids")
    for point, names in (("memory", ("z", "z/1", "z/2")), ("pids", ("a-b", "a", "a/1"))):
        for name in names:
            kernel.make(point, name)
    found = kernel.ask(below="/", depth=2, gather=[])["groups"]
    assert [one["name"] for one in found] == ["a", "a/1", "a-b", "z", "z/1", "z/2"]
    # The fourth is of the first group by name, whichever hierarchy was looked at first.
    found = kernel.ask(below="/", depth=2, gather=[], max_items=4)["groups"]
    assert [one["name"] for one in found] == ["a", "a/1", "a-b", "z"]


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
        assert f"more than {most} groups below /" in warning
        assert "max_items" in warning


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


@pytest.mark.parametrize("asked", [{"below": "/"}, {"below": "/", "depth": 3}, {"names": ["/"]}])
def test_what_is_read_is_bounded_by_what_is_returned(build: Callable[..., Kernel], asked: dict[str, Any]) -> None:
    """Each group that is returned costs its files once; of 2,000 groups the others cost one listing of their parent."""
    read = []
    for number in (40, 2000):
        kernel = build("pids")
        for group in range(number):
            fill(kernel.folder / "pids" / f"group{group:04}", {"cgroup.procs": ""} if group < 40 else {})
        found = kernel.ask(**asked, max_items=20)
        assert found.get("truncated") is ("below" in asked)
        assert len(found["groups"]) == (20 if "below" in asked else 1)
        looked = {point: root.looked for point, root in kernel.roots.items()}
        assert {count for root in looked.values() for count in root.values()} == {1}
        read.append({point: len(root) for point, root in looked.items()})
    assert read[0] == read[1]


def test_no_deeper_than_asked(build: Callable[..., Kernel]) -> None:
    kernel = build("pids")
    for name in ("a", "a/b", "a/b/c", "a/b/c/d"):
        kernel.make("pids", name)
    kernel.ask(below="/", depth=2)
    assert not {path for path in kernel.roots["pids"].looked if path.startswith("a/b/c/")}


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
    assert kernel.warnings == ["processes could not all be seen: /proc is mounted with hidepid"]


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
    kernel.roots["unified"].looked.clear()
    (kernel.folder / "unified/batch/cgroup.threads").write_text("5\n8")
    (group,) = kernel.ask(names=["batch"], gather=["threads"])["groups"]
    assert [(one["tid"], one["pid"], one["comm"]) for one in group["threads"]] == [(5, None, None), (8, None, None)]
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
