# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making groups: directories, types and controllers from the top down, the hold beside systemd, delegation. Pure."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Set

from .._convergence.errors import ConflictError, InputError, UnsupportedError
from .._convergence.plan import Change
from . import names
from .desired import Desired, Group
from .hierarchies import CORE, FREEZER, absolute
from .interface_files.entry import InterfaceFile
from .picture import Control, Picture, Place, show_members

THREADED_CONTROLLERS = frozenset(("cpu", "cpuset", "perf_event", "pids"))
# What systemd writes into the root's subtree_control, and takes out of it again.
SYSTEMD_WRITES = frozenset(("cpu", "cpuset", "io", "memory", "pids"))
# Of v2 groups that need no controller to be passed on to them.
IMPLICIT = frozenset((CORE, FREEZER, "perf_event", "devices"))


class Making:
    """The first phase of a plan; ``made`` are the places that it creates, so that later phases know."""

    def __init__(self, picture: Picture, desired: Desired) -> None:
        self.picture = picture
        self.desired = desired
        self.need: Dict[str, Set[str]] = {}
        self._missing: Dict[int, List[Place]] = {}
        # Only asked for groups that are on v2.
        self.unified = -1 if picture.host.unified is None else picture.host.unified
        self.made: Set[Place] = set()
        # Above v2 groups that are there, and so there themselves, whether they were looked at or not.
        self._above: Set[str] = set()
        self.changes: List[Change] = []
        self.warnings: List[str] = []
        for group in desired.groups:
            if group.present:
                self._collect(group)
        self._levels()

    def exists(self, place: Place) -> bool:
        """Whether the group is there already and stays."""
        return place not in self.made and self.picture.exists(place)

    def passes_on(self, name: str) -> FrozenSet[str]:
        """The controllers that the declared groups below want a v2 group to pass on."""
        return frozenset(self.need.get(name, ()))

    def _collect(self, group: Group) -> None:
        picture = self.picture
        for index in group.indexes():
            if (index, group.name) not in picture.values and not picture.exists((index, group.name)):
                if not self.desired.policy.create:
                    self._absent(index, group)
                    continue
                # From the leaf up: above one that is there, whether looked at or not, all are.
                for name in (group.name,) + tuple(names.parents(group.name))[::-1]:
                    place = (index, name)
                    if place in self.made or picture.exists(place):
                        break
                    self.made.add(place)
                    self._missing.setdefault(name.count("/") + 1, []).append(place)
            if index == picture.host.unified:
                controllers = {c for c in group.controllers - IMPLICIT if picture.host.where.get(c) == index}
                if controllers and group.name:
                    if self.exists((index, group.name)):
                        self._above.update(names.parents(group.name))
                    for above in ("",) + tuple(names.parents(group.name)):
                        self.need.setdefault(above, set()).update(controllers)
                elif controllers:
                    self.need.setdefault("", set()).update(controllers)

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
        self.made.add((index, group.name))
        self.warnings.append(
            f"{group.name} does not exist at {path}: without an earlier task that makes it this one fails"
        )

    def _levels(self) -> None:
        types = {group.name: group for group in self.desired.groups if group.type is not None}
        by_depth: Dict[int, List[str]] = {}
        for name in self.need:
            by_depth.setdefault(name.count("/") + 1 if name else 0, []).append(name)
        deepest = max([0] + list(self._missing) + list(by_depth) + [n.count("/") + 1 for n in types])
        for depth in range(deepest + 1):
            for index, name in self._missing.get(depth, ()):
                self._make(index, name)
            for name, group in types.items():
                if name.count("/") + 1 == depth:
                    from . import plan_types

                    plan_types.change(self, group)
            for name in by_depth.get(depth, ()):
                self._enable(name)
                if not name and self.desired.systemd:
                    from . import plan_hold

                    plan_hold.make(self)

    def _make(self, index: int, name: str) -> None:
        hierarchy = self.picture.host.hierarchies[index]
        path = hierarchy.point + "/" + name
        self.changes.append(Change("create", name, path, None, "group", ("mkdir", index, name)))

    # -- controllers ---------------------------------------------------------------------------------------------

    def _enable(self, name: str) -> None:
        control = self.picture.controls.get(name)
        index = self.unified
        place = (index, name)
        if control is None and (self.exists(place) or name in self._above):
            return
        enabled = control.enabled if control is not None and place not in self.made else frozenset()
        missing = self.need[name] - enabled
        if not missing:
            return
        if control is not None and place not in self.made:
            self._check_inner(name, control, missing)
        hierarchy = self.picture.host.hierarchies[index]
        text = " ".join("+" + controller for controller in sorted(missing))
        self.changes.append(
            Change(
                "enable",
                names.shown(name),
                absolute(hierarchy, name, "cgroup.subtree_control"),
                " ".join(sorted(enabled)) if place not in self.made else None,
                " ".join(sorted(enabled | missing)),
                ("control", index, name, text),
            )
        )

    def _check_inner(self, name: str, control: Control, missing: Set[str]) -> None:
        pids = self.picture.members.get((self.unified, name), ())
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


def refuse_missing(picture: Picture, index: int, file: InterfaceFile, option: str) -> None:
    """Refuse a file that a group like it does not have either."""
    if picture.sample.get((index, file.name)) is False:
        raise UnsupportedError(
            f"is not a file that this kernel gives to groups on {picture.host.hierarchies[index].point}",
            option=option,
            way_out=file.needs(),
        )
