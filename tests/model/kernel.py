# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups as directories, interface files as pairs of functions, and a Root on them that raises what the kernel would."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from ansible_collections.linux.isolation.plugins.module_utils._kernel.beneath import Root

from .machine import Machine, Process
from .texts import integer, refuse


class File(NamedTuple):
    """One interface file, as functions of the Group or Controller that it belongs to.

    ``show`` gives the text to its last line break. Without ``root`` the root group lacks it.
    """

    show: Callable[[Any], str] | None
    store: Callable[[Any, str], None] | None = None
    root: bool = True


class Controller:
    """What one controller keeps of one group. A new one has the values of a new group."""

    name: ClassVar[str]
    threaded: ClassVar[bool] = False
    files: ClassVar[Mapping[str, File]] = {}

    def __init__(self, group: Group) -> None:
        self.group = group
        self.machine = group.hierarchy.machine

    def reset(self) -> None:
        """Values go back to the default when v2 hides the controller and keeps it for another one."""

    def admit(self) -> None:
        """Refuse a process that is about to be moved in."""

    def invalid(self) -> str:
        """What no order of writes could have brought about, or nothing."""
        return ""


class Group:
    """One directory of a hierarchy. ``processes`` are those in it, not below it; ``core`` every group of a version has."""

    core: ClassVar[Mapping[str, File]]

    def __init__(self, hierarchy: Hierarchy, parent: Group | None, name: str) -> None:
        self.hierarchy = hierarchy
        self.parent = parent
        self.path: str = f"{parent.path}/{name}" if parent is not None and parent.path else name
        self.children: dict[str, Group] = {}
        self.processes: dict[int, Process] = {}
        self.controllers: dict[str, Controller] = {}
        self.inode = hierarchy.machine.inode()
        self.owners: dict[str, tuple[int, int]] = {}
        self.attributes: dict[str, bytes] = {}
        self.busy_until = 0.0
        # v1's, which new groups have from their parent.
        self.switches: dict[str, bool] = {} if parent is None else dict(parent.switches)

    def visible(self) -> Iterator[Controller]:
        """The controllers whose files can be seen."""
        return iter(self.controllers.values())

    def owners_of_files(self) -> Iterator[Group | Controller]:
        """Itself for the core files, and the controllers for theirs."""
        yield self
        yield from self.visible()

    def files(self) -> list[str]:
        """All files by name."""
        lacking = self.hierarchy.machine.lacking
        return [
            name
            for owner in self.owners_of_files()
            for name, file in _files(owner).items()
            if name not in lacking and (file.root or self.parent is not None)
        ]

    def file(self, name: str) -> tuple[File, Group | Controller] | None:
        """One of them, and what its functions are called with."""
        if name in self.hierarchy.machine.lacking:
            return None
        for owner in self.owners_of_files():
            file = _files(owner).get(name)
            if file is not None:
                return (file, owner) if file.root or self.parent is not None else None
        return None

    def show(self, name: str) -> str:
        """The text of a file; EINVAL where it is only written to."""
        found = self.file(name)
        if found is None:
            refuse(errno.ENOENT, name)
        file, owner = found
        if file.show is None:
            refuse(errno.EINVAL, name)
        return file.show(owner)

    def store(self, name: str, text: str) -> None:
        """Write to a file; EINVAL where it is only read."""
        found = self.file(name)
        if found is None:
            refuse(errno.ENOENT, name)
        file, owner = found
        if not text:
            return
        if file.store is None:
            refuse(errno.EINVAL, name)
        file.store(owner, text)

    # -- the family ----------------------------------------------------------------------------------------------

    def ancestors(self) -> Iterator[Group]:
        """Those above, the nearest first."""
        group = self.parent
        while group is not None:
            yield group
            group = group.parent

    def family(self) -> Iterator[Group]:
        """This one and all below it, parents first."""
        yield self
        for child in self.children.values():
            yield from child.family()

    def holds(self, other: Group) -> bool:
        """Whether the other is this one or below it."""
        return other is self or self in other.ancestors()

    def populated(self) -> bool:
        """Whether a process is in it or below it."""
        return any(group.processes for group in self.family())

    # -- processes -----------------------------------------------------------------------------------------------

    def admit(self) -> None:
        """Refuse a process that is about to be moved in."""
        for controller in self.controllers.values():
            controller.admit()

    def left(self, process: Process) -> None:
        """A process went away; for a moment the kernel still counts it."""
        del self.processes[process.pid]
        machine = self.hierarchy.machine
        self.busy_until = machine.clock.now + machine.lingering

    def store_procs(self, text: str) -> None:
        """Move a process in."""
        try:
            pid = integer(text.strip())
        except OSError:
            pid = -1
        if pid < 0:
            refuse(errno.EINVAL)
        process = self.hierarchy.machine.processes.get(pid) if pid else self.hierarchy.machine.writer()
        if process is None:
            refuse(errno.ESRCH)
        now = process.groups[self.hierarchy]
        self.admit()
        if now is not self:
            now.left(process)
            self.processes[process.pid] = process
            process.groups[self.hierarchy] = self

    def show_procs(self) -> str:
        return "".join(f"{pid}\n" for pid in sorted(self.processes))

    # -- for tests -----------------------------------------------------------------------------------------------

    def state(self) -> dict[str, str]:
        """All that can be read of it, and its owners."""
        found = {}
        for owner in self.owners_of_files():
            for name, file in _files(owner).items():
                if file.show is not None and (file.root or self.parent is not None):
                    try:
                        found[name] = file.show(owner)
                    except OSError as error:
                        found[name] = errno.errorcode[error.errno or 0]
        found["owners"] = " ".join(f"{name}={owner}" for name, owner in sorted(self.owners.items()))
        return found

    def invalid(self) -> Iterator[str]:
        """What is wrong in it."""
        for controller in self.controllers.values():
            reason = controller.invalid()
            if reason:
                yield f"{self.hierarchy.point}/{self.path}: {reason}"


