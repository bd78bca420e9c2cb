# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each plan of the files beside this one, against the real parser, the real observer and the real planner."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.linux.isolation.tests.unit.plans import cases

CASES = list(cases.every())
# Of the orders that the kernel wants, those that a plan has in it. The others are device rules, which are not planned yet,
# and waits and repetitions, whose tests are beside the code that does them.
ORDERS = {f"order {number}" for number in (1, 2, 3, 4, 5, 6, 9, 11, 12, 14, 15, 16, 17)}

# And what reads back otherwise than it was written.
TRAPS = {
    "-1 is refused by v2 and by pids",
    "/dev paths become numbers",
    "a controller's place is read",
    "a class is read in decimal",
    "a size of huge pages is cut to the page",
    "an empty string means 0",
    "cgroup.procs can hold 0 and duplicates",
    "cpu.shares is clamped silently",
    "cpusets print as normalised ranges",
    "hugetlb shows no limit as many numbers",
    "idle changes the weight that is read",
    "ifpriomap and rdma.max list everything",
    "io.bfq.weight was a bare number",
    "io.max keeps what is not written",
    "io.weight starts with a default",
    "new v1 groups inherit",
    "obsolete files are refused",
    "pids.max has a ceiling",
    "sizes are cut to the page",
    "v1 memory takes no max",
    "v1 reads octal",
    "v1 shows no limit as a number",
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.name}")
def test_a_plan_is_as_written(case: cases.Case, tmp_path: Path) -> None:
    found = cases.found(case, tmp_path)
    if case.plan is None:
        assert found.error is not None, f"no error, but the plan {found.plan}"
        sentence = found.error.sentence()
        kind, *pieces = case.error
        assert (type(found.error).__name__, [piece for piece in pieces if piece not in sentence]) == (kind, []), (
            sentence
        )
        assert sentence.count("\n") == 0
        assert sentence.endswith(".")
        assert not sentence.endswith("..")
        return
    assert found.error is None, found.error
    assert found.plan == case.plan
    assert len(found.warnings) == len(case.warnings), found.warnings
    for piece, warning in zip(case.warnings, found.warnings, strict=True):
        assert piece in warning
    if case.writes is not None:
        assert found.writes == case.writes


def test_every_order_and_every_trap_has_a_plan() -> None:
    proven = {name for case in CASES for name in case.proves}
    assert (ORDERS | TRAPS) - proven == set()
    assert {name for name in proven if not name.startswith("order ")} == TRAPS


def test_no_two_cases_have_one_name() -> None:
    names = [(case.file, case.name) for case in CASES]
    assert sorted(set(names)) == sorted(names)
