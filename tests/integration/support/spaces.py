# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entering what a task can be run in: a group, a mount namespace with a /run of its own, a cgroup namespace, no root."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path

from .host import write

_NEWNS, _NEWCGROUP = 0x00020000, 0x02000000
_REC, _PRIVATE, _REMOUNT, _BIND, _READ_ONLY = 0x4000, 1 << 18, 0x20, 0x1000, 0x1
_libc = ctypes.CDLL(None, use_errno=True)

Enter = Callable[[], None]


def _call(found: int) -> None:
    if found < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _unshare(flags: int) -> None:
    _call(_libc.unshare(flags))


def mount(source: str, target: str, kind: str, flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    _call(_libc.mount(source.encode(), target.encode(), kind.encode(), flags, options.encode()))


def join(*places: Path) -> Enter:
    """Go into groups, in the session of a login of its own."""

    def enter() -> None:
        os.setsid()
        for place in places:
            write(place / "cgroup.procs", "0")

    return enter


def mounts_of_its_own() -> None:
    """What is mounted from now on is seen by nobody else."""
    _unshare(_NEWNS)
    mount("none", "/", "", _REC | _PRIVATE)


def own_run() -> None:
    """An empty /run that nobody else sees."""
    mounts_of_its_own()
    mount("tmpfs", "/run", "tmpfs")


class Room:
    """A mount namespace with an empty /run of its own, for several tasks: neither waits for, nor clears up, for others."""

    def __init__(self) -> None:
        told, write_end = os.pipe()
        self._pid = os.fork()
        if not self._pid:
            try:
                own_run()
                os.write(write_end, b".")
                signal.alarm(600)
                signal.pause()
            finally:
                os._exit(1)
        os.close(write_end)
        assert os.read(told, 1), "no mount namespace"
        os.close(told)
        self._space = os.open(f"/proc/{self._pid}/ns/mnt", os.O_RDONLY)

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._space)
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def enter(self) -> None:
        """For the child that runs a task."""
        _call(_libc.setns(self._space, _NEWNS))

    def path(self, path: str) -> Path:
        """Where a path of the room is from outside."""
        return Path(f"/proc/{self._pid}/root{path}")


def read_only(*points: Path) -> Enter:
    """The mounts at these points can be read alone."""

    def enter() -> None:
        mounts_of_its_own()
        for point in points:
            mount("none", str(point), "", _REMOUNT | _BIND | _READ_ONLY)

    return enter


def covered(path: Path, by: Path) -> Enter:
    """Another directory lies on top of one."""

    def enter() -> None:
        mounts_of_its_own()
        mount(str(by), str(path), "", _BIND)

    return enter


def cgroup_namespace(*places: Path) -> Enter:
    """In a cgroup namespace whose root is these groups; what was mounted before is then seen from below."""

    def enter() -> None:
        for place in places:
            write(place / "cgroup.procs", "0")
        _unshare(_NEWCGROUP)
        mounts_of_its_own()

    return enter


def without_root() -> None:
    """As nobody."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
