# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Planning as a function, over all the plans of tests/unit/plans."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.apply import Cgroups
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.plan import plan
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import IsolationError
from ansible_collections.linux.isolation.plugins.module_utils._convergence.plan import Change, Plan
from ansible_collections.linux.isolation.tests.unit.plans import cases
from ansible_collections.linux.isolation.tests.unit.plans.host import Described

CASES = list(cases.every())
PLANS = [case for case in CASES if case.plan is not None]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_a_plan_depends_on_its_arguments_alone_and_changes_none(case: cases.Case, tmp_path: Path) -> None:
    host = Described(case.given, tmp_path)
    ((module, options),) = case.declared.items()
    with host.entered():
        try:
            desired = cases.desired(host, module, options, case.check_mode)
            picture = Cgroups(host.opened, desired).observe()
        except IsolationError:
            return
    before = copy.deepcopy(picture)
    first, second = _outcome(picture, desired), _outcome(picture, desired)
    assert first == second
    assert picture == before


def _outcome(picture: object, desired: object) -> Plan | str:
    try:
        return plan(picture, desired)  # type: ignore[arg-type]  # what was observed and parsed above
    except IsolationError as error:
        return error.sentence()


@pytest.mark.parametrize("case", PLANS, ids=lambda case: f"{case.file}: {case.name}")
def test_check_mode_lists_exactly_the_same_changes(case: cases.Case, tmp_path: Path) -> None:
    if case.check_mode:
        # An earlier task of the play would have made the group: a real run is an error, and that is the difference.
        assert _changes(case, tmp_path / "real", False) is None
        return
    assert _changes(case, tmp_path / "real", False) == _changes(case, tmp_path / "check", True)


def _changes(case: cases.Case, place: Path, check_mode: bool) -> list[Change] | None:
    host = Described(case.given, place)
    ((module, options),) = case.declared.items()
    with host.entered():
        try:
            domain = Cgroups(host.opened, cases.desired(host, module, options, check_mode))
            return list(domain.plan(domain.observe()).changes)
        except IsolationError:
            return None


@pytest.mark.parametrize("case", PLANS, ids=lambda case: f"{case.file}: {case.name}")
def test_a_group_is_made_before_anything_is_done_in_it_and_removed_after(case: cases.Case, tmp_path: Path) -> None:
    changes = _changes(case, tmp_path, case.check_mode)
    assert changes is not None
    gone: set[str] = set()
    touched: set[str] = set()
    for change in changes:
        folder = change.path if change.action in ("create", "remove", "kill") else change.path.rpartition("/")[0]
        above = {folder[:at] for at, letter in enumerate(folder) if letter == "/"} | {folder}
        if change.action == "create":
            assert folder not in touched, f"{folder} is made after something was done in it"
            gone.discard(folder)
        assert not above & gone, f"{change.path} is below what was removed"
        if change.action == "remove":
            gone.add(folder)
        else:
            touched.add(folder)


@pytest.mark.parametrize("case", PLANS, ids=lambda case: f"{case.file}: {case.name}")
def test_a_change_that_changes_nothing_is_none(case: cases.Case, tmp_path: Path) -> None:
    for change in _changes(case, tmp_path, case.check_mode) or ():
        assert change.before != change.after, cases.line(change)
