# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core of v1: one hierarchy for some controllers, and the freezer, which is a controller there."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from .cpu import CpuV1
from .cpuset import CLONES, CpusetV1
from .io import IoV1
from .kernel import Controller, File, Group, Hierarchy
from .machine import Machine
from .memory import MemoryV1
from .pids import Pids
from .texts import refuse, unsigned


class Freezer(Controller):
    """Asked for by the group itself or by one above it."""

    name = "freezer"

    def __init__(self, group: Group) -> None:
        self.own = False
        self.since = group.hierarchy.machine.clock.now
        super().__init__(group)

    def from_above(self) -> bool:
        """Whether a group above is to be frozen."""
        found = (group.controllers.get("freezer") for group in self.group.ancestors())
        return any(isinstance(controller, Freezer) and controller.own for controller in found)

    def _show(self) -> str:
        if not self.own and not self.from_above():
            return "THAWED\n"
        waiting = self.machine.clock.now < self.since + self.machine.freezing
        return "FREEZING\n" if waiting and self.group.populated() else "FROZEN\n"

    def _store(self, text: str) -> None:
        wanted = {"FROZEN": True, "THAWED": False}.get(text.strip())
        if wanted is None:
            refuse(errno.EINVAL)
        if wanted and not self.own:
            self.since = self.machine.clock.now
        self.own = wanted
        self.machine.reap()

    files: ClassVar[Mapping[str, File]] = {
        "freezer.state": File(_show, _store, root=False),
        "freezer.self_freezing": File(lambda self: f"{int(self.own)}\n", root=False),
        "freezer.parent_freezing": File(lambda self: f"{int(self.from_above())}\n", root=False),
    }


def _switch(name: str) -> File:
    def store(group: Group, text: str) -> None:
        group.switches[name] = unsigned(text) != 0

    return File(lambda group: f"{int(group.switches.get(name, False))}\n", store)


CONTROLLERS: Mapping[str, type[Controller]] = MappingProxyType(
    {kind.name: kind for kind in (CpuV1, CpusetV1, IoV1, MemoryV1, Pids, Freezer)}
)


class GroupV1(Group):
    """Processes may be anywhere, beside groups."""

    core: ClassVar[Mapping[str, File]] = {
        "cgroup.procs": File(Group.show_procs, Group.store_procs),
        "tasks": File(Group.show_procs, Group.store_procs),
        CLONES: _switch(CLONES),
        "notify_on_release": _switch("notify_on_release"),
    }


class HierarchyV1(Hierarchy):
    """Its controllers are fixed when it is mounted."""

    version = 1

    def __init__(self, machine: Machine, point: str, controllers: frozenset[str], noprefix: bool = False) -> None:
        self.noprefix = noprefix
        super().__init__(machine, point, controllers)

    def make(self, parent: Group | None, name: str) -> Group:
        group = GroupV1(self, parent, name)
        for controller in sorted(self.controllers & CONTROLLERS.keys()):
            group.controllers[controller] = CONTROLLERS[controller](group)
        return group

    def holds_dying(self, group: Group) -> bool:
        freezer = group.controllers.get("freezer")
        return isinstance(freezer, Freezer) and (freezer.own or freezer.from_above())
