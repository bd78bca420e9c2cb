# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host out of a file: hierarchies as dictionaries of files that refuse nothing, and a /proc of its own."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.hierarchies import Candidate, Hierarchy, Host, Roots
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import Facts
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError
from ansible_collections.linux.isolation.plugins.module_utils._kernel import journal, mounts, processes, text
from ansible_collections.linux.isolation.plugins.module_utils._kernel.beneath import Root

FOLDER = Path(__file__).parent
HOSTS: dict[str, dict[str, Any]] = yaml.safe_load((FOLDER / "hosts.yml").read_text(encoding="utf-8"))
FRESH: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((FOLDER / "fresh.yml").read_text(encoding="utf-8"))
TOP = "/sys/fs/cgroup"
MAGIC = {"tmpfs": mounts.TMPFS, "cgroup2": mounts.CGROUP_V2, "sysfs": mounts.SYSFS, "ext4": 0xEF53, None: None}
GIB = 1024**3
DISKS = {"/dev/sda": "8:0", "/dev/sdb": "8:16", "/dev/vda": "254:0"}
# The processes of every host: whoever runs this task came in by ssh, and login session 7 is theirs.
TASK, SHELL = 400, 300
LINEAGE: list[dict[str, Any]] = [
    {"pid": 1, "comm": "init", "parent": 0, "start": 1},
    {"pid": 200, "comm": "sshd", "parent": 1},
    {"pid": SHELL, "comm": "sshd-session", "parent": 200, "login": 7},
    {"pid": TASK, "comm": "python3", "parent": SHELL, "login": 7},
]
# What a group's description says beside its files.
_ABOUT = ("in", "owner", "delegated")


def label(hierarchy: Hierarchy) -> str:
    """What plans call a hierarchy: its place below /sys/fs/cgroup, "/" for that one itself."""
    if hierarchy.point == TOP:
        return "/"
    return hierarchy.point.removeprefix(TOP + "/")


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


FACTS = Facts(4096, 16 * GIB, 4, device)


