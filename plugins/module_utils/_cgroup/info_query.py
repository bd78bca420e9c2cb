# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cgroup_info is asked for: its options, checked."""

from __future__ import annotations

from typing import FrozenSet, List, Mapping, NamedTuple, Optional, Tuple

from .._convergence.errors import InputError
from . import names

# What can be looked at of each group.
GATHER = (
    "children",
    "devices",
    "effective",
    "events",
    "limits",
    "pressure",
    "processes",
    "state",
    "stat",
    "threads",
    "usage",
)
# Without these three: long, slow for the kernel to add up, or asked for by few.
USUAL = tuple(part for part in GATHER if part not in ("devices", "stat", "threads"))
MOST = 200


class Query(NamedTuple):
    """What is asked for; group names are canonical. ``most`` is None where all shall be returned."""

    names: Tuple[str, ...] = ()
    below: Optional[str] = None
    depth: int = 1
    most: Optional[int] = MOST
    pids: Tuple[int, ...] = ()
    gather: FrozenSet[str] = frozenset(USUAL)

    @property
    def anything(self) -> bool:
        """Whether any group is asked for."""
        return bool(self.names or self.pids) or self.below is not None


def parse(params: Mapping[str, object]) -> Query:
    """The options of the module as a Query; raises InputError."""
    asked = _list(params, "names")
    below, depth, most = params.get("below"), params.get("depth"), params.get("max_items")
    if depth is not None and below is None:
        raise InputError("says how far to look below a group that is not named", option="depth", way_out="add below")
    for option, value, least in (("depth", depth, 1), ("max_items", most, 0)):
        if value is not None and (not isinstance(value, int) or value < least):
            raise InputError("is too small", option=option, value=value, way_out=f"write {least} or more")
    pids = _list(params, "pids")
    for number, pid in enumerate(pids):
        if not isinstance(pid, int) or pid < 1:
            raise InputError("is not the number of a process", option=f"pids[{number}]", value=pid)
    return Query(
        tuple(dict.fromkeys(names.parse(f"names[{number}]", name) for number, name in enumerate(asked))),
        None if below is None else names.parse("below", below),
        1 if depth is None else int(str(depth)),
        (MOST if most is None else int(str(most))) or None,
        tuple(dict.fromkeys(int(str(pid)) for pid in pids)),
        frozenset(USUAL if params.get("gather") is None else map(str, _list(params, "gather"))),
    )


def _list(params: Mapping[str, object], option: str) -> List[object]:
    found = params.get(option)
    return list(found) if isinstance(found, (list, tuple)) else []
