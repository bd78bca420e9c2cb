# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions: the machines that are brought up below one are gone when it ends, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .failures import NOT_STARTED, Interrupted, LabError

VARIABLE = "ISOLATION_LAB_SESSION"


def own() -> str:
    """This process as a session is named: its number, and when it began, since numbers are used again."""
    return f"{os.getpid()}:{_began(os.getpid())}"


def current() -> str:
    """The session that this process is below, empty where there is none."""
    return os.environ.get(VARIABLE, "")


@contextmanager
def watched(session: str) -> Iterator[int | None]:
    """A descriptor that can be read when the session has ended; none where the name is empty.

    Raises:
        LabError: it has ended already.
    """
    if not session:
        yield None
        return
    number, _, began = session.partition(":")
    try:
        watch = os.pidfd_open(int(number))
    except ProcessLookupError as error:
        raise LabError(NOT_STARTED, f"the session {session} of {VARIABLE} has ended") from error
    try:
        if _began(int(number)) != began:
            raise LabError(NOT_STARTED, f"the session {session} of {VARIABLE} has ended")
        yield watch
    finally:
        os.close(watch)


def run(command: Sequence[str]) -> int:
    """Runs a command as a session. Returns its exit status, 128 and the signal's number where a signal ended it."""
    environment = {**os.environ, VARIABLE: own()}
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        raise LabError(NOT_STARTED, f"{command[0]} cannot be started: {error.strerror}") from error
    with process:
        while True:
            try:
                status = process.wait()
                return status if status >= 0 else 128 - status
            except Interrupted as interrupted:
                # A terminal's Ctrl-C has reached the command already.
                if interrupted.signum != signal.SIGINT:
                    process.send_signal(interrupted.signum)


def _began(number: int) -> str:
    """When a process began, in the kernel's ticks."""
    try:
        status = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return status.rpartition(")")[2].split()[19]
