# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one group has in each hierarchy: one look at the directory, one read a file. What vanishes meanwhile is not there."""

from __future__ import annotations

import errno
import os
import stat
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from . import hierarchies
from .hierarchies import Hierarchy, Roots, file_path
from .info_values import USAGE, Rows, Values, figures, limits_of, usage_as_v2

_GONE = (errno.ENOENT, errno.ENODEV, errno.ESRCH, errno.ENOTDIR)


class Notes:
    """What could not be seen, told once for each reason however many files it struck."""

    def __init__(self) -> None:
        self._first: Dict[str, str] = {}
        self._count: Dict[str, int] = {}

    def add(self, where: str, what: str) -> None:
        """``where`` is a path or a group, ``what`` a clause that is the same for all that it is true of."""
        self._first.setdefault(what, where)
        self._count[what] = self._count.get(what, 0) + 1

    def unread(self, path: str, error: OSError) -> None:
        """A file that the kernel refused to show."""
        name = errno.errorcode.get(error.errno or 0, str(error.errno))
        self.add(path, f"could not be read: {os.strerror(error.errno or 0)} ({name})")

    def sentences(self) -> List[str]:
        """One for each reason, with the first place and the number of the others."""
        found = []
        for what, where in self._first.items():
            more = self._count[what] - 1
            found.append(where + (f" and {more} more" if more else "") + " " + what)
        return found


class Layout(NamedTuple):
    """The files that groups with the same controllers have in one hierarchy, by the names that they have there."""

    limits: Tuple[Rows, ...]
    usage: Tuple[str, ...]
    there: FrozenSet[str]


class Place:
    """A group in one hierarchy."""

    __slots__ = (
        "as_v2", "children", "controllers", "frozen", "hierarchy", "limits", "pids", "populated", "status", "type", "usage",
    )  # fmt: skip

    def __init__(self, hierarchy: Hierarchy, status: os.stat_result, controllers: FrozenSet[str]) -> None:
        self.hierarchy = hierarchy
        self.status = status
        self.controllers = controllers
        self.limits: Values = {}
        self.usage: Values = {}
        self.as_v2: Tuple[Values, Values] = ({}, {})
        self.type: Optional[str] = None
        self.populated: Optional[bool] = None
        self.frozen: Optional[bool] = None
        self.pids: Sequence[int] = ()
        self.children: Sequence[str] = ()


