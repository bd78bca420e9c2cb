# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine below the hierarchies: what it has, its processes, its clock, and a log of what was done to it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .kernel import Group, Hierarchy


class Died(BaseException):
    """The run ended here, as by SIGKILL: no handler of the code under test may catch it."""


class Call(NamedTuple):
    """One system call that is there to change something, whether or not it was granted."""

    verb: str
    point: str
    path: str
    text: str = ""


class Clock:
    """Time that passes only by sleeping; it stands where a module has the standard library's ``time``."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Process:
    """A process of one thread; ``memory`` in bytes is charged to the group that it was started in."""

    def __init__(self, pid: int, start: int, memory: int = 0) -> None:
        self.pid = pid
        self.start = start
        self.memory = memory
        self.comm = f"model-{pid}"
        self.groups: dict[Hierarchy, Group] = {}
        self.charged: Group | None = None
        self.doomed = False


class Machine:
    """Facts, processes and the log. ``fuse`` is how many more changing calls are granted before the run dies."""

    def __init__(
        self,
        page: int = 4096,
        cpus: frozenset[int] = frozenset(range(4)),
        nodes: frozenset[int] = frozenset(range(2)),
        devices: tuple[str, ...] = ("8:0", "8:16"),
        bfq: tuple[str, ...] = (),
    ) -> None:
        self.page = page
        self.cpus = cpus
        self.possible = cpus
        self.nodes = nodes
        self.devices = devices
        # Those whose scheduler is bfq, and so have a weight of their own in a group.
        self.bfq = bfq
        self.swappiness = 60
        self.domain_levels = 2
        # Interface files that this kernel was built without.
        self.lacking: frozenset[str] = frozenset()
        self.clock = Clock()
        self.hierarchies: list[Hierarchy] = []
        self.processes: dict[int, Process] = {}
        self.log: list[Call] = []
        self.fuse: int | None = None
        self.dead = False
        # Seconds that a group stays busy after a process left it, and that freezing one with processes takes.
        self.lingering = 0.0
        self.freezing = 0.0
        # Values are taken as they come, without a look at other groups: how a test puts a state there.
        self.lenient = False
        self._inode = 100

    def called(self, verb: str, point: str, path: str, text: str = "") -> None:
        """Count and keep a changing call, or die of it."""
        self.living()
        if self.fuse is not None:
            if not self.fuse:
                self.dead = True
                raise Died
            self.fuse -= 1
        self.log.append(Call(verb, point, path, text))

    def living(self) -> None:
        """Who died makes no system call any more, not even to clean up."""
        if self.dead:
            raise Died

    def inode(self) -> int:
        """A number that no directory had before."""
        self._inode += 1
        return self._inode

    # -- processes -----------------------------------------------------------------------------------------------

    def spawn(self, pid: int, memory: int = 0) -> Process:
        """A process in the root of every hierarchy; move it by writing to cgroup.procs."""
        process = Process(pid, pid * 10, memory)
        self.processes[pid] = process
        for hierarchy in self.hierarchies:
            hierarchy.root.processes[pid] = process
            process.groups[hierarchy] = hierarchy.root
            if "memory" in hierarchy.controllers:
                process.charged = hierarchy.root
        return process

    def writer(self) -> Process | None:
        """The process that makes the system calls, where it was spawned."""
        return self.processes.get(os.getpid())

    def kill(self, pid: int) -> bool:
        """SIGKILL; False when there is no such process. One that v1 freezes dies when it is thawed."""
        process = self.processes.get(pid)
        if process is None:
            return False
        process.doomed = True
        self.reap()
        return True

    def reap(self) -> None:
        """Take away those that were killed and are not held by a frozen group of v1."""
        for process in [process for process in self.processes.values() if process.doomed]:
            if any(hierarchy.holds_dying(group) for hierarchy, group in process.groups.items()):
                continue
            for group in process.groups.values():
                group.left(process)
            del self.processes[process.pid]

    def charge(self, group: Group) -> int:
        """Bytes that processes have, charged to a group or below it."""
        return sum(
            process.memory
            for process in self.processes.values()
            if process.charged is not None and group.holds(process.charged)
        )

    # -- the whole state -----------------------------------------------------------------------------------------

    def snapshot(self) -> dict[tuple[str, str], dict[str, str]]:
        """Every group with all that can be read of it, its owners and its processes."""
        return {
            (hierarchy.point, group.path): group.state()
            for hierarchy in self.hierarchies
            for group in hierarchy.root.family()
        }

    def invalid(self) -> list[str]:
        """Why the kernel could never be in this state; empty when it can. For states that a test has put there."""
        return [
            reason for hierarchy in self.hierarchies for group in hierarchy.root.family() for reason in group.invalid()
        ]
