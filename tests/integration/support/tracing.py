# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks under strace: which calls of theirs change something, and death at any of them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .tasks import Task
from .waiting import BOUND, until

_CALLS = (
    "mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 symlinkat linkat write pwrite64 writev ftruncate truncate "
    "fallocate chmod fchmod fchmodat chown lchown fchown fchownat setxattr fsetxattr removexattr mount umount2 "
    "openat kill tgkill pidfd_send_signal clone clone3 fork vfork execve"
)
# What writes changes something only where it is a file of the host's, and not the pipe on which a task answers.
_WRITES = ("write", "pwrite64", "writev", "ftruncate", "fallocate")
_LINE = re.compile(r"(?:\d+ +)?(\w+)\((.*)")


class Call(NamedTuple):
    """A call that changes something: its name, which call of that name it is, and how strace shows it."""

    name: str
    number: int
    shown: str


def _is_change(name: str, rest: str) -> bool:
    if name == "openat":
        return "O_CREAT" in rest
    if name in _WRITES:
        return rest.partition("<")[2].startswith("/")
    return True


def _without_result(line: str) -> str:
    return line.rpartition(" = ")[0].rstrip()


class Traced:
    """A task that runs under strace, from its first call on."""

    def __init__(
        self,
        module: str,
        params: Mapping[str, Any],
        log: Path,
        enter: Callable[[], object],
        kill: Call | None,
        check: bool,
    ) -> None:
        self._log = log
        log.unlink(missing_ok=True)

        def entered() -> None:
            # What Python itself writes is no change of the task's.
            sys.dont_write_bytecode = True
            enter()
            os.kill(os.getpid(), signal.SIGSTOP)

        self.task = Task(module, params, check, entered)
        state = Path(f"/proc/{self.task.pid}/stat")
        until(lambda: state.read_text().rpartition(") ")[2][0] == "T", "the task waits")
        command = ["strace", "-qqq", "-y", "-s", "80", "-e", "trace=" + _CALLS.replace(" ", ",")]
        if kill is not None:
            command += ["-e", f"inject={kill.name}:signal=SIGKILL:when={kill.number}"]
        self._strace = subprocess.Popen([*command, "-o", str(log), "-p", str(self.task.pid)])
        until(lambda: log.exists() and "stopped by SIGSTOP" in log.read_text(), "strace holds the task")
        os.kill(self.task.pid, signal.SIGCONT)

    def end(self) -> None:
        """After the task: strace ends by itself."""
        self._strace.wait(BOUND)

    def changes(self) -> list[Call]:
        """The calls that changed something, in order; of one that is made until the kernel takes it, the first."""
        counts: Counter[str] = Counter()
        found: list[Call] = []
        for line in self._log.read_text().splitlines():
            matched = _LINE.match(line)
            if matched is None:
                continue
            name, rest = matched.groups()
            counts[name] += 1
            if _is_change(name, rest) and not (found and _without_result(found[-1].shown) == _without_result(line)):
                found.append(Call(name, counts[name], line))
        return found


def trace(
    module: str, params: Mapping[str, Any], log: Path, enter: Callable[[], object], check: bool = False
) -> tuple[Any, list[Call]]:
    """A whole task: its answer and its changing calls."""
    traced = Traced(module, params, log, enter, None, check)
    answer = traced.task.answer()
    traced.end()
    return answer, traced.changes()


def kill_at(call: Call, module: str, params: Mapping[str, Any], log: Path, enter: Callable[[], object]) -> bool:
    """A task that is killed as it enters the call, which is not done any more; whether it was."""
    traced = Traced(module, params, log, enter, call, False)
    died = traced.task.died()
    traced.end()
    return died
