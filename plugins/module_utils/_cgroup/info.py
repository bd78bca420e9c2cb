# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cgroup_info: the host's hierarchies, and the groups that are asked for."""

from __future__ import annotations

import os
import sys
from typing import Dict, List, Mapping, Tuple

from .._convergence.errors import UnsupportedError
from .._kernel.beneath import Root
from . import hierarchies
from .hierarchies import Hierarchy, Roots
from .info_notes import Notes, shown
from .info_query import Query, parse

Result = Tuple[Dict[str, object], List[str]]


def run(params: Mapping[str, object]) -> Result:
    """Look and return the values of the task and its warnings. Changes nothing and needs no root."""
    query = parse(params)
    if not sys.platform.startswith("linux"):
        raise UnsupportedError("is not Linux, and groups are a thing of its kernel", option="this host")
    try:
        opened = hierarchies.observe()
    except OSError as error:
        raise UnsupportedError(f"does not show its cgroup mounts: {error}", option="this host") from None
    notes = Notes()
    if os.geteuid() != 0:
        _closed_mounts(notes)
    try:
        return look(opened, query, notes)
    finally:
        for root in opened.roots:
            root.close()


def look(opened: Roots, query: Query, notes: Notes) -> Result:
    """The same for hierarchies that are open already."""
    host = opened.host
    partial = tuple(_partial(hierarchy, root) for hierarchy, root in zip(host.hierarchies, opened.roots))
    found: Dict[str, object] = {
        "changed": False,
        "mode": host.mode,
        "reasons": list(host.reasons),
        "hierarchies": [
            {
                "version": hierarchy.version,
                "mount_point": shown(hierarchy.point),
                "mounted_root": shown(hierarchy.root),
                "controllers": sorted(hierarchy.controllers),
                "name": hierarchy.name,
                "flags": list(hierarchy.flags),
                "writable": hierarchy.writable,
                "partial": out_of_sight,
            }
            for hierarchy, out_of_sight in zip(host.hierarchies, partial)
        ],
        "controllers": _controllers(opened),
    }
    warnings: List[str] = []
    if query.anything:
        from .info_groups import Groups
        from .info_place import Reader

        groups = Groups(Reader(opened, partial, query.gather, notes), query, partial)
        found.update(groups.answer())
        warnings.extend(groups.warnings)
    found["incomplete"] = notes.sentences()
    return found, warnings + notes.sentences()


def _partial(hierarchy: Hierarchy, root: Root) -> bool:
    if hierarchy.partial:
        return True
    # A mount made inside a cgroup namespace shows "/" for the namespace's own group. Only the hierarchy's real root has
    # no type on v2 and a release agent on v1.
    if hierarchy.version == 2:
        return root.file_status("cgroup.type") is not None
    return root.file_status("release_agent") is None


def _controllers(opened: Roots) -> Dict[str, Dict[str, object]]:
    host = opened.host
    passed: List[str] = []
    if host.unified is not None:
        passed = opened.roots[host.unified].read("cgroup.subtree_control").split()
    found: Dict[str, Dict[str, object]] = {}
    for controller, index in sorted(host.where.items()):
        hierarchy = host.hierarchies[index]
        enabled = hierarchy.version == 1 or controller in passed
        found[controller] = {"version": hierarchy.version, "mount_point": shown(hierarchy.point), "enabled": enabled}
    return found


def _closed_mounts(notes: Notes) -> None:
    # A mount point that this user may not open looks like one that another mount hides: say which it is.
    from .._kernel import mounts

    for mount in mounts.mounts():
        if mount.kind in ("cgroup", "cgroup2") and not os.access(mount.point, os.R_OK | os.X_OK):
            notes.unread(mount.point, PermissionError(13, os.strerror(13)))
