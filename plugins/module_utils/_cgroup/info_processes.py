# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes and threads for cgroup_info: what they are called, and in which groups they are."""

from __future__ import annotations

import os
from typing import Dict, List, Optional, Sequence, Tuple

from .._kernel import processes
from . import names
from .hierarchies import V1_NAMES, Hierarchy, Host
from .info_notes import Notes, shown

_V2_NAMES = {v1: v2 for v2, v1 in V1_NAMES.items()}


class Processes:
    """Looks at /proc, and at each process once."""

    def __init__(self, notes: Notes) -> None:
        self._known: Dict[int, Optional[processes.Process]] = {}
        self._owners: Dict[int, Optional[int]] = {}
        # Why /proc does not show all processes, and whether its numbers mean others than ours.
        self._blind = processes.blind_spot()
        self._foreign = bool(self._blind) and _foreign()
        if self._blind:
            notes.add("processes", "could not all be seen: " + self._blind)

    def _read(self, pid: int) -> Optional[processes.Process]:
        if pid not in self._known:
            self._known[pid] = None if self._foreign else processes.read(pid)
        return self._known[pid]

    def name(self, pid: int) -> Tuple[bool, Optional[str]]:
        """Whether a process that a group lists is there still, and its name: None where /proc does not tell it."""
        process = self._read(pid)
        return process is not None or bool(self._blind), None if process is None else process.comm

    def owner(self, thread: int) -> Optional[int]:
        """The process that a thread belongs to; None where it ended or cannot be seen."""
        if thread not in self._owners:
            self._owners[thread] = None if self._foreign else processes.process_of(thread)
        return self._owners[thread]

    def whereabouts(self, host: Host, pids: Sequence[int]) -> Tuple[List[Dict[str, object]], List[str]]:
        """For each pid its groups in every mounted hierarchy, and the names of all those groups."""
        found: List[Dict[str, object]] = []
        where: Dict[str, None] = {}
        for pid in pids:
            process = self._read(pid)
            groups = None if process is None else processes.groups_of(pid)
            own: List[Tuple[int, Dict[str, object]]] = []
            for key, path in (groups or {}).items():
                index = _index(host, key)
                if index is None:
                    continue
                hierarchy = host.hierarchies[index]
                name = inside(hierarchy, path)
                if name is not None:
                    where.setdefault(name)
                group: Dict[str, object] = {
                    "name": None if name is None else shown(names.shown(name)),
                    "version": hierarchy.version,
                    "mount_point": shown(hierarchy.point),
                    "controllers": sorted(hierarchy.controllers),
                }
                own.append((index, group))
            found.append(
                {
                    "pid": pid,
                    "exists": True if groups is not None else None if self._blind else False,
                    "comm": process.comm if process is not None and groups is not None else None,
                    "groups": [pair[1] for pair in sorted(own, key=lambda pair: pair[0])],
                }
            )
        return found, list(where)


def _foreign() -> bool:
    try:
        return os.readlink(processes.PROC + "/self") != str(os.getpid())
    except OSError:
        return True


def _index(host: Host, key: str) -> Optional[int]:
    """The mounted hierarchy that a line of /proc/PID/cgroup is about."""
    said = {_V2_NAMES.get(controller, controller) for controller in key.split(",")}
    for index, hierarchy in enumerate(host.hierarchies):
        if hierarchy.version == 2:
            if not key:
                return index
        elif said & hierarchy.controllers or (hierarchy.name and "name=" + hierarchy.name in said):
            return index
    return None


def inside(hierarchy: Hierarchy, path: str) -> Optional[str]:
    """The name below the mounted root of what /proc/PID/cgroup shows; None for a group outside of it."""
    prefix = hierarchy.root.rstrip("/")
    # /.. leads out of the cgroup namespace: where from there, nobody here can know.
    if any((side + "/").startswith("/../") for side in (prefix, path)):
        return None
    if path != prefix and not path.startswith(prefix + "/"):
        return None
    return path[len(prefix) :].strip("/")
