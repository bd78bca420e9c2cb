# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: observe, plan, apply, verify. Written once; a domain brings the four verbs."""

from __future__ import annotations

import time
from typing import FrozenSet, Generic, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

from .errors import IsolationError, UnsettledError
from .plan import Change, Plan

Observed = TypeVar("Observed")

# How often living values are looked at again, and the pause between two looks in seconds.
LOOKS = 5
PAUSE = 0.05


class Domain(Generic[Observed]):
    """What a domain brings. All but ``plan`` may touch the host; only ``apply`` and its kin may change it."""

    def observe(self, only: Optional[FrozenSet[str]] = None) -> Observed:
        """Read what is there; with ``only``, what concerns these targets. Never writes."""
        raise AssertionError("a domain brings its own observe")

    def plan(self, observed: Observed) -> Plan:
        """Compare with what is wanted. Pure: the same picture gives the same plan."""
        raise AssertionError("a domain brings its own plan")

    def begin(self, changes: Sequence[Change]) -> None:
        """Before the first change: what a domain keeps for the case that the run dies half-way."""

    def apply(self, change: Change) -> None:
        """Do one change or raise an IsolationError."""
        raise AssertionError("a domain brings its own apply")

    def settle(self, changes: Sequence[Change]) -> Tuple[Change, ...]:
        """After the last change: catch up with what moved meanwhile; returns what was done on top of the plan."""
        return ()

    def take_back(self, changes: Sequence[Change]) -> Tuple[str, ...]:
        """After a failure: undo what can be undone; returns sentences on what stays."""
        return ()


class Outcome(NamedTuple):
    """What a run did or, in check mode, would do."""

    changes: Tuple[Change, ...]
    warnings: Tuple[str, ...]
    drifted: Tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.changes)


def converge(domain: Domain[Observed], check_mode: bool) -> Outcome:
    """Bring the host to what the domain wants; raises an IsolationError whose sentence is complete.

    The caller holds the lock from before this call until after it, and takes none in check mode.
    """
    plan = domain.plan(domain.observe())
    if check_mode or not plan.changes:
        return Outcome(plan.changes, plan.warnings, ())
    extra = _apply(domain, plan)
    try:
        drifted = _verify(domain, plan.changes + extra)
    except UnsettledError:
        raise
    except IsolationError as error:
        count = len(plan.changes)
        error.reason += f" (found when it was read again, after {count} of {count} changes were made)"
        raise
    warnings = plan.warnings + tuple(f"{path}: drifted while this task ran" for path in drifted)
    return Outcome(plan.changes + extra, warnings, drifted)


def _apply(domain: Domain[Observed], plan: Plan) -> Tuple[Change, ...]:
    done: List[Change] = []
    whole = 0
    apply = domain.apply
    try:
        domain.begin(plan.changes)
        for change in plan.changes:
            # Counted before it is tried: a change of several calls can fail after its first.
            done.append(change)
            apply(change)
            whole += 1
        return domain.settle(plan.changes)
    except BaseException as error:
        left = _taken_back(domain, done)
        if isinstance(error, IsolationError):
            note = f"{whole} of {len(plan.changes)} changes were made before it"
            error.reason = "{} ({})".format(error.reason, ", ".join((note,) + left))
        raise


def _taken_back(domain: Domain[Observed], done: Sequence[Change]) -> Tuple[str, ...]:
    try:
        return domain.take_back(done)
    except (IsolationError, OSError) as error:
        # It must not hide what went wrong first.
        return (f"and taking back failed: {error}".rstrip("."),)


def _verify(domain: Domain[Observed], changes: Sequence[Change]) -> Tuple[str, ...]:
    targets = frozenset(change.target for change in changes)
    touched = frozenset((change.target, change.path) for change in changes)
    residue: List[Change] = []
    for look in range(LOOKS):
        residue = [
            change for change in domain.plan(domain.observe(targets)).changes if (change.target, change.path) in touched
        ]
        if not residue:
            return ()
        settled = [change for change in residue if not change.living]
        if settled:
            raise UnsettledError(_unsettled(settled), option=settled[0].target, way_out=_SOMEBODY)
        if look + 1 < LOOKS:
            time.sleep(PAUSE)
    return tuple(sorted({change.path for change in residue}))


_SOMEBODY = "another program may manage this group: find it before you run the task again"


def _unsettled(changes: Sequence[Change]) -> str:
    shown = [f"{c.path} is {_shown(c.before)}, wanted {_shown(c.after)}" for c in changes[:5]]
    more = "" if len(changes) <= 5 else f" and {len(changes) - 5} more"
    return "does not hold after it was written: " + ", ".join(shown) + more


def _shown(value: object) -> str:
    return "missing" if value is None else repr(value)
