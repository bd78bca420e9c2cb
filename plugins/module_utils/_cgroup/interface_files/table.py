# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of interface files: each controller's rows, imported when one of them is asked for."""

from __future__ import annotations

from typing import Callable, Dict, Iterable, Mapping

from .entry import Family, InterfaceFile

# What a file's name begins with -> its controller, by v2's names. '' are the core files.
CONTROLLERS = {
    "cgroup": "",
    "cpu": "cpu",
    "cpuset": "cpuset",
    "memory": "memory",
    "io": "io",
    "blkio": "io",
    "pids": "pids",
    "freezer": "freezer",
    "notify_on_release": "v1",
    "hugetlb": "hugetlb",
    "rdma": "rdma",
    "misc": "misc",
    "dmem": "dmem",
    "net_cls": "net_cls",
    "net_prio": "net_prio",
}
# Files that are named as if they were another one's.
_STRANGERS = {"cgroup.clone_children": "cpuset"}


class Files(Dict[str, InterfaceFile]):
    """Rows by name. A pattern is listed as it is, and the row of one file of it made when it is asked for."""

    def __init__(self, rows: Iterable[InterfaceFile], named: Callable[[str], InterfaceFile | None] | None) -> None:
        super().__init__((row.name, row) for row in rows)
        self._named = named

    def __missing__(self, name: str) -> InterfaceFile:
        row = self._named(name) if self._named is not None else None
        if row is None:
            raise KeyError(name)
        return row


_families: dict[str, Family] = {}
_files: dict[tuple[str, int], Files] = {}


def family(controller: str) -> Family:
    """All that a controller brings; nothing for one that is not in the table."""
    if controller not in _families:
        _families[controller] = _load(controller)
    return _families[controller]


def _load(controller: str) -> Family:
    # One import statement each: what a module is sent to a target with is found by reading them.
    if controller == "memory":
        from . import memory

        return memory.FAMILY
    if controller == "cpu":
        from . import cpu

        return cpu.FAMILY
    if controller == "pids":
        from . import pids

        return pids.FAMILY
    if controller == "cpuset":
        from . import cpuset

        return cpuset.FAMILY
    if controller == "io":
        from . import io

        return io.FAMILY
    if controller == "freezer":
        from . import freezer

        return freezer.FAMILY
    if controller == "":
        from . import core

        return core.FAMILY
    if controller == "v1":
        from . import core_v1

        return core_v1.FAMILY
    if controller == "hugetlb":
        from . import hugetlb

        return hugetlb.FAMILY
    if controller == "rdma":
        from . import rdma

        return rdma.FAMILY
    if controller == "misc":
        from . import misc

        return misc.FAMILY
    if controller == "dmem":
        from . import dmem

        return dmem.FAMILY
    if controller == "net_cls":
        from . import net_cls

        return net_cls.FAMILY
    if controller == "net_prio":
        from . import net_prio

        return net_prio.FAMILY
    return Family(())


def controller_of(name: str) -> str | None:
    """The controller that an interface file belongs to, '' for v2's core, "v1" for v1's; None for no such name."""
    return _STRANGERS.get(name) or CONTROLLERS.get(name.partition(".")[0])


def files(controller: str, version: int = 0) -> Mapping[str, InterfaceFile]:
    """A controller's rows by name: of one version, or of both, where v2's stands for a name that both have."""
    key = (controller, version)
    if key not in _files:
        brought = family(controller)
        rows = sorted(brought.files, key=lambda row: row.version)
        _files[key] = Files((row for row in rows if version in (0, row.version)), brought.named)
    return _files[key]


def shown(controller: str, version: int, there: Iterable[str]) -> Mapping[str, InterfaceFile]:
    """The same for the files that a group has: instead of a pattern the files that it stands for."""
    named = family(controller).named
    if named is None:
        return files(controller, version)
    rows = map(named, sorted(there))
    return {row.name: row for row in rows if row is not None and row.version == version}


def find(name: str, version: int = 2, option: str = "") -> InterfaceFile:
    """The row of a limit, the given version's where both have the name; InputError for what is no limit."""
    controller = controller_of(name)
    if controller not in (None, "freezer"):
        named = family(controller).named
        row = named(name) if named is not None else files(controller, version).get(name) or files(controller).get(name)
        if row is not None:
            return row
    from . import no_limits

    raise no_limits.refused(option, name, [row.name for row in every() if row.controller != "freezer"])


def every() -> tuple[InterfaceFile, ...]:
    """All rows of both versions. The freezer's are set by the option ``frozen`` and are no limits."""
    return tuple(row for controller in sorted(set(CONTROLLERS.values())) for row in family(controller).files)
