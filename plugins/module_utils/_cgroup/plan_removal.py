# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking away: absent groups from the leaves up, controllers that shall go, and what purge_below asks for. Pure."""

from __future__ import annotations

import re
from typing import AbstractSet, Dict, FrozenSet, List, Sequence, Set, Tuple

from .._convergence.errors import ConflictError, RefusedError
from .._convergence.plan import Change
from . import names
from .desired import Desired, Group
from .hierarchies import absolute, need_writable
from .making import Making
from .names import HOLD
from .picture import Member, Picture, Place, show_members
from .plan_processes import move, refuse_pids

# How container managers name the groups that they own: Docker, Podman, containerd and CRI-O under both drivers, LXC, LXD.
_CONTAINER = re.compile(
    r"docker(?:-.*)?|(?:docker|libpod|crio|cri-containerd|buildkit)-.+|libpod_parent|kubepods.*|containerd|lxc(?:\..+)?|lxd|machine"
    r"|(?:pod)?[0-9a-f]{32,64}|system\.slice:docker:.*|podman.*",
)


class _Removal:
    def __init__(
        self, picture: Picture, desired: Desired, making: Making, declared: Desired, before: Sequence[Change]
    ) -> None:
        self.picture = picture
        self.desired = desired
        self.declared = declared
        self.leaving = {(change.do[1], change.do[3]) for change in before if change.do[0] == "move"}
        self.making = making
        self.changes: List[Change] = []
        self.warnings: List[str] = []
        self.going: Set[Place] = set()
        self.taken: Dict[str, FrozenSet[str]] = {}

    def inside(self, place: Place) -> Tuple[int, ...]:
        """The processes of a group that this task does not move to another one."""
        return tuple(pid for pid in self.picture.members.get(place, ()) if (place[0], pid) not in self.leaving)

    # -- state: absent -------------------------------------------------------------------------------------------

    def absent(self, group: Group) -> None:
        picture = self.picture
        there = [index for index in group.indexes() if picture.exists((index, group.name))]
        for index in there:
            need_writable(picture.host.hierarchies[index], group.option or "name")
        declared = {other.name for other in self.desired.groups if not other.present}
        children = sorted(
            {n for index in there for n in picture.below.get((index, group.name), ()) if n not in declared}
        )
        if children and not group.recursive:
            raise ConflictError(
                f"has groups below it, {_listed(children)}",
                option=group.option or "name",
                value=group.name,
                way_out="set recursive: true to remove them too",
            )
        self.empty(group, there)
        for index in there:
            for name in _leaves_first(picture.below.get((index, group.name), ())) + [group.name]:
                self.remove(index, name, group.name)

    def remove(self, index: int, name: str, target: str) -> None:
        place = (index, name)
        if place in self.going:
            return
        self.going.add(place)
        path = absolute(self.picture.host.hierarchies[index], name)
        self.changes.append(Change("remove", target, path, "group", None, ("rmdir", index, name)))

    def empty(self, group: Group, there: List[int]) -> None:
        """Do with the processes inside what on_processes says, once for all hierarchies."""
        picture = self.picture
        inside: Dict[int, List[Place]] = {}
        for index in there:
            for name in (group.name,) + tuple(picture.below.get((index, group.name), ())):
                # What another declaration takes away deals with its own processes.
                for pid in self.inside((index, name)) if (index, name) not in self.going else ():
                    inside.setdefault(pid, []).append((index, name))
        if not inside:
            return
        pids = tuple(sorted(inside))
        if group.on_processes.action == "refuse":
            raise ConflictError(
                f"holds processes, {show_members(picture, pids)}",
                option=group.option or "name",
                value=group.name,
                way_out="stop them, or say on_processes: kill or on_processes: {move_to: GROUP}",
            )
        if 0 in inside:
            raise ConflictError(
                "holds a process that is outside this pid namespace and cannot be reached",
                option=group.name,
                way_out="run the task where the process is",
            )
        action, destination = group.on_processes
        where = destination if action == "move" else group.name
        refuse_pids(picture, self.desired.policy, action, where, pids)
        if group.on_processes.action == "kill":
            index = sorted({place[0] for places in inside.values() for place in places})[0]
            path = absolute(picture.host.hierarchies[index], group.name)
            self.changes.append(
                Change(
                    "kill", group.name, path, show_members(picture, pids, 100), None, ("kill", tuple(there), group.name)
                )
            )
            return
        self.move_out(group, inside)

    def move_out(self, group: Group, inside: Dict[int, List[Place]]) -> None:
        picture, destination = self.picture, group.on_processes.destination
        option = (group.option + "." if group.option else "") + "on_processes.move_to"
        if names.below(destination, group.name):
            raise ConflictError("is inside the group that shall go", option=option, value=destination)
        for pid in sorted(inside):
            for index, name in inside[pid]:
                self.check_destination(index, destination, option)
                member = picture.processes.get(pid, Member(pid, 0, "?", {}, {}))
                path = absolute(picture.host.hierarchies[index], destination, "cgroup.procs")
                self.changes.append(move(path, group.name, (index, destination), member, name))

    def check_destination(self, index: int, destination: str, option: str) -> None:
        hierarchy = self.picture.host.hierarchies[index]
        if not self.picture.exists((index, destination)) and (index, destination) not in self.making.made:
            raise ConflictError(
                f"does not exist in {hierarchy.point}",
                option=option,
                value=destination,
                way_out="declare it in the same cgroup_tree task, with the controllers of the group that goes",
            )
        control = self.picture.controls.get(destination) if hierarchy.version == 2 else None
        if control is not None and control.enabled and not control.root and "threaded" not in control.type:
            raise ConflictError(
                "passes {} on to groups below it, and on v2 processes live in leaves".format(
                    ", ".join(sorted(control.enabled))
                ),
                option=option,
                value=destination,
                way_out="name a group below it",
            )

    # -- controllers_absent --------------------------------------------------------------------------------------

    def controllers(self, group: Group) -> None:
        picture = self.picture
        for controller in sorted(group.unwanted):
            index = picture.host.where.get(controller)
            if index is None:
                continue
            if picture.host.hierarchies[index].version == 1:
                self.leave(group, controller, index)
            else:
                self.disable(group, controller, index)

    def leave(self, group: Group, controller: str, index: int) -> None:
        place = (index, group.name)
        if not self.making.exists(place) or place in self.going:
            return
        hierarchy = self.picture.host.hierarchies[index]
        shared = sorted(hierarchy.controllers & group.controllers)
        if shared:
            self.refuse(
                group, controller, "shares its hierarchy with {}, which this group needs".format(", ".join(shared))
            )
        below = [name for name in self.picture.below.get(place, ()) if (index, name) not in self.going]
        if below:
            self.refuse(group, controller, f"is used by {_listed(sorted(below))} below it")
        pids = self.inside(place)
        if pids:
            self.refuse(group, controller, f"holds processes there, {show_members(self.picture, pids)}")
        self.remove(index, group.name, group.name)

    def disable(self, group: Group, controller: str, index: int) -> None:
        parent = names.parent(group.name)
        control = self.picture.controls.get(parent)
        if control is None or controller not in self.taken.get(parent, control.enabled):
            return
        needed = [
            other.name
            for other in self.declared.groups
            if other.present and controller in other.controllers and names.parent(other.name) == parent
        ]
        users = [
            name
            for name in self.picture.below.get((index, parent), ())
            if name in self.picture.controls and controller in self.picture.controls[name].enabled and name != HOLD
        ]
        if needed or users:
            self.refuse(group, controller, f"is used by {_listed(sorted(set(needed + users)))}")
        held = self.picture.controls.get(HOLD) if not parent else None
        if held is not None and controller in held.enabled:
            # It passes the controller on for just this purpose: that nobody takes it from the root.
            self.take(index, HOLD, held.enabled, controller)
        self.take(index, parent, control.enabled, controller)
        willing = {other.name for other in self.declared.groups if controller in other.unwanted}
        others = [
            name
            for name in self.picture.below.get((index, parent), ())
            if names.parent(name) == parent and name not in willing and name != HOLD
        ]
        if others:
            self.warnings.append(
                f"{group.name}: without {controller} its siblings {_listed(others)} lose their limits of it too"
            )

    def take(self, index: int, name: str, enabled: FrozenSet[str], controller: str) -> None:
        before = self.taken.get(name, enabled)
        after = self.taken[name] = before - {controller}
        path = absolute(self.picture.host.hierarchies[index], name, "cgroup.subtree_control")
        shown = " ".join(sorted(before)), " ".join(sorted(after))
        do = ("control", index, name, "-" + controller)
        self.changes.append(Change("disable", names.shown(name), path, *shown, do))

    def refuse(self, group: Group, controller: str, why: str) -> None:
        raise RefusedError(
            why,
            option=(group.option + "." if group.option else "") + "controllers_absent",
            value=controller,
            way_out="remove those first",
        )

    # -- purge_below ---------------------------------------------------------------------------------------------

    def purge(self, top: str) -> None:
        picture = self.picture
        keep = {HOLD}
        for group in self.declared.groups:
            keep.update(tuple(names.parents(group.name)) + (group.name,))
        below = {
            index: [name for name in found if names.below(name, top) and name != top]
            for (index, above), found in picture.below.items()
            if above == top
        }
        # In use, be it in another hierarchy or further down.
        used: Set[str] = set()
        for index, own in below.items():
            for name in own:
                if self.inside((index, name)):
                    used.update(tuple(names.parents(name)) + (name,))
        there: Set[str] = set()
        doomed: List[Place] = []
        for index, own in below.items():
            there.update(own)
            stay: Set[str] = set()
            for name in _leaves_first(own):
                pids = self.inside((index, name))
                if name not in keep and name not in stay:
                    if pids:
                        self.warn_of_use(index, name, pids)
                    elif not self.left_alone(index, name, top, used):
                        doomed.append((index, name))
                        continue
                # What stays keeps all that is above it.
                stay.update(names.parents(name))
        gone = {name for _index, name in doomed}
        if len(gone) * 2 > len(there) and not self.desired.policy.purge_force:
            raise RefusedError(
                f"would remove {len(gone)} of the {len(there)} groups there: {_listed(sorted(gone))}",
                option="purge_below",
                value=top,
                way_out="set purge_force: true if that is meant",
            )
        for index, name in doomed:
            need_writable(picture.host.hierarchies[index], "purge_below")
            self.remove(index, name, name)

    def warn_of_use(self, index: int, name: str, pids: Tuple[int, ...]) -> None:
        _owner, why = self.owner(index, name)
        reason = (why + ", and it " if why else "") + "holds " + show_members(self.picture, pids)
        self.warnings.append(f"{name} is not declared and stays: it {reason}")

    def left_alone(self, index: int, name: str, top: str, used: AbstractSet[str]) -> bool:
        """Whether an empty group belongs to somebody who uses it as a whole; RefusedError where nobody uses it."""
        owner, why = self.owner(index, name)
        if owner and names.below(owner, top) and owner != top and owner in used:
            return True
        if why:
            raise RefusedError(
                f"would take {name}, which {why}",
                option="purge_below",
                value=top,
                way_out="declare it in groups, or name a group that it is not below",
            )
        return False

    def owner(self, index: int, name: str) -> Tuple[str, str]:
        """The outermost group with an owner of its own that a group is or lies below, and what tells so; "" for none."""
        path = tuple(names.parents(name)) + (name,)
        for above in path:
            if names.systemd_unit(above):
                return above, "is a systemd unit"
            if _CONTAINER.fullmatch(above.rpartition("/")[2]):
                return above, "looks like the group of a container"
        for above in path:
            owner = self.picture.owners.get((index, above), {}).get("")
            if owner is not None and owner.user:
                where = "is" if above == name else f"is below {above}, which is"
                return above, f"{where} delegated to user {owner.user}"
        return "", ""


def _leaves_first(found: Sequence[str]) -> List[str]:
    return sorted(found, key=lambda name: (-name.count("/"), name))


def _listed(found: List[str]) -> str:
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def changes(
    picture: Picture, desired: Desired, making: Making, declared: Desired, before: Sequence[Change]
) -> Tuple[List[Change], List[str]]:
    """What is taken away after the changes ``before``, in order, and warnings."""
    removal = _Removal(picture, desired, making, declared, before)
    # The innermost first: what is above has to wait until it is empty.
    for group in reversed(desired.groups):
        if group.unwanted:
            removal.controllers(group)
    for group in reversed(desired.groups):
        if not group.present:
            removal.absent(group)
    if desired.policy.purge_below is not None:
        removal.purge(desired.policy.purge_below)
    return removal.changes, removal.warnings
