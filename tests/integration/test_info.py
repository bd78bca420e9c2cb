# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cgroup_info on the real kernel: what it tells is what the files hold, and can be declared again."""

from __future__ import annotations

import ctypes
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.info_query import GATHER
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files import table
from ansible_collections.linux.isolation.tests.integration.support import tasks
from ansible_collections.linux.isolation.tests.integration.support.asking import apart, ask, group, made
from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.playbook import play
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.waiting import until

MIB = 1 << 20
NOBODY = 65534
_CLONE_NEWNS, _CLONE_NEWCGROUP = 0x00020000, 0x02000000


# -- the host ---------------------------------------------------------------------------------------------------------


def test_asked_for_nothing_it_tells_of_the_host_alone(host: Host) -> None:
    found = ask()
    assert set(found) == {"changed", "mode", "reasons", "hierarchies", "controllers", "incomplete"}
    told = {
        (one["version"], one["mount_point"], frozenset(one["controllers"]), one["name"]) for one in found["hierarchies"]
    }
    seen = {(one.version, str(one.point), one.controllers, one.name) for one in host.hierarchies}
    # The test's own list of controllers is shorter than the kernel's.
    assert {(version, point, name) for version, point, _, name in told} == {
        (version, point, name) for version, point, _, name in seen
    }
    for version, point, controllers, _ in seen:
        assert any(one[:2] == (version, point) and one[2] >= controllers for one in told)
    assert all(one["mounted_root"] == "/" and one["partial"] is False for one in found["hierarchies"])
    assert found["mode"] == _mode(host)
    assert found["reasons"]
    for controller, where in found["controllers"].items():
        hierarchy = host.hierarchy(controller)
        assert hierarchy is not None
        assert (where["version"], where["mount_point"]) == (hierarchy.version, str(hierarchy.point))
        passed = host.path("", "cgroup.subtree_control").read_text().split() if hierarchy.version == 2 else [controller]
        assert where["enabled"] is (controller in passed)


def _mode(host: Host) -> str:
    points = {str(one.point): one.version for one in host.hierarchies}
    if points.get("/sys/fs/cgroup") == 2:
        return "unified"
    return "hybrid" if 2 in points.values() else "legacy"


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def limited(sandbox: Sandbox) -> str:
    limits = {"memory.max": 64 * MIB, "pids.max": 500, "cpu.max": 0.5, "cpuset.cpus": "0", "cpuset.mems": "0"}
    return made(sandbox, "limited", limits=limits)


def test_limits_have_one_shape_in_every_mode(limited: str) -> None:
    found = group(limited)
    as_v2 = found["as_v2"]["limits"]
    assert found["limits"]["pids.max"] == as_v2["pids.max"] == 500
    assert as_v2["memory.max"] == 64 * MIB
    assert as_v2["cpu.max"] == [50000, 100000]
    assert as_v2["cpuset.cpus"] == found["limits"]["cpuset.cpus"] == "0"
    assert {"memory", "pids", "cpu", "cpuset"} <= set(found["controllers"])


def test_limits_of_devices(sandbox: Sandbox, host: Host) -> None:
    # Nothing is read or written there: any will do.
    number = next(path for path in sorted(Path("/sys/block").glob("[!l]*/dev"))).read_text().strip()
    said = {number: {"rbps": MIB, "wiops": 100}}
    name = made(sandbox, limits={"io.max": said, "pids.max": 500})
    found = group(name)
    assert found["as_v2"]["limits"]["io.max"] == said
    _is_what_the_files_hold(found["limits"], host, name)
    _can_be_declared_again(found, name)


def test_limits_are_all_that_the_files_hold(limited: str, host: Host) -> None:
    _is_what_the_files_hold(group(limited)["limits"], host, limited)


