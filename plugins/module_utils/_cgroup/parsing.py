# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options become a Desired: here limits alone, which is nearly every group, and what only all groups together can contradict."""

from __future__ import annotations

from typing import Dict, Mapping, Sequence, Tuple

from .._convergence.errors import InputError
from . import names
from .desired import Desired, Group, Policy, removing
from .hierarchies import Host
from .interface_files.entry import USUAL, Choices, Facts
from .resolving import Resolver


class Parser:
    """Turns option dictionaries into Groups for one host."""

    def __init__(self, host: Host, facts: Facts, policy: Policy, systemd: bool, choices: Choices = USUAL) -> None:
        self._resolver = Resolver(host, facts, policy, systemd, choices)

    def desired(self, items: Sequence[Tuple[str, Mapping[str, object]]]) -> Desired:
        """(option, dictionary) pairs as a Desired; raises on the first contradiction."""
        found: Dict[str, Group] = {}
        for option, item in items:
            group = self._group(option, item)
            twin = found.get(group.name)
            if twin is not None:
                from .merging import merged

                group = merged(twin, group, self._resolver)
            found[group.name] = group
        groups = sorted(map(self._placed, found.values()), key=_depth_first)
        self._check_together(found, groups)
        return Desired(tuple(groups), self._resolver.policy, self._resolver.systemd)

    def _group(self, option: str, item: Mapping[str, object]) -> Group:
        own = option + "." if option else ""
        name = names.parse(own + "name", item.get("name"))
        present = item.get("state", "present") != "absent"
        more = [key for key in _MORE if item.get(key) is not None]
        limits = item.get("limits")
        if present and name and limits and not more and not removing(item):
            template = self._resolver.with_limits(own + "limits", limits)
            group = template._replace(name=name, option=option)
        else:
            from .declaring import whole

            group = whole(self._resolver, own, item, name, option)
        self._resolver.check_name(own + "name", name)
        return group

    def _placed(self, group: Group) -> Group:
        # All that is said of a group together decides where it exists.
        if group.plain or not group.present:
            return group
        own = group.option + "." if group.option else ""
        if group.delegate is not None:
            from .declaring import check_delegate

            check_delegate(self._resolver, own, group)
        return self._resolver.placed(group, own + "controllers")

    def _check_together(self, by_name: Mapping[str, Group], groups: Sequence[Group]) -> None:
        for group in groups:
            for above in names.parents(group.name) if group.present else ():
                parent = by_name.get(above)
                if parent is not None and not parent.present:
                    raise InputError(
                        f"is wanted absent and {group.name} below it present",
                        option=parent.option or "name",
                        value=above,
                        way_out="decide for one",
                    )
            if group.on_processes.action == "move":
                self._check_destination(group, groups)

    def _check_destination(self, group: Group, groups: Sequence[Group]) -> None:
        destination = group.on_processes.destination
        for other in groups:
            if not other.present and other is not group and names.below(destination, other.name):
                raise InputError(
                    f"is or lies below {other.name}, which shall be absent too",
                    option=(group.option + "." if group.option else "") + "on_processes.move_to",
                    value=destination,
                    way_out="name a group that stays",
                )


_MORE = ("controllers", "controllers_absent", "type", "delegate", "frozen", "processes")


def _depth_first(group: Group) -> Tuple[int, str]:
    return (group.name.count("/") + 1 if group.name else 0, group.name)
