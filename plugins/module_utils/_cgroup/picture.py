# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture that observing makes and planning reads: plain values, nothing that reaches the kernel."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Set, Tuple

from .hierarchies import Host

# Files whose lowering below what is used needs a look at the usage first, by name.
USAGE = {
    "memory.max": "memory.current",
    "memory.limit_in_bytes": "memory.usage_in_bytes",
    "pids.max": "pids.current",
}
# Of a hierarchy's version: the file that limits memory.
MEMORY_LIMITS = {1: "memory.limit_in_bytes", 2: "memory.max"}
# Of a hierarchy's version: the file that asks for the frozen state, and the one that tells whether it is so.
FREEZE_FILES = {1: ("freezer.state", "freezer.self_freezing"), 2: ("cgroup.freeze", "cgroup.events")}

# A group in a hierarchy: (index of the hierarchy, name).
Place = Tuple[int, str]


class Member(NamedTuple):
    """A process that matters: what it is called, when it started, and its group by hierarchy index.

    ``threads`` lists the groups of threads that are elsewhere than the process itself, by hierarchy index.
    """

    pid: int
    start: int
    comm: str
    groups: Mapping[int, str]
    threads: Mapping[int, Tuple[str, ...]]
    unit: str = ""
    delegated: bool = False
    resident: int = 0


class Control(NamedTuple):
    """The controllers of a v2 group: those that it has, and those that it passes on to its children."""

    available: FrozenSet[str]
    enabled: FrozenSet[str]
    type: str
    # Whether the no-internal-process rule spares it: the real root alone.
    root: bool


class Owner(NamedTuple):
    """uid and gid of a file, and of the directory under the name ""."""

    user: int
    group: int


class Picture(NamedTuple):
    """What is there, as far as the declaration asks.

    ``values`` has an entry for every place that exists and was asked for: file -> text as the kernel shows it, without
    the file where there is none. ``present`` and ``absent`` hold places that were only asked for existence.
    """

    host: Host
    values: Dict[Place, Dict[str, str]]
    present: FrozenSet[Place] = frozenset()
    controls: Mapping[str, Control] = {}
    members: Mapping[Place, Tuple[int, ...]] = {}
    below: Mapping[Place, Tuple[str, ...]] = {}
    usage: Mapping[Tuple[Place, str], int] = {}
    processes: Mapping[int, Member] = {}
    matched: Mapping[str, Tuple[int, ...]] = {}
    protected: Mapping[int, str] = {}
    # Those of the protected that may not even be moved.
    anchored: Mapping[int, str] = {}
    owners: Mapping[Place, Mapping[str, Owner]] = {}
    handed_over: FrozenSet[str] = frozenset()
    # Files beyond the declared ones: of parents, of the root, and those that limits are checked against.
    others: Mapping[Place, Mapping[str, str]] = {}
    sample: Mapping[Tuple[int, str], bool] = {}
    unfinished: FrozenSet[str] = frozenset()
    notes: Tuple[str, ...] = ()
    # Groups of limits alone whose every file holds what is wanted: nothing to plan.
    settled: FrozenSet[str] = frozenset()
    # What was looked at when verifying; None for everything.
    only: Optional[FrozenSet[str]] = None

    def exists(self, place: Place) -> bool:
        """Whether the group is there; only for places that were looked at."""
        return not place[1] or place in self.values or place in self.present


class Draft:
    """A Picture while it is drawn."""

    __slots__ = Picture._fields + ("gone",)

    def __init__(self, host: Host) -> None:
        self.host = host
        self.values: Dict[Place, Dict[str, str]] = {}
        self.present: set[Place] = set()
        self.controls: Dict[str, Control] = {}
        self.members: Dict[Place, Tuple[int, ...]] = {}
        self.below: Dict[Place, Tuple[str, ...]] = {}
        self.usage: Dict[Tuple[Place, str], int] = {}
        self.processes: Dict[int, Member] = {}
        self.matched: Dict[str, Tuple[int, ...]] = {}
        self.protected: Mapping[int, str] = {}
        self.anchored: Mapping[int, str] = {}
        self.owners: Dict[Place, Dict[str, Owner]] = {}
        self.handed_over: FrozenSet[str] = frozenset()
        self.others: Dict[Place, Dict[str, str]] = {}
        self.sample: Dict[Tuple[int, str], bool] = {}
        self.unfinished: FrozenSet[str] = frozenset()
        self.notes: List[str] = []
        self.settled: Set[str] = set()
        self.only: Optional[FrozenSet[str]] = None
        self.gone: Set[Place] = set()

    def finished(self) -> Picture:
        """The immutable picture."""
        given = {field: getattr(self, field) for field in Picture._fields}
        given.update(present=frozenset(self.present), settled=frozenset(self.settled), notes=tuple(self.notes))
        return Picture(**given)


def show_members(picture: Picture, pids: Tuple[int, ...], most: int = 5) -> str:
    """Processes for a sentence: 12 (sleep), 14 (nginx) and 3 more."""
    shown = []
    for pid in pids[:most]:
        member: Optional[Member] = picture.processes.get(pid)
        if not pid:
            shown.append("one outside this pid namespace")
        else:
            shown.append(f"{pid} ({member.comm})" if member is not None else str(pid))
    more = f" and {len(pids) - most} more" if len(pids) > most else ""
    return ", ".join(shown) + more
