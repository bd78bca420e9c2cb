# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Killed at each system call that changes something and run again: exactly the wanted state, and nothing left over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import write
from ansible_collections.linux.isolation.tests.integration.support.programs import Program, Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.spaces import Room
from ansible_collections.linux.isolation.tests.integration.support.tasks import run
from ansible_collections.linux.isolation.tests.integration.support.tracing import Call, kill_at, trace
from ansible_collections.linux.isolation.tests.integration.support.waiting import until

pytestmark = pytest.mark.needs("strace")

Params = dict[str, Any]


class Scene(NamedTuple):
    """A task, and what is there before it. ``pid`` is a process that may be named in both.

    ``rounds``: its calls are not the same each time, for it goes on until the kernel is done.
    """

    module: str
    params: Callable[[str, int], Params]
    before: Callable[[str, int], Params] | None = None
    rounds: bool = False


def _tree(*groups: Params, **more: Any) -> Params:
    return {"groups": list(groups), **more}


SCENES = {
    "a group with a process, frozen": Scene(
        "group",
        lambda name, pid: {
            "name": name + "/a",
            "controllers": ["pids", "memory", "cpuset"],
            "processes": [{"pid": pid}],
            "frozen": True,
        },
    ),
    "a frozen group killed and removed": Scene(
        "group",
        lambda name, pid: {"name": name, "state": "absent", "recursive": True, "on_processes": "kill"},
        lambda name, pid: _tree(
            {"name": name + "/a", "controllers": ["pids", "memory"], "processes": [{"pid": pid}], "frozen": True},
            {"name": name + "/b", "controllers": ["pids", "cpuset"]},
        ),
        True,
    ),
    "limits of a new group": Scene(
        "limit",
        lambda name, pid: {
            "name": name + "/a",
            "create": True,
            "limits": {
                "memory.max": "64M",
                "cpu.max": "20000 50000",
                "cpu.weight": 200,
                "pids.max": 50,
                "cpuset.cpus": "0",
            },
        },
    ),
    "limits lowered": Scene(
        "limit",
        lambda name, pid: {
            "name": name + "/a",
            "limits": {"memory.max": "32M", "memory.swap.max": 0, "cpu.max": "1000 100000", "pids.max": 5},
        },
        lambda name, pid: _tree(
            {
                "name": name + "/a",
                "limits": {"memory.max": "64M", "memory.swap.max": "64M", "cpu.max": "50000 50000", "pids.max": 50},
                "processes": [{"pid": pid}],
            }
        ),
    ),
    "a tree changed from end to end": Scene(
        "tree",
        lambda name, pid: _tree(
            {"name": name, "limits": {"cpu.max": 0.3, "memory.max": "128M"}},
            {"name": name + "/a", "limits": {"cpu.max": 0.1}, "processes": [{"pid": pid}]},
            {"name": name + "/c", "controllers": ["pids", "cpuset"], "limits": {"cpu.max": 0.2}},
            purge_below=name,
            purge_force=True,
        ),
        lambda name, pid: _tree(
            {"name": name, "limits": {"cpu.max": 0.5}},
            {"name": name + "/a", "limits": {"cpu.max": 0.5, "pids.max": 50}},
            {"name": name + "/b", "limits": {"cpu.max": 0.2}},
            {"name": name + "/d", "limits": {"cpu.max": 0.4}},
        ),
    ),
    "processes moved out": Scene(
        "tree",
        lambda name, pid: _tree(
            {"name": name + "/a", "state": "absent", "on_processes": {"move_to": name + "/b"}},
            {"name": name + "/b", "controllers": ["pids", "memory"]},
        ),
        lambda name, pid: _tree({"name": name + "/a", "controllers": ["pids", "memory"], "processes": [{"pid": pid}]}),
    ),
}


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with Room() as found:
        yield found


class Stage:
    """Where a scene is played again and again."""

    def __init__(self, scene: Scene, sandbox: Sandbox, programs: Programs, room: Room, log: Path) -> None:
        self.sandbox = sandbox
        self.scene = scene
        self._programs = programs
        self._room = room
        self._log = log
        self.pid = 0
        self._program: Program | None = None

    def __enter__(self) -> Stage:
        if self._program is None or not self._program.alive():
            self._program = self._programs.start("idle")
        self.pid = self._program.pid
        if self.scene.before is not None:
            answer = run("tree", self.scene.before(self.sandbox.name, self.pid), enter=self._room.enter)
            assert not answer.failed, answer.sentence
        return self

    def __exit__(self, *_: object) -> None:
        self.sandbox.thaw()
        for path in self.sandbox.places():
            for pid in (path / "cgroup.procs").read_text().split():
                root = next(one.point for one in self.sandbox.host.hierarchies if one.point in path.parents)
                write(root / "cgroup.procs", pid)
        self.sandbox.clean()

    def _params(self) -> Params:
        return self.scene.params(self.sandbox.name, self.pid)

    def undisturbed(self) -> list[Call]:
        answer, calls = trace(self.scene.module, self._params(), self._log, self._room.enter)
        assert not answer.failed, answer.sentence
        return calls

    def killed(self, call: Call) -> bool:
        died = kill_at(call, self.scene.module, self._params(), self._log, self._room.enter)
        assert died or self.scene.rounds, call.shown
        # Nobody runs it again within these milliseconds: until then a group that was removed counts against its parent.
        until(self._taken_down, "removed groups are gone")
        return died

    def _taken_down(self) -> bool:
        host = self.sandbox.host
        if host.version("cpu") == 2:
            return True
        lines = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()]
        counted = next(int(line[2]) for line in lines if line[0] == "cpu")
        return counted == sum(1 for _ in os.walk(host.path("cpu", "")))

    def again(self) -> None:
        answer = run(self.scene.module, self._params(), enter=self._room.enter)
        assert not answer.failed, answer.sentence
        third = run(self.scene.module, self._params(), enter=self._room.enter)
        assert (third.failed, third.values.get("actions")) == (False, [])

    def found(self) -> dict[str, str]:
        """All that is there now, with the process where it is, and what is left in /run."""
        found = self.sandbox.state()
        for place in self.sandbox.places():
            pids = (place / "cgroup.procs").read_text().split()
            found[f"{place} holds"] = " ".join("the process" if pid == str(self.pid) else pid for pid in pids)
        for path in self._room.path("/run/isolation").iterdir():
            found[path.name] = "left in /run"
        found["the process"] = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2][0].replace("S", "alive")
        return found


@pytest.mark.parametrize("name", SCENES)
def test_a_killed_run_is_finished_by_the_next(
    name: str, sandbox: Sandbox, programs: Programs, room: Room, tmp_path: Path
) -> None:
    stage = Stage(SCENES[name], sandbox, programs, room, tmp_path / "strace")
    with stage:
        calls = stage.undisturbed()
        wanted = stage.found()
    assert len(calls) > 5
    differing, deaths = {}, 0
    for call in calls:
        with stage:
            deaths += stage.killed(call)
            try:
                stage.again()
                found = stage.found()
                if found != wanted:
                    differing[call.shown] = str(set(found.items()) ^ set(wanted.items()))
            except AssertionError as error:
                differing[call.shown] = str(error)
    assert differing == {}
    assert deaths > len(calls) / 2
