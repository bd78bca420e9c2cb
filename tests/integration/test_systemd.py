# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of systemd's units, where PID 1 looks like systemd: they stay in their unit on the hierarchy that tracks them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import Host
from ansible_collections.linux.isolation.tests.integration.support.programs import Program, Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.spaces import Room
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, run

pytestmark = pytest.mark.v2("")


@pytest.fixture
def unit(sandbox: Sandbox) -> Path:
    """A group that is called as systemd calls those of its services."""
    path = sandbox.host.path("", sandbox.name + "-a.service")
    path.mkdir()
    return path


@pytest.fixture
def served(unit: Path, programs: Programs) -> Program:
    """A process of the unit."""
    program = programs.start("idle")
    (unit / "cgroup.procs").write_text(str(program.pid))
    return program


def place(sandbox: Sandbox, systemd_room: Room, served: Program, **more: Any) -> Answer:
    task = {"name": sandbox.name, "processes": [{"pid": served.pid}], **more}
    return run("group", task, enter=systemd_room.enter)


def test_a_process_is_not_taken_out_of_its_unit(
    sandbox: Sandbox, systemd_room: Room, unit: Path, served: Program
) -> None:
    answer = place(sandbox, systemd_room, served)
    assert answer.failed
    for fragment in (str(served.pid), unit.name, "limit the unit by its own name", "from_systemd: true"):
        assert fragment in answer.sentence
    assert sandbox.places() == []
    assert sandbox.host.members("", unit.name) == {served.pid}


def test_it_is_when_it_is_said(host: Host, sandbox: Sandbox, systemd_room: Room, served: Program) -> None:
    answer = place(sandbox, systemd_room, served, from_systemd=True)
    assert not answer.failed, answer.sentence
    assert host.members("", sandbox.name) == {served.pid}


@pytest.mark.parametrize("attribute", ["user.delegate", "trusted.delegate"])
def test_it_is_out_of_a_unit_with_delegate(
    attribute: str, host: Host, sandbox: Sandbox, systemd_room: Room, unit: Path, served: Program
) -> None:
    os.setxattr(unit, attribute, b"1")
    answer = place(sandbox, systemd_room, served)
    assert not answer.failed, answer.sentence
    assert host.members("", sandbox.name) == {served.pid}


@pytest.mark.v1("pids")
def test_on_a_v1_controller_it_is_moved_with_a_warning(
    host: Host, sandbox: Sandbox, systemd_room: Room, unit: Path, served: Program
) -> None:
    answer = place(sandbox, systemd_room, served, controllers=["pids"])
    assert not answer.failed, answer.sentence
    assert any(unit.name in warning and "undoes the move" in warning for warning in answer.warnings)
    assert host.members("pids", sandbox.name) == {served.pid}
    assert host.members("", unit.name) == {served.pid}


def test_without_systemd_a_name_is_a_name(host: Host, sandbox: Sandbox, served: Program) -> None:
    answer = run("group", {"name": sandbox.name, "processes": [{"pid": served.pid}]})
    assert not answer.failed, answer.sentence
    assert host.members("", sandbox.name) == {served.pid}
