# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hierarchies that are plain directories, for the tests of cgroup_info: what is read is counted, and a test can come between."""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies, info, info_query
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.info_notes import Notes
from ansible_collections.linux.isolation.plugins.module_utils._kernel import mounts, processes
from ansible_collections.linux.isolation.plugins.module_utils._kernel.beneath import Root
from ansible_collections.linux.isolation.plugins.module_utils._kernel.processes import Process

CORE = {
    "cgroup.controllers": "",
    "cgroup.type": "domain",
    "cgroup.events": "populated 0\nfrozen 0",
    "cgroup.procs": "",
    "cgroup.threads": "",
    "cgroup.max.depth": "max",
    "cgroup.max.descendants": "max",
    "cgroup.stat": "nr_descendants 0",
    "cgroup.pressure": "1",
    "cpu.pressure": "some avg10=1.50 avg60=0.00 avg300=0.00 total=7\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0",
    "cpu.stat": "usage_usec 7\nuser_usec 5\nsystem_usec 2",
}
V1_CORE = {"cgroup.procs": "", "tasks": "", "notify_on_release": "0"}
FILES = {
    1: {
        "memory": {
            "memory.limit_in_bytes": "536870912",
            "memory.memsw.limit_in_bytes": "9223372036854771712",
            "memory.swappiness": "60",
            "memory.usage_in_bytes": "4096",
            "memory.stat": "cache 0\ntotal_cache 8192",
            "memory.failcnt": "2",
            "memory.use_hierarchy": "1",
        },
        "pids": {"pids.max": "500", "pids.current": "1"},
        "cpu": {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "100000", "cpu.stat": "nr_periods 3"},
        "cpuacct": {"cpuacct.usage": "9000"},
        "freezer": {"freezer.state": "THAWED"},
        "cpuset": {
            "cpuset.cpus": "0-1",
            "cpuset.mems": "0",
            "cpuset.effective_cpus": "0-1",
            "cpuset.effective_mems": "0",
        },
        "devices": {"devices.list": "c 1:3 rwm\nb *:* m"},
        "blkio": {
            "blkio.bfq.weight": "100",
            "blkio.bfq.weight_device": "default 100",
            "blkio.throttle.read_bps_device": "",
            "blkio.throttle.write_bps_device": "",
            "blkio.throttle.read_iops_device": "",
            "blkio.throttle.write_iops_device": "",
            "blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096",
        },
    },
    2: {
        "memory": {
            "memory.max": "536870912",
            "memory.swap.max": "max",
            "memory.current": "4096",
            "memory.reclaim": "",
            "memory.low": "0",
            "memory.events": "low 0\nmax 3",
            "memory.stat": "anon 4096\nfile 0",
            "memory.numa_stat": "anon N0=4096 N1=0",
        },
        "pids": {"pids.max": "500", "pids.current": "1"},
        "cpu": {"cpu.max": "50000 100000", "cpu.weight": "100"},
        "cpuset": {
            "cpuset.cpus": "",
            "cpuset.mems": "",
            "cpuset.cpus.effective": "0-1",
            "cpuset.mems.effective": "0",
        },
        "io": {"io.max": "", "io.stat": "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0"},
    },
}


class Watched(Root):
    """Counts what is looked at and lets a test come between."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        self.looked: Counter[str] = Counter()
        self.before: Callable[[str], None] = lambda path: None
        self.owner = (0, 0)
        self.closed = ""

    def read(self, path: str) -> str:
        self.looked[path] += 1
        self.before(path)
        return super().read(path) + "\n"

    def file_status(self, path: str) -> os.stat_result | None:
        if self.closed and path.startswith(self.closed + "/"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        found = super().file_status(path)
        if found is None or not stat.S_ISDIR(found.st_mode):
            return found
        # As the kernel counts them for groups, which not every file system does for its directories.
        links = 2 + len(super().names(path))
        return os.stat_result((*found[:3], links, *self.owner, *found[6:]))

    def files(self, path: str) -> list[str]:
        self.looked[path + "/*"] += 1
        return super().files(path)

    def names(self, path: str) -> list[str]:
        self.looked[path + "/"] += 1
        return super().names(path)


class Kernel:
    """Hierarchies in a folder: each a name, which is a v1 controller, name=..., or "unified"."""

    def __init__(self, folder: Path, *points: str, passed: str = "", mounted_root: str = "/") -> None:
        self.folder = folder
        self._controllers = tuple(passed.split())
        candidates = []
        for point in points:
            top = folder / point
            v2 = point == "unified"
            own = {"cgroup.controllers": passed, "cgroup.subtree_control": passed} if v2 else {"release_agent": ""}
            core = {file: text for file, text in CORE.items() if file not in ("cgroup.type", "cgroup.events")}
            fill(top, {**(core if v2 else V1_CORE), **own})
            mount = mounts.Mount("0:1", mounted_root, str(top), ("rw",), "cgroup2" if v2 else "cgroup", ("rw", point))
            candidates.append(hierarchies.Candidate(mount, self._controllers if v2 else ()))
        self.host = hierarchies.describe(mounts.TMPFS, candidates)
        self.roots = {point: Watched(os.open(folder / point, os.O_RDONLY)) for point in points}

    def make(self, point: str, name: str, **texts: str) -> Path:
        """A group; ``texts`` are files with _ for the dots."""
        files = dict(CORE if point == "unified" else V1_CORE)
        if point == "unified":
            files["cgroup.controllers"] = " ".join(self._controllers)
            for controller in self._controllers:
                files.update(FILES[2].get(controller, {}))
        else:
            files.update(FILES[1].get(point, {}))
        files.update({file.replace("__", "."): text for file, text in texts.items()})
        return fill(self.folder / point / name, files)

    def ask(self, **params: Any) -> dict[str, Any]:
        self.warnings: list[str]
        opened = hierarchies.Roots(self.host, tuple(self.roots.values()))
        values, self.warnings = info.look(opened, info_query.parse(params), Notes())
        return values

    def group(self, name: str, **params: Any) -> dict[str, Any]:
        (found,) = self.ask(names=[name], **params)["groups"]
        assert isinstance(found, dict)
        return found


def fill(folder: Path, files: dict[str, str]) -> Path:
    """A directory with these files."""
    folder.mkdir(parents=True)
    for file, text in files.items():
        (folder / file).write_text(text)
    return folder


def remove(folder: Path) -> None:
    """End a group as the kernel does: files and directory."""
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def kernels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kernel]]:
    """A maker of Kernels, beside a /proc of three processes."""
    made: list[Kernel] = []

    def kernel(*points: str, **more: Any) -> Kernel:
        made.append(Kernel(folder / str(len(made)), *points, **more))
        return made[-1]

    running = {5: "nginx", 6: "worker", 7: "thread"}
    monkeypatch.setattr(processes, "read", lambda pid: Process(pid, 1, 1, running[pid]) if pid in running else None)
    monkeypatch.setattr(processes, "blind_spot", lambda: "")
    yield kernel
    for one in made:
        for root in one.roots.values():
            root.close()
