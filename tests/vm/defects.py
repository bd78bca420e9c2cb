# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defects, and how one is planted into a copy of the collection: what a scenario has to notice is data."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Defect(NamedTuple):
    """A text of one file that is there once and becomes another; and the step that fails, with the test where that is verify."""

    file: str
    before: str
    after: str
    step: str
    test: str = ""


# Before the tree's module plans anything.
_CALL = "    found = answer(lambda: run_tree("


def _tree(statement: str, test: str) -> Defect:
    """A defect of what the tree's module makes of each group that it is given."""
    loop = f'    for group in module.params["groups"]:\n        {statement}\n'
    return Defect("plugins/modules/cgroup_tree.py", _CALL, loop + _CALL, "verify", test)


# The modules read again what they wrote: none of these is seen by that.
DEFECTS: Mapping[str, Defect] = {
    "changed is always true": Defect(
        "plugins/modules/cgroup_tree.py",
        "module.exit_json(**found.values)",
        "module.exit_json(**dict(found.values, changed=True))",
        "idempotence",
    ),
    "sizes are off by a page": Defect(
        "plugins/module_utils/_cgroup/values.py",
        "return amount // facts.page_size * facts.page_size if amount",
        "return (amount // facts.page_size + 1) * facts.page_size if amount",
        "verify",
        "test_the_files_hold_what_was_declared",
    ),
    "a write is left out": _tree(
        '(group["limits"] or {}).pop("pids.max", None)',
        "test_the_pids_limit_stops_a_fork",
    ),
    "processes stay where they are": _tree(
        'group["processes"] = None',
        "test_processes_are_where_they_were_placed",
    ),
    "nothing is frozen": _tree(
        'group["frozen"] = None',
        "test_a_frozen_process_stands_still_and_a_thawed_one_goes_on",
    ),
    "reads are limited as writes": _tree(
        'for keys in (group["limits"] or {}).get("io.max", {}).values(): "rbps" in keys and keys.update(wbps=keys.pop("rbps"))',
        "test_the_disk_is_throttled",
    ),
    "another processor is meant": _tree(
        'group["limits"] = {k: [0] if k == "cpuset.cpus" else v for k, v in (group["limits"] or {}).items()}',
        "test_a_cpuset_pins",
    ),
    "the info module invents": Defect(
        "plugins/modules/cgroup_info.py",
        "module.exit_json(**found.values)",
        'module.exit_json(**dict(found.values, mode="unknown"))',
        "verify",
        "test_the_info_module_agrees",
    ),
    "systemd takes what it wants": Defect(
        "plugins/module_utils/_cgroup/plan_hold.py",
        "    if not wanted - held:\n",
        "    if wanted:\n",
        "verify",
        "test_systemd_takes_nothing_away",
    ),
}

# Every scenario has to fail. On this host that costs little; where a machine has to boot, the defects take turns.
BY_SCENARIO: Mapping[str, tuple[str, ...]] = {
    "kernel": tuple(name for name in DEFECTS if name != "systemd takes what it wants"),
    "unified": ("systemd takes what it wants",),
    "hybrid": ("sizes are off by a page",),
    "legacy": ("a write is left out",),
    "openrc_unified": ("nothing is frozen",),
    "openrc_hybrid": ("reads are limited as writes",),
    "openrc_legacy": ("changed is always true",),
}


def plant(checkout: Path, folder: Path, defect: Defect) -> Path:
    """Copies the collection into the folder with the defect in it; returns what ANSIBLE_COLLECTIONS_PATH has to be.

    Raises:
        ValueError: the file has not, or not once, the text that the defect replaces.
    """
    copy = folder / "ansible_collections" / "linux" / "isolation"
    for name in ("meta", "plugins"):
        shutil.copytree(checkout / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(checkout / "galaxy.yml", copy)
    file = copy / defect.file
    text = file.read_text(encoding="utf-8")
    if text.count(defect.before) != 1:
        raise ValueError(f"{defect.file} has {text.count(defect.before)} times, and not once: {defect.before.strip()}")
    file.write_text(text.replace(defect.before, defect.after), encoding="utf-8")
    return folder
