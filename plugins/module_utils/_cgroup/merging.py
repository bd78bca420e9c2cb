# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same group declared twice in one task: agreed where it agrees, refused where it does not."""

from __future__ import annotations

from typing import Callable

from .._convergence.errors import InputError
from .desired import Group

Placed = Callable[[Group, str], Group]


def merged(one: Group, other: Group, placed: Placed) -> Group:
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
    known = {want.file.name: want for want in one.wants}
    for want in other.wants:
        twin = known.get(want.file.name)
        if twin is not None and (twin.value != want.value or twin.reset != want.reset):
            raise _contradiction(one, other, f"limits['{want.declared}']")
    if (one.controllers & other.unwanted) | (other.controllers & one.unwanted):
        raise _contradiction(one, other, "controllers and controllers_absent")
    both = one._replace(
        wants=one.wants + tuple(want for want in other.wants if want.file.name not in known),
        controllers=one.controllers | other.controllers,
        unwanted=one.unwanted | other.unwanted,
        type=one.type if one.type is not None else other.type,
        delegate=one.delegate if one.delegate is not None else other.delegate,
        frozen=one.frozen if one.frozen is not None else other.frozen,
        selectors=one.selectors + other.selectors,
        warnings=one.warnings + tuple(warning for warning in other.warnings if warning not in one.warnings),
    )
    return placed(both, both.option)


def _contradiction(one: Group, other: Group, what: str) -> InputError:
    return InputError(
        f"is declared twice with different {what}, at {one.option} and at {other.option}",
        option="name",
        value=one.name,
        way_out="say it once",
    )
