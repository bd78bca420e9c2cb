# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Change and Plan: what will be done, as plain data that a test, a diff and the kernel writer all read."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple


class Change(NamedTuple):
    """One step. ``do`` is the domain's own instruction; everything before it is for people.

    ``target`` is the name in the user's words, ``path`` what is changed on the host, ``before`` and ``after`` the
    values in the user's dialect (``before`` is None for what does not exist yet). A *living* change concerns a value
    that others move too, so finding it undone afterwards is drift and no failure.
    """

    action: str
    target: str
    path: str
    before: object
    after: object
    do: Tuple[object, ...] = ()
    living: bool = False

    def as_action(self) -> Dict[str, object]:
        """The shape that modules return: action, target, path, before, after."""
        return dict(zip(_ACTION, self))


_ACTION = ("action", "target", "path", "before", "after")


class Plan(NamedTuple):
    """Changes in the order in which they are applied, and what a person should know beforehand."""

    changes: Tuple[Change, ...] = ()
    warnings: Tuple[str, ...] = ()


def diff(changes: Sequence[Change]) -> List[Dict[str, str]]:
    """Ansible's list of {before_header, after_header, before, after}: one entry a target, only what differs."""
    by_target: Dict[str, List[Change]] = {}
    for change in changes:
        by_target.setdefault(change.target, []).append(change)
    found = []
    for target, own in by_target.items():
        before, after = _sides(own)
        found.append({"before_header": target, "after_header": target, "before": before, "after": after})
    return found


def _sides(changes: Sequence[Change]) -> Tuple[str, str]:
    # A path that is written twice (raised for the children first, lowered after them) is one line:
    # from where it came to where it ends.
    first: Dict[_Line, object] = {}
    last: Dict[_Line, object] = {}
    for number, change in enumerate(changes):
        line = (change.path, change.action, number if change.action in ("move", "kill", "signal") else -1)
        first.setdefault(line, change.before)
        last[line] = change.after
    return _lines(first), _lines(last)


_Line = Tuple[str, str, int]


def _lines(values: Dict[_Line, object]) -> str:
    return "".join([f"{path}: {value}\n" for (path, _verb, _number), value in values.items() if value is not None])


def cut(changes: Sequence[Change], limit: Optional[int]) -> List[Dict[str, object]]:
    """The first ``limit`` changes as actions, all of them for None."""
    return [change.as_action() for change in (changes if limit is None else changes[:limit])]
