# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each module through ansible-playbook: what it announces, what it does, what the kernel then says, and that it is done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import Host
from ansible_collections.linux.isolation.tests.integration.support.playbook import Step, play
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox

MODULES = ("cgroup_group", "cgroup_limit", "cgroup_tree")


class Case(NamedTuple):
    """What one module is told. ``holds``: each file and what the kernel then says in it; the first one is tampered with."""

    params: dict[str, Any]
    holds: dict[Path, str]
    tampered: str
    absent: dict[str, Any]
    pid: int = 0


class Played(NamedTuple):
    """A case and its steps: check, first, second, repair (of what somebody tampered with), absent."""

    case: Case
    steps: dict[str, Step]


def _cases(host: Host, sandbox: Sandbox, pid: int) -> dict[str, Case]:
    group, limit, tree = (sandbox.below(module.removeprefix("cgroup_")) for module in MODULES)
    low, high = tree + "/low", tree + "/high"
    frozen = host.path("freezer", group, "freezer.state" if host.version("freezer") == 1 else "cgroup.freeze")
    on, off = ("FROZEN", "THAWED") if host.version("freezer") == 1 else ("1", "0")
    half = {host.file(limit, "cpu.max"): "50000 100000"}
    if host.version("cpu") == 1:
        half = {
            host.path("cpu", limit, "cpu.cfs_quota_us"): "50000",
            host.path("cpu", limit, "cpu.cfs_period_us"): "100000",
        }
    return {
        "cgroup_group": Case(
            {"name": group, "controllers": ["memory", "pids"], "frozen": True},
            {frozen: on, host.file(group, "pids.max"): "max"},
            off,
            {"name": group, "state": "absent"},
        ),
        "cgroup_limit": Case(
            {"name": limit, "create": True, "limits": {"pids.max": 50, "memory.max": "64M", "cpu.max": 0.5}},
            {host.file(limit, "pids.max"): "50", host.file(limit, "memory.max"): str(64 << 20), **half},
            "77",
            {"name": limit, "state": "absent"},
        ),
        "cgroup_tree": Case(
            {
                "groups": [
                    {"name": tree, "controllers": ["memory", "pids"], "limits": {"memory.max": "1G"}},
                    {"name": low, "limits": {"pids.max": 20, "memory.max": "128M"}, "processes": [{"pid": pid}]},
                    {"name": high, "limits": {"pids.max": 200, "memory.max": "256M"}},
                ]
            },
            {
                host.file(low, "pids.max"): "20",
                host.file(tree, "memory.max"): str(1 << 30),
                host.file(low, "memory.max"): str(128 << 20),
                host.file(high, "memory.max"): str(256 << 20),
                host.file(high, "pids.max"): "200",
                host.path("pids", low, "cgroup.procs"): str(pid),
                host.path("memory", low, "cgroup.procs"): str(pid),
            },
            "19",
            {"name": tree, "state": "absent", "recursive": True, "on_processes": {"move_to": "/"}},
            pid,
        ),
    }


def _tasks(module: str, case: Case) -> Iterator[dict[str, Any]]:
    ours, away = {"linux.isolation." + module: case.params}, {"linux.isolation.cgroup_group": case.absent}
    for step, task in (
        ("check", ours | {"check_mode": True}),
        ("first", ours),
        ("second", ours),
        ("repair", ours),
        ("absent", away),
    ):
        yield {"name": f"{module} {step}", "diff": True, **task}


@pytest.fixture(scope="module")
def all_played(
    host: Host, wide_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Played]]:
    programs = Programs()
    try:
        pid = programs.start("idle").pid
        cases = _cases(host, wide_sandbox, pid)
        tasks = [task for module, case in cases.items() for task in _tasks(module, case)]
        look = [path for case in cases.values() for path in case.holds]
        tamper = {f"{module} second": {str(next(iter(case.holds))): case.tampered} for module, case in cases.items()}
        steps = play(tasks, tmp_path_factory.mktemp("play"), look, tamper)
        found = {}
        for module, case in cases.items():
            own = {name.split()[1]: step for name, step in steps.items() if name.startswith(module + " ")}
            found[module] = Played(case, own)
        # What is left is looked at before the programs end, which would hide that it was killed.
        assert Path(f"/proc/{pid}").exists(), "the process was moved out and lives on"
        yield found
    finally:
        wide_sandbox.clean()
        programs.end()


@pytest.fixture(params=MODULES)
def played(request: pytest.FixtureRequest, all_played: dict[str, Played]) -> Played:
    return all_played[request.param]


def _seen(step: Step, case: Case) -> dict[str, str | None]:
    return {str(path): (step.files[str(path)] or "").strip() or None for path in case.holds}


def test_no_step_fails(played: Played) -> None:
    assert [(name, step.result.get("msg")) for name, step in played.steps.items() if step.failed] == []


def test_check_mode_announces_exactly_what_the_first_run_does(played: Played) -> None:
    check, first = played.steps["check"], played.steps["first"]
    assert check.changed
    assert check.result["actions"]
    assert check.result["actions"] == first.result["actions"]
    assert check.result["diff"] == first.result["diff"]


def test_check_mode_makes_nothing(played: Played) -> None:
    assert set(_seen(played.steps["check"], played.case).values()) == {None}


def test_the_first_run_changes_and_the_kernel_says_so(played: Played) -> None:
    assert played.steps["first"].changed
    assert _seen(played.steps["first"], played.case) == {str(path): text for path, text in played.case.holds.items()}


def test_the_second_run_changes_nothing(played: Played) -> None:
    second = played.steps["second"]
    assert (second.changed, second.result["actions"], second.result["diff"]) == (False, [], [])
    assert second.files == played.steps["first"].files


def test_a_tampered_file_is_repaired_and_nothing_else(played: Played) -> None:
    path, wanted = next(iter(played.case.holds.items()))
    repair = played.steps["repair"]
    assert repair.changed
    assert [action["path"] for action in repair.result["actions"]] == [str(path)]
    assert (repair.files[str(path)] or "").strip() == wanted


def test_the_diff_shows_before_and_after(played: Played) -> None:
    path = str(next(iter(played.case.holds)))
    (diff,) = played.steps["repair"].result["diff"]
    (action,) = played.steps["repair"].result["actions"]
    assert action["before"] in (played.case.tampered, "thawed")
    assert (diff["before"], diff["after"]) == (f"{path}: {action['before']}\n", f"{path}: {action['after']}\n")
    assert action["before"] != action["after"]
    made = played.steps["first"]
    after = "".join(entry["after"] for entry in made.result["diff"])
    assert [action["path"] for action in made.result["actions"] if action["path"] not in after] == []
    # Only what was there before has a before: where processes were, and what a group above passed on.
    before = [line.partition(":")[0] for entry in made.result["diff"] for line in entry["before"].splitlines()]
    assert {Path(path).name for path in before} <= {"cgroup.procs", "cgroup.subtree_control"}


def test_absent_leaves_nothing(played: Played, host: Host, wide_sandbox: Sandbox) -> None:
    assert played.steps["absent"].changed
    assert set(_seen(played.steps["absent"], played.case).values()) == {None}
    module = played.case.absent["name"].rpartition("/")[2]
    assert host.places(wide_sandbox.below(module)) == []


def test_a_process_is_placed_and_put_back(all_played: dict[str, Played]) -> None:
    played = all_played["cgroup_tree"]
    moves = [action for action in played.steps["first"].result["actions"] if action["action"] == "move"]
    assert moves
    assert all(str(played.case.pid) in action["after"] for action in moves)
