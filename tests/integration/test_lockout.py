# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host stays reachable: what would freeze, kill, move or starve this task, or what it hangs on, is refused."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import Host
from ansible_collections.linux.isolation.tests.integration.support.pid_namespaces import in_a_pid_namespace
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.spaces import join
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, Task, run
from ansible_collections.linux.isolation.tests.integration.support.waiting import until

CONTROLLERS = ["pids", "memory", "freezer"]

# What is tried against a group that holds a process which must not be hit: the module, what it is told, and how the
# refusal calls it.
TRIED: dict[str, tuple[str, dict[str, Any], str]] = {
    "freeze": ("group", {"frozen": True}, "would freeze"),
    "kill": ("group", {"state": "absent", "recursive": True, "on_processes": "kill"}, "would kill"),
    "pids.max": ("limit", {"limits": {"pids.max": 1}}, "would set pids.max below"),
    "memory.max": ("limit", {"limits": {"memory.max": "4K"}, "shrink": "immediate"}, "would set memory.max below"),
}


@pytest.fixture
def inner(host: Host, sandbox: Sandbox) -> list[Path]:
    """The places of a group below the test's own, made by hand for the task or its like to be in."""
    groups = [{"name": sandbox.below("inner"), "controllers": [c for c in CONTROLLERS if host.version(c)]}]
    answer = run("tree", {"groups": groups})
    assert not answer.failed, answer.sentence
    return list(dict.fromkeys(host.path(controller, sandbox.below("inner")) for controller in CONTROLLERS))


def _two_tasks_of_memory(enter: Callable[[], None]) -> Callable[[], None]:
    """Inside there are two tasks and some memory, so that 1 and 4K are below what is used."""

    def entered() -> None:
        enter()
        child = os.fork()
        if not child:
            signal.alarm(60)
            # With the task ends its child.
            parent = os.getppid()
            until(lambda: os.getppid() != parent, "the end of the task")
            os._exit(0)
        memory = bytearray(4 << 20)
        assert memory[-1] == 0

    return entered


@pytest.mark.parametrize("above", [False, True], ids=["its own group", "a group above"])
@pytest.mark.parametrize("tried", TRIED)
def test_what_hits_the_task_itself_is_refused(tried: str, above: bool, sandbox: Sandbox, inner: list[Path]) -> None:
    module, params, says = TRIED[tried]
    name = sandbox.name if above else sandbox.below("inner")
    before = sandbox.state()
    answer = run(module, {"name": name, **params}, enter=_two_tasks_of_memory(join(*inner)))
    assert answer.failed, answer.values
    assert says in answer.sentence
    assert "this task itself" in answer.sentence
    assert "allow_lockout: true" in answer.sentence or tried == "kill"
    assert sandbox.state() == before


class Ancestor:
    """A process inside the group whose child, outside of it, runs the task: an SSH connection's daemon, so to say."""

    def __init__(self, places: list[Path]) -> None:
        self._places = places
        self.pid = 0

    def enter(self) -> None:
        """The child that was to run the task stays as the ancestor; a child of it runs the task."""
        child = os.fork()
        if child:
            join(*self._places)()
            memory = bytearray(4 << 20)
            assert memory[-1] == 0
            # Two tasks, as before.
            second = os.fork()
            if not second:
                signal.alarm(60)
                signal.pause()
            os.waitpid(child, 0)
            os.kill(second, signal.SIGKILL)
            os._exit(0)
        own = os.getppid()
        until(lambda: all(self._full(place, own) for place in self._places), "the ancestor is inside")

    def _full(self, place: Path, pid: int) -> bool:
        pids = (place / "cgroup.procs").read_text().split()
        return str(pid) in pids and len(pids) > 1


@pytest.mark.parametrize("tried", TRIED)
def test_what_hits_an_ancestor_of_the_task_is_refused(tried: str, sandbox: Sandbox, inner: list[Path]) -> None:
    module, params, says = TRIED[tried]
    before = sandbox.state()
    answer = run(module, {"name": sandbox.below("inner"), **params}, enter=Ancestor(inner).enter)
    assert answer.failed, answer.values
    assert says in answer.sentence
    assert "an ancestor of this task" in answer.sentence
    assert sandbox.state() == before


