# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels to a target with each module, and what of it a plain run compiles: names and sizes, no seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

CHECKOUT = Path(__file__).resolve().parents[4]
COLLECTIONS = CHECKOUT / ".ansible" / "collections"
PREFIX = "ansible_collections/linux/isolation/plugins/"
MODULES = sorted(path.stem for path in (CHECKOUT / "plugins" / "modules").glob("*.py") if path.stem != "__init__")
CONVERGING = [name for name in MODULES if not name.endswith("_info")]
ASKING = [name for name in MODULES if name.endswith("_info")]

# What a converging module's first look at a host that is as declared has no use for.
RARE = [
    *(
        "declaring",
        "explain",
        "freezer",
        "gathering",
        "kinds_device",
        "look",
        "making",
        "merging",
        "owners",
        "placement",
    ),
    *("plan_delegation", "plan_groups", "plan_hold", "plan_limits", "plan_processes", "plan_removal", "plan_types"),
    *("protection", "selectors", "termination", "verbs"),
]


@pytest.fixture(scope="module")
def payloads() -> dict[str, dict[str, int]]:
    script = Path(__file__).with_name("payloads.py")
    names = ["ansible.builtin.file", *(f"linux.isolation.{name}" for name in MODULES)]
    found = subprocess.run(
        [sys.executable, str(script), str(COLLECTIONS), *names], stdout=subprocess.PIPE, check=True, timeout=300
    )
    sizes: dict[str, dict[str, int]] = json.loads(found.stdout)
    return sizes


def own(payload: dict[str, int]) -> list[PurePosixPath]:
    """Files of this collection, relative to its plugins; those that only mark a package are left out."""
    files = [name for name in payload if name.startswith("ansible_collections/") and not name.endswith("__init__.py")]
    assert all(name.startswith(PREFIX) for name in files), files
    return [PurePosixPath(name.removeprefix(PREFIX)) for name in files]


def test_there_are_modules_of_both_kinds() -> None:
    assert CONVERGING
    assert ASKING


@pytest.mark.parametrize("module", MODULES)
def test_a_payload_is_the_module_and_what_it_imports(payloads: dict[str, dict[str, int]], module: str) -> None:
    files = own(payloads[f"linux.isolation.{module}"])
    assert [str(path) for path in files if path.parts[0] == "modules"] == [f"modules/{module}.py"]
    rooms = {path.parts[1] for path in files if path.parts[0] == "module_utils"}
    assert rooms <= {"_convergence", "_kernel", "_cgroup"}
    assert {path.parts[0] for path in files} == {"modules", "module_utils"}


@pytest.mark.parametrize("module", MODULES)
def test_a_payload_holds_python_of_this_checkout_and_nothing_else(
    payloads: dict[str, dict[str, int]], module: str
) -> None:
    for path in own(payloads[f"linux.isolation.{module}"]):
        assert path.suffix == ".py"
        assert (CHECKOUT / "plugins" / path).is_file()


@pytest.mark.parametrize("module", MODULES)
def test_every_import_that_a_module_can_come_to_travels_with_it(
    payloads: dict[str, dict[str, int]], module: str
) -> None:
    """Imports inside functions too: the controllers' files, and what most runs do not need."""
    names = {path.stem for path in own(payloads[f"linux.isolation.{module}"])}
    assert {"cpu", "cpuset", "memory", "io", "blkio", "pids", "core", "no_limits"} <= names
    if module in CONVERGING:
        assert set(RARE) <= names


@pytest.mark.parametrize("module", CONVERGING)
def test_who_changes_brings_nothing_of_who_asks(payloads: dict[str, dict[str, int]], module: str) -> None:
    names = {path.stem for path in own(payloads[f"linux.isolation.{module}"])}
    assert [name for name in names if name == "info" or name.startswith("info_")] == []


@pytest.mark.parametrize("module", ASKING)
def test_who_asks_brings_nothing_that_changes(payloads: dict[str, dict[str, int]], module: str) -> None:
    changing = (
        "_cgroup/apply",
        "_cgroup/freezer",
        "_cgroup/plan",
        "_cgroup/run",
        "_cgroup/termination",
        "_cgroup/verbs",
    )
    places = {*changing, "_convergence/converge", "_kernel/journal", "_kernel/lock"}
    found = {
        str(path.with_suffix("")).removeprefix("module_utils/") for path in own(payloads[f"linux.isolation.{module}"])
    }
    assert found & places == set()


@pytest.mark.parametrize("module", MODULES)
def test_a_payload_is_little_more_than_twice_that_of_a_plain_module(
    payloads: dict[str, dict[str, int]], module: str
) -> None:
    # Most of it stays unread on the target: a controller's file is imported where one of its limits is declared.
    assert payloads[f"linux.isolation.{module}"][""] < 2.25 * payloads["ansible.builtin.file"][""]


LOADED = """
import json, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    __import__("ansible_collections.linux.isolation.plugins.module_utils." + name)
print(json.dumps([name for name in sys.modules if name.startswith("ansible_collections.linux.isolation.")]))
"""


def loaded(*names: str) -> set[str]:
    found = subprocess.run(
        [sys.executable, "-c", LOADED, str(COLLECTIONS), *names], stdout=subprocess.PIPE, check=True, timeout=300
    )
    return {name.rpartition(".")[2] for name in json.loads(found.stdout)}


def test_a_module_loads_little_before_it_has_looked() -> None:
    assert loaded("_cgroup.run", "_cgroup.arguments", "_convergence.answer") & {*RARE, "processes"} == set()


def test_of_the_controllers_only_those_that_are_asked_for_are_loaded() -> None:
    families = {"cpu", "cpuset", "memory", "io", "blkio", "pids", "core", "freezer", "no_limits"}
    assert loaded("_cgroup.run", "_cgroup.limits") & families == set()
