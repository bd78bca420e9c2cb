# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first phase of a plan makes of groups, for the phases after it. Pure."""

from __future__ import annotations

from typing import Dict, FrozenSet, List, Set

from .._convergence.plan import Change
from .desired import Desired
from .hierarchies import CORE, FREEZER
from .picture import Picture, Place

THREADED_CONTROLLERS = frozenset(("cpu", "cpuset", "perf_event", "pids"))
# Of v2 groups that need no controller to be passed on to them.
IMPLICIT = frozenset((CORE, FREEZER, "perf_event", "devices"))


class Making:
    """The first phase of a plan while it grows; ``made`` are the places that it creates."""

    def __init__(self, picture: Picture, desired: Desired) -> None:
        self.picture = picture
        self.desired = desired
        # Only asked for groups that are on v2.
        self.unified = -1 if picture.host.unified is None else picture.host.unified
        # By name of a v2 group: the controllers that it has to pass on.
        self.need: Dict[str, Set[str]] = {}
        self.made: Set[Place] = set()
        self.changes: List[Change] = []
        self.warnings: List[str] = []

    def exists(self, place: Place) -> bool:
        """Whether the group is there already and stays."""
        return place not in self.made and self.picture.exists(place)

    def passes_on(self, name: str) -> FrozenSet[str]:
        """The controllers that the declared groups below want a v2 group to pass on."""
        return frozenset(self.need.get(name, ()))
