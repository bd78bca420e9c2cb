# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cgroup_info says that limits come to is what the kernel enforces, and the group that it names is the one to change."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.tests.integration.support import spaces, tasks
from ansible_collections.linux.isolation.tests.integration.support.asking import apart, ask, group, made
from ansible_collections.linux.isolation.tests.integration.support.host import Host, without_swap, write
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox

MIB = 1 << 20


def effective(name: str) -> dict[str, Any]:
    """By v2's names, which every kernel's limits have."""
    found = group(name, gather=["effective"])["as_v2"]["effective"]
    assert isinstance(found, dict)
    return found


@pytest.fixture
def tree(sandbox: Sandbox) -> tuple[str, str, str]:
    """Three groups, one below the other, of which now this one and now that one limits the lowest."""
    top = made(sandbox, limits={"memory.max": 64 * MIB, "pids.max": 500, "cpu.max": 0.5})
    middle = made(sandbox, "middle", limits={"memory.max": 256 * MIB, "pids.max": 9, "cpu.max": "max 50000"})
    low = made(sandbox, "middle", "low", limits={"pids.max": 70, "cpu.max": "max 100000", "memory.max": "max"})
    return top, middle, low


def test_the_group_above_that_limits_is_named(tree: tuple[str, str, str]) -> None:
    top, middle, low = tree
    found = effective(low)
    assert found["memory.max"] == {"value": 64 * MIB, "set_by": top, "complete": True}
    assert found["pids.max"] == {"value": 9, "set_by": middle, "complete": True}
    assert found["cpu.max"] == {"value": [50000, 100000], "set_by": top, "complete": True}
    assert effective(top)["pids.max"] == {"value": 500, "set_by": top, "complete": True}
    # In its own words it has none of these.
    limits = group(low)["as_v2"]["limits"]
    assert (limits["memory.max"], limits["pids.max"], limits["cpu.max"]) == ("max", 70, ["max", 100000])


@pytest.mark.v1("memory")
def test_v1s_memory_is_what_the_kernel_says(tree: tuple[str, str, str], host: Host) -> None:
    for name in tree:
        found = group(name, gather=["effective", "stat"])
        said = found["stat"]["memory.stat"]["hierarchical_memory_limit"]
        assert found["effective"]["memory.limit_in_bytes"]["value"] == said == 64 * MIB
        text = host.path("memory", name, "memory.stat").read_text().split()
        assert text[text.index("hierarchical_memory_limit") + 1] == str(said)


def test_the_pids_are_what_the_kernel_allows(tree: tuple[str, str, str], sandbox: Sandbox, programs: Programs) -> None:
    low = tree[2]
    forker = programs.start("fork")
    sandbox.put("pids", low, forker.pid)
    allowed = effective(low)["pids.max"]["value"]
    # Itself is one of them.
    assert forker.ask("60") == f"{allowed - 1} EAGAIN"
    # The group that is named is the one to change.
    made(sandbox, "middle", limits={"pids.max": 20})
    assert effective(low)["pids.max"] == {"value": 20, "set_by": tree[1], "complete": True}
    assert forker.ask("60") == "19 EAGAIN"


def test_the_memory_is_what_the_kernel_allows(tree: tuple[str, str, str], host: Host, programs: Programs) -> None:
    low = tree[2]
    eater = programs.start("eat")
    write(host.path("memory", low, "cgroup.procs"), str(eater.pid))
    done = tasks.run("limit", {"name": tree[0], "limits": {"memory.max": 64 * MIB, **without_swap(host)}})
    assert not done.failed, done.values
    assert eater.ask("40") == "done"
    assert group(low)["as_v2"]["events"]["memory.events.local"]["oom_kill"] == 0
    eater.say("60")
    assert eater.hear() == ""
    assert group(low)["as_v2"]["events"]["memory.events.local"]["oom_kill"] == 1


@pytest.mark.cpus(2)
def test_the_cpus_are_what_the_kernel_gives(sandbox: Sandbox, host: Host, programs: Programs) -> None:
    cpus = ",".join(str(cpu) for cpu in sorted(os.sched_getaffinity(0))[:2])
    nodes = Path("/sys/devices/system/node/has_memory").read_text().strip()
    top = made(sandbox, limits={"cpuset.cpus": "0", "cpuset.mems": nodes})
    low = made(sandbox, "low", controllers=["cpuset"])
    program = programs.start("idle")
    sandbox.put("cpuset", low, program.pid)
    found = effective(low)["cpuset.cpus"]
    assert found["value"] == "0"
    assert os.sched_getaffinity(program.pid) == {0}
    # On v1 a group without CPUs of its own could not take a process: it was given its parent's.
    assert found["set_by"] == (low if host.version("cpuset") == 1 else top)
    made(sandbox, limits={"cpuset.cpus": cpus})
    made(sandbox, "low", limits={"cpuset.cpus": cpus})
    whole = effective(sandbox.name)["cpuset.cpus"]
    assert len(os.sched_getaffinity(program.pid)) == 2
    assert (
        whole["value"]
        == host.path("cpuset", top, "cpuset.cpus.effective" if host.version("cpuset") == 2 else "cpuset.effective_cpus")
        .read_text()
        .strip()
    )


