# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking groups away: what refuses, what is killed or moved, what stays because somebody else made it, what is taken back."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._kernel.beneath import Root
from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.programs import Program, Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, run
from ansible_collections.linux.isolation.tests.integration.support.waiting import until


def absent(name: str, **more: Any) -> Answer:
    """Take a group away; what check mode announces is what is done."""
    task = {"name": name, "state": "absent", **more}
    predicted = run("group", task, check=True)
    answer = run("group", task)
    assert predicted.failed == answer.failed
    if not answer.failed:
        assert predicted.actions == answer.actions
        assert not run("group", task).changed
    return answer


def made(sandbox: Sandbox, *names: str, controllers: tuple[str, ...] = ("pids", "memory")) -> None:
    groups = [{"name": sandbox.below(*([name] if name else [])), "controllers": list(controllers)} for name in names]
    answer = run("tree", {"groups": groups})
    assert not answer.failed, answer.sentence


def put(sandbox: Sandbox, name: str, pid: int) -> None:
    for controller in ("pids", "memory"):
        sandbox.put(controller, name, pid)


def test_groups_below_are_removed_only_with_recursive(sandbox: Sandbox) -> None:
    made(sandbox, "a/b", "c")
    answer = absent(sandbox.name)
    assert answer.failed
    assert "has groups below it" in answer.sentence
    assert "recursive: true" in answer.sentence
    before = sandbox.places()
    assert absent(sandbox.name, recursive=True).verbs() == ["remove"] * len(before)
    assert sandbox.places() == []


def test_groups_below_that_are_declared_absent_need_no_recursive(sandbox: Sandbox) -> None:
    made(sandbox, "a")
    groups = [{"name": name, "state": "absent"} for name in (sandbox.name, sandbox.below("a"))]
    assert run("tree", {"groups": groups}).changed
    assert sandbox.places() == []


def test_a_group_is_removed_from_every_hierarchy_and_no_other_is_touched(host: Host, sandbox: Sandbox) -> None:
    beside = host.path("pids", sandbox.name + "-beside")
    beside.mkdir()
    for hierarchy in host.hierarchies:
        (hierarchy.point / sandbox.name).mkdir(exist_ok=True)
    assert absent(sandbox.name).changed
    # A named hierarchy is its owner's, and so is what is in it.
    assert sandbox.places() == [one.point / sandbox.name for one in host.hierarchies if one.name]
    assert beside.exists()


def test_a_group_with_processes_is_refused_and_they_are_named(sandbox: Sandbox, programs: Programs) -> None:
    made(sandbox, "a")
    program = programs.start("idle")
    put(sandbox, sandbox.below("a"), program.pid)
    before = sandbox.state()
    answer = absent(sandbox.name, recursive=True)
    assert answer.failed
    assert f"{program.pid} (python" in answer.sentence
    assert "on_processes: kill" in answer.sentence
    assert sandbox.state() == before


def family_inside(sandbox: Sandbox, programs: Programs, *where: str, size: int = 3000, pause: float = 0.002) -> Program:
    """A family that forks on and on, in a group."""
    eldest = programs.start("family", size, pause)
    put(sandbox, sandbox.below(*where), eldest.pid)
    eldest.say("begin")
    return eldest


