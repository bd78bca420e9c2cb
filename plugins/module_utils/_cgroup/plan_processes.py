# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving processes into their groups and freezing groups: what is outside, what must not be moved. Pure."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence, Tuple

from .._convergence.errors import ConflictError, InputError, RefusedError, UnsupportedError
from .._convergence.plan import Change
from . import hierarchies, names, protection
from .desired import Desired, Group, Policy
from .freezer import is_frozen
from .hierarchies import FREEZER, absolute
from .making import Making
from .picture import FREEZE_FILES, MEMORY_LIMITS, Member, Picture, Place


def changes(picture: Picture, desired: Desired, making: Making) -> Tuple[List[Change], List[Change], List[str]]:
    """Moves; freezing and thawing; warnings."""
    moves: List[Change] = []
    freezes: List[Change] = []
    warnings: List[str] = []
    placed = _placed(picture, desired, making)
    for group in desired.groups:
        if group.selectors:
            moves += _moves(picture, desired, making, group, placed, warnings)
        if group.frozen is not None:
            freezes += _freezing(picture, desired.policy, making, group, group.frozen)
    return moves, freezes, warnings


def _placed(picture: Picture, desired: Desired, making: Making) -> Dict[Tuple[int, int], str]:
    """(pid, hierarchy) -> the group that it goes to: of nested ones the innermost; InputError for two others."""
    found: Dict[Tuple[int, int], str] = {}
    for group in desired.groups:
        for pid in picture.matched.get(group.name, ()):
            for index in _everywhere(picture, making, group):
                other = found.get((pid, index))
                # Groups come parents first.
                if other is not None and not names.below(group.name, other):
                    member = picture.processes[pid]
                    raise InputError(
                        f"selects process {pid} ({member.comm}), which is to be in {names.shown(other)} too",
                        option=(group.option + "." if group.option else "") + "processes",
                        value=names.shown(group.name),
                        way_out="let each process be selected for one group, or for groups inside each other",
                    )
                found[pid, index] = group.name
    return found


def _moves(
    picture: Picture,
    desired: Desired,
    making: Making,
    group: Group,
    placed: Mapping[Tuple[int, int], str],
    warnings: List[str],
) -> List[Change]:
    found: List[Change] = []
    for index in _everywhere(picture, making, group):
        outside = [
            picture.processes[pid]
            for pid in picture.matched.get(group.name, ())
            if placed[pid, index] == group.name and not _inside(picture.processes[pid], index, group.name)
        ]
        if not outside:
            continue
        _check_leaf(picture, making, group, index)
        _check_lineage(picture, desired, group, index, outside, warnings)
        hierarchy = picture.host.hierarchies[index]
        path = absolute(hierarchy, group.name, "cgroup.procs")
        found += [
            move(path, group.name, (index, group.name), member, member.groups.get(index, "")) for member in outside
        ]
        if index == picture.host.where.get("memory"):
            warnings += _left_behind(picture, group, index, outside)
    return found


def move(path: str, target: str, to: Place, member: Member, source: str) -> Change:
    """One process into one group of one hierarchy."""
    after = f"{member.pid} ({member.comm})"
    before = f"{after} in {names.shown(source)}"
    return Change("move", names.shown(target), path, before, after, ("move", *to, member.pid, member.start), True)


def _everywhere(picture: Picture, making: Making, group: Group) -> List[int]:
    """The hierarchies that the group is declared for, and those that it exists in besides, be it for a group below it."""
    besides = {index for index, name in making.made.union(picture.present) if name == group.name}
    return sorted(besides.union(group.indexes()))


def _inside(member: Member, index: int, name: str) -> bool:
    """Whether the process and every thread of it is in the group or below it."""
    own = (member.groups.get(index, ""),) + tuple(member.threads.get(index, ()))
    if not name:
        # Everything is below the root: whoever names it means the root itself.
        return own == ("",)
    return all(names.below(group, name) for group in own)


def _check_leaf(picture: Picture, making: Making, group: Group, index: int) -> None:
    if picture.host.hierarchies[index].version != 2 or not group.name:
        return
    control = picture.controls.get(group.name) if making.exists((index, group.name)) else None
    enabled = sorted((control.enabled if control is not None else frozenset()) | making.passes_on(group.name))
    option = (group.option + "." if group.option else "") + "processes"
    if control is not None and control.type == "domain invalid":
        raise ConflictError(
            "is of type 'domain invalid' and can hold no process",
            option=option,
            value=group.name,
            way_out="make it type: threaded",
        )
    threads = control is not None and control.type in ("threaded", "domain threaded")
    if enabled and not threads and group.type != "threaded":
        raise ConflictError(
            "passes {} on to groups below it, and on v2 processes live in leaves".format(", ".join(enabled)),
            option=option,
            value=group.name,
            way_out="place the processes in a group below it",
        )