class Reader:
    """Reads groups, one in one hierarchy at a time."""

    def __init__(self, opened: Roots, gather: FrozenSet[str], notes: Notes) -> None:
        self.host = opened.host
        self.notes = notes
        # Whether anything was refused since this was last set to False.
        self.refused = False
        self._roots = opened.roots
        self._gather = gather
        self._layouts: Dict[Tuple[int, FrozenSet[str], bool], Tuple[Layout, bool]] = {}
        self._listed: Dict[Tuple[int, str], List[str]] = {}
        self._doubt = False

    def indexes(self, name: str) -> Tuple[int, ...]:
        """The hierarchies in which a group is there."""
        return tuple(index for index in range(len(self._roots)) if self._status(index, name) is not None)

    def children(self, index: int, name: str) -> List[str]:
        """The last parts of the names of the groups right below one."""
        status = self._status(index, name)
        return [] if status is None else self._names(index, name, status)

    def look(self, index: int, name: str) -> Optional[Place]:
        """All that is gathered of a group in one hierarchy; None where it is not there."""
        status = self._status(index, name)
        if status is None:
            return None
        hierarchy = self.host.hierarchies[index]
        prefix = name + "/" if name else ""
        self._doubt = False
        controllers = hierarchy.controllers
        if hierarchy.version == 2 and name:
            controllers = frozenset((self._read(index, prefix + "cgroup.controllers") or "").split())
        place = Place(hierarchy, status, controllers)
        layout = self._layout(index, name, controllers)
        if layout is not None:
            self._values(place, layout, index, prefix)
            if "children" in self._gather:
                place.children = self._names(index, name, status)
            self._state(place, layout, index, name)
        # A file can go while its group stays (a controller was taken away); where the group went, nothing of it counts.
        return None if self._doubt and self._status(index, name) is None else place

    def _values(self, place: Place, layout: Layout, index: int, prefix: str) -> None:
        for rows in layout.limits:
            texts = tuple([self._read(index, prefix + file) for file in rows.files])
            values, as_v2, strange = limits_of(rows, texts)
            place.limits.update(values)
            place.as_v2[0].update(as_v2)
            for file in strange:
                self.notes.add(
                    self._path(index, prefix + file), "holds what no known kernel shows: its text is returned"
                )
        for file in layout.usage:
            text = self._read(index, prefix + file)
            if text is not None:
                place.usage[file] = figures(text)
        if place.usage:
            place.as_v2[1].update(usage_as_v2(place.usage, place.hierarchy.version))

    def _state(self, place: Place, layout: Layout, index: int, name: str) -> None:
        """type, populated and frozen, and the processes, which tell on v1 whether it is populated."""
        prefix = name + "/" if name else ""
        state, told = "state" in self._gather, False
        if state and "cgroup.type" in layout.there:
            place.type = self._read(index, prefix + "cgroup.type")
        if state and "cgroup.events" in layout.there:
            events = (self._read(index, prefix + "cgroup.events") or "").split("\n")
            place.populated, place.frozen = "populated 1" in events, "frozen 1" in events
            told = True
        if state and "freezer.state" in layout.there:
            place.frozen = self._read(index, prefix + "freezer.state") == "FROZEN"
        if "processes" not in self._gather and (told or not state):
            return
        pids = self._pids(index, prefix, place.type)
        place.pids = pids or ()
        if not told and pids is not None:
            # v1 does not count what is below.
            leaf = place.status.st_nlink == 2 or ("children" in self._gather and not place.children)
            place.populated = True if pids else False if leaf else None

    def _pids(self, index: int, prefix: str, kind: Optional[str]) -> Optional[List[int]]:
        from .._kernel import processes

        text = None
        if kind != "threaded":
            text = self._read(index, prefix + "cgroup.procs", (errno.EOPNOTSUPP,))
        if text is None and not self._doubt and self.host.hierarchies[index].version == 2:
            # A threaded group lists threads alone.
            own = (processes.process_of(int(thread)) for thread in self._lines(index, prefix + "cgroup.threads"))
            return sorted({pid for pid in own if pid is not None})
        # A 0 stands for each process of another pid namespace.
        return None if text is None else sorted({int(pid) for pid in text.split()})

    def _lines(self, index: int, path: str) -> List[str]:
        return (self._read(index, path) or "").split()

    def _layout(self, index: int, name: str, controllers: FrozenSet[str]) -> Optional[Layout]:
        key = (index, controllers, not name)
        known, sure = self._layouts.get(key, (None, False))
        if sure:
            return known
        try:
            there = frozenset(self._roots[index].files(name))
        except OSError as error:
            self._failed(self._path(index, name), error)
            return None
        if known is not None and known.there == there:
            # Two groups agree, so that none of them was just losing its files: the others need not be listed.
            self._layouts[key] = known, True
            return known
        found = self._planned(index, controllers, there)
        self._layouts[key] = found, False
        return found

    def _planned(self, index: int, controllers: FrozenSet[str], there: FrozenSet[str]) -> Layout:
        """Which of the files that are there are read."""
        from .interface_files import table

        hierarchy, limits = self.host.hierarchies[index], []
        if "limits" in self._gather:
            own = sorted(controllers) + ([hierarchies.CORE] if hierarchy.version == 2 else [])
            for controller in own:
                if controller == hierarchies.FREEZER:
                    continue  # the frozen state is no limit
                rows = {
                    file_path(hierarchy, "", row.name): row
                    for row in table.shown(controller, hierarchy.version, there).values()
                }
                shown = [file for file in rows if file in there]
                if shown:
                    limits.append(Rows(controller, tuple(shown), tuple(rows[file] for file in shown), {}))
        usage: List[str] = []
        if "usage" in self._gather:
            accounted, where = set(controllers), self.host.where
            # Every v2 group has a cpu.stat. Where v1 has the controllers, that one's tells what the group uses.
            if hierarchy.version == 2 and where.get("cpu", index) == index and "cpuacct" not in where:
                accounted.add("cpu")
            usage = [file for c in sorted(accounted) for file in USAGE.get((c, hierarchy.version), ()) if file in there]
        return Layout(tuple(limits), tuple(usage), there)

    def _status(self, index: int, name: str) -> Optional[os.stat_result]:
        try:
            status = self._roots[index].file_status(name)
        except OSError as error:
            self._failed(self._path(index, name), error)
            return None
        return status if status is not None and stat.S_ISDIR(status.st_mode) else None

    def _names(self, index: int, name: str, status: os.stat_result) -> List[str]:
        known = self._listed.get((index, name))
        if known is not None:
            return known
        # The kernel counts a link for each directory below: most groups have none, and are not searched for any.
        if status.st_nlink == 2:
            return []
        try:
            known = self._listed[index, name] = self._roots[index].names(name)
            return known
        except OSError as error:
            self._failed(self._path(index, name), error)
            return []

    def _read(self, index: int, path: str, silent: Tuple[int, ...] = ()) -> Optional[str]:
        try:
            return self._roots[index].read(path).rstrip("\n")
        except OSError as error:
            if error.errno not in silent:
                self._failed(self._path(index, path), error)
            return None

    def _failed(self, path: str, error: OSError) -> None:
        if error.errno in _GONE:
            self._doubt = True
        else:
            self.refused = True
            self.notes.unread(shown(path), error)

    def _path(self, index: int, path: str) -> str:
        return os.path.join(self.host.hierarchies[index].point, path).rstrip("/")


def shown(name: str) -> str:
    """A name as valid text: what others called their groups need not be UTF-8."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace").decode("utf-8")
    return name
