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
from .hierarchies import CORE, FREEZER, Roots, file_path
from .picture import Draft, Picture, Place


class Observer:
    """One look at the host. Reads only; what vanishes while it looks is not there."""

    def __init__(
        self,
        opened: Roots,
        desired: Desired,
        unfinished: FrozenSet[str] = frozenset(),
        known: Optional[Mapping[int, int]] = None,
    ) -> None:
        # Start times of the processes that an earlier look found, by pid; None for the first look.
        self.known = known
        self.host = opened.host
        self.roots = opened.roots
        self.desired = desired
        self._unfinished = unfinished

    def look(self, only: Optional[FrozenSet[str]] = None) -> Picture:
        """The picture of the declared groups, or of those named in ``only`` and below what else is named there."""
        if only is not None:
            only = self._with_those_below(only)
        self.draft = Draft(self.host)
        self.draft.only = only
        self.draft.unfinished = self._unfinished
        groups = [group for group in self.desired.groups if only is None or names.shown(group.name) in only]
        rest = self._values(groups)
        if rest or self.desired.policy.purge_below is not None:
            from .look import Closer

            Closer(self).look(rest)
        return self.draft.finished()

    def _with_those_below(self, only: FrozenSet[str]) -> FrozenSet[str]:
        # What a group passes on is planned for those below it: a parent that is not declared is seen through them.
        declared = [names.shown(group.name) for group in self.desired.groups]
        others = only.difference(declared)
        if not others:
            return only
        if names.HOLD in others:
            # It passes on what the groups at the root need.
            others = others.union(("/",))
        return only.union(
            name for name in declared if not others.isdisjoint(("/",) + tuple(names.parents(name))) and name != "/"
        )

    def _values(self, groups: List[Group]) -> List[Group]:
        """Read the files of all groups; returns those that need more than this."""
        draft, roots = self.draft, self.roots
        found, gone = draft.values, draft.gone
        plain = [not hierarchy.noprefix for hierarchy in self.host.hierarchies]
        # Beside systemd the hold is checked on every run, so no group is done with here.
        held = self.desired.systemd and self.host.mode == "unified"
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
                    self.existence(place)
                    same = False
                    continue
                read = roots[index].read
                own: Dict[str, str] = {}
                for file in files:
                    try:
                        own[file] = read(
                            name + "/" + file if plain[index] and name else self.path(index, name, file)
                        ).strip()
                    except FileNotFoundError:
                        if not self.existence(place):
                            break
                    except OSError as error:
                        # ENODEV is what an open file of a group answers once the group was removed.
                        if error.errno != errno.ENODEV or self.existence(place):
                            shown = hierarchies.absolute(self.host.hierarchies[index], name, file)
                            raise KernelError(shown, error, option=group.option) from None
                        break
                else:
                    found[place] = own
                same = same and own == expected
            if same:
                draft.settled.add(name)
            else:
                rest.append(group)
        return rest

    def path(self, index: int, name: str, file: str) -> str:
        """Where a file is below the root of its hierarchy."""
        return file_path(self.host.hierarchies[index], name, file)

    def vanished(self, index: int, path: str, error: OSError) -> None:
        """Return where a group or file went away while it was looked at; a KernelError for every other refusal."""
        if error.errno not in (errno.ENOENT, errno.ENODEV):
            raise KernelError(self.host.hierarchies[index].point + "/" + path, error) from None

    def existence(self, place: Place) -> bool:
        """Whether a group is there; asked once for each."""
        index, name = place
        draft = self.draft
        if not name or place in draft.present or place in draft.values:
            return True
        if place in draft.gone:
            return False
        above = names.parent(name)
        try:
            there = (not above or self.existence((index, above))) and self.roots[index].status(name) is not None
        except OSError as error:
            self.vanished(index, name, error)
            there = False
        if not there:
            draft.gone.add(place)
            return False
        draft.present.add(place)
        return True

    def proven(self, index: int, group: Group) -> bool:
        """Whether nothing has to be known of the groups above one on v2."""
        # A file of a controller that is there proves that every group above passes the controller on.
        if group.type is not None or group.selectors or group.unwanted:
            return False
        there = self.draft.values.get((index, group.name))
        if there is None:
            return False
        shown = {file.partition(".")[0] for file in there}
        return all(c in shown or c in (CORE, FREEZER) for c in group.controllers if self.host.where.get(c) == index)
