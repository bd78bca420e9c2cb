# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's files hold what was declared, and do it: the same questions to every machine, the answers are data.

What is expected comes from the inventory: inventory/hosts.yml says what the machine is, inventory/group_vars/all.yml what was
declared. What is found comes from files/probe.py on the machine, and never from the modules under test.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

# What a program on the machine found.
Found = Mapping[str, Any]
# Testinfra's, which takes its own modules for classes when it is asked for their types.
Host = Any

# The group that keeps systemd from taking controllers away.
HOLD = "linux-isolation-hold"

# How much is read of the disk at one MiB a second.
BYTES = 2 << 20


@pytest.fixture(scope="module", name="said")
def _said(host: Host) -> Found:
    """The inventory's words on this machine."""
    variables: Found = host.ansible.get_variables()
    return variables


@pytest.fixture(scope="module", name="probe")
def _probe(host: Host, said: Found) -> Callable[..., Any]:
    """Runs the program that looks and tries."""
    here = said.get("ansible_connection") == "local"
    python = sys.executable if here else said["ansible_python_interpreter"]

    def run(*words: str) -> Any:
        return json.loads(
            host.check_output("%s /run/molecule/probe.py " + " ".join(["%s"] * len(words)), python, *words)
        )

    return run


@pytest.fixture(scope="module", name="machine")
def _machine(probe: Callable[..., Any]) -> Found:
    """The machine and its groups as they are after the playbook."""
    found: Found = probe("look", "molecule")
    return found


def rows(said: Found, version: int) -> Iterator[Found]:
    """The limits that are declared on this machine's hierarchies of this version."""
    for row in [*said["limits"], said["alone"]]:
        if f"v{version}" in row and row["of"] in said["expected"][f"v{version}"]:
            yield row


def wanted(said: Found, machine: Found) -> dict[str, str]:
    """What "GROUP FILE" shall hold."""
    number = machine["disks"].get(os.path.basename(said["disk"]), "")
    return {
        f"{row['declare']['name']} {file}": str(text).replace("DISK", number)
        for version in (1, 2)
        for row in rows(said, version)
        for file, text in row[f"v{version}"].items()
    }


def shown(machine: Found, names: Mapping[str, str]) -> dict[str, str]:
    """What these files hold."""
    found = {}
    for name in names:
        group, file = name.split(" ")
        files = machine["groups"].get(group, {"1": {}, "2": {}})
        found[name] = files["1"].get(file, files["2"].get(file, "(not there)"))
    return found


@pytest.fixture(scope="module", name="counted")
def _counted(probe: Callable[..., Any]) -> Found:
    """How far the processes counted, twice."""
    found: Found = probe("counts", "placed", "frozen", "thawed")
    return found


def of(said: Found, machine: Found, version: str) -> set[str]:
    """What is there to be limited; io needs a disk."""
    return set(machine[version]) - (set() if said["disk"] else {"io"})


def test_the_machine_is_what_it_says(
    said: Found, machine: Found, record_property: Callable[[str, object], None]
) -> None:
    for name in ("kernel", "init", "mode"):
        record_property(name, machine[name])
    record_property("machine", said["inventory_hostname"])
    expected = said["expected"]
    assert machine["mode"] == expected["mode"]
    assert machine["init"].split(" ")[0] == expected["init"]
    for version in ("v1", "v2"):
        # A part of a controller that shows in groups alone is proved by its limits.
        assert of(said, machine, version) == set(expected[version]) - {"io.bfq"}, version


def test_every_controller_of_the_machine_has_a_limit(said: Found, machine: Found) -> None:
    touched = {row["of"] for version in (1, 2) for row in rows(said, version)}
    there = of(said, machine, "v1") | of(said, machine, "v2")
    assert there - touched - set(said["without_limits"]) == set()


def test_the_files_hold_what_was_declared(said: Found, machine: Found) -> None:
    expected = wanted(said, machine)
    assert len(expected) > 10
    assert shown(machine, expected) == expected


def test_the_info_module_agrees(host: Host, said: Found, machine: Found) -> None:
    answer = host.ansible(
        "linux.isolation.cgroup_info", "names=molecule/tight,molecule/placed,molecule/alone", check=False
    )
    assert answer["mode"] == said["expected"]["mode"]
    tight, placed, alone = answer["groups"]
    assert tight["as_v2"]["limits"]["memory.max"] == 32 << 20
    assert tight["as_v2"]["limits"]["pids.max"] == 8
    assert alone["as_v2"]["limits"]["pids.max"] == 77
    assert [str(one["pid"]) for one in placed["processes"]] == members(machine, "molecule/placed").pop()
    assert set(alone["controllers"]) >= {"cpu", "memory", "pids"}