def test_a_family_that_forks_is_killed_to_the_last(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    made(sandbox, "a", "b", controllers=("pids", "memory", "freezer"))
    eldest = family_inside(sandbox, programs, "a")
    if host.version("freezer") == 1:
        sandbox.put("freezer", sandbox.below("a"), eldest.pid)
    until(lambda: len(host.members("pids", sandbox.name, deep=True)) > 20, "a family of twenty")
    other = programs.start("idle")
    put(sandbox, sandbox.below("b"), other.pid)
    task = {"name": sandbox.name, "state": "absent", "recursive": True, "on_processes": "kill"}
    answer = run("group", task)
    assert not answer.failed, answer.sentence
    assert answer.verbs()[0] == "kill"
    assert sandbox.places() == []
    assert (eldest.status(), other.status()) == (-signal.SIGKILL, -signal.SIGKILL)


@pytest.mark.v1("freezer")
def test_a_frozen_group_is_killed_too(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    made(sandbox, "", controllers=("pids", "freezer"))
    program = programs.start("idle")
    for controller in ("pids", "freezer"):
        sandbox.put(controller, sandbox.name, program.pid)
    write(host.path("freezer", sandbox.name, "freezer.state"), "FROZEN")
    answer = run("group", {"name": sandbox.name, "state": "absent", "on_processes": "kill"})
    assert not answer.failed, answer.sentence
    assert program.status() == -signal.SIGKILL
    assert sandbox.places() == []


def test_processes_are_moved_out(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    made(sandbox, "a", "refuge")
    program = programs.start("idle")
    put(sandbox, sandbox.below("a"), program.pid)
    refuge = sandbox.below("refuge")
    answer = absent(sandbox.below("a"), on_processes={"move_to": refuge})
    assert not answer.failed, answer.sentence
    assert host.members("pids", refuge) == host.members("memory", refuge) == {program.pid}
    assert not host.path("pids", sandbox.below("a")).exists()
    assert absent(sandbox.name, recursive=True, on_processes={"move_to": "/"}).changed
    assert program.pid in host.members("pids", "")
    assert program.alive()
    assert sandbox.places() == []


def forking(host: Host, sandbox: Sandbox, programs: Programs, *where: str) -> Program:
    # It goes on for longer than a task is patient with a busy group, and not for as long as it looks for newborns.
    eldest = family_inside(sandbox, programs, *where, size=300, pause=0.01)
    until(lambda: len(host.members("pids", sandbox.below(*where))) > 10, "a family of ten")
    return eldest


def test_a_family_that_forks_is_moved_out_to_the_last(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    made(sandbox, "a/b", "refuge")
    eldest = forking(host, sandbox, programs, "a", "b")
    task = {"name": sandbox.below("a"), "state": "absent", "recursive": True}
    answer = run("group", {**task, "on_processes": {"move_to": sandbox.below("refuge")}})
    assert not answer.failed, answer.sentence
    assert not host.path("pids", sandbox.below("a")).exists()
    assert not host.path("memory", sandbox.below("a")).exists()
    assert eldest.pid in host.members("pids", sandbox.below("refuge"))
    moved = {action["after"].split()[0] for action in answer.actions if action["action"] == "move"}
    assert len(moved) > 10
    assert str(eldest.pid) in moved


@pytest.mark.parametrize(
    "how", ["absent", "purged", pytest.param("without a controller", marks=pytest.mark.v1("memory"))]
)
def test_a_family_that_forks_leaves_a_group_that_goes_in_the_same_task(
    how: str, host: Host, sandbox: Sandbox, programs: Programs
) -> None:
    made(sandbox, "old", "new", "other")
    eldest = forking(host, sandbox, programs, "old")
    groups: list[dict[str, Any]] = [
        {
            "name": sandbox.below("new"),
            "controllers": ["pids", "memory"],
            "processes": [{"pid": eldest.pid, "descendants": True}],
        },
        {"name": sandbox.below("other"), "controllers": ["pids"]},
    ]
    params: dict[str, Any] = {"groups": groups}
    if how == "absent":
        groups.append({"name": sandbox.below("old"), "state": "absent"})
    elif how == "purged":
        params["purge_below"] = sandbox.name
    else:
        groups.append({"name": sandbox.below("old"), "controllers": ["pids"], "controllers_absent": ["memory"]})
    answer = run("tree", params)
    assert not answer.failed, answer.sentence
    assert host.path("pids", sandbox.below("old")).exists() == (how == "without a controller")
    assert host.members("pids", sandbox.below("new")) == host.members("memory", sandbox.below("new"))
    assert eldest.pid in host.members("pids", sandbox.below("new"))


def test_a_refuge_must_be_there_and_outside(sandbox: Sandbox, programs: Programs) -> None:
    made(sandbox, "a/b")
    program = programs.start("idle")
    put(sandbox, sandbox.below("a", "b"), program.pid)
    for refuge, says in (
        (sandbox.below("none"), "does not exist in"),
        (sandbox.below("a", "b"), "is inside the group"),
    ):
        answer = absent(sandbox.below("a"), recursive=True, on_processes={"move_to": refuge})
        assert answer.failed
        assert says in answer.sentence
        assert "on_processes.move_to" in answer.sentence


# -- what is taken back after a failure -------------------------------------------------------------------------------


def failing(sandbox: Sandbox, enter: Callable[[], object] | None = None, **more: Any) -> Answer:
    """A task that makes groups and then one that the kernel refuses, because somebody bounded the depth above it."""
    if not sandbox.host.path("", sandbox.name).exists():
        sandbox.make("")
    write(sandbox.host.path("", sandbox.name, "cgroup.max.depth"), "1")
    groups = [
        {"name": sandbox.below("new"), "controllers": ["pids"], **more},
        {"name": sandbox.below("wrong", "last"), "limits": {"cgroup.max.depth": 5}},
    ]
    answer = run("tree", {"groups": groups}, enter=enter)
    assert answer.failed
    return answer


def before_the_last(do: Callable[[], object]) -> Callable[[], None]:
    """For the child that runs the task: do something right before the call that fails."""

    def enter() -> None:
        mkdir = Root.mkdir

        def mkdir_later(self: Root, path: str) -> int:
            if path.endswith("/last"):
                do()
            return mkdir(self, path)

        Root.mkdir = mkdir_later  # type: ignore[method-assign]

    return enter


@pytest.mark.v2("")
def test_a_failure_takes_back_the_groups_that_the_run_made(host: Host, sandbox: Sandbox) -> None:
    sandbox.make("", "old")
    before = sandbox.places()
    answer = failing(sandbox)
    assert answer.values["failure"]["errno"] == "EAGAIN"
    assert answer.values["failure"]["path"] == str(host.path("", sandbox.below("wrong", "last")))
    assert "cgroup.max.depth of a group above is reached" in answer.sentence
    assert "changes were made before it" in answer.sentence
    assert "taken back" in answer.sentence
    assert sandbox.places() == before


@pytest.mark.v2("")
def test_a_failure_leaves_a_group_that_somebody_else_made_meanwhile(host: Host, sandbox: Sandbox) -> None:
    new = host.path("pids", sandbox.below("new"))

    def swap() -> None:
        new.rmdir()
        new.mkdir()

    failing(sandbox, enter=before_the_last(swap))
    assert new.exists()
    assert not host.path("", sandbox.below("wrong")).exists()


@pytest.mark.v2("")
def test_a_failure_leaves_a_group_that_holds_a_process_by_now(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    program = programs.start("idle")
    answer = failing(sandbox, enter=before_the_last(lambda: sandbox.put("pids", sandbox.below("new"), program.pid)))
    assert host.members("pids", sandbox.below("new")) == {program.pid}
    assert str(host.path("pids", sandbox.below("new"))) in answer.sentence
    assert "could not be taken back" in answer.sentence
    assert not host.path("", sandbox.below("wrong")).exists()


# -- controllers_absent and purge_below -------------------------------------------------------------------------------


def test_a_controller_is_taken_from_a_group(host: Host, sandbox: Sandbox) -> None:
    made(sandbox, "a", controllers=("pids", "cpu"))
    task = {"name": sandbox.below("a"), "controllers": ["pids"], "controllers_absent": ["cpu"]}
    assert run("group", task, check=True).actions == (answer := run("group", task)).actions
    assert answer.changed
    place = host.path("cpu", sandbox.below("a"))
    assert not (place.exists() if host.version("cpu") == 1 else (place / "cpu.weight").exists())
    assert host.path("pids", sandbox.below("a"), "pids.max").exists()
    assert not run("group", task).changed


def test_a_controller_that_a_group_below_uses_is_refused(sandbox: Sandbox) -> None:
    made(sandbox, "a/b", controllers=("pids", "cpu"))
    before = sandbox.state()
    answer = run("group", {"name": sandbox.below("a"), "controllers_absent": ["cpu"]})
    assert answer.failed
    assert "controllers_absent: 'cpu'" in answer.sentence
    assert sandbox.below("a", "b") in answer.sentence or sandbox.below("a") in answer.sentence
    assert sandbox.state() == before


def purge(sandbox: Sandbox, *keep: str, **more: Any) -> Answer:
    groups = [{"name": sandbox.below(name), "controllers": ["pids"]} for name in keep]
    return run("tree", {"groups": groups, "purge_below": sandbox.name, **more})


def test_undeclared_empty_groups_are_purged(host: Host, sandbox: Sandbox) -> None:
    made(sandbox, "a", "b", "c/d", "e", controllers=("pids",))
    answer = purge(sandbox, "a", "b", "c/d")
    assert not answer.failed, answer.sentence
    assert answer.verbs() == ["remove"]
    assert not host.path("pids", sandbox.below("e")).exists()
    assert host.path("pids", sandbox.below("c", "d")).exists()
    assert not purge(sandbox, "a", "b", "c/d").changed


def test_more_than_half_is_purged_only_with_force(sandbox: Sandbox) -> None:
    made(sandbox, "a", "b", "c", "d", controllers=("pids",))
    answer = purge(sandbox, "a")
    assert answer.failed
    assert "would remove 3 of the 4 groups there" in answer.sentence
    assert purge(sandbox, "a", purge_force=True).verbs() == ["remove"] * 3


def test_a_group_that_the_same_task_empties_is_purged_at_once(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    made(sandbox, "a", "b", "c", controllers=("pids",))
    program = programs.start("idle")
    sandbox.put("pids", sandbox.below("c"), program.pid)
    groups = [
        {"name": sandbox.below("a"), "controllers": ["pids"], "processes": [{"pid": program.pid}]},
        {"name": sandbox.below("b"), "controllers": ["pids"]},
    ]
    params = {"groups": groups, "purge_below": sandbox.name}
    first = run("tree", params)
    assert not first.failed, first.sentence
    second = run("tree", params)
    assert (second.changed, second.actions) == (False, [])
    assert not host.path("pids", sandbox.below("c")).exists()


def test_a_group_with_a_process_is_not_purged(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    made(sandbox, "a", "b", "c", controllers=("pids",))
    program = programs.start("idle")
    sandbox.put("pids", sandbox.below("c"), program.pid)
    answer = purge(sandbox, "a", "b")
    assert not answer.failed, answer.sentence
    assert not answer.changed
    assert any(str(program.pid) in warning for warning in answer.warnings)
    assert host.members("pids", sandbox.below("c")) == {program.pid}


@pytest.mark.parametrize(
    ("name", "says"),
    [("nightly.service", "is a systemd unit"), ("docker-0123", "container"), ("0123456789abcdef" * 4, "container")],
)
def test_groups_of_others_are_not_purged(name: str, says: str, sandbox: Sandbox) -> None:
    made(sandbox, "a", "b", "c", name, controllers=("pids",))
    answer = purge(sandbox, "a", "b", "c")
    assert answer.failed
    assert says in answer.sentence
    assert name in answer.sentence


@pytest.mark.parametrize("name", ["nightly.service", "docker-0123", "0123456789abcdef" * 4, "user"])
def test_groups_of_others_that_are_in_use_are_no_reason_to_stop(
    name: str, host: Host, sandbox: Sandbox, programs: Programs
) -> None:
    made(sandbox, "a", "b", "c", "old", name + "/main", name + "/idle", controllers=("pids",))
    if name == "user":
        os.chown(host.path("pids", sandbox.below(name)), 65534, -1)
    program = programs.start("idle")
    sandbox.put("pids", sandbox.below(name, "main"), program.pid)
    answer = purge(sandbox, "a", "b", "c")
    assert not answer.failed, answer.sentence
    assert [action["target"] for action in answer.actions] == [sandbox.below("old")]
    (warning,) = answer.warnings
    assert f"{sandbox.below(name, 'main')} is not declared and stays: it " in warning
    assert f"{program.pid} (python" in warning
    assert host.path("pids", sandbox.below(name, "idle")).exists()
    assert not purge(sandbox, "a", "b", "c").changed


def test_a_delegated_group_is_not_purged(host: Host, sandbox: Sandbox) -> None:
    made(sandbox, "a", "b", "c", "user", controllers=("pids",))
    os.chown(host.path("pids", sandbox.below("user")), 65534, -1)
    answer = purge(sandbox, "a", "b", "c")
    assert answer.failed
    assert "is delegated to user 65534" in answer.sentence
