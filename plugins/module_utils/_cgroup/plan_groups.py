# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making groups: directories, types and controllers from the top down, and the hold beside systemd. Pure."""

from __future__ import annotations

from typing import Dict, List, Set

from .._convergence.errors import ConflictError, InputError
from .._convergence.plan import Change
from . import names
from .desired import Desired, Group
from .hierarchies import absolute
from .making import IMPLICIT, THREADED_CONTROLLERS, Making
from .picture import Control, Picture, Place, show_members


def make(picture: Picture, desired: Desired) -> Making:
    """What has to be made so that every declared group is there with its type and its controllers."""
    maker = _Maker(Making(picture, desired))
    for group in desired.groups:
        if group.present:
            maker.collect(group)
    maker.levels()
    return maker.making


class _Maker:
    def __init__(self, making: Making) -> None:
        self.making = making
        self.picture = making.picture
        self.desired = making.desired
        self._missing: Dict[int, List[Place]] = {}
        # Above v2 groups that are there, and so there themselves, whether they were looked at or not.
        self._above: Set[str] = set()

    def collect(self, group: Group) -> None:
        making, picture = self.making, self.picture
        for index in group.indexes():
            if (index, group.name) not in picture.values and not picture.exists((index, group.name)):
                if not self.desired.policy.create:
                    self._absent(index, group)
                    continue
                # From the leaf up: above one that is there, whether looked at or not, all are.
                for name in (group.name,) + tuple(names.parents(group.name))[::-1]:
                    place = (index, name)
                    if place in making.made or picture.exists(place):
                        break
                    making.made.add(place)
                    self._missing.setdefault(name.count("/") + 1, []).append(place)
            if index == picture.host.unified:
                controllers = {c for c in group.controllers - IMPLICIT if picture.host.where.get(c) == index}
                if controllers and group.name:
                    if making.exists((index, group.name)):
                        self._above.update(names.parents(group.name))
                    for above in ("",) + tuple(names.parents(group.name)):
                        making.need.setdefault(above, set()).update(controllers)
                elif controllers:
                    making.need.setdefault("", set()).update(controllers)

    def _absent(self, index: int, group: Group) -> None:
        path = absolute(self.picture.host.hierarchies[index], group.name)
        if not self.desired.policy.check:
            raise InputError(
                f"does not exist at {path}",
                option="name",
                value=group.name,
                way_out="make it with cgroup_group first, or set create: true",
            )
        # An earlier task of the play may make it, and check mode has not let it.
        self.making.made.add((index, group.name))
        self.making.warnings.append(
            f"{group.name} does not exist at {path}: without an earlier task that makes it this one fails"
        )

    def levels(self) -> None:
        types = {group.name: group for group in self.desired.groups if group.type is not None}
        by_depth: Dict[int, List[str]] = {}
        for name in self.making.need:
            by_depth.setdefault(name.count("/") + 1 if name else 0, []).append(name)
        deepest = max([0] + list(self._missing) + list(by_depth) + [n.count("/") + 1 for n in types])
        for depth in range(deepest + 1):
            for index, name in self._missing.get(depth, ()):
                self._make(index, name)
            for name, group in types.items():
                if name.count("/") + 1 == depth:
                    from . import plan_types

                    plan_types.change(self.making, group)
            for name in by_depth.get(depth, ()):
                self._enable(name)
                if not name and self.desired.systemd:
                    from . import plan_hold

                    plan_hold.make(self.making)

    def _make(self, index: int, name: str) -> None:
        hierarchy = self.picture.host.hierarchies[index]
        path = hierarchy.point + "/" + name
        self.making.changes.append(Change("create", name, path, None, "group", ("mkdir", index, name)))

    # -- controllers ---------------------------------------------------------------------------------------------

    def _enable(self, name: str) -> None:
        making, control = self.making, self.picture.controls.get(name)
        index = making.unified
        place = (index, name)
        if control is None and (making.exists(place) or name in self._above):
            return
        enabled = control.enabled if control is not None and place not in making.made else frozenset()
        missing = making.need[name] - enabled
        if not missing:
            return
        if control is not None and place not in making.made:
            self._check_inner(name, control, missing)
        hierarchy = self.picture.host.hierarchies[index]
        text = " ".join("+" + controller for controller in sorted(missing))
        making.changes.append(
            Change(
                "enable",
                names.shown(name),
                absolute(hierarchy, name, "cgroup.subtree_control"),
                " ".join(sorted(enabled)) if place not in making.made else None,
                " ".join(sorted(enabled | missing)),
                ("control", index, name, text),
            )
        )

    def _check_inner(self, name: str, control: Control, missing: Set[str]) -> None:
        pids = self.picture.members.get((self.making.unified, name), ())
        option, wanted = names.shown(name), ", ".join(sorted(missing))
        if control.type == "domain invalid":
            raise ConflictError(
                f"is of type 'domain invalid' and cannot pass on {wanted}",
                option=option,
                way_out="make it type: threaded, or move it out of the threaded group above it",
            )
        if control.type in ("threaded", "domain threaded") and missing - THREADED_CONTROLLERS:
            raise ConflictError(
                "is {} and cannot pass on {}".format(control.type, ", ".join(sorted(missing - THREADED_CONTROLLERS))),
                option=option,
                way_out="threads have only " + ", ".join(sorted(THREADED_CONTROLLERS)),
            )
        if pids and not control.root and control.type != "threaded" and not self._threads_below(name, missing):
            raise ConflictError(
                f"holds processes, {show_members(self.picture, pids)}, and cannot pass on {wanted} to groups below it",
                option=option,
                way_out="on v2 processes live in leaves: move them to a group below it first",
            )

    def _threads_below(self, name: str, missing: Set[str]) -> bool:
        # A group with processes may pass threaded controllers on when all that is below it is threaded.
        if missing - THREADED_CONTROLLERS:
            return False
        own = [group for group in self.desired.groups if names.parent(group.name) == name and group.present]
        return bool(own) and all(group.type == "threaded" for group in own)
