# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emptying a group: against an invented kernel with every trap in it, and against real families that fork."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import termination
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    ConflictError,
    KernelError,
    RefusedError,
    TimedOutError,
)
from ansible_collections.linux.isolation.plugins.module_utils._kernel import processes
from ansible_collections.linux.isolation.plugins.module_utils._kernel.processes import Process

V1 = frozenset({"cgroup.procs", "freezer.state", "freezer.parent_freezing"})
V2 = frozenset({"cgroup.procs", "cgroup.threads", "cgroup.events", "cgroup.freeze"})


class Kernel:
    """Groups as sets of pids, processes with a will of their own, and a diary of what was done to them."""

    def __init__(self, groups: dict[str, set[int]], files: frozenset[str]) -> None:
        self.groups = groups
        self.files = files
        self.alive = {pid for pids in groups.values() for pid in pids}
        self.state: dict[str, str] = {}
        self.diary: list[str] = []
        self.immortal: set[int] = set()
        self.between: Callable[[], None] = lambda: None
        self.errors: dict[str, int] = {}
        self.signalled: set[int] = set()

    # -- what a Tree has

    def read(self, path: str) -> str:
        group, file = self._file(path)
        if file == "cgroup.procs":
            return "".join(f"{pid}\n" for pid in sorted(self.groups[group] & self.alive))
        if file == "cgroup.threads":
            return ""
        if file == "cgroup.events":
            return f"populated 1\nfrozen {self.state.get(group, '0')}\n"
        if file == "freezer.state":
            return self.state.get(group, "THAWED") + "\n"
        return "0\n"

    def write(self, path: str, text: str) -> None:
        group, file = self._file(path)
        self.diary.append(f"{path} {text}")
        if file == "cgroup.kill":
            for name in self._subtree(group):
                self.alive -= self.groups[name] - self.immortal
        else:
            self.state[group] = text
            if text in ("THAWED", "0"):
                self.alive -= self.signalled
                self.signalled = set()

    def names(self, path: str) -> list[str]:
        if path not in self.groups:
            raise FileNotFoundError(errno.ENOENT, path)
        return [name[len(path) + 1 :] for name in self.groups if name.rpartition("/")[0] == path]

    def _file(self, path: str) -> tuple[str, str]:
        group, _, file = path.rpartition("/")
        if file in self.errors:
            raise OSError(self.errors[file], os.strerror(self.errors[file]))
        if group not in self.groups or file not in self.files:
            raise FileNotFoundError(errno.ENOENT, path)
        return group, file

    def _subtree(self, group: str) -> list[str]:
        return [name for name in self.groups if f"{name}/".startswith(f"{group}/")]

    # -- what signals do

    def kill(self, pid: int) -> bool:
        self.diary.append(f"kill {pid}")
        if pid not in self.alive:
            return False
        if pid in self.immortal:
            return True
        group = next(name for name, pids in self.groups.items() if pid in pids)
        if self.state.get(group.split("/")[0]) == "FROZEN":
            self.signalled.add(pid)
        else:
            self.alive.discard(pid)
        return True

    def handle(self, pid: int) -> Handle:
        self.between()
        return Handle(self, pid)


class Handle:
    open = 0

    def __init__(self, kernel: Kernel, pid: int) -> None:
        self.kernel, self.pid = kernel, pid
        Handle.open += 1

    def signal(self, number: int) -> bool:
        assert number == signal.SIGKILL
        return self.kernel.kill(self.pid)

    def close(self) -> None:
        Handle.open -= 1


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kernel]]:
    def kernel(groups: dict[str, set[int]], files: frozenset[str]) -> Kernel:
        made = Kernel(groups, files)
        monkeypatch.setattr(processes, "Handle", made.handle)
        monkeypatch.setattr(processes, "read", lambda pid: Process(pid, 1, 1, "x", pid > 900, "D"))
        monkeypatch.setattr(processes, "groups_of", lambda pid: {"freezer": "/f" if pid == 55 else "/"})
        monkeypatch.setattr(
            processes, "process_of", lambda thread: thread // 10 if thread // 10 in made.alive else None
        )
        return made

    Handle.open = 0
    yield kernel
    assert Handle.open == 0


