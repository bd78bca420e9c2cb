# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which interface files differ and in which order the kernel takes them: rises from the root down, then falls from the leaves up. Pure."""

from __future__ import annotations

from typing import Dict, List, Mapping, NamedTuple, Optional, Set, Tuple

from .._convergence.errors import ConflictError, RefusedError, UnsupportedError
from .._convergence.plan import Change
from . import names
from .desired import Desired, Group
from .hierarchies import absolute
from .interface_files.entry import INHERIT, Facts, InterfaceFile, Value, Want
from .making import Making
from .picture import USAGE, Picture, Place

# What the guard calls them, whichever dialect the host speaks.
LIMITS = {"memory.max": "memory.max", "memory.limit_in_bytes": "memory.max", "pids.max": "pids.max"}
# Defaults depend on no host.
_ANY_HOST = Facts(4096, 0, 1, str)
_LIMIT, _MEMSW = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
_CPUSET = ("cpuset.cpus", "cpuset.mems")
_DEEPEST = 4096  # levels that no name can have


class _Step(NamedTuple):
    """A change with its place in the order: depth, number of the group, rank of the file."""

    depth: int
    number: int
    rank: int
    change: Change


class _Planner:
    def __init__(self, picture: Picture, desired: Desired, making: Making) -> None:
        self.picture = picture
        self.desired = desired
        self.making = making
        self.rises: List[_Step] = []
        self.falls: List[_Step] = []
        self.lates: List[_Step] = []
        self.again: Set[Tuple[Place, str]] = set()
        self.warnings: List[str] = []
        self.unsure: Set[str] = set()
        self.said: Dict[Tuple[str, str], Want] = {}
        self.resets: Set[Tuple[str, str]] = set()
        self.cpusets: Dict[Tuple[Place, str], str] = {}
        host = picture.host
        self.index_of = dict(host.where)
        if host.unified is not None:
            self.index_of[""] = host.unified

    def group(self, number: int, group: Group) -> None:
        values = self.picture.values
        made = self.making.made
        index_of = self.index_of
        name = group.name
        for want in group.wants:
            file = want.file
            place = (index_of[file.controller], name)
            there = values.get(place) if not made or place not in made else None
            if there is not None:
                seen = there.get(file.name)
                if seen is not None and seen == want.text and not want.needs:
                    continue
                self.differing(number, group, want, place, there, seen)
            else:
                self.differing(number, group, want, place, {}, None)

    def differing(
        self, number: int, group: Group, want: Want, place: Place, there: Mapping[str, str], seen: Optional[str]
    ) -> None:
        file, kind = want.file, want.file.kind
        value = self.value(group, want, place, there)
        if value is None:
            return
        if file.name in _CPUSET:
            self.within(group, want, value, place)
        if seen is None:
            self.check_missing(group, want, place)
            self.zero(group, want, value, 0)
            self.add(number, group, file, place, None, value, True)
            return
        observed = kind.read(seen)
        if kind.holds(observed, value):
            return
        self.zero(group, want, value, 0)
        self.guard(group, want, value, place)
        self.ceiling(group, want, value, place)
        direction = kind.direction(observed, value)
        if file.forgets:
            self.remember(number, group, file, place, there.get(file.forgets), direction != "fall")
        if direction == "both":
            between = kind.union(observed, value)
            if between is not None:
                # What neither contains the other passes through both together, so that children can follow; or through what
                # they share, so that siblings can.
                self.add(number, group, file, place, observed, between, kind.direction(observed, between) != "fall")
                self.add(number, group, file, place, between, value, False)
                return
        self.add(number, group, file, place, observed, value, direction != "fall")

    def value(self, group: Group, want: Want, place: Place, there: Mapping[str, str]) -> Value:
        if want.resolve is not None:
            return want.resolve(there)
        if want.reset and want.file.default is INHERIT:
            text = self.final((place[0], names.parent(place[1])), want.file.name)
            # Without a text the parent is out of sight: the group keeps what the kernel gives it.
            return want.file.kind.read(text) if text else None
        return want.value

    def add(
        self, number: int, group: Group, file: InterfaceFile, place: Place, observed: Value, value: Value, rise: bool
    ) -> None:
        kind = file.kind
        index, name = place
        texts = kind.writes(observed, value)
        if not texts or (place, file.name) in self.again:
            return
        verb = "write"
        usage = self.picture.usage.get((place, USAGE.get(file.name, "")))
        if file.name == "memory.max" and usage is not None and usage > value:
            verb = "write" if self.desired.policy.shrink == "immediate" else "shrink"
        do: Tuple[object, ...] = (verb, index, name, file.name, texts, file.pair)
        if verb == "shrink":
            do += (value,)
        change = Change(
            "write",
            names.shown(name),
            absolute(self.picture.host.hierarchies[index], name, file.name),
            None if observed is None else kind.show(observed),
            kind.show(kind.predicted(observed, value)),
            do,
        )
        depth = name.count("/")
        if kind.late(observed, value):
            self.lates.append(_Step(depth, number, file.rise, change))
        elif rise:
            # What is new starts from the kernel's default, and mostly comes down from there: after what is above it has
            # risen, before what is above it falls.
            down = observed is None and self.comes_down(file, value)
            self.rises.append(_Step(depth, number, file.fall if down else file.rise, change))
        elif file.divided:
            # What one group gets another has to have given away: these falls come before all rises.
            self.rises.append(_Step(-depth - _DEEPEST, number, file.fall, change))
        else:
            self.falls.append(_Step(-depth, number, file.fall, change))

    def remember(
        self, number: int, group: Group, file: InterfaceFile, place: Place, seen: Optional[str], rise: bool
    ) -> None:
        """Write once more what the kernel forgets when it is told this file, and what was declared of it."""
        other = next((want for want in group.wants if want.file.name == file.forgets), None)
        if not seen and other is None:
            return
        from .interface_files import table

        row = table.files(file.controller, file.version)[file.forgets]
        observed = row.kind.read(seen or "")
        value = observed if other is None else row.kind.predicted(observed, other.value)
        texts = row.kind.writes(None, value)
        if not texts:
            return
        index, name = place
        path = absolute(self.picture.host.hierarchies[index], name, row.name)
        do = ("write", index, name, row.name, texts, "")
        before, after = row.kind.show(observed), row.kind.show(value)
        # What stays is gone for the moment between the two writes.
        change = Change("write", name, path, before if before != after else "", after, do)
        self.again.add((place, row.name))
        steps, depth = (self.rises, name.count("/")) if rise else (self.falls, -name.count("/"))
        for own in (self.rises, self.falls):
            own[:] = [step for step in own if step.change.path != path]
        steps.append(_Step(depth, number, (file.rise if rise else file.fall) + 1, change))

    def comes_down(self, file: InterfaceFile, value: Value) -> bool:
        if file.default is None or file.default is INHERIT:
            return False
        return file.kind.direction(file.kind.parse(file.name, file.default, _ANY_HOST), value) == "fall"

    # -- what must not or cannot be written ----------------------------------------------------------------------

    def check_missing(self, group: Group, want: Want, place: Place) -> None:
        file, picture = want.file, self.picture
        index, name = place
        option = _option(group, want)
        if file.only_root and name:
            raise UnsupportedError(
                "is a file of the root group alone, and counts for all of the host",
                option=option,
                way_out="set it for /",
            )
        if picture.sample.get((index, file.name)) is False:
            # A group like it does not have the file either.
            raise UnsupportedError(
                f"is not a file that this kernel gives to groups on {picture.host.hierarchies[index].point}",
                option=option,
                way_out=file.needs(),
            )
        if place in self.making.made or place not in picture.values:
            self.unknown(index, file)
            return
        if picture.host.hierarchies[index].version == 2:
            control = picture.controls.get(names.parent(name))
            if control is None or (file.controller and file.controller not in control.enabled):
                self.unknown(index, file)
                return
        raise UnsupportedError("is not a file of this group on this kernel", option=option, way_out=file.needs())

    def unknown(self, index: int, file: InterfaceFile) -> None:
        if file.always or (index, file.name) in self.picture.sample or file.name in self.unsure:
            return
        self.unsure.add(file.name)
        self.warnings.append(
            "no group here has the controller yet, so it shows only when the group is made whether this kernel "
            f"has {file.name}"
        )

    def zero(self, group: Group, want: Want, value: Value, usage: int) -> None:
        if value != 0 or want.file.name not in USAGE or self.desired.policy.shrink == "immediate":
            return
        if usage or group.selectors:
            raise RefusedError(
                "is 0 for a group that has processes in it",
                option=_option(group, want),
                way_out="set shrink: immediate if you mean it",
            )

    def guard(self, group: Group, want: Want, value: Value, place: Place) -> None:
        usage = self.picture.usage.get((place, USAGE.get(want.file.name, "")))
        if usage is None or value >= usage:
            return
        self.zero(group, want, value, usage)
        if not self.picture.protected:
            return
        from .plan_processes import refuse_lockout

        refuse_lockout(self.picture, self.desired.policy, LIMITS[want.file.name], place)

    def ceiling(self, group: Group, want: Want, value: Value, place: Place) -> None:
        """memory.limit_in_bytes stays at or below memory and swap together, which a raise of the one may forget."""
        text = self.picture.others.get(place, {}).get(_MEMSW) if want.file.name == _LIMIT else None
        if text is None or any(other.file.name == _MEMSW for other in group.wants):
            return
        kind = want.file.kind
        both = kind.read(text)
        if value > both and not kind.holds(both, value):
            raise ConflictError(
                f"is more than memory and swap together may be ({kind.show(both)}, {_MEMSW})",
                option=_option(group, want),
                value=kind.show(value),
                way_out="declare memory.swap.max too",
            )

    def within(self, group: Group, want: Want, value: Value, place: Place) -> None:
        """A list of CPUs or memory nodes is part of what there is: of the host on v2, of the parent on v1."""
        index, name = place
        if self.picture.host.hierarchies[index].version == 1:
            above, whose = self.final((index, names.parent(name)), want.file.name), "its parent has"
        else:
            above, whose = self.picture.others.get((index, ""), {}).get(want.file.name, ""), "this host can have"
        if above and value and value != above and want.file.kind.direction(value, above) != "rise":
            raise ConflictError(
                f"is not among those that {whose}, {above}",
                option=_option(group, want),
                value=want.file.kind.show(value),
                way_out="leave out what is not there",
            )

    def final(self, place: Place, file: str) -> str:
        """What a file that inherits holds when all is done, as text."""
        index, name = place
        declared = self.declared(name, file) if name else None
        if declared is not None:
            # Of a file that lists many things what is not declared stays.
            kind, seen = declared.file.kind, self.seen(place, file)
            return "\n".join(kind.writes(None, kind.predicted(kind.read(seen) if seen else None, declared.value)))
        there = "" if (name, file) in self.resets else self.seen(place, file)
        return there if there or not name else self.final((index, names.parent(name)), file)

    def seen(self, place: Place, file: str) -> str:
        """What a file shows now, empty where that is not known."""
        picture = self.picture
        return picture.values.get(place, {}).get(file) or picture.others.get(place, {}).get(file, "")

    # -- cpuset on v1: nothing can be attached while cpus or mems is empty ----------------------------------------

    def cpuset(self, number: int, group: Group) -> None:
        index = self.index_of.get("cpuset")
        if index is None or self.picture.host.hierarchies[index].version != 1 or index not in group.indexes():
            return
        declared = {want.file.name for want in group.wants}
        for name in tuple(names.parents(group.name)) + (group.name,):
            for file in _CPUSET:
                if name == group.name and file in declared:
                    continue
                self.fill(number, (index, name), file)

    def fill(self, number: int, place: Place, file: str) -> None:
        if (place, file) in self.cpusets:
            return
        picture = self.picture
        declared = self.declared(place[1], file)
        if declared is not None or (place[1], file) in self.resets:
            self.cpusets[place, file] = self.final(place, file)
            return
        now = self.seen(place, file) if place not in self.making.made else ""
        self.cpusets[place, file] = now
        if now:
            return
        index, name = place
        hierarchy = picture.host.hierarchies[index]
        made = place in self.making.made or absolute(hierarchy, name) in picture.unfinished
        if not made and not self.desired.policy.fill_parents:
            raise ConflictError(
                f"has an empty {file}, so that nothing can be attached to it or below it",
                option=name,
                way_out=f"set fill_parents: true to give it what its parent has, or declare {file} for it",
            )
        value = self.above(number, (index, names.parent(name)), file)
        self.cpusets[place, file] = value
        before = None if place in self.making.made else ""
        change = Change(
            "write", name, absolute(hierarchy, name, file), before, value, ("write", index, name, file, (value,), "")
        )
        self.rises.append(_Step(name.count("/"), number, -1, change))

    def above(self, number: int, place: Place, file: str) -> str:
        if place[1]:
            self.fill(number, place, file)
            return self.cpusets[place, file]
        return self.picture.others.get(place, {}).get(file, "")

    def declared(self, name: str, file: str) -> Optional[Want]:
        if not self.said and not self.resets:
            for group in self.desired.groups:
                for want in group.wants:
                    if want.file.default is INHERIT and want.reset:
                        self.resets.add((group.name, want.file.name))
                    elif want.file.default is INHERIT:
                        self.said[group.name, want.file.name] = want
        return self.said.get((name, file))


def _option(group: Group, want: Want) -> str:
    return "{}limits['{}']".format(group.option + "." if group.option else "", want.declared)


def changes(picture: Picture, desired: Desired, making: Making) -> Tuple[List[Change], List[Change], List[str]]:
    """The rises and the falls of all groups, each in order, what comes last with the falls, and warnings."""
    planner = _Planner(picture, desired, making)
    legacy_cpuset = picture.host.where.get("cpuset")
    if legacy_cpuset is not None and picture.host.hierarchies[legacy_cpuset].version != 1:
        legacy_cpuset = None
    for number, group in enumerate(desired.groups):
        if group.present:
            if group.wants:
                planner.group(number, group)
            if _comounted(picture, legacy_cpuset, group):
                planner.cpuset(number, group)
    planner.rises.sort(key=_order)
    planner.falls.sort(key=_order)
    planner.lates.sort(key=_order)
    rises, falls = ([step.change for step in steps] for steps in (planner.rises, planner.falls + planner.lates))
    return rises, falls, planner.warnings


def _comounted(picture: Picture, index: Optional[int], group: Group) -> bool:
    return index is not None and index in group.indexes()


def _order(step: _Step) -> Tuple[int, int, int]:
    return step[:3]
