# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hold: an empty group that keeps systemd from taking controllers away from groups that are not its own. Pure.

systemd writes the root's subtree_control whenever it realizes its root slice again, and drops what none of its units
wants; the groups then lose their interface files, and every value in them. A controller that a child passes on cannot be
dropped (EBUSY), so an empty child that passes all of them on keeps them.
"""

from __future__ import annotations

from typing import FrozenSet, List, Sequence

from .._convergence.plan import Change
from . import names
from .hierarchies import absolute
from .making import Making
from .names import HOLD

# What systemd writes into the root's subtree_control, and takes out of it again.
_SYSTEMD_WRITES = frozenset(("cpu", "cpuset", "io", "memory", "pids"))


def make(making: Making) -> None:
    """Make the hold, or give it what it lacks, right after the root passes the controllers on."""
    index = making.picture.host.unified
    if index is None or not making.desired.systemd or making.picture.host.mode != "unified":
        return
    wanted = making.need.get("", set()) & _SYSTEMD_WRITES
    control = making.picture.controls.get(HOLD)
    held: FrozenSet[str] = control.enabled if control is not None else frozenset()
    if not wanted - held:
        return
    hierarchy = making.picture.host.hierarchies[index]
    if control is None:
        making.changes.append(Change("create", HOLD, absolute(hierarchy, HOLD), None, "group", ("mkdir", index, HOLD)))
    making.changes.append(
        Change(
            "enable",
            HOLD,
            absolute(hierarchy, HOLD, "cgroup.subtree_control"),
            None if control is None else " ".join(sorted(held)),
            " ".join(sorted(held | wanted)),
            ("control", index, HOLD, " ".join("+" + controller for controller in sorted(wanted - held))),
        )
    )


def release(making: Making, changes: Sequence[Change]) -> List[Change]:
    """Remove the hold when no hand-made group is left at the root that needs it."""
    index = making.picture.host.unified
    if index is None or HOLD not in making.picture.controls or making.need.get(""):
        return []
    going = {change.do[2] for change in changes if change.do[:1] == ("rmdir",) and change.do[1] == index}
    for name in making.picture.below.get((index, ""), ()):
        if "/" not in name and name != HOLD and name not in going and not names.systemd_unit(name):
            return []
    hierarchy = making.picture.host.hierarchies[index]
    return [Change("remove", HOLD, absolute(hierarchy, HOLD), "group", None, ("rmdir", index, HOLD))]
