# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""v1's core files, which every hierarchy has of its own: wanted in each of those that a group is in."""

from __future__ import annotations

from typing import Dict, List

from .._convergence.errors import InputError
from . import hierarchies
from .desired import Group
from .hierarchies import CORE_V1, Host
from .interface_files.entry import Want


def in_each(host: Host, group: Group, option: str) -> Group:
    """The group with v1's core files wanted in each v1 hierarchy that it is in; InputError where it is in none."""
    homes: Dict[int, str] = {}
    for controller in sorted(group.controllers):
        index = hierarchies.index_of(host, controller, option)
        if host.hierarchies[index].version == 1:
            homes.setdefault(index, controller)
    wants: List[Want] = []
    for want in group.wants:
        if want.file.controller != CORE_V1:
            wants.append(want)
            continue
        if not homes:
            raise InputError(
                "is set in each v1 hierarchy that a task puts the group in, and this one names none",
                option=f"{option.rpartition('.')[0]}.limits['{want.declared}']".lstrip("."),
                way_out="name controllers, or a limit of one, beside it",
            )
        # A controller stands for its hierarchy.
        wants += [want._replace(file=want.file._replace(controller=controller)) for controller in homes.values()]
    return group._replace(wants=tuple(wants))
