# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where processes are, in the names of a task; finding and moving them is proven by the plans and on the real kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import names, placement
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.hierarchies import Hierarchy, Host
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError
from ansible_collections.linux.isolation.tests.unit.plans.files import Files
from ansible_collections.linux.isolation.tests.unit.plans.host import Described, described


def name_of(root: str, path: str) -> str:
    """What the task calls the group of a process, on a v2 mount that shows the hierarchy from ``root`` on."""
    hierarchy = Hierarchy(2, "/sys/fs/cgroup", root, frozenset(), "", True, False)
    return placement._Where(Host("unified", (), (hierarchy,), {}, 0)).names({"": path})[0]


@pytest.mark.parametrize(
    ("root", "path", "name"),
    [
        ("/", "/", ""),
        ("/", "/batch/night", "batch/night"),
        ("/lxc/web", "/lxc/web", ""),
        ("/lxc/web", "/lxc/web/batch", "batch"),
        # Mounted before the task went into its namespace.
        ("/..", "/../batch", "batch"),
        ("/..", "/..", ""),
    ],
)
def test_a_group_below_the_mount_has_a_name(root: str, path: str, name: str) -> None:
    assert name_of(root, path) == name


@pytest.mark.parametrize(
    ("root", "path", "shown"),
    [
        # Outside of the task's cgroup namespace.
        ("/", "/..", "/.."),
        ("/", "/../batch", "/../batch"),
        ("/", "/../../batch", "/../../batch"),
        # Outside of the part that is mounted.
        ("/lxc/web", "/", "/../.."),
        ("/lxc/web", "/batch", "/../../batch"),
        ("/lxc/web", "/lxc/webx", "/../webx"),
        ("/lxc/web", "/lxc/db/batch", "/../db/batch"),
        ("/lxc/web", "/../batch", "/../../../batch"),
        ("/..", "/../../batch", "/../batch"),
        # The mount shows more than the namespace: what the namespace's own root is called there cannot be told.
        ("/..", "/", "/.."),
        ("/../..", "/batch", "/.."),
        ("/../other", "/batch", "/.."),
    ],
)
def test_a_group_elsewhere_has_none_that_a_task_could_say(root: str, path: str, shown: str) -> None:
    assert name_of(root, path) == shown
    with pytest.raises(InputError):
        names.parse("name", shown)


paths = st.lists(st.sampled_from(("a", "b", "ab")), max_size=4)


@given(st.integers(0, 2), paths, st.integers(0, 3), paths)
def test_a_name_is_one_of_the_mount_or_none(above: int, root: list[str], outside: int, path: list[str]) -> None:
    top, own = [".."] * above + root, [".."] * outside + path
    found = name_of("/" + "/".join(top), "/" + "/".join(own))
    if own[: len(top)] == top and ".." not in own[len(top) :]:
        assert found.split("/") == (own[len(top) :] or [""])
    else:
        assert found.startswith("/..")


def test_a_process_outside_of_the_mount_is_in_no_group_of_its_name() -> None:
    """/batch of the host is not the batch of a container, which may be frozen although a protected process is in the other."""
    where = placement._Where(described("container of v1"))
    assert where.names({"pids": "/batch", "memory": "/docker/0a1b/batch"}) == {0: "/../../batch", 1: "batch"}


def test_whether_a_unit_outside_of_the_mount_is_delegated_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Files, "attribute", lambda *_: pytest.fail("asked"))
    host = Described({"host": "namespace", "systemd": True}, tmp_path)
    assert not placement._is_delegated(host.host, host.opened.roots, {0: "/../a.service/x"}, "a.service")
