# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is declared in whichever dialect: the filters and the modules mean the same by it, and nothing is written twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import dialects, limits
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files import table
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import (
    INHERIT,
    Choices,
    Facts,
)
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.translation import shares_of, weight_of
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError, IsolationError
from ansible_collections.linux.isolation.tests.model.bench import Bench, installed
from ansible_collections.linux.isolation.tests.model.host import Host, Layout

EXAMPLES = settings().max_examples
CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")
FORMULAS = ("quadratic", "linear", "proportional")


def nowhere(path: str) -> str:
    raise InputError("is a path", value=path)


# As much as the filters know.
FACTS = Facts(1, 0, 0, nowhere)

periods = st.sampled_from((1000, 50000, 100000, 1000000))
sizes = st.sampled_from((4096, 65536, 2**20, "64M", "1.5GiB", 2**30))
more = st.sampled_from((2**31, "4G", "max", -1))
shares = st.integers(2, 262144) | st.just("default")
weights = st.integers(1, 10000) | st.just("default")
# What one controller can be told, by v1's names and by v2's.
SAID: dict[str, list[st.SearchStrategy[Mapping[str, object]]]] = {
    "cpu": [
        st.fixed_dictionaries({"cpu.shares": shares}),
        st.fixed_dictionaries({"cpu.weight": weights}),
        st.fixed_dictionaries({"cpu.weight.nice": st.integers(-20, 19)}),
        st.fixed_dictionaries({"cpu.idle": st.booleans()}),
        st.fixed_dictionaries(
            {"cpu.cfs_quota_us": st.integers(1000, 10**6) | st.just(-1)}, optional={"cpu.cfs_period_us": periods}
        ),
        st.fixed_dictionaries(
            {"cpu.max": st.builds("{} {}".format, st.integers(1000, 10**6), periods) | st.sampled_from(("max", 0.5))},
            optional={"cpu.max.burst": st.integers(0, 1000)},
        ),
    ],
    "memory": [
        st.fixed_dictionaries({"memory.max": sizes}, optional={"memory.swap.max": sizes | st.just("max")}),
        st.fixed_dictionaries({"memory.limit_in_bytes": sizes}, optional={"memory.memsw.limit_in_bytes": more}),
        st.fixed_dictionaries({"memory.soft_limit_in_bytes": sizes | st.sampled_from((0, -1, "default"))}),
        st.fixed_dictionaries({"memory.low": sizes | st.sampled_from((0, "default"))}),
        st.fixed_dictionaries({"memory.high": sizes | st.sampled_from((0, "max", "default"))}),
    ],
    "pids": [st.fixed_dictionaries({"pids.max": st.integers(1, 4194304) | st.sampled_from(("max", "default"))})],
    "cpuset": [st.fixed_dictionaries({"cpuset.cpus": st.sampled_from(("0", "0-1", "1,3"))})],
    "io": [
        st.fixed_dictionaries({"io.max": st.just({"8:0": {"rbps": 4096, "wiops": 7}})}),
        st.fixed_dictionaries({"blkio.throttle.read_bps_device": st.just({"8:0": "1M", "8:16": 5})}),
    ],
}


@st.composite
def declarations(draw: st.DrawFn) -> dict[str, object]:
    """Limits of some controllers, each in a dialect of its own."""
    found: dict[str, object] = {}
    for controller in draw(st.frozensets(st.sampled_from(CONTROLLERS), min_size=1)):
        found.update(draw(st.one_of(SAID[controller])))
    return found


choices = st.builds(Choices, st.sampled_from(FORMULAS), st.sampled_from(("", "low", "high")))


def meant(said: Mapping[str, object], version: int, chosen: Choices) -> dict[str, Any]:
    """The values that the modules want in a version's files."""
    versions = dict.fromkeys(CONTROLLERS, version)
    wants = limits.resolve("limits", said, versions, FACTS, "", {}, chosen).wants
    return {want.file.name: want.value if want.resolve is None else want.resolve({}) for want in wants}


def or_error(attempt: Callable[[], Any]) -> Any:
    """What it returns, or the sentence that it ends in."""
    try:
        return attempt()
    except IsolationError as error:
        return error.sentence()


@settings(max_examples=EXAMPLES * 3)
@given(said=declarations(), chosen=choices, version=st.sampled_from((1, 2)))
def test_the_filters_mean_what_the_modules_do(said: dict[str, object], chosen: Choices, version: int) -> None:
    wanted = or_error(lambda: meant(said, version, chosen))
    if isinstance(wanted, str):
        assert or_error(lambda: dialects.converted(said, version, chosen)) == wanted
        return
    turned = dialects.converted(said, version, chosen).limits
    assert meant(turned, version, chosen) == wanted
    assert {table.find(name, version).version for name in turned} <= {version}
    assert dialects.converted(turned, version, chosen).limits == turned
    assert dialects.converted(turned, version, chosen).warnings == ()