def _files(owner: Group | Controller) -> Mapping[str, File]:
    if isinstance(owner, Group):
        return owner.core
    if owner.group.hierarchy.noprefix:
        return {name.partition(".")[2]: file for name, file in owner.files.items()}
    return owner.files


class Hierarchy:
    """A tree of groups, mounted at ``point``. ``controllers`` are named as v2 names them."""

    version: ClassVar[int]
    # Whether files are named without their controller, as cpuset's once were.
    noprefix = False

    def __init__(self, machine: Machine, point: str, controllers: frozenset[str]) -> None:
        self.machine = machine
        self.point = point
        self.controllers = controllers
        self.root = self.make(None, "")
        machine.hierarchies.append(self)

    def make(self, parent: Group | None, name: str) -> Group:
        """A new group with all that its version gives it; it may raise."""
        raise NotImplementedError

    def holds_dying(self, group: Group) -> bool:
        """Whether what is killed in the group does not die yet."""
        return False

    def find(self, path: str) -> Group:
        """A group by path; ENOENT, or ENOTDIR where a part of it is a file."""
        group = self.root
        for part in path.split("/") if path else ():
            child = group.children.get(part)
            if child is None:
                refuse(errno.ENOTDIR if group.file(part) is not None else errno.ENOENT, path)
            group = child
        return group

    def mkdir(self, path: str) -> Group:
        """Make one group."""
        above, _, name = path.rpartition("/")
        parent = self.find(above)
        if name in parent.children or parent.file(name) is not None:
            refuse(errno.EEXIST, path)
        if "\n" in name:
            refuse(errno.EINVAL, path)
        group = self.make(parent, name)
        parent.children[name] = group
        return group

    def rmdir(self, path: str) -> None:
        """Remove one empty group."""
        group = self.find(path)
        parent = group.parent
        busy = group.children or group.processes or self.machine.clock.now < group.busy_until
        if parent is None or busy:
            refuse(errno.EBUSY, path)
        del parent.children[path.rpartition("/")[2]]
        # What is still charged to it goes to its parent.
        for process in self.machine.processes.values():
            if process.charged is group:
                process.charged = parent


class ModelRoot(Root):
    """The methods of a Root on a hierarchy of the model."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self.hierarchy = hierarchy
        self.descriptor = -1

    def close(self) -> None:
        """Nothing is open."""

    def _place(self, path: str) -> tuple[Group, str]:
        self.hierarchy.machine.living()
        above, _, name = path.rpartition("/")
        group = self.hierarchy.find(above)
        if not path or name in group.children:
            refuse(errno.EISDIR, path)
        return group, name

    def read(self, path: str) -> str:
        group, name = self._place(path)
        return group.show(name)

    def write(self, path: str, text: str) -> None:
        group, name = self._place(path)
        self._called("write", path, text)
        group.store(name, text)

    def mkdir(self, path: str) -> int:
        self._called("mkdir", path)
        return self.hierarchy.mkdir(path).inode

    def rmdir(self, path: str) -> None:
        self._called("rmdir", path)
        self.hierarchy.rmdir(path)

    def _called(self, verb: str, path: str, text: str = "") -> None:
        self.hierarchy.machine.called(verb, self.hierarchy.point, path, text)

    def names(self, path: str) -> list[str]:
        self.hierarchy.machine.living()
        return sorted(self.hierarchy.find(path).children)

    def files(self, path: str) -> list[str]:
        return sorted(self.hierarchy.find(path).files())

    def status(self, path: str) -> os.stat_result | None:
        self.hierarchy.machine.living()
        try:
            return self._status(self.hierarchy.find(path), "")
        except FileNotFoundError:
            return None

    def file_status(self, path: str) -> os.stat_result | None:
        above, _, name = path.rpartition("/")
        try:
            group = self.hierarchy.find(above)
            if path and group.file(name) is not None:
                return self._status(group, name)
            return self._status(self.hierarchy.find(path), "")
        except FileNotFoundError:
            return None

    def _status(self, group: Group, file: str) -> os.stat_result:
        user, own = group.owners.get(file, (0, 0))
        mode = stat.S_IFREG | 0o644 if file else stat.S_IFDIR | 0o755
        return os.stat_result((mode, group.inode, 1, 1, user, own, 0, 0, 0, 0))

    def chown(self, path: str, user: int, group: int) -> None:
        self._called("chown", path, f"{user}:{group}")
        above, _, name = path.rpartition("/")
        owned = self.hierarchy.find(above)
        if not path or owned.file(name) is None:
            owned, name = self.hierarchy.find(path), ""
        before = owned.owners.get(name, (0, 0))
        owned.owners[name] = (before[0] if user < 0 else user, before[1] if group < 0 else group)

    def attribute(self, path: str, name: str) -> bytes | None:
        try:
            return self.hierarchy.find(path).attributes.get(name)
        except FileNotFoundError:
            return None
