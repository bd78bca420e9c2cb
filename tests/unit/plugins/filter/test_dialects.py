# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters as a template calls them, and what their documentation promises."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display
from jinja2.nativetypes import NativeEnvironment

from ansible_collections.linux.isolation.plugins.filter import dialects

FOLDER = Path(dialects.__file__).parent
FILTERS = dialects.FilterModule().filters()


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(Display, "warning", lambda _self, text, **_: found.append(text))
    return found


def test_both_ways(warnings: list[str]) -> None:
    assert FILTERS["to_cgroup_v2"]({"--cpus": 1.5}) == {"cpu.max": "150000 100000"}
    assert FILTERS["to_cgroup_v1"]({"cpu.weight": 100}) == {"cpu.shares": 1024}
    assert warnings == []


def test_what_is_lossy_is_a_warning(warnings: list[str]) -> None:
    assert FILTERS["to_cgroup_v2"]({"cpu.shares": 1024}, cpu_weight_formula="linear") == {"cpu.weight": 39}
    assert warnings == ["cpu.shares: 1024 becomes cpu.weight: 39 by the linear formula, which is not exact"]


def test_the_arguments_arrive(warnings: list[str]) -> None:
    v1, v2 = FILTERS["to_cgroup_v1"], FILTERS["to_cgroup_v2"]
    assert v1({"memory.low": 0}, memory_soft_limit="low") == {"memory.soft_limit_in_bytes": "max"}
    assert v2({"memory.soft_limit_in_bytes": 4096}, memory_soft_limit="high") == {"memory.high": 4096}
    assert v2({"blkio_weight": 500}, io_weight_file="io.weight") == {"io.weight": {"default": 4950}}


@pytest.mark.parametrize(
    ("name", "limits", "arguments", "sentence"),
    [
        (
            "to_cgroup_v2",
            {"memory.max": "x"},
            {},
            "limits['memory.max']: 'x' is not a number; write it like 512M, 1.5GiB or max.",
        ),
        (
            "to_cgroup_v1",
            {"memory.min": 1},
            {},
            "limits['memory.min']: has no counterpart in the v1 memory controller; ",
        ),
        ("to_cgroup_v2", {}, {"cpu_weight_formula": "cubic"}, "'cubic' is none of quadratic, linear, proportional."),
        ("to_cgroup_v1", {}, {"memory_soft_limit": "max"}, "memory_soft_limit: 'max' is none of low, high."),
        ("to_cgroup_v2", {}, {"io_weight_file": "x"}, "io_weight_file: 'x' is none of io.bfq.weight, io.weight."),
    ],
)
def test_an_error_is_one_sentence(name: str, limits: dict[str, Any], arguments: dict[str, str], sentence: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        FILTERS[name](limits, **arguments)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", FILTERS)
def test_the_documentation_says_what_there_is(name: str) -> None:
    told = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    options = told["DOCUMENTATION"]["options"]
    signature = inspect.signature(FILTERS[name]).parameters
    assert set(options) == {"_input", *list(signature)[1:]}
    for option, parameter in list(signature.items())[1:]:
        assert options[option].get("default") == parameter.default


@pytest.mark.parametrize("name", FILTERS)
def test_the_comments_in_the_examples_are_true(name: str, warnings: list[str]) -> None:
    examples = yaml.safe_load((FOLDER / f"{name}.yml").read_text())["EXAMPLES"]
    environment = NativeEnvironment()
    environment.filters.update({f"linux.isolation.{name}": function for name, function in FILTERS.items()})
    shown = 0
    for example in examples.split("\n\n"):
        (task,) = yaml.safe_load(example)
        comment = " ".join(line.strip("# ") for line in example.splitlines() if line.strip().startswith("#"))
        if comment:
            template = environment.from_string(task["ansible.builtin.debug"]["msg"])
            assert template.render(task.get("vars", {})) == yaml.safe_load(comment)
            shown += 1
    assert shown == 2