class Files(Root):
    """One hierarchy as texts by path. A text of the form !EBUSY is an error that reading answers with."""

    def __init__(self, hierarchy: Hierarchy, log: list[str], without: frozenset[str] = frozenset()) -> None:
        self.hierarchy = hierarchy
        self.log = log
        self.texts: dict[str, str] = {}
        self.inodes: dict[str, int] = {}
        self.owners: dict[str, tuple[int, int]] = {}
        self.delegated: set[str] = set()
        # path -> errors that the next writes to it are answered with, or rmdirs of it, or mkdirs.
        self.refusals: dict[str, list[int]] = {}
        self._without = without
        self._number = 1
        self.make("")

    # -- building ------------------------------------------------------------------------------------------------

    def make(self, name: str) -> int:
        """A fresh group."""
        self._number += 1
        self.inodes[name] = self._number
        version = f"v{self.hierarchy.version}"
        if self.hierarchy.version == 2:
            enabled = self._enabled(name)
            # The root has the core files alone: what is limited there is the host.
            controllers = ["", *sorted(enabled)] if name else [""]
            self.texts[self.path(name, "cgroup.controllers")] = " ".join(sorted(enabled))
        else:
            controllers = sorted(self.hierarchy.controllers)
        for controller in controllers:
            self.fill(name, FRESH[version].get(controller, {}))
            if not name:
                self.fill(name, FRESH[version + " root"].get(controller, {}))
        self.texts[self.path(name, "cgroup.procs")] = ""
        return self._number

    def fill(self, name: str, files: Mapping[str, object]) -> None:
        """Set texts; None takes a file away."""
        for file, text in files.items():
            path = self.path(name, file)
            if text is None or file in self._without:
                self.texts.pop(path, None)
            else:
                self.texts[path] = str(text)

    def path(self, name: str, file: str) -> str:
        """Where a file is, on a mount without prefixes too."""
        if self.hierarchy.noprefix and file.startswith("cpuset."):
            file = file.removeprefix("cpuset.")
        return f"{name}/{file}" if name else file

    def _enabled(self, name: str) -> set[str]:
        if not name:
            return set(self.hierarchy.controllers)
        return set(self.texts[self.path(name.rpartition("/")[0], "cgroup.subtree_control")].split())

    # -- what the core calls -------------------------------------------------------------------------------------

    def close(self) -> None:
        """Nothing is open."""

    def read(self, path: str) -> str:
        """A text, or the error that stands in its place."""
        if path not in self.texts:
            raise _error(errno.ENOENT, path)
        text = self.texts[path]
        if text.startswith("!"):
            raise _error(getattr(errno, text[1:]), path)
        return text + "\n" if text else ""

    def write(self, path: str, text: str) -> None:
        """Keep the text. Of the files that show something else than was written, those that a wait looks at."""
        if self.refusals.get(path):
            raise _error(self.refusals[path].pop(0), path)
        if path not in self.texts:
            raise _error(errno.ENOENT, path)
        self.log.append(f"{_place(self.hierarchy, path)} = {text}")
        folder, _, file = path.rpartition("/")
        if file == "cgroup.subtree_control":
            self._pass_on(folder, text)
            return
        self.texts[path] = text
        if file == "cgroup.freeze":
            self.texts[self.path(folder, "cgroup.events")] = f"populated 0\nfrozen {text}"
        if file == "freezer.state":
            self.texts[self.path(folder, "freezer.self_freezing")] = "1" if text == "FROZEN" else "0"

    def _pass_on(self, name: str, text: str) -> None:
        path = self.path(name, "cgroup.subtree_control")
        enabled = set(self.texts[path].split())
        for word in text.split():
            (enabled.add if word[0] == "+" else enabled.discard)(word[1:])
        self.texts[path] = " ".join(sorted(enabled))
        for child in self.inodes:
            if child and child.rpartition("/")[0] == name:
                new = enabled - set(self.texts[self.path(child, "cgroup.controllers")].split())
                self.texts[self.path(child, "cgroup.controllers")] = " ".join(sorted(enabled))
                for controller in new:
                    self.fill(child, FRESH["v2"].get(controller, {}))

    def mkdir(self, path: str) -> int:
        """A fresh group, and its inode number."""
        if self.refusals.get(path):
            raise _error(self.refusals[path].pop(0), path)
        if path in self.inodes:
            raise _error(errno.EEXIST, path)
        if path.rpartition("/")[0] not in self.inodes:
            raise _error(errno.ENOENT, path)
        self.log.append("mkdir " + _place(self.hierarchy, path))
        return self.make(path)

    def rmdir(self, path: str) -> None:
        """A group less."""
        if self.refusals.get(path):
            raise _error(self.refusals[path].pop(0), path)
        if path not in self.inodes:
            raise _error(errno.ENOENT, path)
        self.log.append("rmdir " + _place(self.hierarchy, path))
        del self.inodes[path]
        for file in [file for file in self.texts if file.startswith(path + "/")]:
            del self.texts[file]

    def names(self, path: str) -> list[str]:
        """The groups right below one."""
        if path not in self.inodes:
            raise _error(errno.ENOENT, path)
        return sorted(name.rpartition("/")[2] for name in self.inodes if name and name.rpartition("/")[0] == path)

    def files(self, path: str) -> list[str]:
        """The files of a group."""
        return sorted(
            file.rpartition("/")[2]
            for file in self.texts
            if file.rpartition("/")[0] == path and not self.texts[file].startswith("!")
        )

    def status(self, path: str) -> os.stat_result | None:
        """stat(2) of a group."""
        if path in self.texts:
            raise _error(errno.ENOTDIR, path)
        return self._stat(path, stat.S_IFDIR) if path in self.inodes else None

    def file_status(self, path: str) -> os.stat_result | None:
        """stat(2) of a file or a group."""
        if path in self.texts:
            return self._stat(path, stat.S_IFREG)
        return self.status(path)

    def _stat(self, path: str, kind: int) -> os.stat_result:
        user, group = self.owners.get(path, (0, 0))
        return os.stat_result((kind | 0o644, self.inodes.get(path, 1), 1, 1, user, group, 0, 0, 0, 0))

    def chown(self, path: str, user: int, group: int) -> None:
        """Another owner."""
        if path not in self.inodes and path not in self.texts:
            raise _error(errno.ENOENT, path)
        had = self.owners.get(path, (0, 0))
        self.owners[path] = (had[0] if user < 0 else user, had[1] if group < 0 else group)
        self.log.append(f"chown {_place(self.hierarchy, path)} {user}:{group}")

    def attribute(self, path: str, name: str) -> bytes | None:
        """systemd's mark of what it has delegated."""
        return b"1" if path in self.delegated and name == "trusted.delegate" else None


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)


def _place(hierarchy: Hierarchy, path: str) -> str:
    above = label(hierarchy)
    return path if above == "/" else f"{above}/{path}"


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
            "/sys/kernel/cgroup/delegate": given.get("handed over", "cgroup.procs cgroup.threads cgroup.subtree_control"),
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
            raise _error(errno.ENOENT, path)
        return io.StringIO(self._elsewhere[path])

    def _keep(self, paths: Any) -> None:
        self.unfinished = frozenset(paths)

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
            own = {f: t for f, t in files.items() if index in self._homes(f) or f in ("cgroup.procs", "tasks")}
            tree.fill(name, own)
            if "owner" in told:
                user, _, group = str(told["owner"]).partition(":")
                tree.owners[name] = (int(user), int(group))
            if told.get("delegated"):
                tree.delegated.add(name)

    def _homes(self, file: str) -> set[int]:
        prefix = file.partition(".")[0]
        if file in ("cgroup.procs", "tasks"):
            return set()
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
