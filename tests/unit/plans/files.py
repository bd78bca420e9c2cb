# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hierarchy out of a file: a dictionary of texts that refuses nothing but what a test says."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import yaml

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.hierarchies import Hierarchy
from ansible_collections.linux.isolation.plugins.module_utils._kernel.beneath import Root

FOLDER = Path(__file__).parent
FRESH: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((FOLDER / "fresh.yml").read_text(encoding="utf-8"))
TOP = "/sys/fs/cgroup"


def label(hierarchy: Hierarchy) -> str:
    """What plans call a hierarchy: its place below /sys/fs/cgroup, "/" for that one itself."""
    if hierarchy.point == TOP:
        return "/"
    return hierarchy.point.removeprefix(TOP + "/")


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
            controllers = ["", *sorted(self.hierarchy.controllers)]
        for controller in controllers:
            self.fill(name, FRESH[version].get(controller, {}))
            if not name:
                self.fill(name, FRESH[version + " root"].get(controller, {}))
        self.texts[self.path(name, "cgroup.procs")] = ""
        return self._number

    def fill(self, name: str, files: Mapping[str, object]) -> None:
        """Set texts; None takes a file away."""
        for file, held in files.items():
            path = self.path(name, file)
            if held is None or file in self._without:
                self.texts.pop(path, None)
            else:
                self.texts[path] = str(held)

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
            raise refusal(errno.ENOENT, path)
        text = self.texts[path]
        if text.startswith("!"):
            raise refusal(getattr(errno, text[1:]), path)
        return text + "\n" if text else ""

    def write(self, path: str, text: str) -> None:
        """Keep the text. Of the files that show something else than was written, those that a wait looks at."""
        if self.refusals.get(path):
            raise refusal(self.refusals[path].pop(0), path)
        if path not in self.texts:
            raise refusal(errno.ENOENT, path)
        self.log.append(f"{_place(self.hierarchy, path)} = {text}")
        folder, _, file = path.rpartition("/")
        if file == "cgroup.subtree_control":
            self._pass_on(folder, text)
            return
        if file == "cgroup.procs":
            self._move(path, text)
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

    def _move(self, to: str, pid: str) -> None:
        for path, text in self.texts.items():
            if path.rpartition("/")[2] == "cgroup.procs":
                others = [other for other in text.split() if other != pid]
                self.texts[path] = "\n".join(others + [pid] if path == to else others)

    def mkdir(self, path: str) -> int:
        """A fresh group, and its inode number."""
        if self.refusals.get(path):
            raise refusal(self.refusals[path].pop(0), path)
        if path in self.inodes:
            raise refusal(errno.EEXIST, path)
        if path.rpartition("/")[0] not in self.inodes:
            raise refusal(errno.ENOENT, path)
        self.log.append("mkdir " + _place(self.hierarchy, path))
        return self.make(path)

    def rmdir(self, path: str) -> None:
        """A group less."""
        if self.refusals.get(path):
            raise refusal(self.refusals[path].pop(0), path)
        if path not in self.inodes:
            raise refusal(errno.ENOENT, path)
        self.log.append("rmdir " + _place(self.hierarchy, path))
        del self.inodes[path]
        for file in [file for file in self.texts if file.startswith(path + "/")]:
            del self.texts[file]

    def names(self, path: str) -> list[str]:
        """The groups right below one."""
        if path not in self.inodes:
            raise refusal(errno.ENOENT, path)
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
            raise refusal(errno.ENOTDIR, path)
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
            raise refusal(errno.ENOENT, path)
        had = self.owners.get(path, (0, 0))
        self.owners[path] = (had[0] if user < 0 else user, had[1] if group < 0 else group)
        self.log.append(f"chown {_place(self.hierarchy, path)} {user}:{group}")

    def attribute(self, path: str, name: str) -> bytes | None:
        """systemd's mark of what it has delegated."""
        return b"1" if path in self.delegated and name == "trusted.delegate" else None


def refusal(number: int, path: str) -> OSError:
    """The error that the kernel answers with."""
    return OSError(number, os.strerror(number), path)


def _place(hierarchy: Hierarchy, path: str) -> str:
    above = label(hierarchy)
    return path if above == "/" else f"{above}/{path}"
