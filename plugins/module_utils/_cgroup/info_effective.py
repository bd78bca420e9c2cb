# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What limits come to once the groups above are counted in, and which group makes them so."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._convergence.errors import IsolationError
from . import names
from .info_notes import shown
from .info_values import Found, Rows, Values, as_v2, limits_of, plain
from .interface_files import table
from .interface_files.entry import MAX, InterfaceFile, Said, Value
from .values import UNLIMITED

# Stands for the group that is ruled: siblings with the same texts share what is worked out.
SELF = "\0"
# Kinds of rows that the groups above bind.
_BINDING = ("least", "ratio", "device")


class Ruled(NamedTuple):
    """The canonical value that counts, who sets it, and whether every group that could is in sight.

    ``value`` is None where nothing is known of it. ``by`` is a group, SELF, None for nobody, or for devices a group for
    each (device, key).
    """

    value: Value
    by: Any
    complete: bool


Rules = Mapping[str, Ruled]
# The rules that a group hands down, and whether nothing is out of sight above what they hold.
Above = Tuple[Rules, bool]
# Where a group is: the index of the hierarchy, and its name.
Place = Tuple[int, str]
# What reads a file of a group above: its text, None where it is not there or refused, and whether it was refused.
ReadAbove = Callable[[int, str, str], Tuple[Optional[str], bool]]


# A limit as it is told: its name, its plain value, by whom (nested as the value is), and whether that is all.
_Line = Tuple[str, object, object, bool]


class _Shape(NamedTuple):
    # The answer but for the group's name; the last two keep alive what the key of this is made of.
    values: Tuple[_Line, ...]
    as_v2: Tuple[_Line, ...]
    rules: Rules
    above: Rules
    found: Found


class Effective:
    """Works out the rules of groups, each group above read once however many are below it."""

    def __init__(self, versions: Sequence[int], partial: Sequence[bool], read_above: ReadAbove) -> None:
        self._versions = versions
        self._partial = partial
        self._read_above = read_above
        self._handed: Dict[Tuple[int, str, str], Above] = {}
        self._looked: Dict[Tuple[int, str, str], Rules] = {}
        self._shapes: Dict[Tuple[int, int, Tuple[Optional[str], ...]], _Shape] = {}

    def of(
        self, place: Place, rows: Rows, found: Found, told: Tuple[Optional[str], ...], leaf: bool
    ) -> Tuple[Values, Values]:
        """The effective limits of one controller by their own names and by v2's; ``told`` are the texts of rows.told."""
        index, name = place
        above = self._above(place, rows)
        key = (id(above[0]), id(found), told)
        shape = self._shapes.get(key)
        if shape is None:
            unknown = [row.name for row in rows.rows if row.name not in found.said]
            rules = combine(rows, found.said, _told(rows, told), above, unknown)
            # A limit that is not in sight in the group itself has no value to be told, only one to hand down.
            told_of = {limit: one for limit, one in rules.items() if limit in found.said}
            values = tuple((limit, plain(one.value), _nested(one.by), one.complete) for limit, one in told_of.items())
            if self._versions[index] == 2:
                shape = _Shape(values, values, rules, above[0], found)
            else:
                shape = _Shape(values, tuple(_turned(rows.controller, found.said, told_of)), rules, above[0], found)
            self._shapes[key] = shape
        if not leaf:
            self._looked[index, name, rows.controller] = shape.rules
        own = _spelled(shape.values, name)
        return own, own if shape.as_v2 is shape.values else _spelled(shape.as_v2, name)

    def _above(self, place: Place, rows: Rows) -> Above:
        """What the group right above hands down."""
        index, name = place
        if not name:
            return self._nothing(index)
        key = (index, names.parent(name), rows.controller)
        known = self._handed.get(key)
        if known is None:
            # Not by recursion: a tree can be deeper than Python's stack.
            for group in ("", *names.parents(name)):
                if (index, group, rows.controller) not in self._handed:
                    self._handed[index, group, rows.controller] = self._handing(index, group, rows)
            known = self._handed[key]
        return known

    def _nothing(self, index: int) -> Above:
        # One object a hierarchy: what is worked out is found again by it.
        return self._handed.setdefault((index, SELF, ""), ({}, not self._partial[index]))

    def _handing(self, index: int, group: str, rows: Rows) -> Above:
        if group and rows.controller == "memory" and self._versions[index] == 1:
            # Before Linux 5.11 v1's memory limits reached the groups below only where this was switched on.
            inherited, _refused = self._read_above(index, group, "memory.use_hierarchy")
            if inherited == "0":
                return {}, True
        above = self._handed[index, names.parent(group), rows.controller] if group else self._nothing(index)
        rules = self._looked.pop((index, group, rows.controller), None)
        if rules is None:
            rules = self._read(index, group, rows, above)
        here = shown(names.shown(group))
        return {limit: one._replace(by=_named(one.by, here)) for limit, one in rules.items()}, above[1]

    def _read(self, index: int, group: str, rows: Rows, above: Above) -> Rules:
        """The rules of a group that is not looked at itself: only what binds others is read."""
        unknown: List[str] = []
        texts: List[Optional[str]] = []
        # The root of a hierarchy has no limit that can be set, but where another group stands for it.
        limited = bool(group) or self._partial[index]
        for file, row in zip(rows.files, rows.rows):
            text, refused = None, False
            if limited and (row.effective in _BINDING or row.effective == "kernel"):
                text, refused = self._read_above(index, group, file)
            if refused:
                unknown.append(row.name)
            texts.append(text)
        found = limits_of(rows, tuple(texts))
        unknown.extend(row.name for file, row in zip(rows.files, rows.rows) if file in found.strange)
        told = tuple(self._read_above(index, group, file)[0] for _limit, file in rows.told)
        return combine(rows, found.said, _told(rows, told), above, unknown)


