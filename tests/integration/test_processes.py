# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes are moved, and that all of each is: selectors, families that fork, threads, and those that end meanwhile."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import apply
from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.programs import FOLDER, Program, Programs, gone
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.spaces import cgroup_namespace, mount
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, run
from ansible_collections.linux.isolation.tests.integration.support.waiting import until

NOBODY = 65534
_CLONE3 = 435


def place(sandbox: Sandbox, *selectors: dict[str, Any], **more: Any) -> Answer:
    """Declare which processes are in the test's group."""
    params = {"name": sandbox.name, "controllers": ["pids", "memory"], "processes": list(selectors)}
    return run("group", params, **more)


def inside(host: Host, sandbox: Sandbox) -> set[int]:
    """Who is in the group in both of its hierarchies."""
    return host.members("pids", sandbox.name) & host.members("memory", sandbox.name)


class Two:
    """One process that a selector means and one that only looks like it."""

    def __init__(self, programs: Programs, mark: str, folder: Path) -> None:
        self.mark = mark
        self.one = programs.start("idle", mark + "-one", NOBODY)
        self.other = programs.start("idle", mark + "-other")
        self.pid_file = folder / "pid"
        self.pid_file.write_text(f"{self.one.pid}\nmore\n")


@pytest.fixture
def two(programs: Programs, sandbox: Sandbox, tmp_path: Path) -> Two:
    return Two(programs, sandbox.name, tmp_path)


def executable() -> str:
    return os.readlink("/proc/self/exe")


SELECTORS: dict[str, Callable[[Two], list[dict[str, Any]]]] = {
    "pid": lambda two: [{"pid": two.one.pid}],
    "pid_file": lambda two: [{"pid_file": str(two.pid_file)}],
    "cmdline": lambda two: [{"cmdline": two.mark + "-one "}],
    "user and cmdline": lambda two: [{"user": str(NOBODY), "cmdline": two.mark}],
    "exe and cmdline and user": lambda two: [{"exe": executable(), "cmdline": two.mark, "user": "nobody"}],
    "pid and a cmdline that does not fit, or a pid": lambda two: [
        {"pid": two.other.pid, "cmdline": two.mark + "-one "},
        {"pid": two.one.pid, "cmdline": two.mark + "-one "},
    ],
}


@pytest.mark.parametrize("name", SELECTORS)
def test_a_selector_takes_its_process_alone(name: str, host: Host, sandbox: Sandbox, two: Two) -> None:
    selectors = SELECTORS[name](two)
    predicted = place(sandbox, *selectors, check=True)
    first = place(sandbox, *selectors)
    assert not first.failed, first.sentence
    assert first.changed
    assert inside(host, sandbox) == {two.one.pid}
    assert predicted.actions == first.actions
    moved = [action for action in first.actions if action["action"] == "move"]
    assert [action["after"].split()[0] for action in moved] == [str(two.one.pid)] * (1 if host.unified else 2)
    second = place(sandbox, *selectors)
    assert (second.changed, second.actions) == (False, [])


def test_selectors_are_alternatives(host: Host, sandbox: Sandbox, two: Two) -> None:
    assert place(sandbox, {"pid": two.one.pid}, {"cmdline": two.mark + "-other"}).changed
    assert inside(host, sandbox) == {two.one.pid, two.other.pid}


@pytest.mark.v2("")
def test_a_unit_is_told_by_its_group(host: Host, sandbox: Sandbox, two: Two) -> None:
    unit = sandbox.name + "-a.service"
    sandbox.host.path("", unit).mkdir()
    sandbox.put("", unit, two.one.pid)
    answer = place(sandbox, {"systemd_unit": unit})
    assert not answer.failed, answer.sentence
    assert inside(host, sandbox) == {two.one.pid}


def test_only_processes_that_are_outside_are_moved(host: Host, sandbox: Sandbox, two: Two) -> None:
    for controller in ("pids", "memory"):
        if not host.path(controller, sandbox.name).exists():
            sandbox.make(controller)
    if host.unified:
        # A group that passes controllers on can hold no process: the other one is put beside.
        assert place(sandbox, {"pid": two.one.pid}).changed
        assert place(sandbox, {"pid": two.one.pid}, {"pid": two.other.pid}).verbs() == ["move"]
        return
    for controller in ("pids", "memory"):
        sandbox.make(controller, "deeper")
        sandbox.put(controller, sandbox.below("deeper"), two.one.pid)
    answer = place(sandbox, {"pid": two.one.pid}, {"pid": two.other.pid})
    assert {action["after"].split()[0] for action in answer.actions if action["action"] == "move"} == {
        str(two.other.pid)
    }
    assert host.members("pids", sandbox.below("deeper")) == {two.one.pid}


