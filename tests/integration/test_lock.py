# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two tasks at once, and what is left alone: the lock, check mode and a second run, which change nothing at all."""

from __future__ import annotations

import fcntl
import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._kernel import lock
from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.spaces import Room
from ansible_collections.linux.isolation.tests.integration.support.tasks import Task, run
from ansible_collections.linux.isolation.tests.integration.support.tracing import kill_at, trace
from ansible_collections.linux.isolation.tests.integration.support.waiting import until


@pytest.fixture
def room() -> Iterator[Room]:
    with Room() as found:
        yield found


def task_for(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "controllers": ["pids", "memory", "cpuset"], **more}


def locked(room: Room, pid: int) -> int:
    """Take the room's lock, as a task with this number would have."""
    folder = room.path(lock.DIRECTORY)
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(room.path(lock.LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.pwrite(descriptor, f"{pid}\n".encode(), 0)
    return descriptor


def impatient(room: Room) -> Callable[[], None]:
    """In the room, with a bound that a test can wait for."""

    def enter() -> None:
        room.enter()
        lock.held = functools.partial(lock.held, bound=0.2)

    return enter


def test_a_held_lock_is_told_with_its_holder(sandbox: Sandbox, programs: Programs, room: Room) -> None:
    holder = programs.start("idle")
    descriptor = locked(room, holder.pid)
    try:
        answer = run("group", task_for(sandbox.name), enter=impatient(room))
    finally:
        os.close(descriptor)
    assert answer.failed
    assert f"/run/isolation/lock: is held by process {holder.pid} (python" in answer.sentence
    assert answer.values["failure"]["kind"] == "TimedOutError"
    assert sandbox.places() == []
    assert run("group", task_for(sandbox.name), enter=impatient(room)).changed


def test_a_task_waits_for_another_to_end(sandbox: Sandbox, room: Room) -> None:
    descriptor = locked(room, os.getpid())

    def enter() -> None:
        # Forked from who holds it: with this descriptor it would hold it too.
        os.close(descriptor)
        room.enter()

    task = Task("group", task_for(sandbox.name), enter=enter)
    try:
        asks_for_the_lock(task)
        assert sandbox.places() == []
    finally:
        os.close(descriptor)
    assert task.answer().changed


def test_a_lock_file_that_is_removed_while_a_task_waits_does_not_let_two_in(sandbox: Sandbox, room: Room) -> None:
    old = locked(room, os.getpid())

    def enter() -> None:
        os.close(old)
        room.enter()

    task = Task("group", task_for(sandbox.name), enter=enter)
    asks_for_the_lock(task)
    room.path(lock.LOCK).unlink()
    new = locked(room, os.getpid())
    os.close(old)
    links = Path(f"/proc/{task.pid}/fd")
    until(
        lambda: not any(_leads_to(link, lock.LOCK + " (deleted)") for link in links.iterdir()), "it opens the new one"
    )
    assert sandbox.places() == []
    os.close(new)
    assert task.answer().changed


def asks_for_the_lock(task: Task) -> None:
    """Wait until a task that enters a room has opened its lock."""
    process, outside = Path("/proc", str(task.pid)), Path("/proc/self/ns/mnt").readlink()
    # Before it is in the room, it has what it was forked with.
    until(lambda: (process / "ns/mnt").readlink() != outside, "the task enters the room")
    until(lambda: any(_leads_to(link, lock.LOCK) for link in (process / "fd").iterdir()), "the task asks for the lock")


def _leads_to(link: Path, path: str) -> bool:
    try:
        return str(link.readlink()).endswith(path)
    except FileNotFoundError:
        return False


def test_tasks_that_start_together_both_end_well(host: Host, sandbox: Sandbox, room: Room) -> None:
    names = [sandbox.below(name) for name in "abcd"]
    tasks = [Task("group", task_for(name), enter=room.enter) for name in names]
    answers = [task.answer() for task in tasks]
    assert [answer.values.get("msg") for answer in answers if answer.failed] == []
    assert all(host.path("pids", name).exists() and host.path("cpuset", name).exists() for name in names)


def test_the_lock_is_released_by_a_task_that_is_killed(sandbox: Sandbox, room: Room, tmp_path: Path) -> None:
    task = task_for(sandbox.name)
    _answer, calls = trace("group", task_for(sandbox.name + "-other"), tmp_path / "strace", room.enter)
    assert kill_at(calls[-2], "group", task, tmp_path / "strace", room.enter)
    answer = run("group", task, enter=impatient(room))
    assert not answer.failed, answer.sentence


@pytest.mark.parametrize("kind", ["link", "directory", "somebody's", "open to all"])
def test_a_lock_that_somebody_planted_is_refused(kind: str, sandbox: Sandbox, room: Room, tmp_path: Path) -> None:
    folder, path = room.path(lock.DIRECTORY), room.path(lock.LOCK)
    folder.mkdir(mode=0o700)
    if kind == "link":
        (tmp_path / "victim").write_text("mine")
        path.symlink_to(tmp_path / "victim")
    elif kind == "directory":
        path.mkdir()
    elif kind == "somebody's":
        path.touch()
        os.chown(path, 65534, -1)
    else:
        folder.chmod(0o777)
    answer = run("group", task_for(sandbox.name), enter=impatient(room))
    assert answer.failed, answer.values
    assert "/run/isolation" in answer.sentence
    assert sandbox.places() == []
    if kind == "link":
        assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.needs("strace")
def test_check_mode_changes_nothing_on_the_host(
    sandbox: Sandbox, programs: Programs, room: Room, tmp_path: Path
) -> None:
    program = programs.start("idle")
    task = task_for(sandbox.name, processes=[{"pid": program.pid}], frozen=True)
    answer, calls = trace("group", task, tmp_path / "strace", room.enter, check=True)
    assert answer.changed
    assert [call.shown for call in calls] == []
    assert not room.path(lock.DIRECTORY).exists()
    # The same way of looking sees what a real run does.
    answer, calls = trace("group", task, tmp_path / "strace", room.enter)
    assert len(calls) > len(answer.actions)
    assert room.path(lock.LOCK).stat().st_mode & 0o777 == 0o600
    assert room.path(lock.DIRECTORY).stat().st_mode & 0o777 == 0o700


@pytest.mark.needs("strace")
def test_a_second_run_touches_the_lock_alone(sandbox: Sandbox, room: Room, tmp_path: Path) -> None:
    task = {"groups": [{"name": sandbox.name, "limits": {"pids.max": 50, "memory.max": "64M", "cpu.max": 0.5}}]}
    assert run("tree", task, enter=room.enter).changed
    answer, calls = trace("tree", task, tmp_path / "strace", room.enter)
    assert not answer.changed
    assert [call.shown for call in calls if "/run/isolation" not in call.shown and lock.LOCK not in call.shown] == []


@pytest.mark.v1("cpuset")
@pytest.mark.needs("strace")
def test_a_dead_run_is_finished_though_another_task_ran_in_between(
    host: Host, sandbox: Sandbox, room: Room, tmp_path: Path
) -> None:
    task = task_for(sandbox.below("a"))
    _answer, calls = trace("group", task_for(sandbox.name + "-other"), tmp_path / "strace", room.enter)
    # As it fills the first cpuset that it made: an empty one of somebody else's would be an error.
    call = next(call for call in calls if "cpuset.cpus" in call.shown)
    assert kill_at(call, "group", task, tmp_path / "strace", room.enter)
    assert host.path("cpuset", sandbox.below("a"), "cpuset.cpus").read_text() == "\n"
    assert run("group", task_for(sandbox.name + "-another"), enter=room.enter).changed
    answer = run("group", task, enter=room.enter)
    assert not answer.failed, answer.sentence
    assert host.path("cpuset", sandbox.below("a"), "cpuset.cpus").read_text() != "\n"
    assert [path.name for path in room.path(lock.DIRECTORY).iterdir()] == ["lock"]


@pytest.mark.v1("cpuset")
@pytest.mark.v2("")
def test_a_failed_run_leaves_nothing_unfinished(sandbox: Sandbox, room: Room) -> None:
    sandbox.make("")
    write(sandbox.host.path("", sandbox.name, "cgroup.max.depth"), "0")
    groups = [task_for(sandbox.below("a")), {"name": sandbox.below("b"), "limits": {"cgroup.max.depth": 5}}]
    answer = run("tree", {"groups": groups}, enter=room.enter)
    assert answer.failed
    assert "taken back" in answer.sentence
    assert not sandbox.host.path("cpuset", sandbox.name).exists()
    assert [path.name for path in room.path(lock.DIRECTORY).iterdir()] == ["lock"]


@pytest.mark.v1("cpuset")
@pytest.mark.needs("strace")
def test_a_dead_run_whose_groups_are_removed_leaves_nothing_unfinished(
    sandbox: Sandbox, room: Room, tmp_path: Path
) -> None:
    task = task_for(sandbox.below("a", "b"))
    _answer, calls = trace("group", task_for(sandbox.name + "-other/b"), tmp_path / "strace", room.enter)
    call = next(call for call in calls if "cpuset.cpus" in call.shown)
    assert kill_at(call, "group", task, tmp_path / "strace", room.enter)
    assert run("group", {"name": sandbox.name, "state": "absent", "recursive": True}, enter=room.enter).changed
    assert [path.name for path in room.path(lock.DIRECTORY).iterdir()] == ["lock"]