@given(formula=st.sampled_from(FORMULAS), one=st.integers(2, 262144), other=st.integers(2, 262144))
def test_who_has_more_shares_has_no_less_weight(formula: str, one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert 1 <= weight_of(less, formula) <= weight_of(more, formula) <= 10000
    weight = weight_of(one, formula)
    assert 2 <= shares_of(weight, formula) <= 262144


# -- on hosts of the model --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with installed() as found:
        yield found


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Legacy, unified, and OpenRC's: some controllers moved to v2 and the others left on v1."""
    moved = draw(st.sampled_from(("none", "all", "some")))
    if moved == "all":
        return Layout("unified", (), frozenset(CONTROLLERS))
    there = draw(st.frozensets(st.sampled_from(CONTROLLERS), min_size=1, max_size=4)) if moved == "some" else None
    left = tuple((name,) for name in (*CONTROLLERS, "freezer") if there is None or name not in there)
    return Layout("legacy" if there is None else "hybrid", (*left, ()), there)


def native(host: Host, said: Mapping[str, object], chosen: Choices) -> dict[str, object]:
    """The same in the dialect of the host, which can be another one for each controller."""
    found: dict[str, object] = {}
    for controller in CONTROLLERS:
        own = {name: value for name, value in said.items() if limits.controllers_of({name: value}) == (controller,)}
        if own:
            found.update(dialects.converted(own, host.version(controller), chosen).limits)
    return found


@settings(max_examples=EXAMPLES * 2)
@given(said=declarations(), chosen=choices, layout=layouts())
def test_a_second_run_writes_nothing_in_whichever_dialect(
    bench: Bench, said: dict[str, object], chosen: Choices, layout: Layout
) -> None:
    host = Host(layout)
    options = {"cpu_weight_formula": chosen.cpu_weight_formula, "memory_soft_limit": chosen.memory_soft_limit or None}
    note(f"{layout} {options} {said}")

    def run(limits: Mapping[str, object]) -> Any:
        return bench.tree(host, {"groups": [{"name": "a", "limits": dict(limits)}], **options})

    first = run(said)
    if first.error is not None:
        # Refused before anything was done, and so it is in the host's own words, or it cannot be said in them.
        assert not first.calls
        return
    again = run(said)
    assert (again.error, again.values.get("actions"), again.calls) == (None, [], [])
    own = native(host, said, chosen)
    note(f"in the host's own words: {own}")
    in_own_words = run(own)
    assert (in_own_words.error, in_own_words.values.get("actions"), in_own_words.calls) == (None, [], [])


@settings(max_examples=EXAMPLES)
@given(said=declarations(), layout=layouts())
def test_both_dialects_in_one_task_are_one_declaration(bench: Bench, said: dict[str, object], layout: Layout) -> None:
    """What a declaration becomes may stand beside it."""
    host = Host(layout)
    chosen = Choices(memory_soft_limit="low")
    try:
        own = native(host, said, chosen)
    except IsolationError:
        assume(False)
    # A file that v1 shares with v2 by name, and a default that the parent has a say in, are the same key.
    both = {**said, **{name: value for name, value in own.items() if name not in said}}
    assume(not any(table.find(name).default is INHERIT for name in both))
    result = bench.tree(host, {"groups": [{"name": "a", "limits": both}], "memory_soft_limit": "low"})
    assert result.error is None, result.error


# -- real time of v1 --------------------------------------------------------------------------------------------------

NAMES = ("a", "a/a", "a/b", "b", "b/a")
Shares = Mapping[str, tuple[int, int]]


@st.composite
def real_time(draw: st.DrawFn) -> Shares:
    """Runtime and period of each group, such that those below one have no more than it has.

    The period of a group that has others below it stays: with those at its limit and itself at its parent's there is no
    way from one period to the next.
    """
    found: dict[str, tuple[int, int]] = {}
    left = {"": 900}  # thousandths of a CPU
    for name in NAMES:
        above = name.rpartition("/")[0]
        share = draw(st.integers(0, left[above]))
        left[above] -= share
        left[name] = share
        period = 1000000 if name in ("a", "b") else draw(st.sampled_from((100000, 500000, 1000000, 2000000)))
        found[name] = (period * share // 1000, period)
    return found


@settings(max_examples=EXAMPLES)
@given(states=st.lists(real_time(), min_size=2, max_size=3))
def test_real_time_goes_from_any_state_to_any_other_in_one_task(bench: Bench, states: list[Shares]) -> None:
    host = Host(Layout("legacy", (("cpu",), ())))
    for state in states:
        groups = [
            {"name": name, "limits": {"cpu.rt_runtime_us": runtime, "cpu.rt_period_us": period}}
            for name, (runtime, period) in state.items()
        ]
        result = bench.tree(host, {"groups": groups})
        assert result.error is None, result.error
        again = bench.tree(host, {"groups": groups})
        assert (again.values["actions"], again.calls) == ([], [])
