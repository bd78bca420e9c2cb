# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hierarchies a host has, in which mode it is and where each controller lives (cgroups(7), cgroup-v2.rst)."""

from __future__ import annotations

import os
from typing import Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._convergence.errors import InputError, UnsupportedError
from .._kernel import mounts
from .._kernel.beneath import Root

# A controller is named as v2 names it; this is its name as a v1 mount option.
V1_NAMES = {"io": "blkio"}
_V2_NAMES = {"blkio": "io"}
# The frozen state is a core file of every v2 group, a controller on v1.
CORE = ""
# What each v1 hierarchy has for itself: of a limit, all v1 hierarchies that the group is in.
CORE_V1 = "v1"
FREEZER = "freezer"
_EVERYWHERE_ON_V2 = (FREEZER, "perf_event")
# Nobody mounts them by himself any more, and v2 has something else.
_V1_ALONE = ("net_cls", "net_prio")
KNOWN = frozenset(
    [
        "cpu",
        "cpuacct",
        "cpuset",
        "io",
        "memory",
        "pids",
        "hugetlb",
        "rdma",
        "misc",
        "dmem",
        "devices",
        "freezer",
        "net_cls",
        "net_prio",
        "perf_event",
    ]
)


class Hierarchy(NamedTuple):
    """One mounted hierarchy. ``controllers`` are those that groups of it can have, by their v2 names.

    ``flags`` are v2's mount options that change what limits and delegation mean, such as memory_recursiveprot.
    """

    version: int
    point: str
    root: str
    controllers: FrozenSet[str]
    name: str
    writable: bool
    noprefix: bool
    flags: Tuple[str, ...] = ()

    @property
    def partial(self) -> bool:
        """Whether the mount shows a part of the hierarchy only: limits above it are out of sight."""
        return self.root != "/"


class Host(NamedTuple):
    """The mode, why it is told so, the hierarchies, and for each controller the index of its hierarchy."""

    mode: str
    reasons: Tuple[str, ...]
    hierarchies: Tuple[Hierarchy, ...]
    where: Mapping[str, int]
    unified: Optional[int]

    def versions(self) -> Dict[str, int]:
        """Controller -> 1 or 2; CORE is there where a v2 hierarchy is, CORE_V1 where a v1 hierarchy has controllers."""
        found = {controller: self.hierarchies[index].version for controller, index in self.where.items()}
        if 1 in found.values():
            found[CORE_V1] = 1
        if self.unified is not None:
            found[CORE] = 2
        return found


class Candidate(NamedTuple):
    """A cgroup mount that was opened and is what mountinfo says; ``available`` is a v2 root's cgroup.controllers."""

    mount: mounts.Mount
    available: Tuple[str, ...]


def describe(magic: Optional[int], candidates: Sequence[Candidate]) -> Host:
    """The host's picture from what was found. Pure. ``magic`` is the file system at /sys/fs/cgroup."""
    found: List[Hierarchy] = []
    for candidate in candidates:
        hierarchy = _hierarchy(candidate)
        twin = next((i for i, other in enumerate(found) if _same(other, hierarchy)), None)
        if twin is None:
            found.append(hierarchy)
        elif _rank(hierarchy) < _rank(found[twin]):
            found[twin] = hierarchy
    where: Dict[str, int] = {}
    unified = None
    for index, hierarchy in enumerate(found):
        if hierarchy.version == 2:
            unified = index
        for controller in hierarchy.controllers:
            where.setdefault(controller, index)
    mode, reasons = _mode(magic, found)
    return Host(mode, reasons, tuple(found), where, unified)


def _hierarchy(candidate: Candidate) -> Hierarchy:
    mount = candidate.mount
    writable = "rw" in mount.options and "rw" in mount.super_options and not mount.root.startswith("/..")
    if mount.kind == "cgroup2":
        flags = tuple(option for option in mount.super_options if option not in ("rw", "ro"))
        return Hierarchy(2, mount.point, mount.root, frozenset(candidate.available), "", writable, False, flags)
    options = [_V2_NAMES.get(option, option) for option in mount.super_options]
    name = next((option[5:] for option in options if option.startswith("name=")), "")
    controllers = frozenset(option for option in options if option in KNOWN)
    return Hierarchy(1, mount.point, mount.root, controllers, name, writable, "noprefix" in options)


def _same(one: Hierarchy, other: Hierarchy) -> bool:
    # There is one v2 hierarchy, and a mount of a part of it shows what that part has.
    if one.version == other.version == 2:
        return True
    return (one.version, one.controllers, one.name) == (other.version, other.controllers, other.name)


def _rank(hierarchy: Hierarchy) -> Tuple[bool, bool, bool]:
    # One hierarchy can be mounted at several places: prefer what shows all, can be written to, and is where people look.
    return (hierarchy.partial, not hierarchy.writable, not hierarchy.point.startswith("/sys/fs/cgroup"))


