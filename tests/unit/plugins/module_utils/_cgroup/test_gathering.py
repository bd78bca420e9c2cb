# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Catching up with what was born in a group that goes; whole runs of it are in test_apply.py and on the real kernel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import gathering
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.desired import Desired
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import RefusedError
from ansible_collections.linux.isolation.plugins.module_utils._convergence.plan import Change
from ansible_collections.linux.isolation.tests.unit.plans import cases
from ansible_collections.linux.isolation.tests.unit.plans.host import SHELL, Described


def absent(name: str, where: object = "refuse") -> dict[str, Any]:
    return {"name": name, "state": "absent", "recursive": True, "on_processes": where}


def desired(host: Described, *groups: dict[str, Any], **more: Any) -> Desired:
    return cases.desired(host, "cgroup_tree", {"groups": list(groups), **more})


def moving(pid: int) -> Change:
    return Change("move", "batch", "/batch/cgroup.procs", "", f"{pid} (nightly)", ("move", 0, "batch", pid, 1), True)


def test_what_was_born_meanwhile_is_moved_until_nobody_is_outside() -> None:
    looks: list[Sequence[Change]] = [[moving(1), moving(2)], [moving(3)], []]
    done: list[Change] = []
    assert gathering.catch_up(lambda: looks.pop(0), done.append) == (moving(1), moving(2), moving(3))
    assert done == [moving(1), moving(2), moving(3)]
    assert looks == []


def test_what_does_not_stay_is_left_to_who_looks_next() -> None:
    looks: list[Sequence[Change]] = [[moving(1)]] * 10
    done: list[Change] = []
    assert gathering.catch_up(lambda: looks.pop(), done.append) == (moving(1),) * 3
    assert len(looks) == 6


@pytest.mark.parametrize(
    ("name", "found"), [("a", "a"), ("a/x", "a"), ("a/b", None), ("a/b/c", None), ("a/b/c/d", None), ("k", None)]
)
def test_the_innermost_declaration_says_where_processes_go(tmp_path: Path, name: str, found: str | None) -> None:
    host = Described({"host": "unified"}, tmp_path)
    told = desired(host, absent("a", {"move_to": "/"}), absent("a/b", "kill"), {"name": "k"})
    group = gathering.leaving(told, name)
    assert (group.name if group else None) == found


@pytest.mark.parametrize("permitted", [False, True])
def test_a_protected_process_that_came_in_meanwhile_is_not_moved(tmp_path: Path, permitted: bool) -> None:
    given = {
        "host": "unified",
        "groups": {"a": {}, "b": {}},
        "processes": [{"pid": SHELL, "in": "a"}, {"pid": 500, "comm": "nightly", "in": "a"}],
    }
    host = Described(given, tmp_path)
    told = desired(host, absent("a", {"move_to": "b"}), allow_lockout=permitted)
    with host.entered():
        look = gathering.left_behind(host.opened, told, told.groups[0], 0, "a")
        if not permitted:
            with pytest.raises(RefusedError, match="would move into the group b"):
                look()
            return
        assert [cases.line(change) for change in look()] == [
            "move a b/cgroup.procs: 300 (sshd-session) in a -> 300 (sshd-session)",
            "move a b/cgroup.procs: 500 (nightly) in a -> 500 (nightly)",
        ]