def _disk() -> str:
    return next(path for path in sorted(Path("/sys/block").glob("[!l]*/dev"))).read_text().strip()


@pytest.mark.v2("io")
def test_of_devices_the_least_of_each_figure(sandbox: Sandbox) -> None:
    disk = _disk()
    top = made(sandbox, limits={"io.max": {disk: {"rbps": MIB, "wiops": 100}}})
    low = made(sandbox, "low", limits={"io.max": {disk: {"rbps": 4 * MIB, "wbps": MIB, "wiops": 50}}})
    assert effective(low)["io.max"] == {
        "value": {disk: {"rbps": MIB, "wbps": MIB, "wiops": 50}},
        "set_by": {disk: {"rbps": top, "wbps": low, "wiops": low}},
        "complete": True,
    }


@pytest.mark.v1("io")
def test_v1s_throttles_bind_their_own_group_alone(sandbox: Sandbox) -> None:
    disk = _disk()
    top = made(sandbox, limits={"io.max": {disk: {"rbps": MIB}}})
    low = made(sandbox, "low", controllers=["io"])
    assert effective(top)["io.max"] == {
        "value": {disk: {"rbps": MIB}},
        "set_by": {disk: {"rbps": top}},
        "complete": True,
    }
    assert effective(low)["io.max"] == {"value": {}, "set_by": {}, "complete": True}


@pytest.mark.v2("memory")
def test_protections_are_told_as_they_are_declared(sandbox: Sandbox) -> None:
    top = made(sandbox, limits={"memory.low": MIB})
    low = made(sandbox, "low", limits={"memory.low": 4 * MIB})
    assert effective(low)["memory.low"] == {"value": 4 * MIB, "set_by": low, "complete": True}
    assert effective(top)["memory.min"] == {"value": 0, "set_by": None, "complete": True}
    options = next(
        line.rpartition(" ")[2]
        for line in Path("/proc/self/mountinfo").read_text().splitlines()
        if " - cgroup2 " in line
    )
    (unified,) = (each for each in ask()["hierarchies"] if each["version"] == 2)
    assert set(unified["flags"]) == set(options.split(",")) - {"rw"}


# -- what is out of sight ---------------------------------------------------------------------------------------------


def _mounted(host: Host, kind: str, folder: str) -> None:
    """Nothing but the hierarchies of memory and pids at /sys/fs/cgroup: ``folder`` of each, or its root for a namespace."""
    there = {controller: host.hierarchy(controller) for controller in ("memory", "pids")}
    sources = {str(one.point): (one.version, controller) for controller, one in there.items() if one is not None}
    os.mkdir("/run/seen")
    for number, (point, (version, controller)) in enumerate(sources.items()):
        os.mkdir(f"/run/seen/{number}")
        if kind == "bind":
            command = ["--bind", f"{point}/{folder}", f"/run/seen/{number}"]
        elif version == 2:
            command = ["-t", "cgroup2", "none", f"/run/seen/{number}"]
        else:
            command = ["-t", "cgroup", "-o", controller, "none", f"/run/seen/{number}"]
        subprocess.run(["mount", *command], check=True)
    subprocess.run(["mount", "--rbind", "/run/seen", "/sys/fs/cgroup"], check=True)


def test_in_a_partial_mount_nothing_is_claimed_of_the_groups_above(tree: tuple[str, str, str], host: Host) -> None:
    top, middle, low = tree

    def inside() -> dict[str, Any]:
        spaces.own_run()
        _mounted(host, "bind", middle)
        return ask(names=["low"])

    found = apart(inside)
    (seen,) = found["groups"]
    assert (seen["exists"], seen["complete"]) == (True, False)
    told = seen["as_v2"]["effective"]
    # The least of what is in sight; of memory the top, which is not, has less.
    assert told["memory.max"] == {"value": 256 * MIB, "set_by": "/", "complete": False}
    assert told["pids.max"] == {"value": 9, "set_by": "/", "complete": False}
    assert any(sentence.startswith("low has groups above it") for sentence in found["incomplete"])
    assert effective(low)["memory.max"] == {"value": 64 * MIB, "set_by": top, "complete": True}


def test_in_a_cgroup_namespace_nothing_is_claimed_of_the_groups_above(tree: tuple[str, str, str], host: Host) -> None:
    low = tree[2]

    def inside() -> dict[str, Any]:
        spaces.cgroup_namespace(*{host.path(controller, low) for controller in ("memory", "pids")})()
        spaces.own_run()
        _mounted(host, "fresh", "")
        return ask(names=["/"])

    found = apart(inside)
    (seen,) = found["groups"]
    assert (seen["limits"]["pids.max"], seen["complete"]) == (70, False)
    told = seen["as_v2"]["effective"]
    assert told["memory.max"] == {"value": "max", "set_by": None, "complete": False}
    assert told["pids.max"] == {"value": 70, "set_by": "/", "complete": False}
    assert any(sentence.startswith("/ has groups above it") for sentence in found["incomplete"])
