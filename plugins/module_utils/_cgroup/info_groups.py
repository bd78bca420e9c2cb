# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which groups are asked for, and what each is in all of its hierarchies together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from . import hierarchies, names
from .info_notes import shown
from .info_place import TURNED, Place, Reader
from .info_query import Query
from .info_values import Values, merge

if TYPE_CHECKING:
    from .info_processes import Processes

Entry = Dict[str, object]
# Parts of the answer that are values by the kernel's names.
_PARTS = (*TURNED, "pressure")


class Groups:
    """Which groups were asked for, each once, in the order of the options."""

    def __init__(self, reader: Reader, query: Query, partial: Sequence[bool]) -> None:
        self._reader = reader
        self._query = query
        hierarchies_ = reader.host.hierarchies
        self._partial = {hierarchy.point for hierarchy, hidden in zip(hierarchies_, partial) if hidden}
        self._everywhere = tuple(range(len(hierarchies_)))
        self._processes_seen: Optional[Processes] = None
        self._truncated = False
        self.warnings: List[str] = []

    def answer(self) -> Dict[str, object]:
        """The values ``groups``, ``truncated`` and, where pids were asked for, ``processes``."""
        query, reader = self._query, self._reader
        groups: Dict[str, Entry] = {}
        found: Dict[str, object] = {}
        for name in query.names:
            reader.refused = False
            if not self._add(groups, name, self._everywhere):
                groups[name] = self._entry(name, ())
                # A directory above it that this user may not enter hides whether it is there.
                groups[name]["exists"] = None if reader.refused else False
        for name, indexes in self._below():
            self._add(groups, name, indexes)
        if query.pids:
            found["processes"], where = self._proc().whereabouts(reader.host, query.pids)
            for name in where:
                self._add(groups, name, self._everywhere)
        found.update(groups=list(groups.values()), truncated=self._truncated)
        return found

    def _add(self, groups: Dict[str, Entry], name: str, indexes: Sequence[int]) -> bool:
        if name not in groups:
            looks = (self._reader.look(index, name) for index in indexes)
            places = [place for place in looks if place is not None]
            if not places:
                return False
            groups[name] = self._entry(name, places)
        return True

    def _below(self) -> Iterator[Tuple[str, Tuple[int, ...]]]:
        """The groups below one, with the hierarchies that showed them, a parent before its children."""
        top, most = self._query.below, self._query.most
        if top is None:
            return
        indexes = self._reader.indexes(top)
        if not indexes:
            self.warnings.append(f"below: {names.shown(top)} is not there, so nothing is below it")
        found: Dict[str, Tuple[int, ...]] = {}
        level = {top: indexes}
        # One level after the other: where there are too many, those nearest to the top are returned.
        for _depth in range(self._query.depth):
            below: Dict[str, Tuple[int, ...]] = {}
            for parent in sorted(level):
                for index in level[parent]:
                    for child in self._reader.children(index, parent):
                        name = parent + "/" + child if parent else child
                        below[name] = below.get(name, ()) + (index,)
                if most is not None and len(found) + len(below) > most:
                    self._truncated = True
                    break
            for name in sorted(below)[: None if most is None else most - len(found)]:
                found[name] = below[name]
            if self._truncated or not below:
                break
            level = below
        if self._truncated:
            self.warnings.append(
                f"below: there are more than {most} groups below {names.shown(top)}: raise max_items to see them"
            )
        for name in sorted(found, key=lambda name: name.split("/")):
            yield name, found[name]

    # -- one group -----------------------------------------------------------------------------------------------

    def _entry(self, name: str, places: Sequence[Place]) -> Entry:
        own = [controller for place in places for controller in place.controllers]
        entry: Entry = {
            "name": shown(names.shown(name)),
            "exists": bool(places),
            "paths": [shown(hierarchies.absolute(place.hierarchy, name)) for place in places],
            "controllers": sorted(own),
            "complete": not any(place.hierarchy.point in self._partial for place in places),
            "delegated_to": _delegated(name, places),
        }
        gather, most = self._query.gather, self._query.most
        if "state" in gather:
            entry["type"] = next((place.type for place in places if place.type), None)
            entry["populated"] = _any([place.populated for place in places], unknown_wins=True)
            entry["frozen"] = _any([place.frozen for place in places], unknown_wins=False)
        as_v2: Dict[str, Values] = {}
        for part in _PARTS:
            if part in gather:
                entry[part] = merge([place.parts.get(part, {}) for place in places])
                if part in TURNED:
                    as_v2[part] = merge([place.as_v2.get(part, {}) for place in places])
        if as_v2:
            entry["as_v2"] = as_v2
        if "effective" in gather and not entry["complete"]:
            what = "has groups above it that are out of sight: what is effective there is told of those in sight alone"
            self._reader.notes.add(str(entry["name"]), what)
        if "devices" in gather:
            entry["devices"] = next((place.devices for place in places if place.devices is not None), None)
        if "processes" in gather:
            entry["processes"], entry["processes_total"] = self._processes(name, places)
        if "threads" in gather or ("processes" in gather and any(place.threaded for place in places)):
            entry["threads"], entry["threads_total"] = self._threads(name, places)
        if "children" in gather:
            prefix = name + "/" if name else ""
            children = sorted({child for place in places for child in place.children})
            entry["children"] = [shown(prefix + child) for child in children[:most]]
            entry["children_total"] = len(children)
        return entry

    def _proc(self) -> Processes:
        if self._processes_seen is None:
            from .info_processes import Processes

            self._processes_seen = Processes(self._reader.notes)
        return self._processes_seen

    def _processes(self, name: str, places: Sequence[Place]) -> Tuple[List[Entry], int]:
        """Those inside, by number, as many as are to be returned; and how many there are."""
        members: List[Tuple[Place, Iterable[int]]] = []
        for place in places:
            # A threaded group lists threads alone.
            owners = [self._proc().owner(thread) for thread in place.threads if thread] if place.threaded else []
            members.append((place, {pid for pid in owners if pid is not None} if place.threaded else place.pids))
        return self._inside(name, members, "pid")

    def _threads(self, name: str, places: Sequence[Place]) -> Tuple[List[Entry], int]:
        """The same of threads."""
        return self._inside(name, [(place, place.threads) for place in places], "tid")

    def _inside(self, name: str, members: Iterable[Tuple[Place, Iterable[int]]], key: str) -> Tuple[List[Entry], int]:
        inside: Dict[int, List[Place]] = {}
        for place, numbers in members:
            for number in numbers:
                inside.setdefault(number, []).append(place)
        if not inside:
            return [], 0
        notes, most = self._reader.notes, self._query.most
        if 0 in inside:
            del inside[0]
            notes.add(shown(names.shown(name)), "holds processes of another pid namespace, which have no number here")
        proc = self._proc()
        found: List[Entry] = []
        total = len(inside)
        for number in sorted(inside):
            if most is not None and len(found) == most:
                break
            there, comm = proc.name(number)
            if not there:
                total -= 1
                continue
            entry: Entry = {key: number}
            if key == "tid":
                entry["pid"] = proc.owner(number)
            entry["comm"] = comm
            entry["controllers"] = sorted({controller for place in inside[number] for controller in place.controllers})
            found.append(entry)
        return found, total


def _any(told: Sequence[Optional[bool]], unknown_wins: bool) -> Optional[bool]:
    """Whether it is so in any hierarchy; None where none tells, or where one that does not might."""
    if True in told:
        return True
    if not told or (unknown_wins and None in told) or False not in told:
        return None
    return False


def _delegated(name: str, places: Sequence[Place]) -> Optional[Dict[str, object]]:
    """To whom the directories belong where that is not root; hierarchies that differ are left to ``paths``."""
    owners = [(place.status.st_uid, place.status.st_gid) for place in places]
    others = [owner for owner in owners if owner != (0, 0)]
    if not others:
        return None
    paths = [
        shown(hierarchies.absolute(place.hierarchy, name)) for place, own in zip(places, owners) if own == others[0]
    ]
    return {"owner": others[0][0], "group": others[0][1], "paths": paths}
