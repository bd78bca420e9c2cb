# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each defect can be planted into the collection as it is now, and each scenario has one."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.linux.isolation.tests.vm import defects, scenario


@pytest.mark.parametrize("name", defects.DEFECTS)
def test_a_defect_can_be_planted(name: str, tmp_path: Path) -> None:
    defect = defects.DEFECTS[name]
    place = defects.plant(scenario.CHECKOUT, tmp_path, defect)
    text = (place / "ansible_collections" / "linux" / "isolation" / defect.file).read_text()
    assert defect.after in text
    compile(text, defect.file, "exec")


def test_each_scenario_has_one() -> None:
    assert sorted(defects.BY_SCENARIO) == scenario.scenarios()
    assert {name for names in defects.BY_SCENARIO.values() for name in names} == set(defects.DEFECTS)
