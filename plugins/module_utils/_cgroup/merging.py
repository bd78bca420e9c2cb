# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same group declared twice in one task: agreed where it agrees, refused where it does not."""

from __future__ import annotations

from typing import Dict, Mapping

from .._convergence.errors import InputError
from .desired import Group, Parser


def merged(one: Group, other: Group, parser: Parser) -> Group:
    """Both declarations as one; raises InputError that names both places and the first thing they differ in."""
    if one.present != other.present:
        raise _contradiction(one, other, "state")
    if not one.present:
        if one[6:] != other[6:]:
            raise _contradiction(one, other, "recursive or on_processes")
        return one
    for field in ("type", "delegate", "frozen"):
        here, there = getattr(one, field), getattr(other, field)
        if here is not None and there is not None and here != there:
            raise _contradiction(one, other, field)
    said = _limits(one, other)
    if (one.controllers & other.unwanted) | (other.controllers & one.unwanted):
        raise _contradiction(one, other, "controllers and controllers_absent")
    limits = parser.with_limits(one.option + ".limits", said) if said else one
    both = one._replace(
        wants=limits.wants,
        said=said,
        controllers=one.controllers | other.controllers,
        unwanted=one.unwanted | other.unwanted,
        type=one.type if one.type is not None else other.type,
        delegate=one.delegate if one.delegate is not None else other.delegate,
        frozen=one.frozen if one.frozen is not None else other.frozen,
        selectors=one.selectors + other.selectors,
        warnings=limits.warnings,
    )
    return parser.placed(both, both.option)


def _limits(one: Group, other: Group) -> Dict[str, object]:
    """Both dictionaries as one: what is said twice has to mean the same, devices of one file add up."""
    known = {want.declared: want for want in one.wants}
    said = dict(one.said)
    for want in other.wants:
        twin = known.get(want.declared)
        value = other.said[want.declared]
        if twin is None:
            # Two names of one file are compared when both are resolved together.
            said[want.declared] = value
            continue
        if twin.needs or want.needs:
            agreed = one.said[want.declared] == value
        else:
            agreed = twin.reset == want.reset and twin.file.kind.join(twin.value, want.value) is not None
        if not agreed:
            raise _contradiction(one, other, f"limits['{want.declared}']")
        mine = one.said[want.declared]
        if isinstance(mine, Mapping) and isinstance(value, Mapping):
            said[want.declared] = {**mine, **{device: _both(mine.get(device), keys) for device, keys in value.items()}}
    return said


def _both(mine: object, other: object) -> object:
    return {**mine, **other} if isinstance(mine, Mapping) and isinstance(other, Mapping) else other


def _contradiction(one: Group, other: Group, what: str) -> InputError:
    return InputError(
        f"is declared twice with different {what}, at {one.option} and at {other.option}",
        option="name",
        value=one.name,
        way_out="say it once",
    )
