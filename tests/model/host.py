# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole hosts of the model: a machine, its hierarchies mounted as a mode has them, and its process table."""

from __future__ import annotations

import copy
import os
import signal
from collections.abc import Iterable
from typing import NamedTuple

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies
from ansible_collections.linux.isolation.plugins.module_utils._kernel import mounts
from ansible_collections.linux.isolation.plugins.module_utils._kernel.processes import Process as Shown

from .kernel import Group, Hierarchy, ModelRoot
from .machine import Machine, Process
from .v1 import HierarchyV1
from .v2 import HierarchyV2

V1_NAMES = {"io": "blkio"}


class Layout(NamedTuple):
    """How a host has its controllers. ``v1`` lists its hierarchies, each by its controllers; ``v2`` is None on legacy."""

    mode: str
    v1: tuple[tuple[str, ...], ...] = ()
    v2: frozenset[str] | None = None
    noprefix: bool = False


class Host:
    """A machine and what a run of a module sees of it. ``unfinished`` outlives a run that dies, as a file does."""

    def __init__(self, layout: Layout, machine: Machine | None = None) -> None:
        self.layout = layout
        self.machine = machine or Machine()
        self.unfinished: frozenset[str] = frozenset()
        for controllers in layout.v1:
            point = "/sys/fs/cgroup/" + ",".join(V1_NAMES.get(name, name) for name in controllers)
            alone = layout.noprefix and controllers == ("cpuset",)
            HierarchyV1(self.machine, point or "systemd", frozenset(controllers), alone)
        if layout.v2 is not None:
            point = "/sys/fs/cgroup" + ("" if layout.mode == "unified" else "/unified")
            HierarchyV2(self.machine, point, layout.v2)
        for pid in (1, os.getpid()):
            self.machine.spawn(pid).comm = "init" if pid == 1 else "module"

    def copied(self) -> Host:
        """The same host, to try something else on."""
        return copy.deepcopy(self)

    def opened(self) -> hierarchies.Roots:
        """As ``hierarchies.observe`` finds it."""
        magic = mounts.CGROUP_V2 if self.layout.mode == "unified" else mounts.TMPFS
        found = self.machine.hierarchies
        candidates = [hierarchies.Candidate(_mount(number, one), _available(one)) for number, one in enumerate(found)]
        return hierarchies.Roots(hierarchies.describe(magic, candidates), tuple(ModelRoot(one) for one in found))

    def hierarchy(self, controller: str) -> Hierarchy | None:
        """Where a controller lives; '' is v2 itself, and the freezer is v2's where no hierarchy of v1 has it."""
        for one in self.machine.hierarchies:
            if controller in one.controllers or (not controller and one.version == 2):
                return one
        return self.hierarchy("") if controller == "freezer" else None

    def version(self, controller: str) -> int:
        """1 or 2, 0 where it is nowhere."""
        found = self.hierarchy(controller)
        return found.version if found is not None else 0

    def group(self, controller: str, name: str) -> Group | None:
        """A group in a controller's hierarchy."""
        found = self.hierarchy(controller)
        try:
            return found.find(name) if found is not None else None
        except FileNotFoundError:
            return None


def _mount(number: int, hierarchy: Hierarchy) -> mounts.Mount:
    kind = "cgroup" if hierarchy.version == 1 else "cgroup2"
    options = ["rw"]
    if isinstance(hierarchy, HierarchyV1):
        options += [V1_NAMES.get(name, name) for name in sorted(hierarchy.controllers)] or ["name=systemd"]
        options += ["noprefix"] if hierarchy.noprefix else []
    return mounts.Mount(f"0:{number + 30}", "/", hierarchy.point, ("rw", "relatime"), kind, tuple(options))


def _available(hierarchy: Hierarchy) -> tuple[str, ...]:
    return tuple(sorted(hierarchy.controllers)) if hierarchy.version == 2 else ()


class Table:
    """The functions of ``_kernel.processes`` for the processes of a machine. All are children of PID 1."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def _shown(self, process: Process) -> Shown:
        return Shown(process.pid, process.start, 0 if process.pid == 1 else 1, process.comm, session=process.pid)

    def read(self, pid: int) -> Shown | None:
        process = self._machine.processes.get(pid)
        return None if process is None else self._shown(process)

    def all_processes(self) -> list[Shown]:
        return [self._shown(process) for process in self._machine.processes.values()]

    def blind_spot(self) -> str:
        return ""

    def ancestry(self, pid: int) -> tuple[Shown, ...]:
        found = (self.read(number) for number in dict.fromkeys((pid, 1)))
        return tuple(process for process in found if process is not None)

    def resident_bytes(self, pid: int) -> int:
        process = self._machine.processes.get(pid)
        return 0 if process is None else process.memory

    def process_of(self, thread: int) -> int | None:
        return thread if thread in self._machine.processes else None

    def threads(self, pid: int) -> tuple[int, ...]:
        return (pid,) if pid in self._machine.processes else ()

    def session_id(self, pid: int) -> int | None:
        return None

    def login_session(self, pid: int, among: Iterable[Shown]) -> tuple[Shown, ...]:
        return ()

    def groups_of(self, pid: int, thread: int | None = None) -> dict[str, str] | None:
        process = self._machine.processes.get(pid)
        if process is None:
            return None
        return {_key(hierarchy): "/" + group.path for hierarchy, group in process.groups.items()}

    def handle(self, pid: int, start: int | None = None) -> Handle:
        return Handle(self._machine, pid)


def _key(hierarchy: Hierarchy) -> str:
    if hierarchy.version == 2:
        return ""
    return ",".join(V1_NAMES.get(name, name) for name in sorted(hierarchy.controllers)) or "name=systemd"


class Handle:
    """A process held fast, as by a pidfd."""

    def __init__(self, machine: Machine, pid: int) -> None:
        self._machine = machine
        self._process = machine.processes.get(pid)
        self.pid = pid

    def signal(self, number: int) -> bool:
        assert number == signal.SIGKILL
        if not self.alive():
            return False
        self._machine.called("kill", "", str(self.pid))
        return self._machine.kill(self.pid)

    def alive(self) -> bool:
        return self._process is not None and self._machine.processes.get(self.pid) is self._process

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
