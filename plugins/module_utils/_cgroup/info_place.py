# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one group has in each hierarchy: one look at the directory, one read a file. What vanishes meanwhile is not there."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from .hierarchies import Hierarchy, Roots
from .info_layout import Layout, planned
from .info_notes import Notes, shown
from .info_values import Rows, Values, limits_of

if TYPE_CHECKING:
    from .info_effective import Effective

_GONE = (errno.ENOENT, errno.ENODEV, errno.ESRCH, errno.ENOTDIR)
# Pressure where the kernel was started with psi=0, and the processes of a threaded group.
_NONE_SUCH = (errno.EOPNOTSUPP,)
# What as_v2 has of the answer. Pressure is told by v2 alone, and the same there.
TURNED = ("limits", "effective", "usage", "stat", "events")


class Place:
    """A group in one hierarchy.

    ``parts`` are the parts of the answer that are values by the kernel's names, ``as_v2`` the same by v2's. ``pids`` is
    None where they are to be told by the threads.
    """

    __slots__ = (
        "as_v2", "children", "controllers", "devices", "frozen", "hierarchy", "parts", "pids", "populated", "status",
        "threaded", "threads", "type",
    )  # fmt: skip

    def __init__(self, hierarchy: Hierarchy, status: os.stat_result, controllers: FrozenSet[str]) -> None:
        self.hierarchy = hierarchy
        self.status = status
        self.controllers = controllers
        self.parts: Dict[str, Values] = {}
        self.as_v2: Dict[str, Values] = {}
        self.type: Optional[str] = None
        self.populated: Optional[bool] = None
        self.frozen: Optional[bool] = None
        self.devices: Optional[List[Dict[str, str]]] = None
        self.pids: Sequence[int] = ()
        self.threads: Sequence[int] = ()
        self.threaded = False
        self.children: Sequence[str] = ()


