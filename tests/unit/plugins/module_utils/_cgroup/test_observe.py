# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking: only reading, no more than is asked for, and what changes meanwhile."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.apply import Cgroups
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.picture import Picture
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import IsolationError, KernelError
from ansible_collections.linux.isolation.tests.unit.plans import cases
from ansible_collections.linux.isolation.tests.unit.plans.files import Files
from ansible_collections.linux.isolation.tests.unit.plans.host import Described

CASES = list(cases.every())


class Watched(Files):
    """Tells what is read of it, refuses every change, and can be disturbed at a path."""

    asked: list[str]
    disturb: dict[str, Callable[[], None]]

    def read(self, path: str) -> str:
        self.asked.append(path)
        self._disturbed(path)
        return super().read(path)

    def status(self, path: str) -> os.stat_result | None:
        self.asked.append(path + "/")
        self._disturbed(path + "/")
        return super().status(path)

    def names(self, path: str) -> list[str]:
        self.asked.append(path + "/*")
        self._disturbed(path + "/*")
        return super().names(path)

    def _disturbed(self, path: str) -> None:
        if path in self.disturb:
            self.disturb.pop(path)()

    def write(self, path: str, text: str) -> None:
        raise AssertionError(f"looking writes {path}")

    def mkdir(self, path: str) -> int:
        raise AssertionError(f"looking makes {path}")

    def rmdir(self, path: str) -> None:
        raise AssertionError(f"looking removes {path}")

    def chown(self, path: str, user: int, group: int) -> None:
        raise AssertionError(f"looking hands over {path}")


def watched(given: dict[str, Any], place: Path) -> Described:
    host = Described(given, place)
    for files in host.files:
        files.__class__ = Watched
        assert isinstance(files, Watched)
        files.asked, files.disturb = [], {}
    return host


def look(host: Described, module: str, only: frozenset[str] | None = None, **options: Any) -> Picture:
    with host.entered():
        return Cgroups(host.opened, cases.desired(host, module, options)).observe(only)


def asked(host: Described, where: str) -> list[str]:
    files = host.files[host.index(where)]
    assert isinstance(files, Watched)
    return files.asked


def disturbed(host: Described, where: str, path: str, what: Callable[[], None] | int) -> None:
    def fail() -> None:
        assert isinstance(what, int)
        raise OSError(what, os.strerror(what), path)

    files = host.files[host.index(where)]
    assert isinstance(files, Watched)
    files.disturb[path] = fail if isinstance(what, int) else what


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_looking_changes_nothing(case: cases.Case, tmp_path: Path) -> None:
    host = watched(dict(case.given), tmp_path)
    texts = [dict(files.texts) for files in host.files]
    ((module, options),) = case.declared.items()
    try:
        look(host, module, None, **options)
    except IsolationError:
        assert case.plan is None, "a plan was expected, not even a look succeeded"
    assert [files.texts for files in host.files] == texts
    assert host.log == []


# -- no more than is asked for -------------------------------------------------------------------------------------


def test_what_holds_is_read_file_by_file_and_nothing_else(tmp_path: Path) -> None:
    """For ten thousand groups that hold, this is all there is to do."""
    groups = {f"batch/g{number}": {"pids.max": 5, "memory.max": 1048576} for number in range(3)}
    above = {name: {"cgroup.subtree_control": "memory pids"} for name in ("/", "batch")}
    host = watched({"host": "unified", "groups": {**above, **groups}}, tmp_path)
    declared = [{"name": name, "limits": {"pids.max": 5, "memory.max": "1M"}} for name in groups]
    look(host, "cgroup_tree", groups=declared)
    assert sorted(asked(host, "v2")) == sorted(
        f"{name}/{file}" for name in groups for file in ("memory.max", "pids.max")
    )


def test_only_hierarchies_that_matter_are_looked_at(tmp_path: Path) -> None:
    host = watched({"host": "hybrid", "groups": {"batch": {"pids.max": 5}}}, tmp_path)
    look(host, "cgroup_limit", name="batch", limits={"pids.max": 5})
    assert {where: asked(host, where) for where in ("pids", "memory", "cpu", "v2") if asked(host, where)} == {
        "pids": ["batch/pids.max"]
    }


def test_groups_that_are_not_asked_for_are_not_looked_at(tmp_path: Path) -> None:
    host = watched({"host": "legacy", "groups": {"a": {"pids.max": 1}, "b": {"pids.max": 2}}}, tmp_path)
    picture = look(
        host,
        "cgroup_tree",
        frozenset(["b"]),
        groups=[{"name": "a", "limits": {"pids.max": 1}}, {"name": "b", "limits": {"pids.max": 2}}],
    )
    assert [name for _, name in picture.values] == ["b"]
    assert asked(host, "pids") == ["b/pids.max"]


