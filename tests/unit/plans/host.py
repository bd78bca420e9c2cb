# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host out of a file: its hierarchies, and a /proc of its own."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.hierarchies import (
    Candidate,
    Host,
    Roots,
)
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import Facts
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError
from ansible_collections.linux.isolation.plugins.module_utils._kernel import journal, mounts, processes, text

from .files import FOLDER, Files, label, refusal

HOSTS: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "hosts.yml").read_text(encoding="utf-8"))
MAGIC = {"tmpfs": mounts.TMPFS, "cgroup2": mounts.CGROUP_V2, "sysfs": mounts.SYSFS, "ext4": 0xEF53, None: None}
GIB = 1024**3
DISKS = {"/dev/sda": "8:0", "/dev/sdb": "8:16", "/dev/vda": "254:0"}
# What else they have: as fresh.yml shows it.
HAVE = {
    "hugetlb": ("2MB", "1GB"),
    "rdma": ("mlx4_0", "rxe0"),
    "misc": ("sev", "sev_es"),
    "dmem": ("drm/0000:03:00.0/vram0",),
    "net_prio": ("lo", "eth0", "eth1"),
}
# The processes of every host: whoever runs this task came in by ssh, and login session 7 is theirs.
TASK, SHELL = 400, 300
LINEAGE: list[dict[str, Any]] = [
    {"pid": 1, "comm": "init", "parent": 0, "start": 1},
    {"pid": 200, "comm": "sshd", "parent": 1},
    {"pid": SHELL, "comm": "sshd-session", "parent": 200, "login": 7},
    {"pid": TASK, "comm": "python3", "parent": SHELL, "login": 7},
]
# Files of each hierarchy that a group is in.
_EVERYWHERE = ("cgroup.procs", "tasks", "notify_on_release")
# What a group's description says beside its files.
_ABOUT = ("in", "owner", "owners", "delegated")


def described(name: str) -> Host:
    """What the core concludes from a host of hosts.yml."""
    told = HOSTS[name]
    available = told.get("available", {})
    candidates = [
        Candidate(mount, tuple(available.get(mount.point, "").split())) for mount in mounts.parse(told["mounts"])
    ]
    return hierarchies.describe(MAGIC[told["statfs"]], candidates)


def device(path: str) -> str:
    """The disks that these hosts have."""
    if path not in DISKS:
        raise InputError("does not exist here", value=path, way_out="see lsblk")
    return DISKS[path]


FACTS = Facts(4096, 16 * GIB, 4, device, HAVE.__getitem__)