def _is_what_the_files_hold(limits: dict[str, Any], host: Host, name: str) -> None:
    there = {file.name: file for place in host.places(name) for file in place.iterdir() if file.is_file()}
    # What every v1 hierarchy has is told by none of them.
    known = {row.name for row in table.every() if row.controller not in ("freezer", "v1")}
    known.update(name for version in (1, 2) for name in table.shown("hugetlb", version, there))
    if not host.path("cpuset", name).exists():
        known.remove("cgroup.clone_children")
    assert set(limits) == known & set(there)
    for file, value in limits.items():
        text = there[file].read_text().strip()
        if file == "memory.oom_control":
            # The other two lines are what happens there.
            assert text.splitlines()[0] == f"oom_kill_disable {int(value)}"
        elif isinstance(value, bool):
            assert text == str(int(value))
        elif isinstance(value, int):
            assert text == str(value)
        elif value == "max":
            assert text in ("max", "-1") or int(text) > 2**62
        elif isinstance(value, list):
            assert text == " ".join(str(item) for item in value)
        elif isinstance(value, dict):
            # A line each; v1's bfq shows the weight of all others beside them, which has a file of its own.
            assert {line.split()[0] for line in text.splitlines()} - {"default"} == set(value) - {"default"}
        else:
            assert text == value


def test_limits_can_be_declared_again(limited: str) -> None:
    _can_be_declared_again(group(limited), limited)


def _can_be_declared_again(found: dict[str, Any], name: str) -> None:
    for limits in (found["limits"], found["as_v2"]["limits"]):
        # An empty dictionary limits nothing, and the weight stands under two names.
        declared = {
            file: value for file, value in limits.items() if value not in ({}, "") and file != "cpu.weight.nice"
        }
        assert len(declared) > 2
        done = tasks.run("limit", {"name": name, "limits": declared})
        assert not done.failed, done.values
        assert done.actions == []


# -- usage and processes ----------------------------------------------------------------------------------------------


def test_usage_is_counted(sandbox: Sandbox, programs: Programs) -> None:
    eater = programs.start("eat")
    name = made(sandbox, controllers=["cpu", "memory", "pids"], processes=[{"pid": eater.pid}])
    assert eater.ask("24") == "done"
    found = group(name)
    usage = found["as_v2"]["usage"]
    assert 24 * MIB <= usage["memory.current"] < 64 * MIB
    assert usage["memory.peak"] >= usage["memory.current"]
    assert usage["pids.current"] == found["usage"]["pids.current"] == 1
    assert found["processes_total"] == 1
    (process,) = found["processes"]
    assert (process["pid"], process["comm"]) == (eater.pid, Path(f"/proc/{eater.pid}/comm").read_text().strip())
    assert {"cpu", "memory", "pids"} <= set(process["controllers"])


def test_time_on_the_cpu_is_counted(sandbox: Sandbox, host: Host, programs: Programs) -> None:
    controllers = ["cpu"] + (["cpuacct"] if host.version("cpuacct") else [])
    eater = programs.start("eat")
    name = made(sandbox, controllers=controllers, processes=[{"pid": eater.pid}])

    def used() -> int:
        eater.ask("1")
        found = group(name, gather=["usage"])["as_v2"]["usage"]["cpu.stat"]["usage_usec"]
        assert isinstance(found, int)
        return found

    assert until(used, "time on the CPU") < 60 * 10**6


@pytest.mark.v1("pids", "memory")
def test_on_v1_a_process_is_subject_to_what_it_is_in(sandbox: Sandbox, programs: Programs) -> None:
    sandbox.make("pids")
    sandbox.make("memory")
    one, other = programs.start("idle"), programs.start("idle")
    sandbox.put("pids", sandbox.name, one.pid, other.pid)
    sandbox.put("memory", sandbox.name, other.pid)
    found = {process["pid"]: process["controllers"] for process in group(sandbox.name)["processes"]}
    assert found == {one.pid: ["pids"], other.pid: ["memory", "pids"]}
    asked = ask(pids=[one.pid], gather=["limits"])
    where = {tuple(each["controllers"]): each["name"] for each in asked["processes"][0]["groups"]}
    assert where["pids",] == sandbox.name
    assert where["memory",] != sandbox.name
    assert {sandbox.name, where["memory",]} <= {each["name"] for each in asked["groups"]}


