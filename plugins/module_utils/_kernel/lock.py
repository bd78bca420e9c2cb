# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one lock of the collection: /run/isolation/lock, so that two tasks never converge one host at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from typing import Iterator, Set

from .._convergence.errors import RefusedError, TimedOutError, UnsupportedError

DIRECTORY = "/run/isolation"
LOCK = DIRECTORY + "/lock"
BOUND = 60.0

# What this process has open, so that a child that it forks and that outlives it does not hold the lock on.
_descriptors: Set[int] = set()


def _let_go() -> None:
    while _descriptors:
        os.close(_descriptors.pop())


os.register_at_fork(after_in_child=_let_go)


def directory(path: str = DIRECTORY) -> None:
    """Make the directory of the collection's state: 0700, root's, no link."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise UnsupportedError(
            f"cannot be made: {error.strerror}", option=path, way_out="/run must be writable"
        ) from None
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise RefusedError(
            "is not a directory that only root can enter",
            option=path,
            way_out="look at who made it, then remove it",
        )


@contextlib.contextmanager
def held(path: str = LOCK, bound: float = BOUND) -> Iterator[None]:
    """Hold the lock; waits ``bound`` seconds at most and then names the process that has it."""
    descriptor = _locked(path, time.monotonic() + bound, bound)
    try:
        # Whoever waits reads this; the lock itself is the flock, so a stale number does no harm.
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        _close(descriptor)


def _close(descriptor: int) -> None:
    if descriptor in _descriptors:
        _descriptors.discard(descriptor)
        os.close(descriptor)


def _locked(path: str, end: float, bound: float) -> int:
    """A descriptor of the file that is at ``path``, locked."""
    while True:
        descriptor = _opened(path)
        try:
            _acquire(descriptor, path, end, bound)
            # A file that was removed meanwhile locks nobody out: the next one makes another.
            there = _is_at(path, descriptor)
        except BaseException:
            _close(descriptor)
            raise
        if there:
            return descriptor
        _close(descriptor)


def _opened(path: str) -> int:
    directory(os.path.dirname(path))
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UnsupportedError(f"cannot be opened: {error.strerror}", option=path) from None
    _descriptors.add(descriptor)
    found = os.fstat(descriptor)
    # Whoever can open it can lock it, for reading too.
    foreign = found.st_uid != os.geteuid() or found.st_nlink > 1 or found.st_mode & 0o077
    if foreign or not stat.S_ISREG(found.st_mode):
        _close(descriptor)
        raise RefusedError("is not a plain file of root's alone", option=path, way_out="look at who made it")
    return descriptor


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _acquire(descriptor: int, path: str, end: float, bound: float) -> None:
    pause = 0.005
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise UnsupportedError(f"cannot be locked: {error.strerror}", option=path) from None
        if time.monotonic() >= end:
            raise TimedOutError(
                f"is held by {_holder(descriptor)} for more than {bound:g} s",
                option=path,
                way_out="let that task end, or end it, and run this one again",
            )
        time.sleep(pause)
        pause = min(pause * 2, 0.25)


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
    if not text.isdigit():
        return "another process"
    try:
        with open(f"/proc/{text}/comm", encoding="utf-8", errors="replace") as comm:
            return f"process {text} ({comm.read().strip()})"
    except OSError:
        return f"process {text}"
