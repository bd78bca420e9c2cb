# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formulas and the arithmetic between the dialects: as published, and there and back."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import dialects, limits, translation
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import (
    USUAL,
    Choices,
    Facts,
)
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.translation import NICE, shares_of, weight_of
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError

from .published import BANDWIDTHS, IO_WEIGHTS, RESOURCES, SHARES, SWAP, WEIGHTS

FACTS = Facts(1, 2**34, 8, lambda path: "8:0")
FORMULAS = ("quadratic", "linear", "proportional")


@pytest.mark.parametrize(("formula", "shares", "weight", "source"), WEIGHTS)
def test_a_weight_is_as_published(formula: str, shares: int, weight: int, source: str) -> None:
    assert weight_of(shares, formula) == weight, source


@pytest.mark.parametrize(("formula", "weight", "shares", "source"), SHARES)
def test_shares_are_as_published(formula: str, weight: int, shares: int, source: str) -> None:
    assert shares_of(weight, formula) == shares, source


@pytest.mark.parametrize(("before", "quota", "period", "then", "source"), BANDWIDTHS)
def test_a_bandwidth_is_as_published(
    before: str, quota: int | None, period: int | None, then: str, source: str
) -> None:
    said = {"cpu.cfs_quota_us": quota, "cpu.cfs_period_us": period}
    known = {name: value for name, value in said.items() if value is not None}
    (want,) = limits.resolve("limits", known, {"cpu": 2}, FACTS, "unified", {}).wants
    value = want.value if want.resolve is None else want.resolve({"cpu.max": before})
    assert want.file.kind.text(value) == then, source


@pytest.mark.parametrize(("memsw", "memory", "swap", "source"), SWAP)
def test_swap_is_as_published(memsw: int, memory: int | None, swap: int | None, source: str) -> None:
    said = {"memory.memsw.limit_in_bytes": memsw, "memory.limit_in_bytes": -1 if memory is None else memory}

    def found() -> Any:
        wants = limits.resolve("limits", said, {"memory": 2}, FACTS, "unified", {}).wants
        return {want.file.name: want.value for want in wants}["memory.swap.max"]

    if swap is None:
        with pytest.raises(InputError):
            found()
    else:
        assert found() == swap, source


@pytest.mark.parametrize(("weight", "io_weight", "source"), IO_WEIGHTS)
def test_a_weight_of_block_io_is_as_published(weight: int, io_weight: int, source: str) -> None:
    found = dialects.converted({"blkio_weight": weight}, 2, USUAL, "io.weight")
    assert found.limits == {"io.weight": {"default": io_weight}}, source


@pytest.mark.parametrize(("resources", "files", "source"), RESOURCES)
def test_a_containers_resources_are_as_published(resources: dict[str, Any], files: dict[str, Any], source: str) -> None:
    assert dialects.converted(resources, 2, USUAL).limits == files, source


# -- the formulas -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_keeps_the_order_and_the_range(formula: str) -> None:
    weights = [weight_of(shares, formula) for shares in range(2, 262145)]
    assert weights == sorted(weights)
    assert (weights[0], weights[-1]) == (1, 10000)
    shares = [shares_of(weight, formula) for weight in range(1, 10001)]
    assert shares == sorted(set(shares))
    assert shares[0] >= 2
    assert shares[-1] <= 262144


def test_the_inverse_of_the_usual_formula_loses_no_weight() -> None:
    assert [weight_of(shares_of(weight)) for weight in range(1, 10001)] == list(range(1, 10001))
    assert [shares_of(weight) for weight in (1, 100, 10000)] == [2, 1024, 262144]


@pytest.mark.parametrize("formula", ["linear", "proportional"])
def test_the_other_inverses_miss_by_one_at_most(formula: str) -> None:
    assert {weight - weight_of(shares_of(weight, formula), formula) for weight in range(11, 9999)} <= {0, 1}


def test_nice_values_are_a_fourth_apart() -> None:
    assert len(NICE) == 40
    assert NICE[20] == 1024
    assert all(1.15 < more / less < 1.36 for more, less in itertools.pairwise(NICE))


def test_a_choice_is_one_that_the_formulas_know() -> None:
    assert Choices()._asdict() == {"cpu_weight_formula": "quadratic", "memory_soft_limit": ""}
    assert len({weight_of(1000, formula) for formula in FORMULAS}) == 3


# -- what it costs ----------------------------------------------------------------------------------------------------


def test_who_speaks_the_hosts_dialect_loads_no_translation() -> None:
    prefix = translation.__name__.rpartition(".")[0]
    program = f"""
import sys
sys.path[:] = {sys.path!r}
from {prefix} import limits
from {prefix}.interface_files.entry import Facts
facts = Facts(4096, 2**30, 8, str)
for name, value in (("cpu.weight", 100), ("memory.max", "1G")):
    limits.resolve("limits", {{name: value}}, {{"cpu": 2, "memory": 2}}, facts, "unified", {{}})
print("{prefix}.translation" in sys.modules)
limits.resolve("limits", {{"cpu.shares": 100}}, {{"cpu": 2}}, facts, "unified", {{}})
print("{prefix}.translation" in sys.modules)
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["False", "True"]