# -- what is not there ------------------------------------------------------------------------------------------------


def dead_pid(programs: Programs) -> int:
    program = programs.start("idle")
    program.end()
    gone(program.pid)
    return program.pid


def test_a_pid_that_is_not_there_is_an_error_before_anything_is_made(sandbox: Sandbox, programs: Programs) -> None:
    pid = dead_pid(programs)
    answer = place(sandbox, {"pid": pid})
    assert answer.failed
    assert f"processes[0].pid: '{pid}'" in answer.sentence or f"processes[0].pid: {pid}" in answer.sentence
    assert "is no running process" in answer.sentence
    assert sandbox.places() == []


def test_what_fits_nothing_is_a_warning_unless_it_is_required(sandbox: Sandbox) -> None:
    selector = {"cmdline": sandbox.name + "-nobody-has-this"}
    answer = place(sandbox, selector)
    assert not answer.failed
    assert any("processes[0]" in warning and "nobody-has-this" in warning for warning in answer.warnings)
    required = place(sandbox, selector | {"required": True})
    assert required.failed
    assert "selects no process and is required" in required.sentence


def test_a_pid_file_that_is_not_there_selects_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    answer = place(sandbox, {"pid_file": str(tmp_path / "none")})
    assert not answer.failed
    assert any("does not exist" in warning for warning in answer.warnings)


@pytest.mark.parametrize(("text", "says"), [("", "is empty"), ("x\n", "holds 'x'"), ("STALE", "is no running process")])
def test_a_pid_file_that_cannot_be_meant_is_an_error(
    text: str, says: str, sandbox: Sandbox, programs: Programs, tmp_path: Path
) -> None:
    path = tmp_path / "pid"
    path.write_text(text.replace("STALE", str(dead_pid(programs))))
    answer = place(sandbox, {"pid_file": str(path)})
    assert answer.failed
    assert says in answer.sentence
    assert sandbox.places() == []


def before_the_first_change(do: Callable[[], object]) -> Callable[[], None]:
    """For the child that runs the task: do something between its plan and its first change."""

    def enter() -> None:
        begin = apply.Cgroups.begin

        def begin_later(self: Any, changes: Any) -> None:
            do()
            begin(self, changes)

        apply.Cgroups.begin = begin_later  # type: ignore[method-assign]

    return enter


def test_a_process_that_ends_before_it_is_moved_is_no_error(host: Host, sandbox: Sandbox, two: Two) -> None:
    def end() -> None:
        os.kill(two.one.pid, signal.SIGKILL)
        # A zombie until its parent, pytest, looks at it: that holds nothing either.
        until(lambda: Path(f"/proc/{two.one.pid}/stat").read_text().rpartition(") ")[2][0] == "Z", "the end")

    answer = place(sandbox, {"pid": two.one.pid}, {"pid": two.other.pid}, enter=before_the_first_change(end))
    assert not answer.failed, answer.sentence
    assert inside(host, sandbox) == {two.other.pid}


class _CloneArguments(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            *("flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack"),
            *("stack_size", "tls", "set_tid", "set_tid_size", "cgroup"),
        )
    ]


def fork_as(pid: int) -> None:
    """A child of this process with a number that is free: it sleeps until it is killed."""
    number = ctypes.c_int(pid)
    arguments = _CloneArguments(exit_signal=signal.SIGCHLD, set_tid=ctypes.addressof(number), set_tid_size=1)
    found = ctypes.CDLL(None, use_errno=True).syscall(_CLONE3, ctypes.byref(arguments), ctypes.sizeof(arguments))
    if found == 0:
        # No descriptor of the test stays open here: it waits for the end of its pipes.
        os.closerange(0, 4096)
        signal.alarm(600)
        while True:
            signal.pause()
    assert found == pid, os.strerror(ctypes.get_errno())


def test_another_process_of_the_same_number_is_not_moved(host: Host, sandbox: Sandbox, two: Two) -> None:
    two.one.end()
    pid = two.one.pid
    gone(pid)

    def reuse() -> None:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        # Times are counted in ticks of 10 ms: the new one begins in another.
        time.sleep(0.05)
        fork_as(pid)

    def enter() -> None:
        fork_as(pid)
        before_the_first_change(reuse)()

    try:
        answer = place(sandbox, {"pid": pid}, {"pid": two.other.pid}, enter=enter)
        assert not answer.failed, answer.sentence
        assert inside(host, sandbox) == {two.other.pid}
    finally:
        os.kill(pid, signal.SIGKILL)