def test_nobody_there_is_nothing_to_do(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": set()}, V1)
    assert termination.empty(kernel, "g") == ()
    assert termination.empty(kernel, "gone") == ()
    assert kernel.diary == []


def test_the_kernel_kills_where_it_can(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}, "g/a": {12}, "g/a/b": {0, 13}, "ga": {14}}, V2 | {"cgroup.kill"})
    assert termination.empty(kernel, "g") == (11, 12, 13)
    assert kernel.diary == ["g/cgroup.kill 1"]
    assert kernel.alive == {14}


def test_whom_the_kernel_passes_over_is_signalled(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11, 12}}, V2 | {"cgroup.kill"})
    kernel.immortal = {12}
    handle = kernel.handle

    def meant(pid: int) -> Handle:
        kernel.immortal = set()
        return handle(pid)

    processes.Handle = meant  # type: ignore[misc, assignment]
    assert termination.empty(kernel, "g") == (11, 12)
    assert kernel.diary[-3:] == ["g/cgroup.freeze 1", "kill 12", "g/cgroup.freeze 0"]


def test_v1_is_frozen_for_the_signals_and_thawed_for_the_deaths(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}, "g/a": {12}}, V1)
    assert termination.empty(kernel, "g", termination.Freezer(kernel, "g")) == (11, 12)
    assert kernel.diary == ["g/freezer.state FROZEN", "kill 11", "kill 12", "g/freezer.state THAWED"]


def test_a_group_that_was_frozen_before_is_thawed(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}}, V1)
    kernel.state["g"] = "FROZEN"
    assert termination.empty(kernel, "g", termination.Freezer(kernel, "g")) == (11,)
    assert kernel.state["g"] == "THAWED"


def test_v2_before_cgroup_kill(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}}, V2)
    assert termination.empty(kernel, "g") == (11,)
    assert kernel.diary == ["g/cgroup.freeze 1", "kill 11", "g/cgroup.freeze 0"]


def test_without_any_freezer(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11, 12}}, frozenset({"cgroup.procs"}))
    assert termination.empty(kernel, "g") == (11, 12)
    assert kernel.diary == ["kill 11", "kill 12"]


def test_a_threaded_group_is_known_by_its_threads(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}}, V2 | {"cgroup.kill"})
    kernel.errors = {"cgroup.procs": errno.EOPNOTSUPP, "cgroup.kill": errno.EOPNOTSUPP}
    read = kernel.read
    kernel.read = lambda path: (  # type: ignore[method-assign]
        "110\n111\n990\n" if path == "g/cgroup.threads" and 11 in kernel.alive else read(path)
    )
    assert termination.empty(kernel, "g") == (11,)


def test_born_meanwhile_dies_too(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}}, V1)
    births = iter(range(20, 40))

    def between() -> None:
        born = next(births, None)
        if born:
            kernel.groups["g"].add(born)
            kernel.alive.add(born)

    kernel.between = between
    assert termination.empty(kernel, "g") == (11, *range(20, 40))
    assert not kernel.alive


def test_a_number_that_a_stranger_got_is_spared(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11, 12}, "other": set()}, V1)

    def between() -> None:
        # 12 ends and a process elsewhere gets its number, between the look and the open.
        if 12 in kernel.groups["g"]:
            kernel.groups["g"].discard(12)
            kernel.groups["other"].add(12)

    kernel.between = between
    assert termination.empty(kernel, "g") == (11, 12)
    assert "kill 12" not in kernel.diary
    assert kernel.alive == {12}


