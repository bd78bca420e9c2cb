# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task must come to, told without the code under test: the declaration done by hand, in no order at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ansible_collections.linux.isolation.tests.model.cpuset import CpusetV1
from ansible_collections.linux.isolation.tests.model.host import Host
from ansible_collections.linux.isolation.tests.model.kernel import Group, Hierarchy
from ansible_collections.linux.isolation.tests.model.v1 import Freezer
from ansible_collections.linux.isolation.tests.model.v2 import GroupV2

from .declarations import INHERIT, Declared, Task

# Of v2 groups that come without being passed on.
IMPLICIT = ("", "freezer")
THREADED = frozenset(("cpu", "cpuset", "pids"))


class Verdict(NamedTuple):
    """The host as the task must leave it, or why it must be refused, or why it may be either done or refused."""

    host: Host
    refused: str = ""
    open: str = ""


class RefusedError(Exception):
    """The task cannot or must not be done."""


class OpenError(Exception):
    """The design leaves it open whether this is done: what is not needed may be refused."""


def judge(before: Host, task: Task) -> Verdict:
    """What ``task`` must do to a host; ``before`` stays as it is."""
    host = before.copied()
    host.machine.lenient = True
    host.machine.freezing = host.machine.lingering = 0.0
    try:
        _Deed(host, task).do()
    except RefusedError as reason:
        return Verdict(before, refused=str(reason))
    except OpenError as reason:
        return Verdict(before, open=str(reason))
    except OSError as error:
        return Verdict(before, refused=f"the kernel would not have it: {error}")
    reasons = host.machine.invalid()
    host.machine.lenient = False
    return Verdict(host, refused="; ".join(reasons))


