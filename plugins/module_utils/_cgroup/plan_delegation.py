# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Handing groups over to a user (cgroup-v2.rst, Delegation). Pure."""

from __future__ import annotations

from typing import List

from .._convergence.plan import Change
from .desired import Desired, Group
from .hierarchies import absolute
from .making import Making
from .picture import Picture


def changes(picture: Picture, desired: Desired, making: Making) -> List[Change]:
    """Hand groups over: the directory and exactly the files that the kernel lists for it."""
    found: List[Change] = []
    for group in desired.groups:
        if group.delegate is None:
            continue
        for index in group.indexes():
            hierarchy = picture.host.hierarchies[index]
            if hierarchy.version == 1 and not desired.policy.unsafe_v1:
                continue
            wanted = picture.handed_over if hierarchy.version == 2 else frozenset(("cgroup.procs", "tasks"))
            new = not making.exists((index, group.name))
            there = {} if new else picture.owners.get((index, group.name), {})
            for file in [""] + sorted(wanted):
                owner = there.get(file)
                if owner is None and file and not _comes(file, group, new):
                    # Listed by the kernel, and this group lacks the controller that brings it.
                    continue
                user = group.delegate.user if group.delegate.user >= 0 or owner is None else owner.user
                own = group.delegate.group if group.delegate.group >= 0 or owner is None else owner.group
                if owner is not None and (owner.user, owner.group) == (user, own):
                    continue
                before = None if owner is None else f"{owner.user}:{owner.group}"
                after = f"{max(user, 0)}:{max(own, 0)}"
                path = absolute(hierarchy, group.name, file)
                found.append(
                    Change("chown", group.name, path, before, after, ("chown", index, group.name, file, user, own))
                )
            for file, owner in sorted(there.items()):
                if file and file not in wanted and owner.user == group.delegate.user and owner.user > 0:
                    # Whoever owns a limit's file sets his own limits.
                    found.append(
                        Change(
                            "chown",
                            group.name,
                            absolute(hierarchy, group.name, file),
                            f"{owner.user}:{owner.group}",
                            "0:0",
                            ("chown", index, group.name, file, 0, 0),
                        )
                    )
    return found


def _comes(file: str, group: Group, new: bool) -> bool:
    """Whether a file that is not there will be: core files with the group, the others with their controller."""
    controller = file.partition(".")[0]
    return new if controller in ("cgroup", "tasks") else controller in group.controllers
