# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the dialects says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import docker_names
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files import table
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.translation import weight_of

PAGE = (Path(__file__).parents[3] / "docs/reference/dialects.md").read_text()


def test_the_figures_of_each_formula_are_those_of_the_code() -> None:
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in PAGE.splitlines() if line.startswith("|")]
    shares = next([int(cell) for cell in row[3:]] for row in rows if row[0] == "formula")
    found = {
        row[0].split("`")[0]: [int(cell) for cell in row[3:]] for row in rows if len(row) == 8 and row[3].isdigit()
    }
    del found["formula"]
    assert found == {
        formula: [weight_of(one, formula) for one in shares] for formula in ("quadratic", "linear", "proportional")
    }


def test_every_row_of_cpu_memory_and_pids_is_on_the_page() -> None:
    rows = [row for controller in ("cpu", "memory", "pids") for row in table.family(controller).files]
    missing = {row.name for row in rows if f"`{row.name}`" not in PAGE}
    assert missing == {name for name in missing if name.startswith("memory.zswap.")}


def test_every_option_of_docker_is_on_the_page() -> None:
    named = set(re.findall(r"`([a-z_]+)`", PAGE))
    assert set(docker_names.NAMES) - named == {"kernel_memory"}