def _mode(magic: Optional[int], found: Sequence[Hierarchy]) -> Tuple[str, Tuple[str, ...]]:
    points = {hierarchy.point for hierarchy in found if hierarchy.version == 2}
    legacy = [hierarchy.point for hierarchy in found if hierarchy.version == 1]
    if magic == mounts.CGROUP_V2:
        return "unified", ("/sys/fs/cgroup is a cgroup2 file system",)
    if magic == mounts.TMPFS:
        tmpfs = "/sys/fs/cgroup is a tmpfs"
        if "/sys/fs/cgroup/unified" in points:
            return "hybrid", (tmpfs, "cgroup2 is mounted at /sys/fs/cgroup/unified")
        if "/sys/fs/cgroup/systemd" in points:
            return "hybrid", (tmpfs, "cgroup2 is mounted at /sys/fs/cgroup/systemd, as systemd 232 does")
        if legacy:
            return "legacy", (tmpfs, f"{len(legacy)} v1 hierarchies and no cgroup2 beside them")
    if magic == mounts.SYSFS and not found:
        return "none", ("/sys/fs/cgroup is an empty directory of sysfs",)
    shown = "nothing" if magic is None else f"a file system of magic {magic:#x}"
    return "unknown", (f"/sys/fs/cgroup is {shown}", f"{len(found)} cgroup mounts elsewhere")


class Roots(NamedTuple):
    """The host and an opened root for each of its hierarchies, by the same index."""

    host: Host
    roots: Tuple[Root, ...]


def observe() -> Roots:
    """Look at the mounts and open each hierarchy. A mount that another one hides does not count."""
    candidates: List[Candidate] = []
    opened: Dict[str, Root] = {}
    # Of several at one place the last lies on top; one of the same file system has the same device as what it hides.
    for mount in {mount.point: mount for mount in mounts.mounts()}.values():
        if mount.kind not in ("cgroup", "cgroup2"):
            continue
        version2 = mount.kind == "cgroup2"
        descriptor = mounts.open_mount(mount, mounts.CGROUP_V2 if version2 else mounts.CGROUP_V1)
        if descriptor is None:
            continue
        root = Root(descriptor)
        opened[mount.point] = root
        candidates.append(Candidate(mount, tuple(root.read("cgroup.controllers").split()) if version2 else ()))
    host = describe(mounts.magic_at("/sys/fs/cgroup"), candidates)
    roots = tuple(opened.pop(hierarchy.point) for hierarchy in host.hierarchies)
    for root in opened.values():
        root.close()
    return Roots(host, roots)


def index_of(host: Host, controller: str, option: str) -> int:
    """The hierarchy that a controller lives in; an UnsupportedError or InputError where it has none."""
    index = host.unified if controller == CORE else host.where.get(controller)
    if index is None and controller in _EVERYWHERE_ON_V2:
        index = host.unified
    if index is not None:
        return index
    if controller == CORE:
        raise UnsupportedError(f"needs a v2 hierarchy and this {host.mode} host has none", option=option)
    if controller in V1_NAMES.values():
        raise InputError("is the v1 name", option=option, value=controller, way_out=f"write {_V2_NAMES[controller]}")
    if controller not in KNOWN:
        raise InputError(
            "is not a controller", option=option, value=controller, way_out="there are " + ", ".join(sorted(KNOWN))
        )
    way_out = "see cgroup_disable= on the kernel command line and the kernel's configuration"
    if controller in _V1_ALONE:
        from .interface_files import table

        way_out = next(iter(table.files(controller, 1).values())).elsewhere
    raise UnsupportedError(
        "is not available on this {} host, which has {}".format(host.mode, ", ".join(sorted(host.where)) or "none"),
        option=option,
        value=controller,
        way_out=way_out,
    )


def need_writable(hierarchy: Hierarchy, option: str) -> None:
    """Refuse to go on where nothing can be written."""
    if hierarchy.writable:
        return
    seen = "a view from another cgroup namespace" if hierarchy.root.startswith("/..") else "mounted read only"
    raise UnsupportedError(
        f"is on {hierarchy.point}, which is {seen}",
        option=option,
        way_out="run the task where the hierarchy is mounted writable",
    )


def file_path(hierarchy: Hierarchy, group: str, file: str) -> str:
    """Where a group's interface file is below the hierarchy's root."""
    if hierarchy.noprefix and hierarchy.version == 1:
        # cpuset mounted with noprefix names its files cpus and mems; the core files keep their names.
        controller, _dot, rest = file.partition(".")
        if controller in hierarchy.controllers:
            file = rest
    return group + "/" + file if group else file


def absolute(hierarchy: Hierarchy, group: str, file: str = "") -> str:
    """The path as an administrator knows it."""
    return os.path.join(hierarchy.point, file_path(hierarchy, group, file) if file else group).rstrip("/")
