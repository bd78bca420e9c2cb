# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations of more than limits: controllers, settings, processes, and groups that shall go."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Mapping, Optional, Tuple

from .._convergence.errors import InputError, RefusedError, UnsupportedError
from . import hierarchies, names
from .desired import REFUSE, Delegate, Group, OnProcesses, removing
from .hierarchies import CORE, FREEZER
from .resolving import Resolver

if TYPE_CHECKING:
    from .selectors import Selector


def whole(resolver: Resolver, own: str, item: Mapping[str, object], name: str, option: str) -> Group:
    """A group of more than limits; raises an IsolationError for what cannot be meant or done."""
    group = _whole(resolver, own, item, name, option)
    if not name:
        _check_root(group, own)
    return group


def _whole(resolver: Resolver, own: str, item: Mapping[str, object], name: str, option: str) -> Group:
    if item.get("state") == "absent":
        return _absent(resolver, own, item, name, option)
    for key in removing(item):
        raise InputError(
            "says how to remove a group that shall be present",
            option=own + key,
            way_out="leave it out, or set state: absent",
        )
    limits = item.get("limits")
    if limits is not None and not limits and "controllers" not in item:
        # cgroup_limit can be told nothing else.
        raise InputError("declares no limit", option=own + "limits", way_out="name one, as in {memory.max: 512M}")
    group = resolver.with_limits(own + "limits", limits) if limits else Group("", "")
    # The root has its files whatever it passes on.
    needs = set(group.controllers) if name else set()
    for controller in _strings(own + "controllers", item.get("controllers")):
        hierarchies.index_of(resolver.host, controller, own + "controllers")
        needs.add(controller)
    unwanted = frozenset(_strings(own + "controllers_absent", item.get("controllers_absent")))
    for controller in sorted(unwanted - hierarchies.KNOWN):
        hierarchies.index_of(resolver.host, controller, own + "controllers_absent")
    if unwanted & needs:
        raise InputError(
            "names {}, which this group needs".format(", ".join(sorted(unwanted & needs))),
            option=own + "controllers_absent",
            way_out="take it out of controllers, limits and frozen",
        )
    frozen = item.get("frozen")
    if frozen is not None:
        needs.add(FREEZER)
    kind = item.get("type")
    delegate = _delegate(own, item)
    if kind is not None or (delegate is not None and not resolver.policy.unsafe_v1):
        _need_v2(resolver, own + ("type" if kind is not None else "delegate"))
        needs.add(CORE)
    return group._replace(
        name=name,
        option=option,
        controllers=frozenset(needs),
        unwanted=unwanted,
        type=None if kind is None else str(kind),
        delegate=delegate,
        frozen=None if frozen is None else bool(frozen),
        selectors=_selectors(own, item),
        plain=False,
    )


def _selectors(own: str, item: Mapping[str, object]) -> Tuple[Selector, ...]:
    found = item.get("processes")
    if not isinstance(found, (list, tuple)) or not found:
        return ()
    from . import selectors

    return tuple(selectors.parse(f"{own}processes[{number}]", selector) for number, selector in enumerate(found))


def _absent(resolver: Resolver, own: str, item: Mapping[str, object], name: str, option: str) -> Group:
    for key in ("controllers", "limits", "type", "delegate", "frozen", "processes", "controllers_absent"):
        if item.get(key) not in (None, [], {}):
            raise InputError(
                "says what a group shall have that shall be absent", option=own + key, way_out="leave it out"
            )
    look = []
    for index, hierarchy in enumerate(resolver.host.hierarchies):
        # Named hierarchies (name=systemd) are their owner's.
        if hierarchy.version == 2 or hierarchy.controllers:
            look.append((index, ()))
    return Group(
        name,
        option,
        False,
        look=tuple(look),
        expect=({},) * len(look),
        recursive=bool(item.get("recursive")),
        on_processes=_on_processes(resolver, own + "on_processes", item.get("on_processes")),
    )


def _need_v2(resolver: Resolver, option: str) -> None:
    if resolver.host.unified is None:
        raise UnsupportedError(
            f"exists on v2 alone and this {resolver.host.mode} host has no v2 hierarchy", option=option
        )


def _delegate(own: str, item: Mapping[str, object]) -> Optional[Delegate]:
    found = item.get("delegate")
    if not isinstance(found, Mapping):
        return None
    from .owners import group_id, user_id

    owner, group = found.get("owner"), found.get("group")
    if owner is None and group is None:
        raise InputError("names neither owner nor group", option=own + "delegate", way_out="name one of them")
    return Delegate(
        -1 if owner is None else user_id(own + "delegate.owner", owner),
        -1 if group is None else group_id(own + "delegate.group", group),
    )


def check_delegate(resolver: Resolver, own: str, group: Group) -> None:
    """Refuse to hand over what is on v1, once all that is said of the group is known."""
    v1 = sorted(c for c in group.controllers if resolver.versions.get(c) == 1)
    if v1 and not resolver.policy.unsafe_v1:
        raise RefusedError(
            "would hand over {} on v1, where nothing keeps the new owner inside the limits".format(", ".join(v1)),
            option=own + "delegate",
            way_out="delegate on a v2 hierarchy, or set unsafe_v1: true",
        )


def _check_root(group: Group, own: str) -> None:
    if not group.present:
        raise RefusedError("is the root group and cannot be removed", option=own + "name", value="/")
    others = any(not want.file.only_root for want in group.wants)
    if others or group.frozen is not None or group.type or group.delegate or group.unwanted:
        raise RefusedError(
            "is the root group, which is only read, given controllers to its children, moved to, and told what it alone has",
            option=own + "name",
            value="/",
            way_out="declare limits and settings for a group below it",
        )


def _strings(option: str, found: object) -> List[str]:
    if found is None:
        return []
    if not isinstance(found, (list, tuple)) or not all(isinstance(item, str) for item in found):
        raise InputError("is not a list of names", option=option, value=str(found))
    return list(found)


def _on_processes(resolver: Resolver, option: str, found: object) -> OnProcesses:
    if found in (None, "refuse"):
        return REFUSE
    if found == "kill":
        return OnProcesses("kill", "")
    if isinstance(found, Mapping) and set(found) == {"move_to"}:
        destination = names.parse(option + ".move_to", found["move_to"])
        resolver.check_name(option + ".move_to", destination)
        return OnProcesses("move", destination)
    raise InputError("is none of refuse, kill and {move_to: GROUP}", option=option, value=str(found))
