# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Catching up with families that fork while they are moved: what was born meanwhile is moved too, until nobody is outside."""

from __future__ import annotations

import time
from typing import Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

from .._convergence.errors import TimedOutError
from .._convergence.plan import Change
from . import names, placement, plan_processes, protection
from .desired import Desired, Group
from .hierarchies import Roots, absolute
from .picture import Draft, Picture
from .plan_groups import make

# Seconds for which new ones may keep appearing.
BOUND = 20.0
_PAUSE = 0.005
# How often a process is moved that is outside again.
_TRIES = 3

Look = Callable[[], Sequence[Change]]


def catch_up(look: Look, apply: Callable[[Change], None]) -> Tuple[Change, ...]:
    """Do the moves that ``look`` asks for until there are none; returns what was done.

    Raises TimedOutError when new processes keep appearing. What does not stay where it was moved to is no family that
    forks: it is left to whoever looks next, verifying or the kernel's refusal to remove a group.
    """
    done: List[Change] = []
    tried: Dict[Tuple[object, ...], int] = {}
    end = time.monotonic() + BOUND
    while True:
        due = [change for change in look() if tried.get(change.do, 0) < _TRIES]
        if not due:
            return tuple(done)
        fresh = [change for change in due if change.do not in tried]
        if fresh and time.monotonic() >= end:
            raise TimedOutError(
                "fork faster than they are moved: after {:g} s there are new ones outside, {}".format(
                    BOUND, ", ".join(str(change.after) for change in fresh[:5])
                ),
                option=fresh[0].target + ": processes",
                way_out="stop what starts them, or freeze the group that they are in",
            )
        for change in due:
            apply(change)
            tried[change.do] = tried.get(change.do, 0) + 1
        done.extend(due)
        if not fresh:
            time.sleep(_PAUSE)


def selected(observe: Callable[[FrozenSet[str]], Picture], desired: Desired) -> Look:
    """The processes that selectors mean and that are not in their groups."""
    # Only what was looked at again can be planned again.
    moving = desired._replace(groups=tuple(group._replace(frozen=None) for group in desired.groups if group.selectors))
    targets = frozenset(names.shown(group.name) for group in moving.groups)

    def look() -> Sequence[Change]:
        picture = observe(targets)
        moves, _freezes, _warnings = plan_processes.changes(picture, moving, make(picture, moving))
        return moves

    return look


def leaving(desired: Desired, name: str) -> Optional[Group]:
    """The declaration by which the processes of a group that goes are moved elsewhere, None where none says so."""
    # The innermost one deals with its processes, as in the plan.
    for group in reversed(desired.groups):
        if not group.present and names.below(name, group.name):
            return group if group.on_processes.action == "move" else None
    return None


def left_behind(opened: Roots, desired: Desired, group: Group, index: int, name: str) -> Look:
    """The processes that are in a group although all that were there at first were moved out."""
    destination = group.on_processes.destination
    path = absolute(opened.host.hierarchies[index], destination, "cgroup.procs")

    def look() -> Sequence[Change]:
        draft = Draft(opened.host)
        # Those outside this pid namespace (0) have no number to move them by.
        pids = [pid for pid in placement.members(draft, opened.roots[index], name) if pid]
        if not pids:
            return ()
        anchored = protection.Protected(protection.observe(whole_session=False).pids)
        protection.refuse("move", destination, protection.among(anchored, pids), desired.policy.allow_lockout)
        members = [draft.processes[pid] for pid in pids if pid in draft.processes]
        return [plan_processes.move(path, group.name, (index, destination), member, name) for member in members]

    return look
