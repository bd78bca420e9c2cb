# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cpuset controller: v1's is checked against the groups above, below and beside it, v2's against the host alone."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from typing import ClassVar

from .kernel import Controller, File, Group
from .texts import numbers, ranges, refuse, signed, unsigned

# Nodes are counted up to what the kernel was built for.
_NODES = 1024
# With it in the parent a new group has the parent's lists, where no group below the parent is exclusive.
CLONES = "cgroup.clone_children"
_FLAGS = (
    "cpu_exclusive",
    "mem_exclusive",
    "mem_hardwall",
    "memory_migrate",
    "memory_spread_page",
    "memory_spread_slab",
    "sched_load_balance",
)


class Cpuset(Controller):
    """What both versions share."""

    name = "cpuset"
    threaded = True

    def __init__(self, group: Group) -> None:
        self.cpus: frozenset[int] = frozenset()
        self.mems: frozenset[int] = frozenset()
        super().__init__(group)

    def parse(self, file: str, text: str) -> frozenset[int]:
        """A list that this host has."""
        machine = self.machine
        if self.group.parent is None:
            refuse(errno.EACCES)
        found = numbers(text, max(machine.possible) + 1 if file == "cpus" else _NODES)
        if not found <= (self.all_cpus() if file == "cpus" else machine.nodes):
            refuse(errno.EINVAL)
        return found

    def all_cpus(self) -> frozenset[int]:
        """Of the host."""
        raise NotImplementedError

    def show_cpus(self) -> str:
        return ranges(self.cpus) + "\n"

    def show_mems(self) -> str:
        return ranges(self.mems) + "\n"

    def starves(self, cpus: frozenset[int], mems: frozenset[int]) -> bool:
        """Whether processes would be left without what they had."""
        return self.group.populated() and bool((self.cpus and not cpus) or (self.mems and not mems))


def _flag(flag: str) -> File:
    return File(lambda self: f"{int(self.flags[flag])}\n", lambda self, text: self.store_flag(flag, text))


class CpusetV1(Cpuset):
    """Starts empty, and nothing can be moved in until both lists are filled."""

    def __init__(self, group: Group) -> None:
        super().__init__(group)
        self.flags = {**dict.fromkeys(_FLAGS, False), "sched_load_balance": True}
        self.level = -1
        for above in self._relatives(iter((group.parent,) if group.parent is not None else ())):
            # These two are the parent's, of all.
            self.flags.update({flag: above.flags[flag] for flag in ("memory_spread_page", "memory_spread_slab")})
            siblings = self._relatives(iter(above.group.children.values()))
            exclusive = any(one.flags[flag] for one in siblings for flag in _FLAGS[:2])
            if group.switches.get(CLONES) and not exclusive:
                self.cpus, self.mems = above.cpus, above.mems
        if group.parent is None:
            self.cpus, self.mems = self.machine.cpus, self.machine.nodes
            self.flags.update(cpu_exclusive=True, mem_exclusive=True)

    def all_cpus(self) -> frozenset[int]:
        return self.machine.cpus

    def store_list(self, file: str, text: str) -> None:
        """cpus or mems."""
        found = self.parse(file, text)
        cpus, mems = (found, self.mems) if file == "cpus" else (self.cpus, found)
        if (cpus, mems) != (self.cpus, self.mems):
            self._check(cpus, mems, self.flags)
        self.cpus, self.mems = cpus, mems

    def store_flag(self, flag: str, text: str) -> None:
        """A switch; some are checked as the lists are."""
        flags = {**self.flags, flag: bool(unsigned(text) & 0xFFFFFFFF)}
        if flag in _FLAGS[:3] or flag == "sched_load_balance":
            self._check(self.cpus, self.mems, flags)
        self.flags = flags

    def _store_level(self, text: str) -> None:
        level = signed(text)
        if not -1 <= level <= self.machine.domain_levels:
            refuse(errno.EINVAL)
        self.level = level

    # -- what it is checked against ------------------------------------------------------------------------------

    def _relatives(self, groups: Iterator[Group]) -> list[CpusetV1]:
        found = (group.controllers.get("cpuset") for group in groups)
        return [controller for controller in found if isinstance(controller, CpusetV1)]

    def _within(self, cpus: frozenset[int], mems: frozenset[int], flags: dict[str, bool]) -> bool:
        """Whether this one fits below such a one."""
        exclusive = all(self.flags[flag] <= flags[flag] for flag in _FLAGS[:2])
        return self.cpus <= cpus and self.mems <= mems and exclusive

    def _check(self, cpus: frozenset[int], mems: frozenset[int], flags: dict[str, bool]) -> None:
        if self.machine.lenient:
            return
        if not all(child._within(cpus, mems, flags) for child in self._relatives(iter(self.group.children.values()))):
            refuse(errno.EBUSY)
        if self.group.parent is None:
            return
        trial = CpusetV1(self.group)
        trial.cpus, trial.mems, trial.flags = cpus, mems, flags
        above = self._relatives(iter((self.group.parent,)))
        if above and not trial._within(above[0].cpus, above[0].mems, above[0].flags):
            refuse(errno.EACCES)
        if trial._overlaps(self):
            refuse(errno.EINVAL)
        if self.starves(cpus, mems):
            refuse(errno.ENOSPC)

    def _overlaps(self, own: CpusetV1) -> bool:
        """Whether a sibling has something that one of the two has for itself alone."""
        if self.group.parent is None:
            return False
        for other in self._relatives(iter(self.group.parent.children.values())):
            if other is own:
                continue
            if (self.flags["cpu_exclusive"] or other.flags["cpu_exclusive"]) and self.cpus & other.cpus:
                return True
            if (self.flags["mem_exclusive"] or other.flags["mem_exclusive"]) and self.mems & other.mems:
                return True
        return False

    def admit(self) -> None:
        if not self.cpus or not self.mems:
            refuse(errno.ENOSPC)

    def invalid(self) -> str:
        above = self._relatives(iter((self.group.parent,) if self.group.parent is not None else ()))
        if above and not self._within(above[0].cpus, above[0].mems, above[0].flags):
            return "has what the cpuset above it has not"
        if self._overlaps(self):
            return "has what a sibling has for itself"
        if self.group.processes and not (self.cpus and self.mems):
            return "holds processes and is empty"
        return ""

    files: ClassVar[Mapping[str, File]] = {
        "cpuset.cpus": File(Cpuset.show_cpus, lambda self, text: self.store_list("cpus", text)),
        "cpuset.mems": File(Cpuset.show_mems, lambda self, text: self.store_list("mems", text)),
        **{"cpuset." + flag: _flag(flag) for flag in _FLAGS},
        "cpuset.sched_relax_domain_level": File(lambda self: f"{self.level}\n", _store_level),
    }


class CpusetV2(Cpuset):
    """Empty means the parent's; any list that the host has is taken."""

    def all_cpus(self) -> frozenset[int]:
        return self.machine.possible

    def _store_cpus(self, text: str) -> None:
        cpus = self.parse("cpus", text)
        if self.starves(cpus, self.mems):
            refuse(errno.ENOSPC)
        self.cpus = cpus

    def _store_mems(self, text: str) -> None:
        mems = self.parse("mems", text)
        if self.starves(self.cpus, mems):
            refuse(errno.ENOSPC)
        self.mems = mems

    files: ClassVar[Mapping[str, File]] = {
        "cpuset.cpus": File(Cpuset.show_cpus, _store_cpus, root=False),
        "cpuset.mems": File(Cpuset.show_mems, _store_mems, root=False),
    }
