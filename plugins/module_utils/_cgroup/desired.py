# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task declares, as values: Groups whose limits are already in the host's own files, and a Policy."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, FrozenSet, List, Mapping, NamedTuple, Optional, Tuple

from .interface_files.entry import Want

if TYPE_CHECKING:
    # What a task does not use is not compiled on the target.
    from .selectors import Selector


class Delegate(NamedTuple):
    """To whom a group is handed over, as numeric ids; -1 where only the other one was declared."""

    user: int
    group: int


class OnProcesses(NamedTuple):
    """What to do with the processes of a group that shall go: ``refuse``, ``kill`` or ``move`` to a group."""

    action: str
    destination: str


REFUSE = OnProcesses("refuse", "")


class Group(NamedTuple):
    """One declared group. ``look`` lists, for each hierarchy that it exists in, the files that matter there."""

    name: str
    option: str
    present: bool = True
    wants: Tuple[Want, ...] = ()
    controllers: FrozenSet[str] = frozenset()
    look: Tuple[Tuple[int, Tuple[str, ...]], ...] = ()
    unwanted: FrozenSet[str] = frozenset()
    type: Optional[str] = None
    delegate: Optional[Delegate] = None
    frozen: Optional[bool] = None
    selectors: Tuple[Selector, ...] = ()
    recursive: bool = False
    on_processes: OnProcesses = REFUSE
    warnings: Tuple[str, ...] = ()
    # For each hierarchy of ``look`` what its files show when all limits hold; ``plain``: there is nothing but limits.
    expect: Tuple[Mapping[str, Optional[str]], ...] = ()
    plain: bool = False
    # The limits as they were written: two declarations of one group are resolved again as one.
    said: Mapping[str, object] = MappingProxyType({})

    def indexes(self) -> Tuple[int, ...]:
        """The hierarchies that it exists in."""
        return tuple([index for index, _files in self.look])


class Policy(NamedTuple):
    """What a task permits, and what it does beyond single groups."""

    create: bool = True
    fill_parents: bool = False
    shrink: str = "reclaim"
    allow_lockout: bool = False
    from_systemd: bool = False
    recreate: bool = False
    unsafe_v1: bool = False
    purge_below: Optional[str] = None
    purge_force: bool = False
    # Check mode: what an earlier task would have made is not there yet.
    check: bool = False


class Desired(NamedTuple):
    """All groups of a task, parents before children, and its policy."""

    groups: Tuple[Group, ...]
    policy: Policy
    systemd: bool


def removing(item: Mapping[str, object]) -> List[str]:
    """The options about a removal that were given; what is said by default (false, refuse) cannot be told from silence."""
    found = ["recursive"] if item.get("recursive") else []
    return found + ["on_processes"] if item.get("on_processes") not in (None, "refuse") else found
