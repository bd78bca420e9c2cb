# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does the changes of a plan: one system call each where one is enough, bounded patience where the kernel asks for it."""

from __future__ import annotations

import errno
import time
from functools import partial
from typing import Callable, Dict, Sequence, Set, Tuple, cast

from .._convergence.errors import IsolationError, RefusedError
from .._convergence.plan import Change
from .._kernel import journal
from .desired import Desired
from .hierarchies import Roots, file_path

# EBUSY that passes by itself: processes that are on their way out or were just moved. Seconds.
PATIENCE = 2.0
FREEZE_BOUND = 10.0
RECLAIM_BOUND = 10.0
_PAUSE = 0.005


class Verbs:
    """What the instructions of the changes of one plan mean."""

    def __init__(self, opened: Roots, desired: Desired, changes: Sequence[Change]) -> None:
        self._host = opened.host
        self._roots = opened.roots
        self._desired = desired
        self._inodes: Dict[Tuple[int, str], int] = {}
        self._removed: Set[Tuple[int, str]] = set()
        self._pending: Dict[Tuple[object, ...], Change] = {}
        # How many lines of the file at hand the kernel has taken.
        self._taken = 0
        self._verbs: Dict[str, Callable[[Change], None]] = {
            "mkdir": self._mkdir,
            "rmdir": self._rmdir,
            "write": self._write,
            "shrink": self._shrink,
            "control": self._control,
            "chown": self._chown,
            "freeze": self._freeze,
            "move": self._move,
            "kill": self._kill,
        }
        for change in changes:
            if change.do[0] in ("write", "shrink") and change.do[5]:
                self._pending[change.do[1:4]] = change
        cpuset = self._host.where.get("cpuset")
        if cpuset is not None and self._host.hierarchies[cpuset].version == 1:
            made = [change.path for change in changes if change.do[:2] == ("mkdir", cpuset)]
            if made:
                # A cpuset is made empty and filled by later writes; a run that dies in between must know it for its own.
                journal.write(set(made) | journal.read())

    def apply(self, change: Change) -> None:
        """Do one change; raises an IsolationError that names the change, the path, the value and the kernel's reason."""
        self._taken = 0
        try:
            self._verbs[cast(str, change.do[0])](change)
        except OSError as error:
            raise self._explained(change, error) from None

    def take_back(self, changes: Sequence[Change]) -> Tuple[str, ...]:
        """Remove the directories that this plan made, when they are empty; returns what stays."""
        left = []
        for change in reversed(changes):
            place = cast(Tuple[int, str], change.do[1:3])
            if change.do[0] != "mkdir" or place not in self._inodes:
                continue
            root = self._roots[place[0]]
            status = root.status(place[1])
            if status is None or status.st_ino != self._inodes[place]:
                continue
            try:
                root.rmdir(place[1])
            except OSError:
                left.append(change.path)
        if left:
            return ("{} were made and could not be taken back".format(", ".join(left[:5])),)
        return ("the groups it made were taken back",) if self._inodes else ()

    # -- the verbs -----------------------------------------------------------------------------------------------

    def _mkdir(self, change: Change) -> None:
        index, name = cast(Tuple[int, str], change.do[1:3])
        number = self._roots[index].mkdir(name)
        # A group that is only made again was there before this run, and stays.
        if (index, name) not in self._removed:
            self._inodes[index, name] = number

    def _rmdir(self, change: Change) -> None:
        index, name = cast(Tuple[int, str], change.do[1:3])
        # The kernel counts a process as there until it is reaped, so a group that was just emptied is busy for a moment.
        try:
            self._patiently(lambda: self._roots[index].rmdir(name))
        except FileNotFoundError:
            pass
        self._removed.add((index, name))

    def _write(self, change: Change) -> None:
        _verb, index, name, file, texts, pair = cast(Tuple[str, int, str, str, Tuple[str, ...], str], change.do[:6])
        path = file_path(self._host.hierarchies[index], name, file)
        try:
            self._put(index, path, texts)
        except OSError as error:
            other = self._pending.pop((index, name, pair), None) if pair else None
            if error.errno != errno.EINVAL or other is None or other is change:
                raise
            # Two files that the kernel checks against each other (CFS quota and period, memory and memory+swap):
            # where one cannot be first, the other can. Where neither can, the first refusal is the one to tell.
            try:
                self._write(other)
            except OSError:
                raise error from None
            self._put(index, path, texts)

    def _put(self, index: int, path: str, texts: Sequence[str]) -> None:
        # A group that was removed counts against its parent (EINVAL, EBUSY) until the kernel has taken it down.
        late = any(place[0] == index for place in self._removed)
        passing = (errno.EBUSY, errno.EINVAL) if late else ()
        for number, text in enumerate(texts):
            self._taken = number
            patiently(partial(self._roots[index].write, path, text), PATIENCE, passing)

    def _control(self, change: Change) -> None:
        index, name, text = cast(Tuple[int, str, str], change.do[1:4])
        path = file_path(self._host.hierarchies[index], name, "cgroup.subtree_control")
        self._patiently(lambda: self._roots[index].write(path, text))

    def _chown(self, change: Change) -> None:
        index, name, file, user, group = cast(Tuple[int, str, str, int, int], change.do[1:6])
        try:
            self._roots[index].chown(name + "/" + file if file else name, user, group)
        except FileNotFoundError:
            # Listed for delegation, and this group lacks the controller that brings the file.
            if not file:
                raise

    def _shrink(self, change: Change) -> None:
        """Lower memory.max without an OOM kill: memory.reclaim leaves nothing behind, whenever the run dies."""
        index, name = cast(Tuple[int, str], change.do[1:3])
        target = cast(int, change.do[6])
        root = self._roots[index]
        end = time.monotonic() + RECLAIM_BOUND
        while True:
            usage = int(root.read(name + "/memory.current"))
            if usage <= target:
                break
            stuck = False
            try:
                root.write(name + "/memory.reclaim", str(usage - target))
            except FileNotFoundError:
                raise self._too_full(change, usage, "this kernel has no memory.reclaim (Linux 5.19)") from None
            except OSError as error:
                # EAGAIN: less was reclaimed than asked for.
                if error.errno not in (errno.EAGAIN, errno.EINTR):
                    raise
                stuck = int(root.read(name + "/memory.current")) >= usage
            if time.monotonic() > end or stuck:
                usage = int(root.read(name + "/memory.current"))
                if usage > target:
                    raise self._too_full(change, usage, "no more of it can be reclaimed")
        self._write(change)

    def _too_full(self, change: Change, usage: int, why: str) -> RefusedError:
        return RefusedError(
            f"would be lowered to {change.after} where {usage} bytes are in use and {why}: the kernel would kill processes",
            option=change.path,
            way_out="give it more, stop what uses it, or set shrink: immediate",
        )

    def _freeze(self, change: Change) -> None:
        from .freezer import set_frozen

        index, name, frozen = cast(Tuple[int, str, bool], change.do[1:4])
        set_frozen(self._roots[index], self._host.hierarchies[index].version, name, frozen, FREEZE_BOUND)

    def _move(self, change: Change) -> None:
        from .placement import move

        index, name, pid, start = cast(Tuple[int, str, int, int], change.do[1:5])
        move(self._roots[index], name, pid, start, PATIENCE)

    def _kill(self, change: Change) -> None:
        from . import protection
        from .placement import empty

        indexes, name = cast(Tuple[Tuple[int, ...], str], change.do[1:3])
        # Looked at again: between the plan and this, a protected process may have come in.
        protected = {} if self._desired.policy.allow_lockout else protection.observe().pids
        there = [index for index in indexes if self._roots[index].status(name) is not None]
        empty(self._host, self._roots, there, name, protected, change.target)

    # -- patience and words --------------------------------------------------------------------------------------

    def _patiently(self, call: Callable[[], object]) -> None:
        patiently(call, PATIENCE)

    def _explained(self, change: Change, error: OSError) -> IsolationError:
        from .explain import explained

        return explained(self._host, self._roots, change, error, self._taken)


def patiently(call: Callable[[], object], bound: float, passing: Sequence[int] = (errno.EBUSY,)) -> None:
    """Call again while the kernel refuses with one of ``passing``, for ``bound`` seconds at most."""
    end = time.monotonic() + bound
    while True:
        try:
            call()
            return
        except OSError as error:
            if error.errno not in passing or time.monotonic() >= end:
                raise
        time.sleep(_PAUSE)