class Reader:
    """Reads groups, one in one hierarchy at a time. ``partial`` tells of each hierarchy whether groups above are out of
    sight."""

    def __init__(self, opened: Roots, partial: Sequence[bool], gather: FrozenSet[str], notes: Notes) -> None:
        self.host = opened.host
        self.notes = notes
        # Whether anything was refused since this was last set to False.
        self.refused = False
        self._roots = opened.roots
        self._gather = gather
        self._layouts: Dict[Tuple[int, FrozenSet[str], bool], Tuple[Layout, bool]] = {}
        self._listed: Dict[Tuple[int, str], List[str]] = {}
        # Files of groups above others, read before these groups were looked at themselves.
        self._early: Dict[Tuple[int, str], str] = {}
        self._doubt = False
        self._effective: Optional[Effective] = None
        if "effective" in gather:
            from .info_effective import Effective

            versions = [hierarchy.version for hierarchy in self.host.hierarchies]
            self._effective = Effective(versions, partial, self._read_above)

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
            texts: Dict[str, Optional[str]] = {}
            for rows in layout.limits:
                read = self._limits(place, rows, index, name)
                if layout.both:
                    texts.update((file, text) for file, text in zip(rows.files, read) if file in layout.both)
            self._figures(place, layout, index, prefix, texts)
            if "children" in self._gather:
                place.children = self._names(index, name, status)
            if "devices" in self._gather and "devices.list" in layout.there:
                self._devices(place, index, prefix + "devices.list")
            self._state(place, layout, index, prefix)
        # A file can go while its group stays (a controller was taken away); where the group went, nothing of it counts.
        return None if self._doubt and self._status(index, name) is None else place

    # -- parts of the answer ---------------------------------------------------------------------------------------

    def _limits(self, place: Place, rows: Rows, index: int, name: str) -> Tuple[Optional[str], ...]:
        """The limits of one controller, and what they come to; the texts of their files."""
        prefix = name + "/" if name else ""
        texts = tuple([self._read_limit(index, prefix + file) for file in rows.files])
        found = limits_of(rows, texts)
        for file in found.strange:
            self.notes.add(self._path(index, prefix + file), "holds what no known kernel shows: its text is returned")
        if "limits" in self._gather:
            place.parts.setdefault("limits", {}).update(found.values)
            place.as_v2.setdefault("limits", {}).update(found.as_v2)
        if self._effective is not None:
            told = tuple([self._read_limit(index, prefix + file) for _limit, file in rows.told])
            leaf = place.status.st_nlink == 2
            values, as_v2 = self._effective.of((index, name), rows, found, told, leaf)
            place.parts.setdefault("effective", {}).update(values)
            place.as_v2.setdefault("effective", {}).update(as_v2)
        return texts

    def _figures(
        self, place: Place, layout: Layout, index: int, prefix: str, texts: Mapping[str, Optional[str]]
    ) -> None:
        """What the kernel counts; ``texts`` are files that were read for their limits."""
        from . import info_figures

        for file, parts in layout.figures:
            text = texts[file] if file in texts else self._read(index, prefix + file, _NONE_SUCH)
            if text is None:
                continue
            value = info_figures.figures(text)
            for part in parts:
                place.parts.setdefault(part, {})[file] = value
        for part in TURNED:
            if part in place.parts and part not in place.as_v2:
                place.as_v2[part] = info_figures.as_v2(place.parts[part], place.hierarchy.version)

    def _devices(self, place: Place, index: int, path: str) -> None:
        from . import info_devices

        text = self._read(index, path)
        place.devices = None if text is None else info_devices.rules(text)
        if text is not None and place.devices is None:
            self.notes.add(self._path(index, path), "holds what no known kernel shows, and is left out")

    def _state(self, place: Place, layout: Layout, index: int, prefix: str) -> None:
        """type, populated and frozen, and the processes, which tell on v1 whether it is populated."""
        state = "state" in self._gather
        if state and "cgroup.type" in layout.there:
            place.type = self._read(index, prefix + "cgroup.type")
        events = place.parts.get("state", {}).get("cgroup.events")
        if isinstance(events, dict):
            place.populated, place.frozen = bool(events.get("populated")), bool(events.get("frozen"))
        if state and "freezer.state" in layout.there:
            place.frozen = self._read(index, prefix + "freezer.state") == "FROZEN"
        if "processes" in self._gather or (state and place.populated is None):
            known = self._members(place, index, prefix)
            if place.populated is None and known:
                # v1 does not count what is below.
                leaf = place.status.st_nlink == 2 or ("children" in self._gather and not place.children)
                place.populated = True if place.pids else False if leaf else None
        if "threads" in self._gather and not place.threaded:
            self._threads(place, index, prefix)

    def _members(self, place: Place, index: int, prefix: str) -> bool:
        """The processes, or their threads where these alone are listed; whether either could be told."""
        text = None
        if place.type != "threaded":
            text = self._read(index, prefix + "cgroup.procs", _NONE_SUCH)
        if text is not None:
            # A 0 stands for each process of another pid namespace.
            place.pids = sorted({int(pid) for pid in text.split()})
            return True
        if place.hierarchy.version == 2 and not self._doubt:
            place.threaded = self._threads(place, index, prefix)
        return place.threaded

    def _threads(self, place: Place, index: int, prefix: str) -> bool:
        text = self._read(index, prefix + ("tasks" if place.hierarchy.version == 1 else "cgroup.threads"), _NONE_SUCH)
        place.threads = () if text is None else sorted({int(thread) for thread in text.split()})
        return text is not None

    # -- files -----------------------------------------------------------------------------------------------------

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
        found = planned(self.host, index, controllers, there, self._gather)
        self._layouts[key] = found, False
        return found

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

    def _read_limit(self, index: int, path: str) -> Optional[str]:
        known = self._early.pop((index, path), None) if self._early else None
        return self._read(index, path) if known is None else known

    def _read_above(self, index: int, group: str, file: str) -> Tuple[Optional[str], bool]:
        """A file of a group above those that are looked at; where it is not there, that tells nothing of theirs."""
        path = group + "/" + file if group else file
        try:
            text = self._early[index, path] = self._roots[index].read(path).rstrip("\n")
        except OSError as error:
            if error.errno in _GONE:
                return None, False
            self.notes.unread(shown(self._path(index, path)), error)
            return None, True
        return text, False

    def _failed(self, path: str, error: OSError) -> None:
        if error.errno in _GONE:
            self._doubt = True
        else:
            self.refused = True
            self.notes.unread(shown(path), error)

    def _path(self, index: int, path: str) -> str:
        return os.path.join(self.host.hierarchies[index].point, path).rstrip("/")