# -- families and threads ---------------------------------------------------------------------------------------------


def test_a_family_of_a_hundred_that_forks_meanwhile_ends_up_inside(
    host: Host, sandbox: Sandbox, programs: Programs
) -> None:
    eldest = programs.start("family", 100, 0.002, sandbox.name)
    eldest.say("begin")
    selector = {"cmdline": f"{FOLDER}/family.py 100 .* {sandbox.name}$"}
    first = place(sandbox, selector)
    assert not first.failed, first.sentence
    assert first.changed
    assert eldest.hear() == "complete"
    family = members_of_session(eldest)
    assert len(family) == 100
    assert inside(host, sandbox) == family
    second = place(sandbox, selector)
    assert (second.changed, second.actions) == (False, [])


def test_descendants_are_taken_along(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    eldest = programs.start("family", 20, 0)
    assert eldest.ask("begin") == "complete"
    family = members_of_session(eldest)
    assert place(sandbox, {"pid": eldest.pid, "descendants": True}).changed
    assert inside(host, sandbox) == family
    assert len(family) == 20


def members_of_session(program: Program) -> set[int]:
    """All processes that a program forked, and itself: its session is its own."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if path.read_text().rpartition(")")[2].split()[3] == str(program.pid):
                found.add(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@pytest.mark.v1("pids")
def test_a_process_with_a_thread_outside_is_brought_in_as_a_whole(
    host: Host, sandbox: Sandbox, programs: Programs
) -> None:
    program = programs.start("threads", 4)
    threads = [int(thread) for thread in program.ready.split()]
    assert place(sandbox, {"pid": program.pid}).changed
    write(host.path("pids", "", "tasks"), str(threads[2]))
    answer = place(sandbox, {"pid": program.pid})
    assert answer.verbs() == ["move"]
    tasks = {int(thread) for thread in host.path("pids", sandbox.name, "tasks").read_text().split()}
    assert tasks == {program.pid, *threads}
    assert not place(sandbox, {"pid": program.pid}).changed


def test_memory_that_stays_behind_is_told(sandbox: Sandbox, programs: Programs) -> None:
    eater = programs.start("eat")
    assert eater.ask("64") == "done"
    group = {"name": sandbox.name, "limits": {"memory.max": "32M"}, "processes": [{"pid": eater.pid}]}
    answer = run("tree", {"groups": [group]})
    assert not answer.failed, answer.sentence
    assert any(str(eater.pid) in warning and "stays charged" in warning for warning in answer.warnings)
    assert eater.alive()


def test_a_description_never_takes_the_task_itself(host: Host, sandbox: Sandbox) -> None:
    # As a task of Ansible fits "python" as well as the daemon that is meant.
    own = Path("/proc/self/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    answer = place(sandbox, {"cmdline": "^" + re.escape(own) + "$"})
    assert not answer.failed, answer.sentence
    assert os.getpid() not in inside(host, sandbox)


@pytest.mark.parametrize("destination", ["beside", "/"])
def test_processes_are_moved_to_another_group_and_to_the_root(
    destination: str, host: Host, sandbox: Sandbox, two: Two
) -> None:
    assert place(sandbox, {"pid": two.one.pid}).changed
    name = "/" if destination == "/" else sandbox.name + "-beside"
    answer = run("group", {"name": name, "controllers": ["pids", "memory"], "processes": [{"pid": two.one.pid}]})
    assert not answer.failed, answer.sentence
    assert inside(host, sandbox) == set()
    assert two.one.pid in host.members("pids", name.strip("/"))
    assert two.one.pid in host.members("memory", name.strip("/"))


@pytest.mark.v1("pids")
@pytest.mark.v2("")
@pytest.mark.parametrize("where", ["-outside", "-a.service"])
def test_a_process_outside_of_the_cgroup_namespace_is_in_no_group_of_its_own(
    where: str, host: Host, sandbox: Sandbox, two: Two
) -> None:
    outside = sandbox.name + where
    host.path("", outside).mkdir()
    sandbox.put("", outside, two.one.pid)
    root = sandbox.make("")
    point = str(root.parent)

    def enter() -> None:
        cgroup_namespace(root)()
        # No file system is mounted onto itself.
        mount("none", point, "tmpfs")
        mount("none", point, "cgroup2")

    answer = run("group", {"name": "a", "processes": [{"pid": two.one.pid}]}, enter=enter)
    assert not answer.failed, answer.sentence
    (moved,) = (action for action in answer.actions if action["action"] == "move")
    assert moved["before"].endswith(f" in /../{outside}")
    assert host.members("", sandbox.below("a")) == {two.one.pid}
