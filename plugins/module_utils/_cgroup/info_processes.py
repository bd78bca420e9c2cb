# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes for cgroup_info: what they are called, and in which groups they are."""

from __future__ import annotations

import os
from typing import Dict, List, Optional, Sequence, Tuple

from .._kernel import processes
from . import names
from .hierarchies import V1_NAMES, Hierarchy, Host
from .info_place import Notes, Reader, shown

_V2_NAMES = {v1: v2 for v2, v1 in V1_NAMES.items()}


class Comms:
    """The names of processes, each looked up once."""

    def __init__(self, notes: Notes) -> None:
        self._known: Dict[int, Tuple[bool, Optional[str]]] = {}
        self._blind, self._foreign = _blind()
        if self._blind:
            notes.add("the names of processes", "could not all be seen: " + self._blind)

    def of(self, pid: int) -> Tuple[bool, Optional[str]]:
        """Whether the process is there still, and its name: None where /proc does not tell it."""
        found = self._known.get(pid)
        if found is None:
            process = None if self._foreign else processes.read(pid)
            there = process is not None or bool(self._blind)
            found = self._known[pid] = (there, None if process is None else process.comm)
        return found


def _blind() -> Tuple[str, bool]:
    """Why /proc does not show all processes, and whether its numbers mean others than ours."""
    reason = processes.blind_spot()
    try:
        return reason, bool(reason) and os.readlink(processes.PROC + "/self") != str(os.getpid())
    except OSError:
        return reason, True


def whereabouts(reader: Reader, pids: Sequence[int]) -> Tuple[List[Dict[str, object]], List[str]]:
    """For each pid its groups in every mounted hierarchy, and the names of all those groups."""
    found: List[Dict[str, object]] = []
    where: Dict[str, None] = {}
    blind, foreign = _blind()
    if blind:
        reader.notes.add("the groups of processes", "could not all be seen: " + blind)
    for pid in pids:
        process = None if foreign else processes.read(pid)
        groups = None if process is None else processes.groups_of(pid)
        own: List[Tuple[int, Dict[str, object]]] = []
        for key, path in (groups or {}).items():
            index = _index(reader.host, key)
            if index is None:
                continue
            hierarchy = reader.host.hierarchies[index]
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
                "exists": True if groups is not None else None if blind else False,
                "comm": process.comm if process is not None and groups is not None else None,
                "groups": [group for _, group in sorted(own, key=lambda pair: pair[0])],
            }
        )
    return found, list(where)


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
