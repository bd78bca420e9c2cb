# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host as the tests see it: mounts and interface files, read by code of their own and not by the code under test."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_V1_NAMES = {"blkio": "io"}
# As v1 calls them in mount options, where other options stand as well.
_KNOWN = frozenset(
    ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "hugetlb", "pids", "rdma", "misc")
    + ("net_cls", "net_prio", "perf_event", "blkio")
)

# What a limit is called on v1, where it is another name.
V1_FILES = {
    "memory.max": "memory.limit_in_bytes",
    "memory.current": "memory.usage_in_bytes",
    "memory.swap.max": "memory.memsw.limit_in_bytes",
    "cpu.weight": "cpu.shares",
    "cpu.max.burst": "cpu.cfs_burst_us",
}


class Hierarchy(NamedTuple):
    """One mounted hierarchy; controllers by v2's names. ``name`` is v1's name=..., "" elsewhere."""

    version: int
    point: Path
    controllers: frozenset[str]
    name: str = ""


class Host(NamedTuple):
    """All hierarchies of this mount namespace."""

    hierarchies: tuple[Hierarchy, ...]

    def hierarchy(self, controller: str) -> Hierarchy | None:
        """Where a controller lives; '' and the frozen state of a host without the v1 freezer are v2's own."""
        for one in self.hierarchies:
            if controller in one.controllers or (not controller and one.version == 2):
                return one
        return self.hierarchy("") if controller == "freezer" else None

    def version(self, controller: str) -> int:
        """1 or 2, 0 where this host has no such controller."""
        found = self.hierarchy(controller)
        return found.version if found else 0

    @property
    def unified(self) -> bool:
        """Whether no controller is left on v1."""
        return all(one.version == 2 or not one.controllers for one in self.hierarchies)

    def path(self, controller: str, group: str, file: str = "") -> Path:
        """A group's directory in its controller's hierarchy, or a file in it."""
        found = self.hierarchy(controller)
        assert found is not None, f"this host has no {controller or 'v2 hierarchy'}"
        return found.point / group / file if file else found.point / group

    def file(self, group: str, limit: str) -> Path:
        """The file that carries a limit, or a figure, which is named as on v2."""
        prefix = limit.partition(".")[0]
        controller = "" if prefix == "cgroup" else _V1_NAMES.get(prefix, prefix)
        name = V1_FILES.get(limit, limit) if self.version(controller) == 1 else limit
        return self.path(controller, group, name)

    def read(self, group: str, limit: str) -> str:
        """What that file holds; of v1's cpu.max the quota and the period."""
        if limit == "cpu.max" and self.version("cpu") == 1:
            quota = self.path("cpu", group, "cpu.cfs_quota_us").read_text().strip()
            period = self.path("cpu", group, "cpu.cfs_period_us").read_text().strip()
            return f"{'max' if quota == '-1' else quota} {period}"
        return self.file(group, limit).read_text().strip()

    def places(self, group: str) -> list[Path]:
        """The directories of a group and of all groups below it, everywhere, parents first."""
        found = []
        for hierarchy in self.hierarchies:
            for folder, names, _ in os.walk(hierarchy.point / group):
                found.append(Path(folder))
                names.sort()
        return found

    def members(self, controller: str, group: str, deep: bool = False) -> set[int]:
        """The pids in a group, ``deep`` below it too."""
        top = self.path(controller, group)
        folders = [Path(folder) for folder, _, _ in os.walk(top)] if deep else [top]
        return {int(pid) for folder in folders for pid in (folder / "cgroup.procs").read_text().split()}


def without_swap(host: Host) -> dict[str, object]:
    """Limits that leave a group no swap, where this host can limit it."""
    version = host.version("memory")
    counted = (version == 2 and Path("/proc/swaps").exists()) or (
        version == 1 and host.file("", "memory.swap.max").exists()
    )
    return {"memory.swap.max": 0} if counted else {}


def write(path: Path, text: str) -> None:
    """One write(2) to a file that is there."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def look() -> Host:
    """This process's hierarchies. A mount that another one covers is not told apart: test machines have none."""
    found: dict[tuple[int, frozenset[str], str], Hierarchy] = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ")[:3]
        point = Path(left.split(" ")[4])
        if kind == "cgroup2":
            controllers = frozenset((point / "cgroup.controllers").read_text().split())
            one = Hierarchy(2, point, controllers)
        elif kind == "cgroup":
            said = options.split(",")
            name = next((option[5:] for option in said if option.startswith("name=")), "")
            known = [option for option in said if option in _KNOWN]
            one = Hierarchy(1, point, frozenset(_V1_NAMES.get(option, option) for option in known), name)
        else:
            continue
        found.setdefault((one.version, one.controllers, one.name), one)
    return Host(tuple(found.values()))
