# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cgroup.type: threaded groups, what they do to their siblings, and the way back (cgroup-v2.rst, Threads). Pure."""

from __future__ import annotations

from .._convergence.errors import ConflictError, RefusedError
from .._convergence.plan import Change
from . import names
from .desired import Group
from .hierarchies import absolute
from .making import IMPLICIT, THREADED_CONTROLLERS, Making
from .picture import Place, show_members


def change(making: Making, group: Group) -> None:
    """Make a group threaded, or, with recreate, make it again as a domain."""
    index = making.unified
    place = (index, group.name)
    control = making.picture.controls.get(group.name) if making.exists(place) else None
    now = control.type if control is not None else ("domain" if place in making.made else "")
    is_threaded = now == "threaded"
    if group.type == "domain" and not is_threaded:
        return
    hierarchy = making.picture.host.hierarchies[index]
    if group.type == "domain":
        _again(making, group, place)
        return
    if is_threaded:
        return
    _check_threaded(making, group, place)
    path = absolute(hierarchy, group.name, "cgroup.type")
    before = now if control is not None else None
    making.changes.append(
        Change(
            "write",
            group.name,
            path,
            before,
            "threaded",
            ("write", index, group.name, "cgroup.type", ("threaded",), ""),
        )
    )


def _again(making: Making, group: Group, place: Place) -> None:
    if not making.desired.policy.recreate:
        raise RefusedError(
            "is threaded, which the kernel never undoes",
            option=(group.option + "." if group.option else "") + "type",
            value="domain",
            way_out="set recreate: true to remove the group and make it again",
        )
    pids = making.picture.members.get(place, ())
    if pids or making.picture.below.get(place):
        what = "processes, " + show_members(making.picture, pids) if pids else "groups below it"
        raise ConflictError("cannot be made again while it holds " + what, option=group.name)
    hierarchy = making.picture.host.hierarchies[place[0]]
    path = absolute(hierarchy, group.name)
    making.changes.append(Change("remove", group.name, path, "threaded", None, ("rmdir",) + place))
    making.changes.append(Change("create", group.name, path, None, "group", ("mkdir",) + place))
    making.made.add(place)


def _check_threaded(making: Making, group: Group, place: Place) -> None:
    index, name = place
    parent = names.parent(name)
    control = making.picture.controls.get(parent)
    domain = sorted(c for c in group.controllers - IMPLICIT if c not in THREADED_CONTROLLERS)
    option = (group.option + "." if group.option else "") + "type"
    if domain:
        raise ConflictError(
            "cannot have {}".format(", ".join(domain)),
            option=option,
            value="threaded",
            way_out="a threaded group has only " + ", ".join(sorted(THREADED_CONTROLLERS)),
        )
    _check_itself(making, group, place, option)
    if control is not None and (control.root or control.type == "threaded"):
        return
    enabled = control.enabled if control is not None else frozenset()
    passed = sorted((enabled | making.passes_on(parent)) - THREADED_CONTROLLERS)
    if passed:
        raise ConflictError(
            "cannot be below {}, which passes on {}".format(names.shown(parent), ", ".join(passed)),
            option=option,
            value="threaded",
            way_out="take them from it with controllers_absent on its children first",
        )
    siblings = [n for n in making.picture.below.get((index, parent), ()) if n != name and names.parent(n) == parent]
    invalid = [n for n in siblings if n in making.picture.controls and making.picture.controls[n].type == "domain"]
    declared = {g.name for g in making.desired.groups if g.type == "threaded"}
    invalid = [n for n in invalid if n not in declared]
    populated = [n for n in invalid if making.picture.members.get((index, n))]
    if populated:
        raise ConflictError(
            "would make domain invalid its siblings {}, which hold processes".format(", ".join(populated)),
            option=option,
            value="threaded",
            way_out="make them threaded too, or move their processes away",
        )
    if invalid:
        making.warnings.append(
            "{}: type threaded makes its siblings {} domain invalid: they can hold no process until they are "
            "threaded too".format(name, ", ".join(invalid))
        )


def _check_itself(making: Making, group: Group, place: Place, option: str) -> None:
    control = making.picture.controls.get(group.name) if making.exists(place) else None
    if control is None:
        return
    pids = making.picture.members.get(place, ())
    domain = sorted(control.enabled - THREADED_CONTROLLERS)
    if not pids and not domain:
        return
    what = "holds processes, " + show_members(making.picture, pids) if pids else "passes on " + ", ".join(domain)
    raise ConflictError(
        f"cannot be set for a group that {what}",
        option=option,
        value="threaded",
        way_out="make a group threaded before anything is in it",
    )
