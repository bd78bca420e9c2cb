# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-doc shows of the converging modules, most of it from fragments: every option, as the module takes it, told once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import arguments

CHECKOUT = Path(__file__).parents[3]
SPECS = {"cgroup_group": arguments.group, "cgroup_limit": arguments.limit, "cgroup_tree": arguments.tree}
Options = Mapping[str, Any]


@pytest.fixture(scope="module")
def shown() -> dict[str, Any]:
    """What ansible-doc knows, by module."""
    found = subprocess.run(
        [Path(sys.executable).with_name("ansible-doc"), "-t", "module", "-j", *(f"linux.isolation.{m}" for m in SPECS)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "LC_ALL": "C.UTF-8"},
    )
    return {name.rpartition(".")[2]: told for name, told in json.loads(found.stdout).items()}


def flat(options: Options, below: str, prefix: str = "") -> Iterator[tuple[str, Options]]:
    """Options and suboptions by the names that errors and references give them."""
    for name, option in options.items():
        yield prefix + name, option
        part = name + ("[]" if option.get("elements") == "dict" else "") + "."
        yield from flat(option.get(below) or {}, below, prefix + part)


@pytest.mark.parametrize("module", SPECS)
def test_the_documentation_is_of_what_the_module_takes(shown: dict[str, Any], module: str) -> None:
    said, taken = dict(flat(shown[module]["doc"]["options"], "suboptions")), dict(flat(SPECS[module](), "options"))
    assert sorted(said) == sorted(taken)
    for name, option in taken.items():
        for key, silence in (
            ("type", "str"),
            ("default", None),
            ("choices", None),
            ("elements", None),
            ("required", False),
        ):
            assert (name, key, said[name].get(key, silence)) == (name, key, option.get(key, silence))
        assert said[name]["description"], name


@pytest.mark.parametrize("module", SPECS)
def test_a_reference_leads_to_an_option(shown: dict[str, Any], module: str) -> None:
    options = dict(flat(shown[module]["doc"]["options"], "suboptions"))
    references = re.findall(r"\bO\(([^)=]+)", json.dumps(shown[module]))
    assert references
    assert [name for name in references if name not in options] == []


def test_an_option_is_described_in_one_place() -> None:
    places: dict[str, list[str]] = {}
    for module in SPECS:
        text = (CHECKOUT / "plugins/modules" / (module + ".py")).read_text(encoding="utf-8")
        own = yaml.safe_load(text.split('DOCUMENTATION = r"""')[1].split('"""')[0])
        for name, option in flat(own.get("options", {}), "suboptions"):
            if "description" in option:
                places.setdefault(name, []).append(module)
    assert places == {name: [module] for name, (module, *_) in places.items()}
    assert set(places) == {"create", "groups", "purge_below", "purge_force"}
