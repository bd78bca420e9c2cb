# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only v1 has: controllers that share a hierarchy, delegation without a boundary, a freezer that others hold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.mounted import Mounted
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.spaces import Room
from ansible_collections.linux.isolation.tests.integration.support.tasks import run

pytestmark = pytest.mark.v1("pids", "freezer")


@pytest.fixture
def room() -> Iterator[Room]:
    with Room() as found:
        yield found


@pytest.fixture
def comounted(room: Room, sandbox: Sandbox) -> Iterator[Mounted]:
    assert not sandbox.host.version("net_cls"), "the controllers of this test are in use here"
    with Mounted(room, "net_cls,net_prio") as found:
        yield found


def test_controllers_that_share_a_hierarchy_have_one_group(sandbox: Sandbox, room: Room, comounted: Mounted) -> None:
    task = {"name": sandbox.name, "controllers": ["net_prio", "net_cls", "pids"]}
    predicted = run("group", task, check=True, enter=room.enter)
    answer = run("group", task, enter=room.enter)
    assert not answer.failed, answer.sentence
    assert predicted.actions == answer.actions
    assert answer.verbs() == ["create", "create"]
    assert (comounted.top / sandbox.name).is_dir()
    assert not run("group", task, enter=room.enter).changed
    # One of the two cannot go alone.
    alone = {"name": sandbox.name, "controllers": ["net_cls"], "controllers_absent": ["net_prio"]}
    refused = run("group", alone, enter=room.enter)
    assert refused.failed
    assert "shares its hierarchy with net_cls" in refused.sentence
    assert run("group", {"name": sandbox.name, "state": "absent"}, enter=room.enter).verbs() == ["remove", "remove"]
    assert not (comounted.top / sandbox.name).exists()


def test_a_delegation_that_is_called_unsafe_is_made(host: Host, sandbox: Sandbox) -> None:
    task = {"name": sandbox.below("a"), "controllers": ["pids"], "delegate": {"owner": "nobody"}, "unsafe_v1": True}
    answer = run("group", task)
    assert not answer.failed, answer.sentence
    place = host.path("pids", sandbox.below("a"))
    handed_over = {path.name for path in place.iterdir() if path.stat().st_uid == 65534}
    assert place.stat().st_uid == 65534
    assert handed_over == {"cgroup.procs", "tasks"}
    assert not run("group", task).changed


def test_a_group_below_a_frozen_one_is_frozen_and_thawed_for_itself(
    host: Host, sandbox: Sandbox, programs: Programs
) -> None:
    program = programs.start("idle")
    task = {"name": sandbox.below("a"), "frozen": True, "processes": [{"pid": program.pid}]}
    assert run("group", task).changed
    above = host.path("freezer", sandbox.name, "freezer.state")
    write(above, "FROZEN")
    # It shows FROZEN still, for the sake of the group above.
    thaw = {"name": sandbox.below("a"), "frozen": False}
    assert run("group", thaw).verbs() == ["thaw"]
    assert host.path("freezer", sandbox.below("a"), "freezer.self_freezing").read_text() == "0\n"
    assert host.path("freezer", sandbox.below("a"), "freezer.state").read_text() == "FROZEN\n"
    assert not run("group", thaw).changed
    assert run("group", task).verbs() == ["freeze"]
    write(above, "THAWED")
    assert host.path("freezer", sandbox.below("a"), "freezer.state").read_text() == "FROZEN\n"


def test_a_group_that_is_frozen_from_above_is_not_killed_in_vain(
    host: Host, sandbox: Sandbox, programs: Programs
) -> None:
    program = programs.start("idle")
    made = {"name": sandbox.below("a"), "controllers": ["pids", "freezer"], "processes": [{"pid": program.pid}]}
    assert run("group", made).changed
    write(host.path("freezer", sandbox.name, "freezer.state"), "FROZEN")
    answer = run("group", {"name": sandbox.below("a"), "state": "absent", "on_processes": "kill"})
    assert answer.failed
    assert "is frozen by a group above it" in answer.sentence
    assert program.alive()
