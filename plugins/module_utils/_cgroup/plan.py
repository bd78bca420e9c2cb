# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan of a task: the phases in the order in which the kernel accepts them. Pure."""

from __future__ import annotations

from typing import List, Tuple

from .._convergence.plan import Change, Plan
from . import plan_groups, plan_limits
from .desired import Desired
from .picture import Picture


def plan(picture: Picture, desired: Desired) -> Plan:
    """What has to change so that the host is as desired; raises an IsolationError for what must not or cannot be done."""
    made = plan_groups.Making(picture, desired)
    changes: List[Change] = made.changes
    warnings: List[str] = list(picture.notes) + made.warnings
    limits, notes = plan_limits.changes(picture, desired, made)
    changes += limits
    warnings += notes
    if any(group.delegate for group in desired.groups):
        changes += plan_groups.delegations(picture, desired, made)
    if any(group.selectors or group.frozen is not None for group in desired.groups):
        from . import plan_processes

        moves, notes = plan_processes.changes(picture, desired, made)
        changes += moves
        warnings += notes
    if desired.policy.purge_below is not None or any(not g.present or g.unwanted for g in desired.groups):
        from . import plan_removal

        removals, notes = plan_removal.changes(picture, desired, made)
        changes += removals
        warnings += notes
    changes += made.release_hold(changes)
    for group in desired.groups:
        warnings += [f"{group.name}: {note}" for note in group.warnings]
    return Plan(tuple(changes), _once(warnings))


def _once(warnings: List[str]) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(warnings))
