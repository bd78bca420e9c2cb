# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Beside systemd on a unified host: the hold keeps the controllers, and goes with the last group that needs it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.spaces import Room
from ansible_collections.linux.isolation.tests.integration.support.tasks import run

pytestmark = pytest.mark.unified

HOLD = "linux-isolation-hold"


@pytest.fixture
def hold(host: Host, sandbox: Sandbox) -> Iterator[Path]:
    """Where the hold is; removed after the test."""
    path = host.path("", HOLD)
    assert not path.exists(), "somebody's hold is there: these tests are for a guest of their own"
    yield path
    if path.exists():
        path.rmdir()


def held(hold: Path) -> set[str]:
    return set((hold / "cgroup.subtree_control").read_text().split())


def test_the_hold_comes_in_the_same_plan_and_before_the_limits(
    sandbox: Sandbox, systemd_room: Room, hold: Path
) -> None:
    task = {"groups": [{"name": sandbox.name, "limits": {"cpu.max": 0.5, "memory.max": "64M"}}]}
    predicted = run("tree", task, check=True, enter=systemd_room.enter)
    answer = run("tree", task, enter=systemd_room.enter)
    assert not answer.failed, answer.sentence
    assert predicted.actions == answer.actions
    assert {"cpu", "memory"} <= held(hold)
    targets = [(action["action"], action["target"]) for action in answer.actions]
    assert targets.index(("enable", HOLD)) < targets.index(("write", sandbox.name))
    assert not run("tree", task, enter=systemd_room.enter).changed


def test_what_systemd_takes_away_stays(host: Host, sandbox: Sandbox, systemd_room: Room, hold: Path) -> None:
    assert run(
        "limit", {"name": sandbox.name, "create": True, "limits": {"cpu.weight": 300}}, enter=systemd_room.enter
    ).changed
    root = host.path("", "", "cgroup.subtree_control")
    with pytest.raises(OSError, match="busy") as refused:
        write(root, "-cpu")
    assert refused.value.errno == errno.EBUSY
    assert host.read(sandbox.name, "cpu.weight") == "300"
    # Without the hold it would have gone: the hold is what keeps it.
    hold.rmdir()
    write(root, "-cpu")
    assert not host.file(sandbox.name, "cpu.weight").exists()


def test_a_hold_that_lost_a_controller_is_repaired(sandbox: Sandbox, systemd_room: Room, hold: Path) -> None:
    task = {"name": sandbox.name, "controllers": ["cpu", "pids"]}
    assert run("group", task, enter=systemd_room.enter).changed
    write(hold / "cgroup.subtree_control", "-pids")
    assert run("group", task, enter=systemd_room.enter).verbs() == ["enable"]
    assert {"cpu", "pids"} <= held(hold)
    hold.rmdir()
    assert run("group", task, enter=systemd_room.enter).verbs() == ["create", "enable"]
    assert {"cpu", "pids"} <= held(hold)


def test_the_hold_goes_with_the_last_group(sandbox: Sandbox, systemd_room: Room, hold: Path) -> None:
    names = [sandbox.name, sandbox.name + "-second"]
    assert run(
        "tree", {"groups": [{"name": name, "controllers": ["cpu"]} for name in names]}, enter=systemd_room.enter
    ).changed
    assert run("group", {"name": names[1], "state": "absent"}, enter=systemd_room.enter).verbs() == ["remove"]
    assert hold.exists()
    assert run("group", {"name": names[0], "state": "absent"}, enter=systemd_room.enter).verbs() == ["remove", "remove"]
    assert not hold.exists()


def test_without_systemd_there_is_no_hold(sandbox: Sandbox, hold: Path) -> None:
    assert not os.path.isdir("/run/systemd/system")
    assert run("group", {"name": sandbox.name, "controllers": ["cpu"]}).changed
    assert not hold.exists()


@pytest.mark.parametrize("ending", [".slice", ".service", ".scope"])
def test_names_of_units_are_refused_beside_systemd(ending: str, sandbox: Sandbox, systemd_room: Room) -> None:
    answer = run("group", {"name": sandbox.name + ending, "controllers": ["cpu"]}, enter=systemd_room.enter)
    assert answer.failed
    assert sandbox.name + ending in answer.sentence
    assert "systemd" in answer.sentence
    assert sandbox.places() == []
