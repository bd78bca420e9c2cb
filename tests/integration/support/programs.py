# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting the programs of programs/: each says a line when it is ready and does what it is told, line by line."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from .sweeping import MARK
from .waiting import BOUND, until

FOLDER = Path(__file__).resolve().parents[1] / "programs"
# prctl(2)
_PR_SET_CHILD_SUBREAPER = 36


class Program:
    """A running program; ``ready`` is what it said first."""

    def __init__(self, command: list[str]) -> None:
        # A session of its own: all that it forks can be ended at once.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            env={**os.environ, MARK: str(os.getpid())},
        )
        self.pid = self._process.pid
        self._heard = b""
        self.ready = self.hear()

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    def hear(self, bound: float = BOUND) -> str:
        """The next line; "" when it ended without one."""
        assert self._process.stdout is not None
        end = time.monotonic() + bound
        while b"\n" not in self._heard:
            ready, _, _ = select.select([self._process.stdout], [], [], max(end - time.monotonic(), 0))
            assert ready, f"{self._process.args!r} said nothing for {bound:g} s"
            more = os.read(self._process.stdout.fileno(), 65536)
            if not more:
                return ""
            self._heard += more
        line, _, self._heard = self._heard.partition(b"\n")
        return line.decode()

    def ask(self, line: str) -> str:
        self.say(line)
        return self.hear()

    def status(self, bound: float = BOUND) -> int:
        """How it ended: an exit status, or -N for signal N."""
        return self._process.wait(bound)

    def alive(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """Kill it with all that it forked, and reap it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait(BOUND)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


class Programs:
    """Starts programs and ends all of them with the test."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()

    def start(self, name: str, *arguments: object) -> Program:
        """One of the files of programs/, by its name without .py."""
        # Neither site-packages nor the environment: it begins sooner.
        return self.run([sys.executable, "-ISs", str(FOLDER / (name + ".py")), *map(str, arguments)])

    def run(self, command: list[str]) -> Program:
        program = Program(command)
        self._stack.callback(program.end)
        return program

    def end(self) -> None:
        self._stack.close()
        # What the tests' tasks forked and left: its parent is pytest, since ``adopt``.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def adopt() -> None:
    """Become the parent of every descendant that loses its own: so it is told whose it is, and is reaped."""
    assert ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def gone(pid: int) -> None:
    """Wait until a process is neither alive nor a zombie."""
    until(lambda: not Path(f"/proc/{pid}").exists(), f"the end of process {pid}")