def test_below_a_group_that_is_missing_nothing_is_looked_for(tmp_path: Path) -> None:
    host = watched({"host": "legacy"}, tmp_path)
    declared = [{"name": name, "limits": {"pids.max": 1}} for name in ("a", "a/b", "a/b/c", "a/d")]
    look(host, "cgroup_tree", groups=declared)
    assert [path for path in asked(host, "pids") if path.startswith(("a/b/", "a/d"))] == []


# -- what changes meanwhile ----------------------------------------------------------------------------------------


def test_a_group_that_goes_while_it_is_read_is_missing(tmp_path: Path) -> None:
    for number in (errno.ENODEV, errno.ENOENT):
        host = watched(
            {"host": "unified", "groups": {"/": {"cgroup.subtree_control": "pids"}, "batch": {}}},
            tmp_path / errno.errorcode[number],
        )
        files = host.files[0]

        def gone(files: Files = files, number: int = number) -> None:
            Files.rmdir(files, "batch")
            files.log.clear()
            raise OSError(number, os.strerror(number))

        disturbed(host, "v2", "batch/pids.max", gone)
        picture = look(host, "cgroup_limit", name="batch", create=True, limits={"pids.max": 5})
        assert not picture.exists((0, "batch"))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    host = watched({"host": "legacy", "groups": {"batch": {"pids.max": 5}}}, tmp_path)
    disturbed(host, "pids", "batch/pids.max", errno.EACCES)
    with pytest.raises(KernelError) as caught:
        look(host, "cgroup_tree", groups=[{"name": "batch", "limits": {"pids.max": 5}}])
    assert caught.value.sentence().startswith(
        "groups[0]: the kernel refused /sys/fs/cgroup/pids/batch/pids.max: Permission denied (EACCES)"
    )


def test_a_group_that_is_there_and_answers_as_if_it_were_not(tmp_path: Path) -> None:
    host = watched({"host": "legacy", "groups": {"batch": {"pids.max": 5}}}, tmp_path)
    disturbed(host, "pids", "batch/pids.max", errno.ENODEV)
    with pytest.raises(KernelError, match="ENODEV"):
        look(host, "cgroup_limit", name="batch", limits={"pids.max": 5})


ANYWHERE = [
    ("batch/", {"name": "batch", "controllers": ["memory"]}),
    ("batch/*", {"name": "batch", "state": "absent"}),
    ("batch/cgroup.procs", {"name": "batch", "state": "absent"}),
    ("cgroup.subtree_control", {"name": "batch", "controllers": ["memory"]}),
    ("batch/cgroup.freeze", {"name": "batch", "frozen": True}),
    ("batch/cgroup.type", {"name": "batch", "type": "threaded"}),
]


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ELOOP, errno.ENOTDIR, errno.EXDEV])
@pytest.mark.parametrize(("path", "options"), ANYWHERE)
def test_wherever_looking_fails_it_is_one_clear_sentence(
    tmp_path: Path, path: str, options: dict[str, Any], number: int
) -> None:
    host = watched({"host": "unified", "groups": {"batch": {}}}, tmp_path)
    disturbed(host, "v2", path, number)
    with pytest.raises(IsolationError) as caught:
        look(host, "cgroup_group", **options)
    assert errno.errorcode[number] in caught.value.sentence()
    assert "/sys/fs/cgroup" in caught.value.sentence()


@pytest.mark.parametrize(("path", "options"), [item for item in ANYWHERE if item[0].startswith("batch")])
@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENODEV])
def test_wherever_a_group_goes_while_it_is_looked_at_it_is_missing(
    tmp_path: Path, path: str, options: dict[str, Any], number: int
) -> None:
    host = watched({"host": "unified", "groups": {"batch": {}}}, tmp_path)

    def gone() -> None:
        Files.rmdir(host.files[0], "batch")
        host.log.clear()
        raise OSError(number, os.strerror(number), path)

    disturbed(host, "v2", path, gone)
    look(host, "cgroup_group", **options)


def test_a_group_by_the_name_of_a_file_is_no_traceback(tmp_path: Path) -> None:
    """Names like tasks are refused; what a file is called that a later kernel brings is not known."""
    host = watched({"host": "unified", "groups": {"batch": {}}}, tmp_path)
    host.files[0].texts["batch/new"] = ""
    with pytest.raises(IsolationError, match="ENOTDIR"):
        look(host, "cgroup_group", name="batch/new")
