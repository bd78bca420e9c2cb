# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same group declared twice in one task: agreed where it agrees, refused where it does not."""

from __future__ import annotations

from typing import Dict, Mapping, Optional

from .._convergence.errors import InputError
from .desired import Delegate, Group
from .resolving import Resolver


def merged(one: Group, other: Group, resolver: Resolver) -> Group:
    """Both declarations as one; raises InputError that names both places and the first thing they differ in."""
    if one.present != other.present:
        raise _contradiction(one, other, "state")
    if not one.present:
        if one[6:] != other[6:]:
            raise _contradiction(one, other, "recursive or on_processes")
        return one
    for field in ("type", "frozen"):
        here, there = getattr(one, field), getattr(other, field)
        if here is not None and there is not None and here != there:
            raise _contradiction(one, other, field)
    said = _limits(one, other)
    if (one.controllers & other.unwanted) | (other.controllers & one.unwanted):
        raise _contradiction(one, other, "controllers and controllers_absent")
    limits = resolver.with_limits(one.option + ".limits", said) if said else one
    return one._replace(
        wants=limits.wants,
        said=said,
        controllers=one.controllers | other.controllers,
        unwanted=one.unwanted | other.unwanted,
        type=one.type if one.type is not None else other.type,
        delegate=_delegate(one, other),
        frozen=one.frozen if one.frozen is not None else other.frozen,
        selectors=one.selectors + other.selectors,
        warnings=limits.warnings,
        plain=False,
    )


def _delegate(one: Group, other: Group) -> Optional[Delegate]:
    """The owner of one and the group of the other, where each says what the other leaves open (-1)."""
    here, there = one.delegate, other.delegate
    if here is None or there is None:
        return here or there
    if any(mine != theirs and mine >= 0 and theirs >= 0 for mine, theirs in zip(here, there)):
        raise _contradiction(one, other, "delegate")
    return Delegate(max(here.user, there.user), max(here.group, there.group))


def _limits(one: Group, other: Group) -> Dict[str, object]:
    """Both dictionaries as one: what is said twice has to mean the same, devices of one file add up."""
    said = dict(one.said)
    for name, value in other.said.items():
        mine = one.said.get(name)
        if name not in one.said:
            # Two names of one file are compared when both are resolved together.
            said[name] = value
        elif not _agree(name, one, other):
            raise _contradiction(one, other, f"limits['{name}']")
        elif isinstance(mine, Mapping) and isinstance(value, Mapping):
            said[name] = {**mine, **{device: _both(mine.get(device), keys) for device, keys in value.items()}}
    return said


def _agree(name: str, one: Group, other: Group) -> bool:
    """Whether a limit that both declare means the same, in each file that it becomes on this host."""
    mine = {want.file.name: want for want in one.wants if want.declared == name}
    theirs = {want.file.name: want for want in other.wants if want.declared == name}
    if not mine or not theirs or any(want.needs for want in list(mine.values()) + list(theirs.values())):
        return one.said[name] == other.said[name]
    for file in mine.keys() & theirs.keys():
        here, there = mine[file], theirs[file]
        if here.value != there.value and here.file.kind.join(here.value, there.value) is None:
            return False
    return True


def _both(mine: object, other: object) -> object:
    return {**mine, **other} if isinstance(mine, Mapping) and isinstance(other, Mapping) else other


def _contradiction(one: Group, other: Group, what: str) -> InputError:
    return InputError(
        f"is declared twice with different {what}, at {one.option} and at {other.option}",
        option="name",
        value=one.name,
        way_out="say it once",
    )