def test_more_than_descriptors(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": set(range(10, 700))}, V1)
    most = 0

    def between() -> None:
        nonlocal most
        most = max(most, Handle.open)

    kernel.between = between
    assert len(termination.empty(kernel, "g")) == 690
    assert most < 256


@pytest.mark.parametrize("pid", [1, os.getpid(), 77])
@pytest.mark.parametrize("files", [V1, V2 | {"cgroup.kill"}])
def test_the_protected_are_never_killed(pid: int, files: frozenset[str], make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}, "g/a": {pid}}, files)
    with pytest.raises(RefusedError, match=f"would kill process {pid}, "):
        termination.empty(kernel, "g", protected={77: "an ancestor of this task (sshd)"}, option="o")
    assert kernel.diary == []


def test_who_comes_in_later_is_protected_and_the_group_thawed(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}}, V1)

    def between() -> None:
        kernel.groups["g"].add(77)
        kernel.alive.add(77)

    kernel.between = between
    with pytest.raises(RefusedError, match="would kill process 77, an ancestor"):
        termination.empty(kernel, "g", termination.Freezer(kernel, "g"), {77: "an ancestor of this task"})
    assert kernel.diary == ["g/freezer.state FROZEN", "g/freezer.state THAWED"]


def test_a_freezer_that_holds_the_protected_is_left_alone(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}, "f": {11, os.getpid()}}, V1)
    assert termination.empty(kernel, "g", termination.Freezer(kernel, "f")) == (11,)
    assert kernel.diary == ["kill 11"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EBUSY])
def test_a_signal_that_is_refused_still_thaws(number: int, make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}}, V1)

    def refused(pid: int) -> bool:
        raise OSError(number, os.strerror(number))

    kernel.kill = refused  # type: ignore[method-assign]
    with pytest.raises(KernelError, match="refused 'SIGKILL' for process 11 in g"):
        termination.empty(kernel, "g", termination.Freezer(kernel, "g"))
    assert kernel.diary[-1] == "g/freezer.state THAWED"


def test_a_freezer_that_refuses_is_done_without(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}}, V1)
    kernel.errors = {"freezer.state": errno.EBUSY}
    assert termination.empty(kernel, "g", termination.Freezer(kernel, "g")) == (11,)
    assert kernel.diary == ["kill 11"]


def test_a_freeze_that_does_not_end_is_waited_for_with_a_bound(
    make: Callable[..., Kernel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(termination, "_FREEZE_SECONDS", 0.05)
    kernel = make({"g": {11}}, V1)
    read = kernel.read
    kernel.read = lambda path: "FREEZING\n" if path.endswith("state") else read(path)  # type: ignore[method-assign]
    assert termination.empty(kernel, "g", termination.Freezer(kernel, "g")) == (11,)


def test_an_ancestor_that_is_frozen_is_named_before_a_signal(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}}, V1)
    read = kernel.read
    kernel.read = lambda path: "1\n" if path.endswith("parent_freezing") else read(path)  # type: ignore[method-assign]
    with pytest.raises(ConflictError, match="is frozen by a group above it"):
        termination.empty(kernel, "g", termination.Freezer(kernel, "g"), option="o")
    assert kernel.diary == []


def test_what_stays_is_named_after_a_bound(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11, 55}}, V1)
    kernel.immortal = {11, 55}
    begin = time.monotonic()
    with pytest.raises(TimedOutError) as caught:
        termination.empty(kernel, "g", option="o", seconds=0.1)
    assert 0.1 < time.monotonic() - begin < 5
    sentence = caught.value.sentence()
    assert sentence.startswith("o: 'g' still holds 2 processes after 0.")
    assert "killing: 11 (x, state D), 55 (x, state D, in the group f of the freezer); see" in sentence


