# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan of a task: the phases in the order in which the kernel accepts them. Pure."""

from __future__ import annotations

from typing import List, Tuple

from .._convergence.plan import Change, Plan
from . import names
from .desired import Desired, Group
from .picture import Picture


def plan(picture: Picture, desired: Desired) -> Plan:
    """What has to change so that the host is as desired; raises an IsolationError for what must not or cannot be done."""
    declared = desired
    if picture.settled or picture.only is not None:
        desired = desired._replace(groups=_in_question(picture, desired))
    warnings: List[str] = list(picture.notes)
    for group in declared.groups:
        warnings += [f"{group.name}: {note}" for note in group.warnings]
    warnings += _out_of_sight(picture, declared)
    if not desired.groups and desired.policy.purge_below is None:
        return Plan((), _once(warnings))
    from . import plan_groups, plan_limits

    made = plan_groups.make(picture, desired)
    changes: List[Change] = made.changes
    warnings += made.warnings
    rises, falls, notes = plan_limits.changes(picture, desired, made)
    changes += rises
    warnings += notes
    freezes: List[Change] = []
    if any(group.selectors or group.frozen is not None for group in desired.groups):
        from . import plan_processes

        moves, freezes, notes = plan_processes.changes(picture, desired, made)
        changes += moves
        warnings += notes
    if desired.policy.purge_below is not None or any(not g.present or g.unwanted for g in desired.groups):
        from . import plan_removal

        # After the moves, which may empty what shall go; before the falls, for a group may have to go so that those above
        # it can have less.
        removals, notes = plan_removal.changes(picture, desired, made, declared, changes)
        changes += removals
        warnings += notes
    changes += falls
    if any(group.delegate for group in desired.groups):
        from . import plan_delegation

        changes += plan_delegation.changes(picture, desired, made)
    changes += freezes
    if desired.systemd:
        from . import plan_hold

        changes += plan_hold.release(made, changes)
    return Plan(tuple(changes), _once(warnings))


def _out_of_sight(picture: Picture, declared: Desired) -> List[str]:
    partial = {index for index, hierarchy in enumerate(picture.host.hierarchies) if hierarchy.partial}
    if not partial:
        return []
    used = partial.intersection(index for group in declared.groups if group.wants for index in group.indexes())
    return [
        f"{picture.host.hierarchies[index].point} shows a part of its hierarchy: limits above it are out of sight and hold too"
        for index in sorted(used)
    ]


def _in_question(picture: Picture, desired: Desired) -> Tuple[Group, ...]:
    return tuple(
        group
        for group in desired.groups
        if group.name not in picture.settled and (picture.only is None or names.shown(group.name) in picture.only)
    )


def _once(warnings: List[str]) -> Tuple[str, ...]:
    return tuple(dict.fromkeys(warnings))
