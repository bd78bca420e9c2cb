# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/reference/machines.md: what the last run of all scenarios found."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .scenario import CHECKOUT, Outcome, images

PAGE = CHECKOUT / "docs" / "reference" / "machines.md"

_HEAD = """# The machines that it was tried on

Made by `make test-vm-full`: each Molecule scenario (`molecule/README.md`) converges one declaration on real machines, finds nothing to
change when it is run again, and asks the kernel whether the limits hold. *Passed* counts the questions; the seconds are those of the
scenario, on an emulated processor from a machine that was booted before.

| scenario | image | init | kernel | mode | seconds | passed |
|---|---|---|---|---|---|---|
"""


def page(outcomes: Iterable[Outcome]) -> str:
    """The page, with a row for each machine."""
    return _HEAD + "".join(row + "\n" for outcome in outcomes for row in _rows(outcome))


def _rows(outcome: Outcome) -> Iterable[str]:
    scenario = outcome.job.scenario
    seconds = f"{outcome.seconds:.0f}"
    if not outcome.machines:
        yield _row(scenario, "", "", "", "", seconds, f"no: {outcome.failed_in}")
    for machine in outcome.machines:
        image = images(scenario).get(machine.name)
        # Of the host that ran the tests, only what others can have as well.
        kernel = machine.kernel if image else re.split("[-+]", machine.kernel)[0]
        passed = f"no: {outcome.failed_in}" if outcome.failed_in else str(machine.passed)
        yield _row(scenario, image or "this host", machine.init, kernel, machine.mode, seconds, passed)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