def test_the_groups_of_a_process(sandbox: Sandbox, host: Host, programs: Programs) -> None:
    program = programs.start("idle")
    name = made(sandbox, "a", "b", controllers=["pids"], processes=[{"pid": program.pid}])
    missing = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1
    found = ask(pids=[program.pid, missing], gather=["limits"])
    mine, gone = found["processes"]
    assert (gone["pid"], gone["exists"], gone["groups"]) == (missing, False, [])
    assert mine["comm"] == Path(f"/proc/{program.pid}/comm").read_text().strip()
    assert len(mine["groups"]) == len(found["hierarchies"]) == len(host.hierarchies)
    (own,) = (each for each in mine["groups"] if "pids" in each["controllers"])
    assert own["name"] == name
    assert name in {each["name"] for each in found["groups"]}


# -- state ------------------------------------------------------------------------------------------------------------


def test_populated_and_frozen(sandbox: Sandbox, programs: Programs) -> None:
    program = programs.start("idle")
    name = made(sandbox, "a", controllers=["pids"], frozen=False)
    assert _state(name) == (False, False)
    made(sandbox, "a", processes=[{"pid": program.pid}])
    assert _state(name) == (True, False)
    made(sandbox, "a", frozen=True)
    assert _state(name) == (True, True)
    made(sandbox, "a", frozen=False)
    assert _state(name) == (True, False)
    program.end()
    until(lambda: _state(name) == (False, False), "an empty group")


def _state(name: str) -> tuple[object, object]:
    found = group(name, gather=["state"])
    return found["populated"], found["frozen"]


@pytest.mark.v1("pids")
def test_v1_does_not_tell_of_groups_below(sandbox: Sandbox, programs: Programs) -> None:
    sandbox.make("pids", "upper", "low")
    program = programs.start("idle")
    sandbox.put("pids", sandbox.below("upper", "low"), program.pid)
    found = ask(names=[sandbox.below("upper"), sandbox.below("upper", "low")], gather=["state"])["groups"]
    assert [each["populated"] for each in found] == [None, True]


@pytest.mark.v2("")
def test_a_threaded_group(sandbox: Sandbox, programs: Programs) -> None:
    program = programs.start("threads", 2)
    thread = int(program.ready.split()[0])
    top = sandbox.make("")
    low = sandbox.make("", "low")
    write(low / "cgroup.type", "threaded")
    sandbox.put("", sandbox.name, program.pid)
    write(low / "cgroup.threads", str(thread))
    found = ask(names=[sandbox.name, sandbox.below("low")])
    upper, lower = found["groups"]
    assert (upper["type"], lower["type"]) == ("domain threaded", "threaded")
    assert (top / "cgroup.type").read_text().strip() == "domain threaded"
    for each in (upper, lower):
        assert [process["pid"] for process in each["processes"]] == [program.pid]
    # Which of its threads are in a threaded group is told unasked.
    assert "threads" not in upper
    assert [(each["tid"], each["pid"]) for each in lower["threads"]] == [(thread, program.pid)]
    assert found["incomplete"] == []


def test_to_whom_a_group_is_delegated(sandbox: Sandbox, host: Host) -> None:
    name = made(sandbox, controllers=["pids"])
    assert group(name)["delegated_to"] is None
    place = host.path("pids", name)
    os.chown(place, 1234, 4321)
    assert group(name)["delegated_to"] == {"owner": 1234, "group": 4321, "paths": [str(place)]}


# -- below ------------------------------------------------------------------------------------------------------------


