# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making groups: directories, types and controllers from the top down, the hold beside systemd, delegation. Pure."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Sequence, Set

from .._convergence.errors import ConflictError, RefusedError, UnsupportedError
from .._convergence.plan import Change
from . import names
from .desired import Desired, Group
from .hierarchies import CORE, FREEZER, absolute
from .observe import HOLD
from .picture import Control, Picture, Place, show_members

THREADED_CONTROLLERS = frozenset(("cpu", "cpuset", "perf_event", "pids"))
# What systemd writes into the root's subtree_control, and takes out of it again.
SYSTEMD_WRITES = frozenset(("cpu", "cpuset", "io", "memory", "pids"))
# Of v2 groups that need no controller to be passed on to them.
_IMPLICIT = frozenset((CORE, FREEZER, "perf_event", "devices"))


class Making:
    """The first phase of a plan; ``made`` are the places that it creates, so that later phases know."""

    def __init__(self, picture: Picture, desired: Desired) -> None:
        self._picture = picture
        self._desired = desired
        self._need: Dict[str, Set[str]] = {}
        self._missing: Dict[int, List[Place]] = {}
        self.made: Set[Place] = set()
        self.again: Set[Place] = set()
        self.changes: List[Change] = []
        self.warnings: List[str] = []
        for group in desired.groups:
            if group.present:
                self._collect(group)
        self._levels()

    def exists(self, place: Place) -> bool:
        """Whether the group is there already and stays."""
        return place not in self.made and self._picture.exists(place)

    def passes_on(self, name: str) -> FrozenSet[str]:
        """The controllers that the declared groups below want a v2 group to pass on."""
        return frozenset(self._need.get(name, ()))

    def _collect(self, group: Group) -> None:
        picture = self._picture
        for index, _ in group.look:
            if (index, group.name) not in picture.values and not picture.exists((index, group.name)):
                for name in tuple(names.parents(group.name)) + (group.name,):
                    place = (index, name)
                    if place not in self.made and not picture.exists(place):
                        self.made.add(place)
                        self._missing.setdefault(name.count("/") + 1, []).append(place)
            if index == picture.host.unified:
                controllers = {c for c in group.controllers - _IMPLICIT if picture.host.where.get(c) == index}
                if controllers and group.name:
                    for above in ("",) + tuple(names.parents(group.name)):
                        self._need.setdefault(above, set()).update(controllers)
                elif controllers:
                    self._need.setdefault("", set()).update(controllers)

    def _levels(self) -> None:
        types = {group.name: group for group in self._desired.groups if group.type is not None}
        by_depth: Dict[int, List[str]] = {}
        for name in self._need:
            by_depth.setdefault(name.count("/") + 1 if name else 0, []).append(name)
        deepest = max([0] + list(self._missing) + list(by_depth) + [n.count("/") + 1 for n in types])
        for depth in range(deepest + 1):
            for index, name in self._missing.get(depth, ()):
                self._make(index, name)
            for name, group in types.items():
                if name.count("/") + 1 == depth:
                    self._type(group)
            for name in by_depth.get(depth, ()):
                self._enable(name)
                if not name:
                    self._hold()

    def _make(self, index: int, name: str) -> None:
        hierarchy = self._picture.host.hierarchies[index]
        path = hierarchy.point + "/" + name
        self.changes.append(Change("create", name, path, None, "group", ("mkdir", index, name)))

    # -- controllers ---------------------------------------------------------------------------------------------

    def _enable(self, name: str) -> None:
        control = self._picture.controls.get(name)
        index = self._picture.host.unified
        assert index is not None
        place = (index, name)
        if control is None and self.exists(place):
            return
        enabled = control.enabled if control is not None and place not in self.made else frozenset()
        missing = self._need[name] - enabled
        if not missing:
            return
        if control is not None and place not in self.made:
            self._check_inner(name, control, missing)
        hierarchy = self._picture.host.hierarchies[index]
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
        assert self._picture.host.unified is not None
        pids = self._picture.members.get((self._picture.host.unified, name), ())
        option, wanted = names.shown(name), ", ".join(sorted(missing))
        if control.type == "domain invalid":
            raise ConflictError(
                f"is of type 'domain invalid' and cannot pass on {wanted}",
                option=option,
                way_out="make it type: threaded, or move it out of the threaded group above it",
            )
        if control.type == "threaded" and missing - THREADED_CONTROLLERS:
            raise ConflictError(
                "is threaded and cannot pass on {}".format(", ".join(sorted(missing - THREADED_CONTROLLERS))),
                option=option,
                way_out="a threaded group has only " + ", ".join(sorted(THREADED_CONTROLLERS)),
            )
        if pids and not control.root and control.type != "threaded" and not self._threads_below(name, missing):
            raise ConflictError(
                f"holds processes, {show_members(self._picture, pids)}, and cannot pass on {wanted} to groups below it",
                option=option,
                way_out="on v2 processes live in leaves: move them to a group below it first",
            )

    def _threads_below(self, name: str, missing: Set[str]) -> bool:
        # A group with processes may pass threaded controllers on when all that is below it is threaded.
        if missing - THREADED_CONTROLLERS:
            return False
        own = [group for group in self._desired.groups if names.parent(group.name) == name and group.present]
        return bool(own) and all(group.type == "threaded" for group in own)

    # -- the hold ------------------------------------------------------------------------------------------------

    def _hold(self) -> None:
        index = self._picture.host.unified
        if index is None or not self._desired.systemd or self._picture.host.mode != "unified":
            return
        wanted = self._need.get("", set()) & SYSTEMD_WRITES
        control = self._picture.controls.get(HOLD)
        held: FrozenSet[str] = control.enabled if control is not None else frozenset()
        if not wanted - held:
            return
        hierarchy = self._picture.host.hierarchies[index]
        if control is None:
            self.changes.append(
                Change("create", HOLD, absolute(hierarchy, HOLD), None, "group", ("mkdir", index, HOLD))
            )
        self.changes.append(
            Change(
                "enable",
                HOLD,
                absolute(hierarchy, HOLD, "cgroup.subtree_control"),
                None if control is None else " ".join(sorted(held)),
                " ".join(sorted(held | wanted)),
                ("control", index, HOLD, " ".join("+" + controller for controller in sorted(wanted - held))),
            )
        )

    def release_hold(self, changes: Sequence[Change]) -> List[Change]:
        """Remove the hold when no hand-made group is left at the root that needs it."""
        index = self._picture.host.unified
        if index is None or HOLD not in self._picture.controls or self._need.get(""):
            return []
        going = {change.do[2] for change in changes if change.do[:1] == ("rmdir",) and change.do[1] == index}
        for name in self._picture.below.get((index, ""), ()):
            if "/" not in name and name != HOLD and name not in going and not names.systemd_unit(name):
                return []
        hierarchy = self._picture.host.hierarchies[index]
        return [Change("remove", HOLD, absolute(hierarchy, HOLD), "group", None, ("rmdir", index, HOLD))]

    # -- type ----------------------------------------------------------------------------------------------------

    def _type(self, group: Group) -> None:
        index = self._picture.host.unified
        assert index is not None
        place = (index, group.name)
        control = self._picture.controls.get(group.name) if self.exists(place) else None
        now = control.type if control is not None else ("domain" if place in self.made else "")
        is_threaded = now == "threaded"
        if group.type == "domain" and not is_threaded:
            return
        hierarchy = self._picture.host.hierarchies[index]
        if group.type == "domain":
            self._again(group, place)
            return
        if is_threaded:
            return
        self._check_threaded(group, place)
        path = absolute(hierarchy, group.name, "cgroup.type")
        before = now if control is not None else None
        self.changes.append(
            Change(
                "write",
                group.name,
                path,
                before,
                "threaded",
                ("write", index, group.name, "cgroup.type", ("threaded",), ""),
            )
        )

    def _again(self, group: Group, place: Place) -> None:
        if not self._desired.policy.recreate:
            raise RefusedError(
                "is threaded, which the kernel never undoes",
                option=(group.option + "." if group.option else "") + "type",
                value="domain",
                way_out="set recreate: true to remove the group and make it again",
            )
        pids = self._picture.members.get(place, ())
        if pids or self._picture.below.get(place):
            what = "processes, " + show_members(self._picture, pids) if pids else "groups below it"
            raise ConflictError("cannot be made again while it holds " + what, option=group.name)
        hierarchy = self._picture.host.hierarchies[place[0]]
        path = absolute(hierarchy, group.name)
        self.changes.append(Change("remove", group.name, path, "threaded", None, ("rmdir",) + place))
        self.changes.append(Change("create", group.name, path, None, "group", ("mkdir",) + place))
        self.made.add(place)

    def _check_threaded(self, group: Group, place: Place) -> None:
        index, name = place
        parent = names.parent(name)
        control = self._picture.controls.get(parent)
        domain = sorted(c for c in group.controllers - _IMPLICIT if c not in THREADED_CONTROLLERS)
        option = (group.option + "." if group.option else "") + "type"
        if domain:
            raise ConflictError(
                "cannot have {}".format(", ".join(domain)),
                option=option,
                value="threaded",
                way_out="a threaded group has only " + ", ".join(sorted(THREADED_CONTROLLERS)),
            )
        if control is None or control.root or control.type == "threaded":
            return
        passed = sorted((control.enabled | self._need.get(parent, set())) - THREADED_CONTROLLERS)
        if passed:
            raise ConflictError(
                "cannot be below {}, which passes on {}".format(names.shown(parent), ", ".join(passed)),
                option=option,
                value="threaded",
                way_out="take them from it with controllers_absent on its children first",
            )
        siblings = [n for n in self._picture.below.get((index, parent), ()) if n != name and names.parent(n) == parent]
        invalid = [n for n in siblings if n in self._picture.controls and self._picture.controls[n].type == "domain"]
        declared = {g.name for g in self._desired.groups if g.type == "threaded"}
        invalid = [n for n in invalid if n not in declared]
        populated = [n for n in invalid if self._picture.members.get((index, n))]
        if populated:
            raise ConflictError(
                "would make domain invalid its siblings {}, which hold processes".format(", ".join(populated)),
                option=option,
                value="threaded",
                way_out="make them threaded too, or move their processes away",
            )
        if invalid:
            self.warnings.append(
                "{}: type threaded makes its siblings {} domain invalid: they can hold no process until they are "
                "threaded too".format(name, ", ".join(invalid))
            )


