# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Emptying a group by killing what is in it: with cgroup.kill, or by signals while the group is frozen."""

from __future__ import annotations

import errno
import os
import signal
import time
from typing import Iterator, List, Mapping, NamedTuple, Optional, Protocol, Set, Tuple

from .._convergence.errors import ConflictError, KernelError, RefusedError, TimedOutError
from .._kernel import processes

# Descriptors held at once: well below the usual 1024.
_BATCH = 256
_FREEZE_SECONDS = 0.5
_ROUNDS = 2000
# cgroup.kill passes over a process that came into the group after its first thread had ended: when it has been written
# so often in vain, signals are sent as well.
_KERNEL_ROUNDS = 8


class Tree(Protocol):
    """What is needed of an opened hierarchy; paths are relative to its root, failures are OSErrors."""

    def read(self, path: str) -> str:
        """The whole text of a file."""

    def write(self, path: str, text: str) -> None:
        """One write(2)."""

    def names(self, path: str) -> List[str]:
        """The subdirectories."""


class Freezer(NamedTuple):
    """A group of the v1 freezer hierarchy that holds the same processes."""

    tree: Tree
    group: str


def empty(
    tree: Tree,
    group: str,
    freezer: Optional[Freezer] = None,
    protected: Optional[Mapping[int, str]] = None,
    option: str = "",
    seconds: float = 30.0,
) -> Tuple[int, ...]:
    """Kill every process in a group and below it until none is left; the pids that were met, sorted.

    On v2 the kernel does it (cgroup.kill, 5.14). Elsewhere the group is frozen, so that nothing forks meanwhile, each
    process gets SIGKILL through a pidfd that was opened before the group was read again, and the group is thawed
    (without a freezer the rounds just follow each other), until it is empty or ``seconds`` are over.

    A process with threads inside and outside of the group ends as a whole: no signal kills one thread.

    Raises RefusedError on meeting a process of ``protected`` (pid -> why; this task and PID 1 always are),
    ConflictError for what no signal ends, TimedOutError naming what is left, KernelError.
    """
    if not group.strip("/"):
        raise RefusedError("is the root group, whose processes are never killed", option=option, value="/")
    spared = {1: "PID 1", os.getpid(): "this task itself", **(protected or {})}
    members = _members(tree, group)
    if members:
        _spare(members, spared, group, option)
        frozen = _Frozen(tree, group, freezer, spared)
        with _Urgent():
            return _until_empty(tree, group, members, spared, option, seconds, frozen)
    return ()


def _until_empty(
    tree: Tree,
    group: str,
    members: Set[int],
    spared: Mapping[int, str],
    option: str,
    seconds: float,
    frozen: _Frozen,
) -> Tuple[int, ...]:
    begin = time.monotonic()
    met: Set[int] = set()
    by_kernel = True
    calm = 0
    for _round in range(_ROUNDS):
        # Fresh ones mean that the family still forks: no time to lose.
        calm = calm + 1 if members <= met else 0
        met |= members
        by_kernel = by_kernel and _by_kernel(tree, group)
        if calm and not by_kernel:
            _check_killable(members, group, option)
        if not by_kernel or calm > _KERNEL_ROUNDS:
            met |= _kill(tree, group, frozen, spared, option)
        if calm or by_kernel:
            time.sleep(min(0.001 * 2**calm, 0.05))
        members = _members(tree, group)
        if not members:
            return tuple(sorted(met - {0}))
        _spare(members, spared, group, option)
        if time.monotonic() > begin + seconds:
            break
    raise TimedOutError(
        f"still holds {_count(members)} after {time.monotonic() - begin:.1f} s of killing: {_who(members)}",
        option=option,
        value=group,
        way_out="see what keeps them (state D waits for a device or a frozen group) and run this again",
    )


def _members(tree: Tree, group: str) -> Set[int]:
    found: Set[int] = set()
    for path in _subtree(tree, group):
        found |= _processes(tree, path)
    return found


def _subtree(tree: Tree, group: str) -> Iterator[str]:
    waiting = [group]
    while waiting:
        path = waiting.pop()
        yield path
        try:
            waiting.extend(path + "/" + name for name in tree.names(path))
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODEV):
                raise KernelError(path, error) from error


def _processes(tree: Tree, path: str) -> Set[int]:
    found = _read(tree, path + "/cgroup.procs")
    if found:
        return {int(pid) for pid in found.split()}
    # v2 lists nothing there for a threaded group, nor for a process whose first thread has ended; v1 lists all there and
    # has no cgroup.threads.
    tids = (_read(tree, path + "/cgroup.threads") or "").split()
    return {pid for pid in (processes.process_of(int(tid)) if tid != "0" else 0 for tid in tids) if pid is not None}


def _read(tree: Tree, path: str) -> str:
    try:
        return tree.read(path)
    except OSError as error:
        # ENODEV: the group was removed after the open. EOPNOTSUPP: cgroup.procs of a threaded group.
        if error.errno in (errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP):
            return ""
        raise KernelError(path, error) from error


def _spare(members: Set[int], spared: Mapping[int, str], group: str, option: str) -> None:
    for pid in sorted(members & set(spared)):
        raise RefusedError(
            f"would kill process {pid}, {spared[pid]}", option=option, value=group, way_out="move it out first"
        )


def _by_kernel(tree: Tree, group: str) -> bool:
    path = group + "/cgroup.kill"
    try:
        tree.write(path, "1")
    except OSError as error:
        # v1 and older kernels have no such file; a threaded group has one that it does not support.
        if error.errno in (errno.ENOENT, errno.EOPNOTSUPP):
            return False
        raise KernelError(path, error, wrote="1", option=group) from error
    return True


