# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has that limits are counted for, by the files that list it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.counted import counted
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.hierarchies import Hierarchy, Host, Roots
from ansible_collections.linux.isolation.plugins.module_utils._kernel import machine
from ansible_collections.linux.isolation.plugins.module_utils._kernel.beneath import Root


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Roots]:
    hierarchy = Hierarchy(2, str(tmp_path), "/", frozenset(("misc", "dmem", "net_prio")), "", True, False)
    where = dict.fromkeys(hierarchy.controllers, 0)
    root = Root(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY))
    yield Roots(Host("unified", (), (hierarchy,), where, 0), (root,))
    root.close()


def test_the_root_lists_what_it_can_have(opened: Roots, tmp_path: Path) -> None:
    (tmp_path / "misc.capacity").write_text("sev 50\nsev_es 10\n")
    (tmp_path / "dmem.capacity").write_text("")
    (tmp_path / "net_prio.ifpriomap").write_text("lo 0\neth0 5\n")
    assert counted(opened, "misc") == ("sev", "sev_es")
    assert counted(opened, "dmem") == ()
    assert counted(opened, "net_prio") == ("lo", "eth0")


def test_of_a_part_of_the_hierarchy_the_limits_list_it(opened: Roots, tmp_path: Path) -> None:
    (tmp_path / "misc.max").write_text("sev max\n")
    assert counted(opened, "misc") == ("sev",)


def test_where_neither_is_there_is_none(opened: Roots) -> None:
    assert counted(opened, "dmem") == ()


def test_pages_and_devices_are_the_machines(opened: Roots, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "huge_pages", lambda: ("2MB",))
    monkeypatch.setattr(machine, "rdma_devices", lambda: ("rxe0",))
    assert counted(opened, "hugetlb") == ("2MB",)
    assert counted(opened, "rdma") == ("rxe0",)