class _Deed:
    def __init__(self, host: Host, task: Task) -> None:
        self.host = host
        self.task = task
        self.made: set[Group] = set()
        self.present = sorted((group for group in task.groups if group.present), key=lambda group: group.name)
        absent = (group for group in task.groups if not group.present)
        self.absent = sorted(absent, key=lambda group: group.name, reverse=True)

    def do(self) -> None:
        for group in self.present:
            if any(_below(group.name, other.name) for other in self.absent):
                raise RefusedError(f"{group.name} is below what shall be absent")
        self.check_moves()
        for group in self.absent:
            self.check_absent(group)
        there = {place.path for place in self.groups() if _below(place.path, self.task.purge_below or "nowhere")}
        for group in self.present:
            for hierarchy in self.hierarchies(group):
                self.make(hierarchy, group)
        for group in self.present:
            self.limit(group)
        self.fill()
        for group in self.present:
            self.move(group)
        for group in self.absent:
            self.remove(group)
        for group in self.present:
            self.freeze(group)
        if self.task.purge_below is not None:
            self.purge(self.task.purge_below, there - {self.task.purge_below})

    def groups(self) -> Iterator[Group]:
        """All of hierarchies that anybody may touch."""
        for hierarchy in self.host.machine.hierarchies:
            yield from hierarchy.root.family() if hierarchy.controllers else ()

    # -- present -------------------------------------------------------------------------------------------------

    def controllers(self, group: Declared) -> set[str]:
        """All that it needs."""
        found = {limit.controller for limit in group.limits} | set(group.controllers)
        if group.frozen is not None:
            found.add("freezer")
        return found or {""}

    def hierarchies(self, group: Declared) -> list[Hierarchy]:
        """Where it is to be."""
        found: list[Hierarchy] = []
        for controller in sorted(self.controllers(group)):
            hierarchy = self.host.hierarchy(controller)
            if hierarchy is None:
                raise RefusedError(f"there is no {controller or 'v2'}")
            if hierarchy not in found:
                found.append(hierarchy)
        return found

    def make(self, hierarchy: Hierarchy, group: Declared) -> None:
        parts = group.name.split("/")
        for count in range(1, len(parts) + 1):
            name = "/".join(parts[:count])
            try:
                hierarchy.find(name)
            except FileNotFoundError:
                self.made.add(hierarchy.mkdir(name))
        if hierarchy.version == 2:
            needed = frozenset(c for c in self.controllers(group) if c in hierarchy.controllers) - set(IMPLICIT)
            for above in reversed(list(hierarchy.find(group.name).ancestors())):
                assert isinstance(above, GroupV2)
                if above.processes and above.parent is not None and needed - above.passes:
                    # Even where this very task moves them away: it would have to happen first.
                    raise RefusedError(f"{above.path} holds processes and would have to pass controllers on")
                above.pass_on(above.passes | needed)

    def limit(self, group: Declared) -> None:
        for limit in group.limits:
            hierarchy = self.host.hierarchy(limit.controller)
            assert hierarchy is not None
            files = limit.v1 if hierarchy.version == 1 else limit.v2
            if files is None:
                raise RefusedError(f"{limit.said} cannot be said here")
            place = hierarchy.find(group.name)
            # Bursts are limited by the quota, which is checked here too: it goes first.
            for file, texts in sorted(files.items(), key=lambda item: "burst" in item[0]):
                own = file.partition(".")[2] if hierarchy.noprefix else file
                if hierarchy.version == 2 and file.startswith("cpuset") and texts == ("\n",) and place.populated():
                    raise OpenError("whether a cpuset with processes can be emptied depends on the kernel")
                for text in texts:
                    place.store(own, self.inherited(place, own) if text == INHERIT else text)

    def inherited(self, place: Group, file: str) -> str:
        """Groups are done from the root down: the parent has what it shall have."""
        assert place.parent is not None
        if place.parent in self.made and not place.parent.show(file).strip():
            self.fill_one(place.parent)
        return place.parent.show(file)

    def fill(self) -> None:
        """v1's cpusets: none of those that matter stays empty."""
        hierarchy = self.host.hierarchy("cpuset")
        if hierarchy is None or hierarchy.version != 1:
            return
        for group in self.present:
            if hierarchy in self.hierarchies(group):
                place = hierarchy.find(group.name)
                for one in (*reversed(list(place.ancestors())), place):
                    self.fill_one(one)

    def fill_one(self, place: Group) -> None:
        own = place.controllers["cpuset"]
        assert isinstance(own, CpusetV1)
        if place.parent is None or (own.cpus and own.mems):
            return
        if place not in self.made and not self.task.fill_parents:
            raise RefusedError(f"{place.path} was empty before")
        self.fill_one(place.parent)
        above = place.parent.controllers["cpuset"]
        assert isinstance(above, CpusetV1)
        own.cpus, own.mems = own.cpus or above.cpus, own.mems or above.mems

    def move(self, group: Declared) -> None:
        """To wherever the group is, be it declared or not."""
        for pid in group.pids:
            process = self.host.machine.processes[pid]
            for hierarchy, now in list(process.groups.items()):
                try:
                    place = hierarchy.find(group.name)
                except FileNotFoundError:
                    continue
                if place.holds(now) or not hierarchy.controllers:
                    continue
                if isinstance(place, GroupV2) and place.passes:
                    # The kernel allows it for controllers that know threads.
                    error = OpenError if place.passes <= THREADED else RefusedError
                    raise error(f"{place.path} passes controllers on")
                now.left(process)
                place.processes[pid] = process
                process.groups[hierarchy] = place

    def freeze(self, group: Declared) -> None:
        if group.frozen is None:
            return
        place = self.host.group("freezer", group.name)
        assert place is not None
        if isinstance(place, GroupV2):
            place.store("cgroup.freeze", str(int(group.frozen)))
        else:
            place.store("freezer.state", "FROZEN" if group.frozen else "THAWED")

    # -- absent --------------------------------------------------------------------------------------------------

    def check_absent(self, group: Declared) -> None:
        """Against what is there before anything is done."""
        gone = {other.name for other in self.absent}
        for place in self.groups():
            if not _below(place.path, group.name):
                continue
            if not group.recursive and place.path not in gone:
                raise RefusedError(f"{group.name} has groups below it")
            # Of several that are above it the nearest decides.
            nearest = max((name for name in gone if _below(place.path, name)), key=len)
            if place.processes and group.on_processes == "refuse" and nearest == group.name:
                raise RefusedError(f"{place.path} holds processes")

    def check_moves(self) -> None:
        """Processes that one half of the task wants somewhere and the other half minds."""
        if any(group.recursive and _below(group.name, self.task.purge_below or "nowhere") for group in self.absent):
            raise OpenError("what goes along with an absent group can count as purged")
        minded = {group.name for group in self.absent} | {self.task.purge_below or "nowhere"}
        for group in self.present:
            for pid in group.pids:
                for now in self.host.machine.processes[pid].groups.values():
                    if any(_below(now.path, name) for name in minded):
                        raise OpenError(f"{pid} is moved out of what goes")

    def remove(self, group: Declared) -> None:
        for hierarchy in self.host.machine.hierarchies:
            if not hierarchy.controllers:
                continue
            try:
                place = hierarchy.find(group.name)
            except FileNotFoundError:
                continue
            for one in list(place.family()):
                self.empty(group, one)
            assert place.parent is not None
            del place.parent.children[group.name.rpartition("/")[2]]

    def empty(self, group: Declared, place: Group) -> None:
        for pid, process in list(place.processes.items()):
            if group.on_processes == "kill":
                if any(_frozen_elsewhere(one, group.name) for one in process.groups.values()):
                    raise RefusedError(f"{pid} is frozen from above, and v1 lets nothing frozen die")
                for one in process.groups.values():
                    del one.processes[pid]
                del self.host.machine.processes[pid]
            else:
                root = place.hierarchy.root
                del place.processes[pid]
                root.processes[pid] = process
                process.groups[place.hierarchy] = root

    def purge(self, top: str, there: set[str]) -> None:
        """``there`` were below it before."""
        keep = {above for group in self.task.groups for above in _parents(group.name)}
        doomed: list[Group] = []
        for hierarchy in self.host.machine.hierarchies:
            if not hierarchy.controllers:
                continue
            try:
                own = list(hierarchy.find(top).family())[1:]
            except FileNotFoundError:
                continue
            stay = {above for one in own if one.processes or one.path in keep for above in _parents(one.path)}
            doomed += [one for one in own if one.path not in stay]
        gone = {one.path for one in doomed}
        if len(gone) * 2 > len(there) and not self.task.purge_force:
            raise RefusedError("it would remove more than half")
        for one in reversed(doomed):
            assert one.parent is not None
            del one.parent.children[one.path.rpartition("/")[2]]


