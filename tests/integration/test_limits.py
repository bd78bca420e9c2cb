# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits that depend on each other, in one group and in a tree: from each state to the next in one task, and back."""

from __future__ import annotations

import re
import signal
from typing import Any

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import Host, without_swap
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, run

# Group below the test's own ("" is that itself) -> its limits.
State = dict[str, dict[str, Any]]

# Each is gone through forwards and backwards.
JOURNEYS: dict[str, list[State]] = {
    "memory and swap": [
        {"": {"memory.max": "64M", "memory.swap.max": "64M"}},
        {"": {"memory.max": "256M", "memory.swap.max": "16M"}},
        {"": {"memory.max": "32M", "memory.swap.max": 0}},
        {"": {"memory.max": "max", "memory.swap.max": "max"}},
    ],
    "quota and period": [
        {"": {"cpu.max": "50000 100000"}},
        {"": {"cpu.max": "900000 1000000"}},
        {"": {"cpu.max": "1000 1000"}},
        {"": {"cpu.max": "max 50000"}},
        {"": {"cpu.max": "1000 1000000"}},
    ],
    "quota and period below another group": [
        {"": {"cpu.max": 0.5}, "a": {"cpu.max": "50000 100000"}},
        {"": {"cpu.max": 0.2}, "a": {"cpu.max": "2000 10000"}},
        {"": {"cpu.max": 1}, "a": {"cpu.max": "900000 1000000"}},
    ],
    "quota and burst": [
        {"": {"cpu.max": 0.2, "cpu.max.burst": 20000}},
        {"": {"cpu.max": 0.05, "cpu.max.burst": 1000}},
        {"": {"cpu.max": 0.9, "cpu.max.burst": 90000}},
    ],
    "idle and weight": [
        {"": {"cpu.weight": 200, "cpu.idle": False}},
        {"": {"cpu.idle": True}},
        {"": {"cpu.weight": 300, "cpu.idle": False}},
    ],
    "a tree of quotas": [
        {"": {"cpu.max": 0.2}, "a": {"cpu.max": 0.1}, "a/b": {"cpu.max": 0.1}},
        {"": {"cpu.max": 0.8}, "a": {"cpu.max": 0.6}, "a/b": {"cpu.max": 0.5}},
        {"": {"cpu.max": 0.3}, "a": {"cpu.max": 0.05}, "a/b": {"cpu.max": 0.01}},
    ],
    "one quota rises and another falls": [
        {"": {"cpu.max": 0.5}, "a": {"cpu.max": 0.4}, "b": {"cpu.max": 0.1}},
        {"": {"cpu.max": 0.4}, "a": {"cpu.max": 0.1}, "b": {"cpu.max": 0.4}},
    ],
    "a tree of CPUs": [
        {"": {"cpuset.cpus": "0-1"}, "a": {"cpuset.cpus": "0"}, "a/b": {"cpuset.cpus": "0"}},
        {"": {"cpuset.cpus": "1"}, "a": {"cpuset.cpus": "1"}, "a/b": {"cpuset.cpus": "1"}},
        {"": {"cpuset.cpus": "0"}, "a": {"cpuset.cpus": "0"}, "a/b": {"cpuset.cpus": "0"}},
        {"": {"cpuset.cpus": "0-1"}, "a": {"cpuset.cpus": "0-1"}, "a/b": {"cpuset.cpus": "1"}},
    ],
    "memory in a tree": [
        {"": {"memory.max": "128M"}, "a": {"memory.max": "64M"}},
        {"": {"memory.max": "32M"}, "a": {"memory.max": "16M"}},
        {"": {"memory.max": "max"}, "a": {"memory.max": "1G"}},
    ],
}


def declared(sandbox: Sandbox, state: State) -> dict[str, Any]:
    groups = [{"name": sandbox.below(*([name] if name else [])), "limits": limits} for name, limits in state.items()]
    return {"groups": groups}