def test_groups_below_another(sandbox: Sandbox) -> None:
    for parts in (("b", "2"), ("b", "1"), ("a",)):
        made(sandbox, *parts, controllers=["pids"])
    names = [sandbox.below(*parts) for parts in (("a",), ("b",), ("b", "1"), ("b", "2"))]
    deep = ask(below=sandbox.name, depth=5)
    assert [each["name"] for each in deep["groups"]] == names
    assert [each["name"] for each in ask(below=sandbox.name)["groups"]] == names[:2]
    upper = group(sandbox.name)
    assert (upper["children"], upper["children_total"]) == (names[:2], 2)
    assert deep["groups"][1]["children"] == names[2:]
    assert sandbox.name in group("/")["children"]
    assert sandbox.name in [each["name"] for each in ask(below="/", max_items=0, gather=[])["groups"]]


def test_a_host_with_many_groups_does_not_answer_with_all(sandbox: Sandbox) -> None:
    made(sandbox, controllers=["pids"])
    top = sandbox.host.path("pids", sandbox.name)
    for number in range(300):
        (top / f"group{number:03}").mkdir()
    found = ask(below=sandbox.name, depth=3, gather=["limits"])
    assert [each["name"] for each in found["groups"]] == [sandbox.below(f"group{number:03}") for number in range(200)]
    assert found["truncated"] is True
    upper = group(sandbox.name)
    assert (len(upper["children"]), upper["children_total"]) == (200, 300)
    found = ask(below=sandbox.name, max_items=0, gather=["limits"])
    assert (len(found["groups"]), found["truncated"]) == (300, False)


def test_a_missing_group_is_no_error(sandbox: Sandbox) -> None:
    found = ask(names=[sandbox.name, sandbox.below("a", "b")])
    assert [(each["name"], each["exists"]) for each in found["groups"]] == [
        (sandbox.name, False),
        (sandbox.below("a", "b"), False),
    ]
    assert found["incomplete"] == []


def test_what_comes_and_goes_is_no_error(sandbox: Sandbox, programs: Programs) -> None:
    """Groups are made, filled and removed by another process while they are looked at."""
    made(sandbox, controllers=["pids"])
    top = sandbox.host.path("pids", sandbox.name)
    child = os.fork()
    if not child:
        try:
            _come_and_go(top)
        finally:
            os._exit(0)
    met: set[str] = set()
    try:

        def looked_enough() -> bool:
            found = ask(below=sandbox.name, depth=3, max_items=12, gather=list(GATHER))
            assert found["incomplete"] == []
            for each in found["groups"]:
                assert each["exists"] is True
                assert each["paths"]
            met.update(each["name"] for each in found["groups"])
            return len(met) > 40

        until(looked_enough, "groups that come and go")
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)


def _come_and_go(top: Path) -> None:
    """Always some ten groups, each with one below it, and none of them for long."""
    for number in range(10**9):
        for name in (f"{number}", f"{number}/low"):
            (top / name).mkdir()
        if number >= 10:
            for name in (f"{number - 10}/low", f"{number - 10}"):
                (top / name).rmdir()


# -- who looks, and from where ----------------------------------------------------------------------------------------


def test_without_root_it_tells_what_it_could_not_see(sandbox: Sandbox, host: Host) -> None:
    made(sandbox, "secret", "low", controllers=["pids"], limits={"pids.max": 5})
    place = host.path("pids", sandbox.below("secret"))
    os.chmod(place, 0o700)

    def look() -> dict[str, Any]:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        return ask(names=[sandbox.name, sandbox.below("secret"), sandbox.below("secret", "low")], pids=[os.getpid()])

    found = apart(look)
    upper, secret, low = found["groups"][:3]
    assert (upper["exists"], upper["children"]) == (True, [sandbox.below("secret")])
    assert (secret["exists"], secret["limits"].get("pids.max")) == (True, None)
    assert low["exists"] is None
    assert any(str(place) in sentence and "EACCES" in sentence for sentence in found["incomplete"])
    assert found["processes"][0]["groups"]
    # Root sees all of it.
    assert group(sandbox.below("secret", "low"))["limits"]["pids.max"] == 5