@pytest.mark.parametrize("tried", [name for name in TRIED if name != "kill"])
def test_allow_lockout_permits_it(tried: str, host: Host, sandbox: Sandbox, inner: list[Path]) -> None:
    module, params, _ = TRIED[tried]
    if tried == "memory.max":
        # Not so little that the ancestor is killed for it.
        params = {**params, "limits": {"memory.max": "1M"}} if host.version("memory") == 2 else params
    declared = {"name": sandbox.below("inner"), **params, "allow_lockout": True}
    task = Task(module, declared, check=tried == "memory.max", enter=Ancestor(inner).enter)
    try:
        answer = task.told()
        assert not answer.failed, answer.sentence
        assert answer.verbs() == ["freeze" if tried == "freeze" else "write"]
    finally:
        sandbox.thaw()
        task.close()


def _login_with_a_fellow(places: list[Path]) -> Callable[[], None]:
    """A login of which one process is in the group and the task, no relative of it, is another."""

    def enter() -> None:
        # The kernel counts a new session when a login is set.
        Path("/proc/self/loginuid").write_text("65534")
        told, write = os.pipe()
        fellow = os.fork()
        if not fellow:
            signal.alarm(60)
            join(*places)()
            second = os.fork()
            signal.alarm(60)
            memory = bytearray(4 << 20)
            assert memory[-1] == 0
            if second:
                os.write(write, b"inside")
            while True:
                signal.pause()
        assert os.read(told, 6) == b"inside"

    return enter


@pytest.mark.parametrize("tried", TRIED)
def test_what_hits_the_login_session_of_the_task_is_refused(tried: str, sandbox: Sandbox, inner: list[Path]) -> None:
    module, params, says = TRIED[tried]
    before = sandbox.state()
    answer = run(module, {"name": sandbox.below("inner"), **params}, enter=_login_with_a_fellow(inner))
    assert answer.failed, answer.values
    assert says in answer.sentence
    assert "of the login session" in answer.sentence
    assert sandbox.state() == before


def test_a_task_is_not_moved_nor_what_is_above_it(sandbox: Sandbox, inner: list[Path], programs: Programs) -> None:
    before = sandbox.state()
    for pid, says in ((os.getpid(), "an ancestor of this task"), (1, "PID 1")):
        task = {"name": sandbox.below("inner"), "controllers": ["pids"], "processes": [{"pid": pid}]}
        answer = run("group", task)
        assert answer.failed
        assert "would move into" in answer.sentence
        assert says in answer.sentence
    beside = programs.start("idle")
    task = {"name": sandbox.below("inner"), "controllers": ["pids"], "processes": [{"pid": beside.pid}]}
    answer = run("group", task)
    assert not answer.failed, answer.sentence
    assert "move" in answer.verbs()
    assert sandbox.state() == before


def test_a_task_is_not_moved_out_of_its_group(sandbox: Sandbox, inner: list[Path]) -> None:
    task = {"name": sandbox.below("inner"), "state": "absent", "on_processes": {"move_to": "/"}}
    answer = run("group", task, enter=join(*inner))
    assert answer.failed
    assert "would move" in answer.sentence
    assert "this task itself" in answer.sentence


def test_a_group_with_a_protected_process_is_not_purged(sandbox: Sandbox, inner: list[Path]) -> None:
    params = {"groups": [], "purge_below": sandbox.name, "purge_force": True}
    answer = run("tree", params, enter=join(*inner))
    assert not answer.failed, answer.sentence
    assert any(f"{sandbox.below('inner')} is not declared and stays: it holds " in found for found in answer.warnings)
    assert all(path.exists() for path in inner)


# -- PID 1, of a pid namespace of the test's own ----------------------------------------------------------------------


@pytest.fixture
def tries_on_pid_1(sandbox: Sandbox, inner: list[Path]) -> list[Answer]:
    name = sandbox.below("inner")
    permitted = {"allow_lockout": True}
    return in_a_pid_namespace(
        inner,
        [
            ("group", {"name": name, "frozen": True, **permitted}),
            ("group", {"name": name, "state": "absent", "on_processes": "kill", **permitted}),
            ("group", {"name": name, "state": "absent", "on_processes": {"move_to": "/"}, **permitted}),
            (
                "group",
                {"name": sandbox.below("other"), "controllers": ["pids"], "processes": [{"pid": 1}], **permitted},
            ),
        ],
    )


def test_nothing_permits_to_freeze_kill_or_move_pid_1(tries_on_pid_1: list[Answer], inner: list[Path]) -> None:
    for answer in tries_on_pid_1:
        assert answer.failed, answer.values
        assert "PID 1" in answer.sentence
        assert "nothing permits that to PID 1" in answer.sentence
    assert all(path.exists() for path in inner)