def holds(host: Host, sandbox: Sandbox, state: State) -> None:
    """What can be said of a state without the code that wrote it: quotas and CPUs, in the kernel's own words."""
    for name, limits in state.items():
        group = sandbox.below(*([name] if name else []))
        for limit, value in limits.items():
            if limit == "cpu.max":
                quota, period = str(value).split() if isinstance(value, str) else (round(value * 100000), 100000)
                assert host.read(group, limit) == f"{quota} {period}"
            elif limit == "cpuset.cpus":
                assert host.read(group, limit) == value
            elif limit == "memory.max" and value != "max":
                amount = re.fullmatch(r"(\d+)([MG])", value)
                assert amount is not None
                assert host.read(group, limit) == str(int(amount[1]) << {"M": 20, "G": 30}[amount[2]])
            elif limit == "cpu.max.burst":
                assert host.read(group, limit) == str(value)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.cpus(2) if "CPU" in name else ()) for name in JOURNEYS],
)
def test_each_state_is_reached_from_its_neighbours(name: str, host: Host, sandbox: Sandbox) -> None:
    states = JOURNEYS[name]
    for state in states + states[-2::-1]:
        params = declared(sandbox, state)
        predicted = run("tree", params, check=True)
        answer = run("tree", params)
        assert not answer.failed, answer.sentence
        assert answer.changed
        assert predicted.actions == answer.actions
        holds(host, sandbox, state)
        again = run("tree", params)
        assert (again.changed, again.actions) == (False, [])


def test_a_group_goes_so_that_the_one_above_can_have_less(host: Host, sandbox: Sandbox) -> None:
    state: State = {"": {"cpu.max": 0.5}, "a": {"cpu.max": 0.1}, "b": {"cpu.max": 0.4}}
    assert run("tree", declared(sandbox, state)).changed
    groups = declared(sandbox, {"": {"cpu.max": 0.2}})["groups"]
    answer = run("tree", {"groups": [*groups, {"name": sandbox.below("b"), "state": "absent"}]})
    assert not answer.failed, answer.sentence
    assert host.read(sandbox.name, "cpu.max") == "20000 100000"


@pytest.mark.v1("cpu")
def test_an_undeclared_group_in_the_way_is_named(sandbox: Sandbox) -> None:
    assert run("tree", declared(sandbox, {"": {"cpu.max": 0.5}, "in-the-way": {"cpu.max": 0.4}})).changed
    answer = run("tree", declared(sandbox, {"": {"cpu.max": 0.1}}))
    assert answer.failed
    assert "in-the-way (40000)" in answer.sentence


@pytest.mark.v1("cpuset")
@pytest.mark.cpus(2)
def test_an_undeclared_cpuset_in_the_way_is_named(sandbox: Sandbox) -> None:
    assert run("tree", declared(sandbox, {"": {"cpuset.cpus": "0-1"}, "in-the-way": {"cpuset.cpus": "1"}})).changed
    answer = run("tree", declared(sandbox, {"": {"cpuset.cpus": "0"}}))
    assert answer.failed
    assert "in-the-way" in answer.sentence


# -- cpusets that are filled ------------------------------------------------------------------------------------------


