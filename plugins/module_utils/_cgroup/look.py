# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The closer look: what differences, settings, processes and removals ask for."""

from __future__ import annotations

from typing import FrozenSet, List, Mapping, Optional, Tuple

from .._kernel import text
from . import hierarchies, names
from .desired import Desired, Group
from .hierarchies import CORE, FREEZER
from .interface_files.entry import INHERIT
from .names import HOLD
from .picture import FREEZE_FILES, MEMORY_LIMITS, USAGE, Control, Owner, Place
from .sight import Sight

# What a file may not exceed, in the same group.
_CEILING = {"memory.limit_in_bytes": "memory.memsw.limit_in_bytes"}
# And where the kernel lists what there can be at all.
_CPUSET = {"cpuset.cpus": "/sys/devices/system/cpu/possible", "cpuset.mems": "/sys/devices/system/node/possible"}
_DELEGATED = "cgroup.procs cgroup.threads cgroup.subtree_control"
DELEGATE_LIST = "/sys/kernel/cgroup/delegate"


class Closer:
    """Adds to the draft of one look. Reads only."""

    def __init__(self, sight: Sight, desired: Desired, known: Optional[Mapping[int, int]]) -> None:
        self._sight = sight
        self._host = sight.host
        self._roots = sight.roots
        self._draft = sight.draft
        self._desired = desired
        self._known = known

    def look(self, groups: List[Group]) -> None:
        """Everything that planning these groups needs."""
        for group in groups:
            if group.present:
                self._more(group)
            else:
                self._subtrees(group)
        self._purge()
        self._hold(groups)
        if any(group.selectors for group in groups):
            from .placement import observe as observe_processes

            observe_processes(self._draft, self._roots, groups, self._known)
        self._guarded(groups)

    def _more(self, group: Group) -> None:
        for index in group.indexes():
            if self._host.hierarchies[index].version == 2 and not self._proven(index, group):
                for above in ("",) + tuple(names.parents(group.name)) + (group.name,):
                    self._control(above)
            self._differences(index, group)
        if group.frozen is not None:
            self._freezer(group)
        if group.type is not None:
            self._siblings(group)
        if group.delegate is not None:
            self._owners(group)
        if group.selectors:
            # Processes go to every hierarchy that the group exists in, declared here or not.
            for index, hierarchy in enumerate(self._host.hierarchies):
                if hierarchy.controllers or hierarchy.version == 2:
                    self._sight.existence((index, group.name))
            memory = self._host.where.get("memory")
            if memory is not None:
                self._value((memory, group.name), MEMORY_LIMITS[self._host.hierarchies[memory].version])
        for controller in group.unwanted:
            self._children(group, controller)

    def _proven(self, index: int, group: Group) -> bool:
        """Whether nothing has to be known of the groups above one on v2."""
        # A file of a controller that is there proves that every group above passes the controller on.
        if group.type is not None or group.selectors or group.unwanted:
            return False
        there = self._draft.values.get((index, group.name))
        if there is None:
            return False
        shown = {file.partition(".")[0] for file in there}
        return all(c in shown or c in (CORE, FREEZER) for c in group.controllers if self._host.where.get(c) == index)

    def _control(self, name: str) -> None:
        index = self._host.unified
        if index is None or name in self._draft.controls or not self._sight.existence((index, name)):
            return
        prefix = name + "/" if name else ""
        # Only the hierarchy's real root has no type; the root of a cgroup namespace has one.
        kind = self._read(index, prefix + "cgroup.type") or ""
        available = self._read(index, prefix + "cgroup.controllers")
        enabled = self._read(index, prefix + "cgroup.subtree_control")
        if available is None or enabled is None:
            return
        self._draft.controls[name] = Control(
            frozenset(available.split()), frozenset(enabled.split()), kind, not name and not kind
        )
        if name or kind:
            self._members((index, name))

    def _differences(self, index: int, group: Group) -> None:
        place = (index, group.name)
        there = self._draft.values.get(place)
        for want in group.wants:
            file = want.file
            if file.controller and self._host.where.get(file.controller) != index:
                continue
            if not file.controller and index != self._host.unified:
                continue
            if want.reset and file.default is INHERIT:
                self._inherited(place, file.name)
            if there is None or file.name not in there:
                self._sample(index, file.name, file.controller)
            elif there[file.name] != want.text:
                if file.name in USAGE:
                    self._usage(place, USAGE[file.name])
                if file.name in _CEILING:
                    self._value(place, _CEILING[file.name])
        hierarchy = self._host.hierarchies[index]
        if "cpuset" not in hierarchy.controllers:
            return
        if hierarchy.version == 1:
            for above in ("",) + tuple(names.parents(group.name)):
                for name in _CPUSET:
                    self._value((index, above), name)
        elif "cpuset" in group.controllers and (index, "") not in self._draft.others:
            self._draft.others[index, ""] = {
                name: (text.read_text(path) or "").strip() for name, path in _CPUSET.items()
            }

    def _read(self, index: int, path: str) -> Optional[str]:
        """The text of a file, None where it is not there or not any more."""
        try:
            return self._roots[index].read(path).strip()
        except OSError as error:
            self._sight.vanished(index, path, error)
            return None

    def _names(self, index: int, name: str) -> List[str]:
        """The groups right below one, none where it is not there any more."""
        try:
            return self._roots[index].names(name)
        except OSError as error:
            self._sight.vanished(index, name, error)
            return []

    def _value(self, place: Place, file: str) -> None:
        if not self._sight.existence(place) or file in self._draft.others.get(place, {}):
            return
        text = self._read(place[0], self._sight.path(place[0], place[1], file))
        if text is not None:
            self._draft.others.setdefault(place, {})[file] = text

    def _inherited(self, place: Place, file: str) -> None:
        for above in ("",) + tuple(names.parents(place[1])):
            self._value((place[0], above), file)

    def _usage(self, place: Place, file: str) -> None:
        text = self._read(place[0], self._sight.path(place[0], place[1], file))
        if text is not None:
            self._draft.usage[place, file] = int(text)

    def _sample(self, index: int, file: str, controller: str) -> None:
        # Whether a file will be there once its group is made: told by a group that has the controller already.
        if (index, file) in self._draft.sample:
            return
        root = self._roots[index]
        for name in self._names(index, "")[:50]:
            passed_on = self._host.hierarchies[index].version == 2 and controller
            if passed_on and controller not in (self._read(index, name + "/cgroup.controllers") or "").split():
                continue
            self._draft.sample[index, file] = root.file_status(self._sight.path(index, name, file)) is not None
            return
        if root.file_status(self._sight.path(index, "", file)) is not None:
            self._draft.sample[index, file] = True

    def _freezer(self, group: Group) -> None:
        index = hierarchies.index_of(self._host, FREEZER, group.option)
        place = (index, group.name)
        if not self._sight.existence(place):
            return
        own = self._draft.values.setdefault(place, {})
        for file in FREEZE_FILES[self._host.hierarchies[index].version]:
            text = self._read(index, group.name + "/" + file)
            if text is not None:
                own[file] = text

    def _siblings(self, group: Group) -> None:
        index = self._host.unified
        parent = names.parent(group.name)
        if index is None or not self._sight.existence((index, parent)):
            return
        own = tuple(parent + "/" + name if parent else name for name in self._names(index, parent))
        self._draft.below[index, parent] = own
        for name in own:
            self._control(name)
        self._descend((index, group.name))

    def _children(self, group: Group, controller: str) -> None:
        index = self._host.where.get(controller)
        if index is None:
            return
        if self._host.hierarchies[index].version == 1:
            self._descend((index, group.name))
            return
        parent = names.parent(group.name)
        self._siblings(group)
        self._control(parent)

    def _owners(self, group: Group) -> None:
        for index in group.indexes():
            place = (index, group.name)
            root = self._roots[index]
            if not self._sight.existence(place):
                continue
            found = {}
            try:
                for file in [""] + root.files(group.name):
                    status = root.file_status(group.name + "/" + file if file else group.name)
                    if status is not None:
                        found[file] = Owner(status.st_uid, status.st_gid)
            except OSError as error:
                self._sight.vanished(index, group.name, error)
            self._draft.owners[place] = found
        self._draft.handed_over = delegated_files()

    # -- groups that shall go ------------------------------------------------------------------------------------

    def _subtrees(self, group: Group) -> None:
        for index in group.indexes():
            self._descend((index, group.name))
            if group.on_processes.action == "move":
                self._sight.existence((index, group.on_processes.destination))
                if index == self._host.unified:
                    self._control(group.on_processes.destination)

    def _descend(self, place: Place) -> Tuple[str, ...]:
        """All groups below one, children before their parents' siblings; their members are read too."""
        index, top = place
        if place in self._draft.below or not self._sight.existence(place):
            return self._draft.below.get(place, ())
        found: List[str] = []
        waiting = [top]
        while waiting:
            name = waiting.pop()
            if name or not top:
                self._members((index, name))
            children = self._names(index, name)
            paths = [name + "/" + child if name else child for child in children]
            found.extend(paths)
            waiting.extend(paths)
        self._draft.below[place] = tuple(found)
        return self._draft.below[place]

    def _members(self, place: Place) -> None:
        index, name = place
        if place in self._draft.members:
            return
        from .placement import members

        try:
            self._draft.members[place] = members(self._draft, self._roots[index], name)
        except OSError as error:
            self._sight.vanished(index, self._sight.path(index, name, "cgroup.procs"), error)

    def _purge(self) -> None:
        top = self._desired.policy.purge_below
        if top is None:
            return
        for index, hierarchy in enumerate(self._host.hierarchies):
            if not hierarchy.controllers and hierarchy.version == 1:
                continue
            below = self._descend((index, top))
            # Below a group that was handed over, names belong to the user.
            for name in below and tuple(names.parents(top)) + (top,) + below:
                status = self._roots[index].status(name)
                if status is not None:
                    self._draft.owners.setdefault((index, name), {})[""] = Owner(status.st_uid, status.st_gid)

    def _hold(self, groups: List[Group]) -> None:
        index = self._host.unified
        if not self._desired.systemd or self._host.mode != "unified" or index is None or not groups:
            return
        self._control("")
        self._control(HOLD)
        for name in self._names(index, ""):
            self._draft.below[index, ""] = self._draft.below.get((index, ""), ()) + (name,)
            self._control(name)

    # -- who must not be hit -------------------------------------------------------------------------------------

    def _guarded(self, groups: List[Group]) -> None:
        draft = self._draft
        risky = bool(draft.usage) or bool(draft.matched) or any(pids for pids in draft.members.values())
        if not risky and not any(group.frozen for group in groups):
            return
        from .placement import observe_protected

        observe_protected(draft, self._roots)


def delegated_files() -> FrozenSet[str]:
    """The interface files that the kernel lists for a delegation (cgroup-v2.rst, Delegation)."""
    listed = text.read_text(DELEGATE_LIST)
    # Before 4.15 there was no list, and these were handed over.
    return frozenset((_DELEGATED if listed is None else listed).split())