class Described:
    """The host of one plan: its hierarchies by index, its /proc, and what was done to it."""

    def __init__(self, given: Mapping[str, Any], place: Path) -> None:
        self.host = described(given["host"])
        self.systemd = bool(given.get("systemd"))
        self.unfinished = frozenset(given.get("unfinished", ()))
        self.log: list[str] = []
        without = frozenset(given.get("without", ()))
        self.files = [Files(hierarchy, self.log, without) for hierarchy in self.host.hierarchies]
        self.opened = Roots(self.host, tuple(self.files))
        self._by_label = {label(hierarchy): index for index, hierarchy in enumerate(self.host.hierarchies)}
        groups: Mapping[str, Mapping[str, Any] | None] = given.get("groups", {})
        for name in sorted(groups, key=lambda name: (name != "/", name.count("/"), name)):
            self._group(name.strip("/"), groups[name] or {})
        people = {person["pid"]: person for person in LINEAGE}
        for person in given.get("processes", ()):
            people[person["pid"]] = {**people.get(person["pid"], {}), **person}
        self._members(people.values())
        self._proc = place / "proc"
        for person in people.values():
            self._write_process(person)
        (self._proc / "self").symlink_to(str(TASK))
        self._elsewhere: dict[str, str] = {
            "/sys/kernel/cgroup/delegate": given.get(
                "handed over", "cgroup.procs cgroup.threads cgroup.subtree_control"
            ),
            "/sys/devices/system/cpu/possible": "0-3\n",
            "/sys/devices/system/node/possible": "0\n",
        }

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Look at this host instead of the real one, whose processes no signal can reach meanwhile."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(processes, "PROC", str(self._proc))
            patch.setattr(processes, "Handle", _unreachable)
            patch.setattr(os, "getpid", lambda: TASK)
            patch.setattr(os, "kill", _unreachable)
            patch.setattr(text, "open", self._open, raising=False)
            patch.setattr(journal, "read", lambda: self.unfinished)
            patch.setattr(journal, "write", self._keep)
            patch.setattr(journal, "clear", lambda: self._keep(()))
            yield

    def _open(self, path: str, **_: object) -> io.StringIO:
        if path not in self._elsewhere:
            raise refusal(errno.ENOENT, path)
        return io.StringIO(self._elsewhere[path])

    def _keep(self, paths: Any) -> None:
        self.unfinished = frozenset(paths)

    def born(self, person: Mapping[str, Any]) -> None:
        """Another process, in the root groups."""
        self._write_process(person)

    # -- groups --------------------------------------------------------------------------------------------------

    def index(self, where: str) -> int:
        """A hierarchy by its label or by a controller."""
        found = self._by_label.get(where, self.host.where.get(where))
        if where == "v2":
            found = self.host.unified
        assert found is not None, f"{where} is no hierarchy of this host: {sorted(self._by_label)}"
        return found

    def _group(self, name: str, told: Mapping[str, Any]) -> None:
        files = {file: text for file, text in told.items() if file not in _ABOUT}
        homes = {self.index(where) for where in told.get("in", ())}
        for file in files:
            homes |= self._homes(file)
        if self.host.mode == "unified":
            homes.add(self.index("v2"))
        assert homes, f"say in which hierarchies {name} is"
        for index in sorted(homes):
            tree = self.files[index]
            for above in [*_parents(name), name]:
                if above not in tree.inodes:
                    tree.make(above)
            own = {f: t for f, t in files.items() if index in self._homes(f) or f in _EVERYWHERE}
            tree.fill(name, own)
            owners = {**({"": told["owner"]} if "owner" in told else {}), **told.get("owners", {})}
            for file, owner in owners.items():
                user, _, group = str(owner).partition(":")
                tree.owners[tree.path(name, file) if file else name] = (int(user), int(group))
            if told.get("delegated"):
                tree.delegated.add(name)

    def _homes(self, file: str) -> set[int]:
        prefix = file.partition(".")[0]
        if file in _EVERYWHERE:
            return set()
        if file == "cgroup.clone_children":
            return {self.index("cpuset")}
        if file.startswith("io.cost."):
            return {self.index("v2")}
        return {self.index("v2" if prefix == "cgroup" else "io" if prefix == "blkio" else prefix)}

    # -- processes -----------------------------------------------------------------------------------------------

    def _where(self, told: Any) -> dict[int, str]:
        """The group in each hierarchy, the root where nothing is said."""
        found = dict.fromkeys(range(len(self.files)), "")
        if isinstance(told, str):
            here = [index for index, tree in enumerate(self.files) if told in tree.inodes]
            assert here, f"{told} is no group of this host"
            found.update(dict.fromkeys(here, told))
        else:
            for where, name in (told or {}).items():
                assert name in self.files[self.index(where)].inodes, f"{name} is no group of {where}"
                found[self.index(where)] = name
        return found

    def _members(self, people: Any) -> None:
        for person in sorted(people, key=lambda person: int(person["pid"])):
            for index, name in self._where(person.get("in")).items():
                tree = self.files[index]
                threaded = tree.texts.get(tree.path(name, "cgroup.type")) == "threaded"
                path = tree.path(name, "cgroup.threads" if threaded else "cgroup.procs")
                tree.texts[path] = f"{tree.texts[path]}\n{person['pid']}".strip()
                if threaded:
                    tree.texts[tree.path(name, "cgroup.procs")] = "!EOPNOTSUPP"

    def _write_process(self, person: Mapping[str, Any]) -> None:
        pid = int(person["pid"])
        threads = {pid: person.get("in"), **person.get("threads", {})}
        folder = self._proc / str(pid)
        folder.mkdir(parents=True)
        resident = int(person.get("resident", 0))
        self._write_stat(folder, person, len(threads))
        self._write_groups(folder, person.get("in"))
        for thread, told in threads.items():
            own = folder / "task" / str(thread)
            own.mkdir(parents=True)
            self._write_stat(own, person, len(threads))
            self._write_groups(own, told)
        user = person.get("user", 0)
        (folder / "status").write_text(
            f"Name:\t{person['comm']}\nTgid:\t{pid}\nUid:\t{user}\t{user}\t{user}\t{user}\n"
            f"VmRSS:\t{resident // 1024} kB\nVmSwap:\t0 kB\n",
            encoding="utf-8",
        )
        (folder / "sessionid").write_text(str(person.get("login", 0xFFFFFFFF)), encoding="utf-8")
        (folder / "cmdline").write_text(person.get("command", person["comm"]).replace(" ", "\0") + "\0")
        if not person.get("kernel"):
            (folder / "exe").symlink_to(person.get("exe", "/usr/bin/" + person["comm"]))

    def _write_stat(self, folder: Path, person: Mapping[str, Any], threads: int) -> None:
        fields = ["0"] * 40
        fields[0], fields[1], fields[17] = "S", str(person.get("parent", 1)), str(threads)
        fields[6] = str(0x200000 if person.get("kernel") else 0)
        fields[19] = str(person.get("start", 1000 + int(person["pid"])))
        (folder / "stat").write_text(f"{person['pid']} ({person['comm']}) {' '.join(fields)}\n", encoding="utf-8")

    def _write_groups(self, folder: Path, told: Any) -> None:
        lines = []
        for index, name in self._where(told).items():
            hierarchy = self.host.hierarchies[index]
            v1 = sorted(hierarchies.V1_NAMES.get(controller, controller) for controller in hierarchy.controllers)
            named = [f"name={hierarchy.name}"] if hierarchy.name else []
            key = "" if hierarchy.version == 2 else ",".join(v1 + named)
            path = hierarchy.root.rstrip("/") + "/" + name
            lines.append(f"{0 if hierarchy.version == 2 else index + 1}:{key}:{path.rstrip('/') or '/'}\n")
        (folder / "cgroup").write_text("".join(lines), encoding="utf-8")


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]


def _unreachable(*_: object) -> None:
    raise AssertionError("a plan that is looked at reaches no process")