def _check_lineage(
    picture: Picture, desired: Desired, group: Group, index: int, outside: Sequence[Member], warnings: List[str]
) -> None:
    refuse_pids(picture, desired.policy, "move", group.name, [member.pid for member in outside])
    if not desired.systemd:
        return
    for member in outside:
        if not member.unit or member.delegated or desired.policy.from_systemd:
            continue
        if picture.host.hierarchies[index].version == 2:
            raise RefusedError(
                f"would take process {member.pid} ({member.comm}) out of {member.unit}, and systemd would lose it",
                option=(group.option + "." if group.option else "") + "processes",
                way_out="limit the unit by its own name, or set from_systemd: true",
            )
        warnings.append(
            f"{group.name}: process {member.pid} ({member.comm}) belongs to {member.unit}; a restart of that unit undoes the move"
        )


def _left_behind(picture: Picture, group: Group, index: int, outside: Sequence[Member]) -> List[str]:
    file = MEMORY_LIMITS[picture.host.hierarchies[index].version]
    want = next((want for want in group.wants if want.file.name == file), None)
    text = picture.others.get((index, group.name), {}).get(file, "max")
    limit = want.value if want is not None and want.value is not None else int(text) if text.isdigit() else None
    return [
        f"{group.name}: process {member.pid} ({member.comm}) has {member.resident >> 20} MiB of memory, more than the "
        "group's limit; what it has stays charged to the group that it came from"
        for member in outside
        if limit is not None and member.resident > limit
    ]


def _freezing(picture: Picture, policy: Policy, making: Making, group: Group, frozen: bool) -> List[Change]:
    option = (group.option + "." if group.option else "") + "frozen"
    index = hierarchies.index_of(picture.host, FREEZER, option)
    hierarchy = picture.host.hierarchies[index]
    place = (index, group.name)
    own_file, effective_file = FREEZE_FILES[hierarchy.version]
    exists = making.exists(place)
    there = picture.values.get(place, {}) if exists else {}
    if exists and own_file not in there:
        raise UnsupportedError(f"cannot be done by this kernel: groups have no {own_file}", option=option)
    now = is_frozen(hierarchy.version, there.get(own_file, ""), there.get(effective_file, ""))
    if exists and now == frozen and (not frozen or _complete(hierarchy.version, there)):
        return []
    if frozen:
        refuse_lockout(picture, policy, "freeze", place)
        moved = picture.matched.get(group.name, ())
        if moved:
            refuse_pids(picture, policy, "freeze", group.name, moved)
    path = absolute(hierarchy, group.name, own_file)
    # Asked to freeze and not all of it frozen yet: the kernel is asked again.
    before = None if not exists else "freezing" if now and frozen else _shown(now)
    return [
        Change(
            "freeze" if frozen else "thaw",
            group.name,
            path,
            before,
            _shown(frozen),
            ("freeze", index, group.name, frozen),
        )
    ]


def _complete(version: int, there: dict[str, str]) -> bool:
    own, effective = FREEZE_FILES[version]
    return there.get(own) == "FROZEN" if version == 1 else "frozen 1" in there.get(effective, "").splitlines()


def _shown(frozen: bool) -> str:
    return "frozen" if frozen else "thawed"


def refuse_pids(picture: Picture, policy: Policy, action: str, group: str, pids: Sequence[int]) -> None:
    """Refuse to move, freeze or kill protected processes."""
    why = picture.anchored if action == "move" else picture.protected
    held = protection.among(protection.Protected(why), pids)
    protection.refuse(action, group, held, policy.allow_lockout)


def refuse_lockout(picture: Picture, policy: Policy, action: str, place: Place) -> None:
    """Refuse what hits a group that holds a protected process, itself or below."""
    index, name = place
    groups = {}
    for pid in picture.protected:
        member = picture.processes.get(pid)
        if member is not None and index in member.groups:
            groups[pid] = (member.groups[index],) + tuple(member.threads.get(index, ()))
    held = protection.holders(protection.Protected(picture.protected), groups, name)
    protection.refuse(action, name, held, policy.allow_lockout)
