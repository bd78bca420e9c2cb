# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroup domain of the engine: how a Desired is observed, planned and applied on the hierarchies of one host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, FrozenSet, List, Optional, Sequence, Tuple, cast

from .._convergence.converge import Domain
from .._convergence.plan import Change, Plan
from .._kernel import journal
from . import names
from . import plan as planning
from .desired import Desired
from .hierarchies import Roots, absolute
from .observe import Observer
from .picture import Picture

if TYPE_CHECKING:
    from .verbs import Verbs


class Cgroups(Domain[Picture]):
    """A Desired on the opened hierarchies of one host."""

    def __init__(self, opened: Roots, desired: Desired) -> None:
        self._opened = opened
        self._desired = desired
        self._verbs: Optional[Verbs] = None
        self._known: Optional[Dict[int, int]] = None
        # Whether the plan has moved anybody, whether all of their families are inside, and the moves that this took.
        self._moved = self._gathered = False
        self._extra: List[Change] = []
        # What was there before the first change.
        self.picture: Optional[Picture] = None

    def observe(self, only: Optional[FrozenSet[str]] = None) -> Picture:
        found = Observer(self._opened, self._desired, journal.read(), self._known).look(only)
        if self._known is None:
            self._known = {pid: found.processes[pid].start for pids in found.matched.values() for pid in pids}
        if self.picture is None:
            self.picture = found
        return found

    def plan(self, observed: Picture) -> Plan:
        return planning.plan(observed, self._desired)

    def begin(self, changes: Sequence[Change]) -> None:
        # A run that changes nothing, which is nearly every run, does without what changes something.
        from .verbs import Verbs

        self._verbs = Verbs(self._opened, self._desired, changes)

    def apply(self, change: Change) -> None:
        if change.do[0] == "rmdir":
            self._empty(change)
        self._begun().apply(change)
        self._moved = self._moved or change.do[0] == "move"

    def settle(self, changes: Sequence[Change]) -> Tuple[Change, ...]:
        self._gather()
        return tuple(self._extra)

    def _empty(self, change: Change) -> None:
        """What was born in a group after its processes were looked up keeps it from being removed: move that too."""
        if not self._moved:
            return
        self._gather()
        from . import gathering

        index, name = cast(Tuple[int, str], change.do[1:3])
        group = gathering.leaving(self._desired, name)
        if group is not None:
            look = gathering.left_behind(self._opened, self._desired, group, index, name)
            self._extra += gathering.catch_up(look, self._begun().apply)

    def _gather(self) -> None:
        """Once: in a family that is inside as a whole nobody is born outside."""
        if self._gathered or not any(group.selectors for group in self._desired.groups):
            return
        self._gathered = True
        from . import gathering

        self._extra += gathering.catch_up(gathering.selected(self.observe, self._desired), self._begun().apply)

    def _begun(self) -> Verbs:
        if self._verbs is None:
            self.begin(())
        return cast("Verbs", self._verbs)

    def take_back(self, changes: Sequence[Change]) -> Tuple[str, ...]:
        if self._verbs is None:
            return ()
        left = self._verbs.take_back(changes)
        self._forget(frozenset())
        return left

    def finish(self) -> None:
        """After a run that ended well: what it declares is finished, what other runs have left is not."""
        if self._verbs is None and not (self.picture is not None and self.picture.unfinished):
            return
        host = self._opened.host
        self._forget(
            frozenset(
                absolute(host.hierarchies[index], name)
                for group in self._desired.groups
                for index in group.indexes()
                for name in tuple(names.parents(group.name)) + (group.name,)
            )
        )

    def _forget(self, finished: FrozenSet[str]) -> None:
        """Keep in the journal what is neither finished nor gone: whoever makes a group anew is another one."""
        unfinished = journal.read()
        index = self._opened.host.where.get("cpuset")
        if not unfinished or index is None:
            return
        below = len(absolute(self._opened.host.hierarchies[index], "")) + 1
        root = self._opened.roots[index]
        left = {path for path in unfinished - finished if root.status(path[below:]) is not None}
        if left:
            journal.write(left)
        else:
            journal.clear()