def _kill(tree: Tree, group: str, frozen: _Frozen, spared: Mapping[int, str], option: str) -> Set[int]:
    """One round over a group and all below it; the pids that took the signal."""
    signalled: Set[int] = set()
    try:
        frozen.freeze(option)
        for path in _subtree(tree, group):
            waiting = sorted(_processes(tree, path))
            for begin in range(0, len(waiting), _BATCH):
                handles = [processes.Handle(pid) for pid in waiting[begin : begin + _BATCH] if pid]
                try:
                    # A number that is listed after it was opened belongs to a member: had the process behind the handle
                    # been another one and still lived, the number could not be here.
                    inside = _processes(tree, path)
                    _spare(inside, spared, group, option)
                    signalled.update(
                        handle.pid for handle in handles if handle.pid in inside and _signal(handle, group)
                    )
                finally:
                    for handle in handles:
                        handle.close()
        frozen.thaw_below()
    finally:
        frozen.thaw()
    return signalled


def _signal(handle: processes.Handle, group: str) -> bool:
    try:
        return handle.signal(signal.SIGKILL)
    except OSError as error:
        raise KernelError(f"process {handle.pid} in {group}", error, wrote="SIGKILL") from error


class _Frozen:
    """A freeze that is an aid only: where it fails, killing goes on without it. It is always taken back."""

    def __init__(self, tree: Tree, group: str, freezer: Optional[Freezer], spared: Mapping[int, str]) -> None:
        # Without a v1 freezer it is the group's own cgroup.freeze: on v2 from 5.2 on, and nowhere else.
        self._v1 = freezer is not None
        self._tree, self._group = freezer or (tree, group)
        self._file, self._on, self._off = (
            ("/freezer.state", "FROZEN", "THAWED") if self._v1 else ("/cgroup.freeze", "1", "0")
        )
        self._taken = False
        self._spared = spared

    def freeze(self, option: str) -> None:
        # Whoever freezes itself never gets to the thaw, and the freezer's group can hold others than this group does.
        if _members(self._tree, self._group) & set(self._spared):
            return
        if self._v1 and _read(self._tree, self._group + "/freezer.parent_freezing").strip() == "1":
            raise ConflictError(
                "is frozen by a group above it, and no process dies of a signal while v1 freezes it",
                option=option,
                value=self._group,
                way_out="thaw that group first",
            )
        self._taken = True
        try:
            self._tree.write(self._group + self._file, self._on)
        except OSError:
            self._taken = False
            return
        end = time.monotonic() + _FREEZE_SECONDS
        pause = 0.0005
        while not self._is_frozen() and time.monotonic() < end:
            time.sleep(pause)
            pause = min(pause * 2, 0.02)

    def _is_frozen(self) -> bool:
        # v1 passes through FREEZING, and each read of the state looks at the stragglers again.
        if self._v1:
            return _read(self._tree, self._group + self._file).strip() != "FREEZING"
        return "frozen 1" in _read(self._tree, self._group + "/cgroup.events")

    def thaw_below(self) -> None:
        """Thaw what is frozen further down by itself: it was sent its signal, and v1 lets nothing frozen die."""
        if self._taken and self._v1:
            for path in _subtree(self._tree, self._group):
                if path != self._group and _read(self._tree, path + "/freezer.self_freezing").strip() == "1":
                    self._thaw(path + self._file)

    def thaw(self) -> None:
        if self._taken:
            self._thaw(self._group + self._file)

    def _thaw(self, path: str) -> None:
        try:
            self._tree.write(path, self._off)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENODEV):
                raise KernelError(path, error, wrote=self._off, way_out="write it by hand") from error


class _Urgent:
    """Ahead of all that is not real time: a family that forks without end starves who signals it at its own priority.

    2,000 processes forking on 2 CPUs outran these rounds for 10 s; ahead of them the rounds end in 0.2 s.
    """

    def __enter__(self) -> None:
        self._before = os.sched_getscheduler(0), os.sched_getparam(0)
        self._set(os.SCHED_FIFO, os.sched_param(1))

    def __exit__(self, *_: object) -> None:
        self._set(*self._before)

    @staticmethod
    def _set(policy: int, parameter: os.sched_param) -> None:
        try:
            os.sched_setscheduler(0, policy, parameter)
        except OSError:
            # Not permitted, or a group without real time to give away. It is an aid only.
            return


def _check_killable(members: Set[int], group: str, option: str) -> None:
    """Raise when all that stayed was signalled in vain: kernel threads, and what only another pid namespace names."""
    for pid in members - {0}:
        process = processes.read(pid)
        if process is None or not process.kernel:
            return
    raise ConflictError(
        f"holds {_who(members)}, which cannot be killed from here",
        option=option,
        value=group,
        way_out="move kernel threads to / and end the others where they have a number",
    )


def _count(pids: Set[int]) -> str:
    return "1 process" if len(pids) == 1 else f"{len(pids)} processes"


def _who(pids: Set[int], most: int = 5) -> str:
    shown = []
    for pid in sorted(pids)[:most]:
        process = processes.read(pid) if pid else None
        if process is None:
            shown.append("one outside this pid namespace" if not pid else f"{pid} (ended by now)")
            continue
        frozen = (processes.groups_of(pid) or {}).get("freezer", "/").strip("/")
        where = f", in the group {frozen} of the freezer" if frozen and process.state == "D" else ""
        kind = "kernel thread" if process.kernel else "state " + process.state
        shown.append(f"{pid} ({process.comm}, {kind}{where})")
    return ", ".join(shown) + (f" and {len(pids) - most} more" if len(pids) > most else "")