def _told(rows: Rows, texts: Sequence[Optional[str]]) -> Dict[str, Value]:
    kinds = {row.name: row.kind for row in rows.rows}
    found = {}
    for (limit, _file), text in zip(rows.told, texts):
        if text is None:
            continue
        try:
            found[limit] = kinds[limit].read(text)
        except IsolationError:
            # Of a form that no kernel known here shows: as good as not told.
            continue
    return found


def combine(
    rows: Rows, said: Mapping[str, Said], told: Mapping[str, Value], above: Above, unknown: Sequence[str]
) -> Dict[str, Ruled]:
    """The rules of a group from its own limits, what the kernel tells and what is handed down. Pure."""
    found: Dict[str, Ruled] = {}
    for row in rows.rows:
        up = above[0].get(row.name) or Ruled(None, None, above[1])
        own = said[row.name].value if row.name in said else None
        if row.effective == "kernel":
            if row.name in told:
                found[row.name] = _kernels(own, told[row.name], up, not above[0])
        elif own is None:
            # Not read, not there or refused: what is handed down goes on down.
            if row.effective in _BINDING and (row.name in unknown or row.name in above[0]):
                found[row.name] = up._replace(complete=up.complete and row.name not in unknown)
        elif row.effective == "least":
            found[row.name] = _least(own, up)
        elif row.effective == "device":
            found[row.name] = _each(own, up)
        elif row.effective != "ratio":
            complete = above[1] if row.effective == "shared" else True
            found[row.name] = Ruled(own, SELF if _says(row, own) else None, complete)
    ratios = [row.name for row in rows.rows if row.effective == "ratio"]
    if ratios and all(limit in said for limit in ratios):
        found.update(_ratio(ratios, said, above))
    return found


def _says(row: InterfaceFile, own: Value) -> bool:
    """Whether a value is one that the group has, and not the lack of one."""
    if row.effective == "shared":
        return bool(own != 0)
    return bool(own != {}) and not (isinstance(own, int) and own >= UNLIMITED)


def _least(own: int, up: Ruled) -> Ruled:
    if up.value is not None and up.value < min(own, UNLIMITED):
        return up
    return Ruled(own, SELF if own < UNLIMITED else None, up.complete)


