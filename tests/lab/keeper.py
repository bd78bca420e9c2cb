# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process behind a machine: QEMU's parent, which takes it away when it has to go, and without which it dies.

It watches by file descriptors of processes, so that nobody can die unseen: QEMU itself, the session that the machine belongs
to, and until the machine is up the command that began it. While it lives it holds a lock in the machine's folder, which the
kernel opens when it is gone: that tells the living from what a crash left behind.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from . import sessions
from .command import PATH, TIED
from .failures import FAILED, TIMEOUT, Interrupted, LabError
from .machine import Machine, find

_LOCK = "alive"
_UP = b"u"
_GO_SECONDS = 30.0


def start(machine: Machine, state: Path | None, *, new: bool) -> int:
    """Starts the machine's keeper, and with it QEMU.

    Returns: a descriptor: the machine stays on when up() is told of it. When it is closed before, by the end of this process
    at the latest, the machine goes off, and a NEW one is removed.
    """
    theirs, ours = os.pipe()
    try:
        with open(machine.folder / "log", "ab") as log:
            subprocess.Popen(  # it is to outlive this process
                [
                    sys.executable,
                    "-B",
                    "-m",
                    "lab",
                    "_keep",
                    machine.name,
                    str(theirs),
                    str(state or ""),
                    "new" if new else "",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs],
                start_new_session=True,
            )
    finally:
        os.close(theirs)
    return ours


def up(ours: int) -> None:
    """The machine is up: it no longer depends on this process."""
    os.write(ours, _UP)
    os.close(ours)


def alive(machine: Machine) -> bool:
    """Whether the machine's keeper lives."""
    try:
        with open(machine.folder / _LOCK, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def check(machine: Machine) -> None:
    """Raises where the machine is not running.

    Raises:
        LabError: it is not.
    """
    if not alive(machine):
        said = [machine.last_words()]
        log = machine.folder / "log"
        if log.exists():
            said.append(log.read_text(errors="replace"))
        raise LabError(FAILED, f"{machine.name} is not running", "\n".join(said).strip())


def stop(machine: Machine, *, remove: bool) -> None:
    """Ends the machine at once, as a power cut does. With REMOVE all that is left of it goes too.

    Raises:
        LabError: it does not go.
    """
    deadline = time.monotonic() + _GO_SECONDS
    while alive(machine):
        if time.monotonic() > deadline:
            raise LabError(TIMEOUT, f"{machine.name} did not go in {_GO_SECONDS:.0f} s")
        _signal(machine)
        time.sleep(0.05)
    if remove:
        forget(machine)


def forget(machine: Machine) -> None:
    """Removes what is left of a machine that is gone."""
    shutil.rmtree(machine.disks, ignore_errors=True)
    shutil.rmtree(machine.folder, ignore_errors=True)


def _signal(machine: Machine) -> None:
    try:
        os.kill(int((machine.folder / _LOCK).read_text(encoding="ascii")), signal.SIGTERM)
    except (FileNotFoundError, ProcessLookupError, ValueError):
        # It goes by itself, or has yet to write who it is.
        return


def keep(name: str, starter: int, state: Path | None, *, new: bool) -> int:
    """The keeper's whole life. Returns its exit status."""
    signal.signal(signal.SIGTERM, _end)
    machine = find(name)
    with open(machine.folder / _LOCK, "a+", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        machine.monitor.unlink(missing_ok=True)
        with sessions.watched(machine.session) as session:
            remove = _attend(machine, state, starter, session, new=new)
        if remove:
            forget(machine)
    return 0


def _attend(machine: Machine, state: Path | None, starter: int, session: int | None, *, new: bool) -> bool:
    """Runs QEMU to its end. Returns whether the machine is to be forgotten."""
    with subprocess.Popen(
        [*TIED, *machine.qemu(state)], stdin=subprocess.DEVNULL, env={**os.environ, "PATH": PATH}
    ) as process:
        own = os.pidfd_open(process.pid)
        try:
            waiting = [own, starter, *([] if session is None else [session])]
            while True:
                ready, _, _ = select.select(waiting, [], [])
                if own in ready:
                    return False
                if session in ready:
                    return True
                if os.read(starter, 1) != _UP:
                    return new
                waiting.remove(starter)
        except Interrupted:
            return False
        finally:
            process.kill()
            os.close(own)


def _end(signum: int, frame: FrameType | None) -> None:
    # Once is enough: who stops a machine asks until it is gone.
    signal.signal(signum, signal.SIG_IGN)
    raise Interrupted(signum)