def members(machine: Found, group: str) -> list[list[str]]:
    """Who is in the group, once for each different answer of the hierarchies that it exists in."""
    found = machine["groups"][group]["members"].values()
    return [list(one) for one in {tuple(pids) for pids in found}]


def test_processes_are_where_they_were_placed(machine: Found, counted: Found) -> None:
    for name, process in counted.items():
        assert members(machine, f"molecule/{name}") == [[process["pid"]]]


def test_a_cpuset_pins(counted: Found) -> None:
    assert counted["placed"]["cpus"] == "1"
    assert counted["thawed"]["cpus"] != "1"


def test_a_frozen_process_stands_still_and_a_thawed_one_goes_on(machine: Found, counted: Found) -> None:
    first, second = counted["frozen"]["counts"]
    assert first == second > 0
    first, second = counted["thawed"]["counts"]
    assert first < second
    for name, v1, v2 in (("frozen", "FROZEN", "frozen 1"), ("thawed", "THAWED", "frozen 0")):
        files = machine["groups"][f"molecule/{name}"]
        assert files["1"].get("freezer.state") == v1 or v2 in files["2"].get("cgroup.events", "")


def grown(found: Found, key: str, *files: str) -> int:
    """By how much a counter of the kernel grew, in whichever of the files the group has."""
    return int(next(found["grown"][f"{file} {key}"] for file in files if f"{file} {key}" in found["grown"]))


def test_the_memory_limit_ends_a_process(probe: Callable[..., Any]) -> None:
    for size, ended_by, kills in (("4", 0, 0), ("64", signal.SIGKILL, 1)):
        found = probe("eat", "molecule/tight", size)
        assert found["signal"] == ended_by
        assert found["answer"] == (None if ended_by else {"touched": 4})
        assert grown(found, "oom_kill", "memory.oom_control", "memory.events") == kills


def test_the_limit_of_huge_pages_ends_a_process(said: Found, machine: Found, probe: Callable[..., Any]) -> None:
    if "hugetlb" not in said["expected"]["v1"] + said["expected"]["v2"] or machine["huge_pages"] in ("0", "1", "2"):
        pytest.skip("this machine has no huge pages to spare")
    for number, ended_by in (("2", 0), ("3", signal.SIGBUS)):
        found = probe("huge", "molecule/slow", number)
        assert found["signal"] == ended_by
        assert found["answer"] == (None if ended_by else {"touched": 2})


def test_the_pids_limit_stops_a_fork(probe: Callable[..., Any]) -> None:
    for number, error, refusals in (("7", "none", 0), ("20", "EAGAIN", 1)):
        found = probe("fork", "molecule/tight", number)
        assert found["answer"] == {"children": 7, "error": error}
        assert grown(found, "max", "pids.events") == refusals


def test_the_cpu_limit_throttles(probe: Callable[..., Any]) -> None:
    found = probe("burn", "molecule/slow", "60")
    assert grown(found, "nr_throttled", "cpu.stat") > 0


def test_the_disk_is_throttled(said: Found, probe: Callable[..., Any]) -> None:
    if not said["disk"]:
        pytest.skip("this machine has no disk of its own")
    found = probe("read", "molecule/slow", said["source"], str(BYTES))
    # The one bound on time that noise cannot break: a throttle makes it longer.
    assert found["answer"]["seconds"] > BYTES / (1 << 20) / 2


def test_systemd_takes_nothing_away(host: Host, said: Found, machine: Found, probe: Callable[..., Any]) -> None:
    if (said["expected"]["init"], said["expected"]["mode"]) != ("systemd", "unified"):
        pytest.skip("only systemd, and only on a unified host, writes the root's cgroup.subtree_control")
    # A group that passes controllers on holds them as well, as this tree's top does: the hold is for those that do not.
    held = probe("look", HOLD)["groups"][HOLD]["2"]["cgroup.subtree_control"]
    assert set(held.split()) >= {"cpu", "cpuset", "io", "memory", "pids"}
    expected = wanted(said, machine)
    host.check_output("systemctl daemon-reload")
    # The next start of a unit with a limit of its own is when the root slice is realized.
    host.check_output("systemd-run --quiet --wait --property=CPUQuota=50% true")
    assert shown(probe("look", "molecule"), expected) == expected