def delegations(picture: Picture, desired: Desired, making: Making) -> List[Change]:
    """Hand groups over: the directory and exactly the files that the kernel lists for it."""
    found: List[Change] = []
    for group in desired.groups:
        if group.delegate is None:
            continue
        for index in group.indexes():
            hierarchy = picture.host.hierarchies[index]
            if hierarchy.version == 1 and not desired.policy.unsafe_v1:
                continue
            wanted = picture.handed_over if hierarchy.version == 2 else frozenset(("cgroup.procs", "tasks"))
            new = not making.exists((index, group.name))
            there = {} if new else picture.owners.get((index, group.name), {})
            for file in [""] + sorted(wanted):
                owner = there.get(file)
                if owner is None and file and not new:
                    # Listed by the kernel, not there for this group: its controller is not enabled here.
                    continue
                user = group.delegate.user if group.delegate.user >= 0 or owner is None else owner.user
                own = group.delegate.group if group.delegate.group >= 0 or owner is None else owner.group
                if owner is not None and (owner.user, owner.group) == (user, own):
                    continue
                before = None if owner is None else f"{owner.user}:{owner.group}"
                after = f"{max(user, 0)}:{max(own, 0)}"
                path = absolute(hierarchy, group.name, file)
                found.append(
                    Change("chown", group.name, path, before, after, ("chown", index, group.name, file, user, own))
                )
            for file, owner in sorted(there.items()):
                if file and file not in wanted and owner.user == group.delegate.user and owner.user > 0:
                    # Whoever owns a limit's file sets his own limits.
                    found.append(
                        Change(
                            "chown",
                            group.name,
                            absolute(hierarchy, group.name, file),
                            f"{owner.user}:{owner.group}",
                            "0:0",
                            ("chown", index, group.name, file, 0, 0),
                        )
                    )
    return found


def refuse_missing(picture: Picture, index: int, file: str, since: str, option: str) -> None:
    """Refuse a file that a group like it does not have either."""
    if picture.sample.get((index, file)) is False:
        raise UnsupportedError(
            f"is not a file that this kernel gives to groups on {picture.host.hierarchies[index].point}",
            option=option,
            way_out=f"it came with Linux {since} and may need a configuration option",
        )