@pytest.mark.v1("cpuset")
def test_cpusets_that_a_run_makes_are_filled(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    program = programs.start("idle")
    task = {"name": sandbox.below("a", "b"), "controllers": ["cpuset"], "processes": [{"pid": program.pid}]}
    answer = run("group", task)
    assert not answer.failed, answer.sentence
    for name in (sandbox.name, sandbox.below("a"), sandbox.below("a", "b")):
        for file in ("cpuset.cpus", "cpuset.mems"):
            assert host.read(name, file) == host.path("cpuset", "", file).read_text().strip()
    assert host.members("cpuset", sandbox.below("a", "b")) == {program.pid}


@pytest.mark.v1("cpuset")
def test_cpusets_of_somebody_else_are_filled_when_it_is_said(host: Host, sandbox: Sandbox) -> None:
    sandbox.make("cpuset", "a")
    task = {"name": sandbox.below("a", "b"), "controllers": ["cpuset"]}
    before = sandbox.state()
    assert "fill_parents: true" in run("group", task).sentence
    assert sandbox.state() == before
    answer = run("group", task | {"fill_parents": True})
    assert not answer.failed, answer.sentence
    for name in (sandbox.name, sandbox.below("a"), sandbox.below("a", "b")):
        assert host.read(name, "cpuset.cpus") == host.path("cpuset", "", "cpuset.cpus").read_text().strip()
    assert not run("group", task | {"fill_parents": True}).changed


def test_a_cpuset_inherits_again(host: Host, sandbox: Sandbox) -> None:
    state: State = {"": {"cpuset.cpus": "0"}, "a": {"cpuset.cpus": "0"}}
    assert run("tree", declared(sandbox, state)).changed
    answer = run("tree", declared(sandbox, {"": {"cpuset.cpus": "default"}, "a": {"cpuset.cpus": "default"}}))
    assert not answer.failed, answer.sentence
    if host.version("cpuset") == 1:
        wanted = host.path("cpuset", "", "cpuset.cpus").read_text().strip()
        assert host.read(sandbox.below("a"), "cpuset.cpus") == wanted
    else:
        assert host.read(sandbox.below("a"), "cpuset.cpus") == ""


# -- less memory than is in use ---------------------------------------------------------------------------------------


def full(sandbox: Sandbox, programs: Programs, mebibytes: int) -> Any:
    """A group of 128 MiB with a process that has taken so much."""
    eater = programs.start("eat")
    group = {
        "name": sandbox.name,
        "limits": {"memory.max": "128M", **without_swap(sandbox.host)},
        "processes": [{"pid": eater.pid}],
    }
    answer = run("tree", {"groups": [group]})
    assert not answer.failed, answer.sentence
    assert eater.ask(str(mebibytes)) == "done"
    return eater


def shrink(sandbox: Sandbox, value: str, **more: Any) -> Answer:
    return run("limit", {"name": sandbox.name, "limits": {"memory.max": value}, **more})


def test_memory_that_is_in_use_is_not_taken(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    eater = full(sandbox, programs, 64)
    before = sandbox.state()
    answer = shrink(sandbox, "16M")
    assert answer.failed
    assert "in use" in answer.sentence
    assert "memory" in answer.sentence
    assert eater.alive()
    assert sandbox.state() == before


def test_memory_that_can_be_reclaimed_is(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    eater = full(sandbox, programs, 4)
    assert eater.ask("spare 48") == "done"
    assert int(host.read(sandbox.name, "memory.current")) > 48 << 20
    answer = shrink(sandbox, "24M")
    assert not answer.failed, answer.sentence
    assert int(host.read(sandbox.name, "memory.max")) == 24 << 20
    assert int(host.read(sandbox.name, "memory.current")) <= 24 << 20
    assert eater.alive()


@pytest.mark.v2("memory")
def test_memory_is_taken_at_once_when_it_is_said(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    eater = full(sandbox, programs, 64)
    answer = shrink(sandbox, "16M", shrink="immediate")
    assert not answer.failed, answer.sentence
    assert int(host.read(sandbox.name, "memory.max")) == 16 << 20
    assert eater.status() == -signal.SIGKILL


@pytest.mark.v2("memory")
def test_a_shrink_that_is_given_up_leaves_nothing_behind(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    # Half of what is too much can be reclaimed: memory.high and the like must be as they were.
    eater = full(sandbox, programs, 64)
    assert eater.ask("spare 16") == "done"
    before = sandbox.state()
    answer = shrink(sandbox, "16M")
    assert answer.failed
    assert "shrink: immediate" in answer.sentence
    assert sandbox.state() == before
    assert eater.alive()


def test_no_limit_of_0_for_a_group_with_processes(sandbox: Sandbox, programs: Programs) -> None:
    eater = full(sandbox, programs, 4)
    for limit in ("memory.max", "pids.max"):
        answer = run(
            "tree", {"groups": [{"name": sandbox.name, "limits": {limit: 0}, "processes": [{"pid": eater.pid}]}]}
        )
        assert answer.failed
        assert f"limits['{limit}']" in answer.sentence
        assert "shrink: immediate" in answer.sentence
    answer = run("limit", {"name": sandbox.name, "limits": {"memory.max": 0}})
    assert answer.failed
    assert "shrink: immediate" in answer.sentence