def _unshare(place: Path) -> None:
    """Into a group, and into namespaces in which that group is the root."""
    write(place / "cgroup.procs", str(os.getpid()))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.unshare(_CLONE_NEWNS | _CLONE_NEWCGROUP) == 0, os.strerror(ctypes.get_errno())
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def test_from_inside_a_cgroup_namespace_the_view_is_partial(sandbox: Sandbox, host: Host) -> None:
    made(sandbox, "inner", limits={"pids.max": 77})
    hierarchy = host.hierarchy("pids")
    assert hierarchy is not None
    place = host.path("pids", sandbox.below("inner"))

    def old_mounts() -> dict[str, Any]:
        _unshare(place)
        return ask(names=[sandbox.below("inner")], pids=[os.getpid()])

    found = apart(old_mounts)
    (partial,) = (each for each in found["hierarchies"] if "pids" in each["controllers"])
    assert partial["mounted_root"].startswith("/..")
    assert (partial["partial"], partial["writable"]) == (True, False)
    assert (found["groups"][0]["limits"]["pids.max"], found["groups"][0]["complete"]) == (77, False)
    # The kernel names it by its own root, which the mount does not start from.
    (own,) = (each for each in found["processes"][0]["groups"] if "pids" in each["controllers"])
    assert own["name"] is None

    def fresh_mount() -> dict[str, Any]:
        _unshare(place)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/sys/fs/cgroup"], check=True)
        os.mkdir("/sys/fs/cgroup/unified")
        kind = ["cgroup2"] if hierarchy.version == 2 else ["cgroup", "-o", ",".join(_options(hierarchy.controllers))]
        subprocess.run(["mount", "-t", kind[0], *kind[1:], "none", "/sys/fs/cgroup/unified"], check=True)
        return ask(names=["/"], pids=[os.getpid()], gather=["limits"])

    found = apart(fresh_mount)
    (only,) = found["hierarchies"]
    assert (only["mounted_root"], only["partial"], only["writable"]) == ("/", True, True)
    (root,) = found["groups"]
    assert (root["limits"]["pids.max"], root["complete"]) == (77, False)
    assert [each["name"] for each in found["processes"][0]["groups"]] == ["/"]


def _options(controllers: frozenset[str]) -> list[str]:
    return sorted("blkio" if controller == "io" else controller for controller in controllers)


# -- through Ansible --------------------------------------------------------------------------------------------------


def test_through_ansible_playbook(sandbox: Sandbox, tmp_path: Path) -> None:
    name = made(sandbox, "low", limits={"pids.max": 50})
    before = sandbox.state()
    told = {"name": name, "below": sandbox.name, "pids": [1], "gather": ["limits", "children"]}
    steps = play(
        [
            {"name": "nothing", "linux.isolation.cgroup_info": {}},
            {"name": "check", "linux.isolation.cgroup_info": told, "check_mode": True},
            {"name": "group", "linux.isolation.cgroup_info": told},
            {"name": "few", "linux.isolation.cgroup_info": {"below": "/", "depth": 9, "max_items": 1, "gather": []}},
            {"name": "bad", "linux.isolation.cgroup_info": {"names": ["/absolute"]}},
            {"name": "depth", "linux.isolation.cgroup_info": {"names": [name], "depth": 2}},
        ],
        tmp_path,
    )
    assert [step.failed for step in steps.values()] == [False] * 4 + [True] * 2
    assert not any(step.changed for step in steps.values() if not step.failed)
    assert "groups" not in steps["nothing"].result
    assert steps["nothing"].result["controllers"]["pids"]["version"] == sandbox.host.version("pids")
    assert steps["check"].result["groups"] == steps["group"].result["groups"]
    found = steps["group"].result["groups"][0]
    assert (found["name"], found["limits"]["pids.max"]) == (name, 50)
    assert steps["group"].result["processes"][0]["pid"] == 1
    assert steps["few"].result["truncated"] is True
    assert any("max_items" in str(warning) for warning in steps["few"].result["warnings"])
    assert steps["bad"].result["failure"]["kind"] == "InputError"
    assert "names[0]" in steps["bad"].result["msg"]
    assert steps["depth"].result["failure"]["option"] == "depth"
    assert sandbox.state() == before