def _below(name: str, above: str) -> bool:
    return name == above or name.startswith(above + "/")


def _frozen_elsewhere(place: Group, name: str) -> bool:
    """Whether v1 freezes a group by one that is not below ``name``."""
    for group in (place, *place.ancestors()):
        freezer = group.controllers.get("freezer")
        if isinstance(freezer, Freezer) and freezer.own and not _below(group.path, name):
            return True
    return False


def _parents(name: str) -> Iterator[str]:
    """The name itself and those above it."""
    parts = name.split("/")
    return ("/".join(parts[: count + 1]) for count in range(len(parts)))


def difference(one: Host, other: Host) -> list[str]:
    """Where two hosts are not the same: a line for each file."""
    mine, theirs = show(one), show(other)
    found = []
    for place in sorted(mine.keys() | theirs.keys()):
        here, there = mine.get(place), theirs.get(place)
        if here is None or there is None:
            found.append(f"{'/'.join(place)}: {'there' if here is not None else 'not there'}")
            continue
        for file in sorted(here.keys() | there.keys()):
            if here.get(file) != there.get(file):
                found.append(f"{'/'.join(place)}/{file}: {here.get(file)!r}, not {there.get(file)!r}")
    return found


def show(host: Host) -> dict[tuple[str, str], dict[str, str]]:
    """The state that a task is held to: without what moves by itself."""
    moving = ("memory.usage_in_bytes", "memory.current")
    return {
        place: {file: text for file, text in state.items() if file not in moving}
        for place, state in host.machine.snapshot().items()
    }