def test_a_crowd_that_stays_is_counted(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": set(range(10, 20))}, V1)
    kernel.immortal = set(range(10, 20))
    with pytest.raises(TimedOutError, match=r"still holds 10 processes .* 14 \(x, state D\) and 5 more"):
        termination.empty(kernel, "g", seconds=0.01)


@pytest.mark.parametrize(
    ("stays", "named"),
    [({901}, "901 \\(x, kernel thread\\)"), ({0}, "one outside this pid namespace"), ({0, 901}, "one outside.*, 901")],
)
def test_what_no_signal_ends_is_said_at_once(stays: set[int], named: str, make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11} | stays}, V1)
    kernel.immortal = stays
    begin = time.monotonic()
    with pytest.raises(ConflictError, match=f"holds {named}.* which cannot be killed from here"):
        termination.empty(kernel, "g")
    assert time.monotonic() - begin < 5
    assert kernel.alive == stays
    assert "kill 0" not in kernel.diary


@pytest.mark.parametrize("group", ["", "/"])
def test_never_the_root(group: str, make: Callable[..., Kernel]) -> None:
    with pytest.raises(RefusedError, match="is the root group"):
        termination.empty(make({"": {11}}, V2 | {"cgroup.kill"}), group)


@pytest.mark.parametrize("file", ["cgroup.procs", "cgroup.kill"])
def test_a_refusal_carries_its_path(file: str, make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}}, V2 | {"cgroup.kill"})
    kernel.errors = {file: errno.EIO}
    with pytest.raises(KernelError, match=rf"g/{file}: Input/output error \(EIO\)"):
        termination.empty(kernel, "g")


def test_a_group_that_goes_away_meanwhile_is_empty(make: Callable[..., Kernel]) -> None:
    kernel = make({"g": {11}, "g/a": {12}}, V1)
    names = kernel.names

    def vanishing(path: str) -> list[str]:
        found = names(path)
        if kernel.diary:
            kernel.groups.pop("g/a", None)
            kernel.alive.discard(12)
        return found

    kernel.names = vanishing  # type: ignore[method-assign]
    assert termination.empty(kernel, "g") == (11, 12)


# -- real processes --------------------------------------------------------------------------------------------------


class Session:
    """A POSIX session posing as a group of a kernel without a freezer: children are born into it, as into a group."""

    def __init__(self, leader: int) -> None:
        self.leader = leader

    def read(self, path: str) -> str:
        if not path.endswith("/cgroup.procs"):
            raise FileNotFoundError(errno.ENOENT, path)
        found: list[int] = []
        for _look in range(3):
            found = [process.pid for process in processes.all_processes() if process.session == self.leader]
            if found:
                break
            # Unlike a group's list, a pass over /proc can miss one that goes on in a new child.
            time.sleep(0.03)
        return "".join(f"{pid}\n" for pid in found)

    def write(self, path: str, text: str) -> None:
        raise FileNotFoundError(errno.ENOENT, path)

    def names(self, path: str) -> list[str]:
        return []


# Each member goes on in a new child now and then, so the numbers change while the family keeps its size.
FAMILY = """
import os, signal, sys, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for number in range(int(sys.argv[1])):
    if os.fork() == 0:
        while True:
            signal.alarm(120)
            time.sleep(0.05)
            if os.fork():
                os._exit(0)
os.write(1, b"ready")
"""


@pytest.mark.parametrize("pidfd", [True, False])
def test_a_real_family_that_forks_without_end(pidfd: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not pidfd:

        def none(pid: int) -> int:
            raise OSError(errno.ENOSYS, "no such call")

        monkeypatch.setattr(processes, "_pidfd_open", none)
    before = os.sched_getscheduler(0)
    argv = [sys.executable, "-c", FAMILY, "60"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.read(5) == b"ready"
        process.wait(10)
        session = Session(process.pid)
        assert session.read("g/cgroup.procs")
        assert len(termination.empty(session, "g")) >= 60
    time.sleep(0.2)
    assert session.read("g/cgroup.procs") == ""
    assert os.sched_getscheduler(0) == before


def test_a_real_process_that_is_stopped() -> None:
    with subprocess.Popen(["/bin/sleep", "60"], start_new_session=True) as process:
        os.kill(process.pid, signal.SIGSTOP)
        assert termination.empty(Session(process.pid), "g") == (process.pid,)
        assert process.wait(10) == -signal.SIGKILL