def _each(own: Mapping[Tuple[str, str], int], up: Ruled) -> Ruled:
    """For every device and key the least."""
    handed = up.value or {}
    value, by = {}, {}
    for place in sorted({*own, *handed}):
        here, there = own.get(place, MAX), handed.get(place, MAX)
        if min(here, there) < UNLIMITED:
            value[place] = min(here, there)
            by[place] = up.by[place] if there < here else SELF
    return Ruled(value, by, up.complete)


def _ratio(limits: Sequence[str], said: Mapping[str, Said], above: Above) -> Dict[str, Ruled]:
    """The least share of a CPU: a quota means nothing without its period."""
    from .kinds_cpu import PERIOD, QUOTA

    limits = limits if len(limits) == 1 else (QUOTA, PERIOD)
    ups = [above[0].get(limit) or Ruled(None, None, above[1]) for limit in limits]
    own = [said[limit].value for limit in limits]
    quota, period = own[0] if len(limits) == 1 else own
    complete = all(up.complete for up in ups)
    if all(up.value is not None for up in ups):
        handed, handed_period = ups[0].value if len(limits) == 1 else [up.value for up in ups]
        if handed < UNLIMITED and (quota >= UNLIMITED or handed * period < quota * handed_period):
            return {limit: up._replace(complete=complete) for limit, up in zip(limits, ups)}
    by = SELF if quota < UNLIMITED else None
    return {limit: Ruled(value, by, complete) for limit, value in zip(limits, own)}


def _kernels(own: Value, value: Value, up: Ruled, top: bool) -> Ruled:
    """What the kernel tells holds whatever is out of sight; who makes it so is worked out."""
    if top:
        # The real root has all there is, and nobody made it so. What else stands at the top has groups above it.
        return Ruled(value, SELF if own == value and not up.complete else None, True)
    if value == up.value and (up.by is None or own != value):
        return Ruled(value, up.by, True)
    return Ruled(value, SELF, True)


def _turned(controller: str, said: Mapping[str, Said], rules: Rules) -> Iterator[_Line]:
    """v1's rules by v2's names, where nothing is lost."""
    there = table.files(controller, 2)
    # Two limits make one of v2's only where one group sets both: 1G of memory by one and 2G with swap by another leave
    # no swap that either of them sets.
    # Files that name no device are nobody's, and join those that do.
    setters = {limit: SELF if one.value == {} else one.by for limit, one in rules.items()}
    for by in dict.fromkeys(by for by in setters.values() if not isinstance(by, dict)):
        some = {limit: rules[limit] for limit, one in setters.items() if one == by}
        complete = all(one.complete for one in some.values())
        for limit, value in as_v2(
            controller, {each: said[each]._replace(value=some[each].value) for each in some}
        ).items():
            if limit in there and there[limit].effective == "device" and isinstance(value, dict):
                yield limit, value, {device: dict.fromkeys(keys, by) for device, keys in value.items()}, complete
            else:
                yield limit, value, None if value == {} else by, complete
    for limit, one in rules.items():
        if isinstance(setters[limit], dict) and limit in there:
            yield limit, plain(one.value), _nested(one.by), one.complete


def _named(by: Any, here: str) -> Any:
    """Who sets it, with the group's own name in place of SELF."""
    if isinstance(by, dict):
        return {key: _named(one, here) for key, one in by.items()}
    return here if by == SELF else by


def _nested(by: Any) -> object:
    """Who sets it, in the shape of a plain value."""
    if not isinstance(by, dict):
        return by
    found: Dict[str, Any] = {}
    for (device, key), one in by.items():
        if key:
            found.setdefault(device, {})[key] = one
        else:
            found[device] = one
    return found


def _spelled(lines: Sequence[_Line], name: str) -> Values:
    here = shown(names.shown(name))
    return {
        limit: {"value": value, "set_by": _named(by, here), "complete": complete}
        for limit, value, by, complete in lines
    }
