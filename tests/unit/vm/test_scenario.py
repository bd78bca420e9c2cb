# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which scenarios there are, and that each is whole."""

from __future__ import annotations

import re

import pytest

from ansible_collections.linux.isolation.tests.vm import scenario

FOLDER = scenario.CHECKOUT / "molecule"


def test_all_scenarios_are_those_of_the_page() -> None:
    told = re.findall(r"^\| `(\w+)` \|", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(told[:7]) == scenario.scenarios()


@pytest.mark.parametrize("name", scenario.scenarios())
def test_a_scenario_is_whole(name: str) -> None:
    for file in ("molecule.yml", "create.yml", "destroy.yml", "prepare.yml", "converge.yml", "files", "tests"):
        assert (FOLDER / name / file).exists()
    assert name == "kernel" or scenario.images(name)
