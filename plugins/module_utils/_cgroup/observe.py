# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the host and draws the Picture that planning needs: here what every run reads, in look.py what differences ask for."""

from __future__ import annotations

import errno
from typing import Dict, FrozenSet, List, Mapping, Optional

from .._convergence.errors import KernelError
from . import hierarchies, names
from .desired import Desired, Group
from .hierarchies import Roots
from .picture import Picture
from .sight import Sight


class Observer:
    """Looks at one host for what one task declares. Reads only."""

    def __init__(
        self,
        opened: Roots,
        desired: Desired,
        unfinished: FrozenSet[str] = frozenset(),
        known: Optional[Mapping[int, int]] = None,
    ) -> None:
        self._opened = opened
        self._desired = desired
        self._unfinished = unfinished
        # Start times of the processes that an earlier look found, by pid; None for the first look.
        self._known = known

    def look(self, only: Optional[FrozenSet[str]] = None) -> Picture:
        """The picture of the declared groups, or of those named in ``only`` and below what else is named there."""
        if only is not None:
            only = self._with_those_below(only)
        sight = Sight(self._opened)
        sight.draft.only = only
        sight.draft.unfinished = self._unfinished
        groups = [group for group in self._desired.groups if only is None or names.shown(group.name) in only]
        rest = self._values(sight, groups)
        if rest or self._desired.policy.purge_below is not None:
            from .look import Closer

            Closer(sight, self._desired, self._known).look(rest)
        return sight.draft.finished()

    def _with_those_below(self, only: FrozenSet[str]) -> FrozenSet[str]:
        # What a group passes on is planned for those below it: a parent that is not declared is seen through them.
        declared = [names.shown(group.name) for group in self._desired.groups]
        others = only.difference(declared)
        if not others:
            return only
        if names.HOLD in others:
            # It passes on what the groups at the root need.
            others = others.union(("/",))
        return only.union(
            name for name in declared if not others.isdisjoint(("/",) + tuple(names.parents(name))) and name != "/"
        )

    def _values(self, sight: Sight, groups: List[Group]) -> List[Group]:
        """Read the files of all groups; returns those that need more than this."""
        host, roots = sight.host, sight.roots
        found, gone = sight.draft.values, sight.draft.gone
        plain = [not hierarchy.noprefix for hierarchy in host.hierarchies]
        # Beside systemd the hold is checked on every run, so no group is done with here.
        held = self._desired.systemd and host.mode == "unified"
        rest: List[Group] = []
        for group in groups:
            name = group.name
            if not group.present:
                rest.append(group)
                continue
            same = group.plain and not held
            for (index, files), expected in zip(group.look, group.expect):
                place = (index, name)
                if not files or (gone and (index, names.parent(name)) in gone):
                    sight.existence(place)
                    same = False
                    continue
                read = roots[index].read
                own: Dict[str, str] = {}
                for file in files:
                    try:
                        own[file] = read(
                            name + "/" + file if plain[index] and name else sight.path(index, name, file)
                        ).strip()
                    except FileNotFoundError:
                        if not sight.existence(place):
                            break
                    except OSError as error:
                        # ENODEV is what an open file of a group answers once the group was removed.
                        if error.errno != errno.ENODEV or sight.existence(place):
                            shown = hierarchies.absolute(host.hierarchies[index], name, file)
                            raise KernelError(shown, error, option=group.option) from None
                        break
                else:
                    found[place] = own
                same = same and own == expected
            if same:
                sight.draft.settled.add(name)
            else:
                rest.append(group)
        return rest
