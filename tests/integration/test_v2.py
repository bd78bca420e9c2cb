# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only v2 has: controllers passed on from the root down, leaves, threaded groups, delegation, cgroup.kill."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import Host
from ansible_collections.linux.isolation.tests.integration.support.pid_namespaces import in_a_pid_namespace
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, run
from ansible_collections.linux.isolation.tests.integration.support.waiting import until

pytestmark = pytest.mark.v2("")

NOBODY = 65534


@pytest.fixture
def controller(host: Host) -> str:
    """A controller of this host's v2 hierarchy that threads cannot have apart: memory, or on a hybrid host hugetlb."""
    unified = host.hierarchy("")
    assert unified is not None
    return next(name for name in ("memory", "hugetlb") if name in unified.controllers)


def both(module: str, params: dict[str, Any]) -> Answer:
    """Announced, done, and done for good."""
    predicted = run(module, params, check=True)
    answer = run(module, params)
    assert not answer.failed, answer.sentence
    assert answer.changed
    assert predicted.actions == answer.actions
    assert predicted.values["diff"] == answer.values["diff"]
    again = run(module, params)
    assert (again.changed, again.actions) == (False, [])
    return answer


def refused(module: str, params: dict[str, Any], sandbox: Sandbox, *says: str) -> None:
    """Told before anything is written, in check mode too."""
    before = sandbox.state()
    for check in (True, False):
        answer = run(module, params, check)
        assert answer.failed, answer.values
        for fragment in says:
            assert fragment in answer.sentence
    assert sandbox.state() == before


def core(host: Host, group: str, file: str) -> str:
    return host.path("", group, file).read_text().strip()


# -- controllers ------------------------------------------------------------------------------------------------------


def test_a_controller_is_passed_on_from_the_root_down(host: Host, sandbox: Sandbox, controller: str) -> None:
    answer = both("group", {"name": sandbox.below("a", "b"), "controllers": [controller]})
    for name in ("", sandbox.name, sandbox.below("a")):
        assert controller in core(host, name, "cgroup.subtree_control").split()
    assert core(host, sandbox.below("a", "b"), "cgroup.subtree_control") == ""
    assert controller in core(host, sandbox.below("a", "b"), "cgroup.controllers").split()
    enabled = [action["target"] for action in answer.actions if action["action"] == "enable"]
    assert enabled[-2:] == [sandbox.name, sandbox.below("a")]


def test_a_controller_that_was_taken_away_comes_back(host: Host, sandbox: Sandbox, controller: str) -> None:
    task = {"name": sandbox.below("a"), "controllers": [controller]}
    both("group", task)
    sandbox.pass_on(controller, sandbox.name)
    descriptor = os.open(host.path("", sandbox.name, "cgroup.subtree_control"), os.O_WRONLY)
    os.write(descriptor, f"-{controller}".encode())
    os.close(descriptor)
    assert both("group", task).verbs() == ["enable"]


def test_a_controller_is_taken_off_and_the_siblings_are_named(host: Host, sandbox: Sandbox, controller: str) -> None:
    both("tree", {"groups": [{"name": sandbox.below(name), "controllers": [controller]} for name in "ab"]})
    answer = both("group", {"name": sandbox.below("a"), "controllers_absent": [controller]})
    assert answer.verbs() == ["disable"]
    assert any(sandbox.below("b") in warning for warning in answer.warnings)
    assert core(host, sandbox.name, "cgroup.subtree_control") == ""


def test_a_controller_that_is_passed_on_further_stays(sandbox: Sandbox, controller: str) -> None:
    both("group", {"name": sandbox.below("a", "b"), "controllers": [controller]})
    task = {"name": sandbox.below("a"), "controllers_absent": [controller]}
    refused("group", task, sandbox, f"controllers_absent: '{controller}'", sandbox.below("a"))


def test_processes_in_an_inner_group_are_told(sandbox: Sandbox, programs: Programs, controller: str) -> None:
    program = programs.start("idle")
    sandbox.make("", "a")
    sandbox.put("", sandbox.below("a"), program.pid)
    task = {"name": sandbox.below("a", "b"), "controllers": [controller]}
    refused("group", task, sandbox, f"holds processes, {program.pid} (python", f"pass on {controller}", "leaves")


def test_processes_are_not_placed_in_an_inner_group(sandbox: Sandbox, programs: Programs, controller: str) -> None:
    program = programs.start("idle")
    both("group", {"name": sandbox.below("a", "b"), "controllers": [controller]})
    task = {"name": sandbox.below("a"), "controllers": [controller], "processes": [{"pid": program.pid}]}
    refused("group", task, sandbox, f"passes {controller} on", "leaves", "in a group below it")


# -- types ------------------------------------------------------------------------------------------------------------


def test_a_group_becomes_threaded(host: Host, sandbox: Sandbox) -> None:
    both("group", {"name": sandbox.below("a"), "type": "threaded"})
    assert core(host, sandbox.below("a"), "cgroup.type") == "threaded"
    assert core(host, sandbox.name, "cgroup.type") == "domain threaded"


def test_threaded_is_undone_only_by_making_the_group_again(host: Host, sandbox: Sandbox) -> None:
    both("group", {"name": sandbox.below("a"), "type": "threaded"})
    task = {"name": sandbox.below("a"), "type": "domain"}
    refused("group", task, sandbox, "is threaded, which the kernel never undoes", "recreate: true")
    answer = both("group", task | {"recreate": True})
    assert answer.verbs() == ["remove", "create"]
    assert core(host, sandbox.below("a"), "cgroup.type") == "domain"


def test_a_threaded_group_with_processes_is_not_made_again(sandbox: Sandbox, programs: Programs) -> None:
    program = programs.start("idle")
    both("group", {"name": sandbox.below("a"), "type": "threaded", "processes": [{"pid": program.pid}]})
    task = {"name": sandbox.below("a"), "type": "domain", "recreate": True}
    refused("group", task, sandbox, f"processes, {program.pid} (python")


def test_siblings_that_become_domain_invalid_are_named(host: Host, sandbox: Sandbox) -> None:
    sandbox.make("", "b")
    answer = run("group", {"name": sandbox.below("a"), "type": "threaded"})
    assert not answer.failed, answer.sentence
    assert any(sandbox.below("b") in warning and "domain invalid" in warning for warning in answer.warnings)
    assert core(host, sandbox.below("b"), "cgroup.type") == "domain invalid"


def test_siblings_with_processes_keep_a_group_from_becoming_threaded(sandbox: Sandbox, programs: Programs) -> None:
    program = programs.start("idle")
    sandbox.make("", "b")
    sandbox.put("", sandbox.below("b"), program.pid)
    refused("group", {"name": sandbox.below("a"), "type": "threaded"}, sandbox, sandbox.below("b"), "hold processes")


def test_a_domain_invalid_group_takes_no_process_and_no_controller(
    sandbox: Sandbox, programs: Programs, controller: str
) -> None:
    program = programs.start("idle")
    sandbox.make("", "b")
    assert not run("group", {"name": sandbox.below("a"), "type": "threaded"}).failed
    place = {"name": sandbox.below("b"), "processes": [{"pid": program.pid}]}
    refused("group", place, sandbox, "domain invalid", "type: threaded")
    refused("group", {"name": sandbox.below("b", "c"), "controllers": [controller]}, sandbox, sandbox.name)


def test_a_threaded_group_has_no_domain_controller(sandbox: Sandbox, controller: str) -> None:
    task = {"name": sandbox.below("a"), "type": "threaded", "controllers": [controller]}
    refused("group", task, sandbox, f"cannot have {controller}")
    both("group", {"name": sandbox.below("b"), "controllers": [controller]})
    refused("group", {"name": sandbox.below("a"), "type": "threaded"}, sandbox, f"passes on {controller}")


def test_a_process_is_placed_in_a_threaded_group_with_all_its_threads(
    host: Host, sandbox: Sandbox, programs: Programs
) -> None:
    program = programs.start("threads", 3)
    threads = {program.pid, *map(int, program.ready.split())}
    task = {"name": sandbox.below("a"), "type": "threaded", "processes": [{"pid": program.pid}]}
    both("group", task)
    path = host.path("", sandbox.below("a"), "cgroup.threads")
    assert {int(thread) for thread in path.read_text().split()} == threads
    # One thread elsewhere in the same domain: it is not inside as a whole any more.
    sandbox.make("", "b")
    host.path("", sandbox.below("b"), "cgroup.type").write_text("threaded")
    host.path("", sandbox.below("b"), "cgroup.threads").write_text(str(max(threads)))
    assert both("group", task).verbs() == ["move"]
    assert {int(thread) for thread in path.read_text().split()} == threads


# -- delegation -------------------------------------------------------------------------------------------------------


def owners(place: Path) -> dict[str, tuple[int, int]]:
    paths = [place, *(path for path in place.iterdir() if path.is_file())]
    return {"" if path == place else path.name: (path.stat().st_uid, path.stat().st_gid) for path in paths}


def test_a_group_is_handed_over_with_exactly_the_files_of_the_kernels_list(host: Host, sandbox: Sandbox) -> None:
    task = {"name": sandbox.below("a"), "delegate": {"owner": "nobody", "group": str(NOBODY)}}
    both("group", task)
    place = host.path("", sandbox.below("a"))
    listed = {"", *Path("/sys/kernel/cgroup/delegate").read_text().split()}
    handed_over = {name for name, owner in owners(place).items() if owner == (NOBODY, NOBODY)}
    assert handed_over == {name for name in listed if (place / name).exists()}
    assert {owner for name, owner in owners(place).items() if name not in listed} == {(0, 0)}
    assert owners(host.path("", sandbox.name))[""] == (0, 0)


def test_a_delegation_is_repaired_in_both_directions(host: Host, sandbox: Sandbox) -> None:
    task = {"name": sandbox.below("a"), "delegate": {"owner": str(NOBODY)}}
    both("group", task)
    place = host.path("", sandbox.below("a"))
    wanted = owners(place)
    os.chown(place / "cgroup.procs", 0, 0)
    # Whoever owns this sets his own bound.
    os.chown(place / "cgroup.max.depth", NOBODY, -1)
    assert [Path(action["path"]).name for action in both("group", task).actions] == ["cgroup.procs", "cgroup.max.depth"]
    assert owners(place) == wanted


def test_the_new_owner_can_make_groups_and_no_limits(host: Host, sandbox: Sandbox) -> None:
    both("group", {"name": sandbox.below("a"), "delegate": {"owner": str(NOBODY)}})
    place = host.path("", sandbox.below("a"))
    child = os.fork()
    if not child:
        try:
            os.setuid(NOBODY)
            (place / "own").mkdir()
            try:
                (place / "cgroup.max.depth").write_text("5")
            except PermissionError:
                os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert (place / "own").exists()


# -- killing ----------------------------------------------------------------------------------------------------------


def test_the_kernel_kills_a_family_that_forks(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    sandbox.make("", "a")
    eldest = programs.start("family", 3000, 0.001)
    sandbox.put("", sandbox.below("a"), eldest.pid)
    eldest.say("begin")
    until(lambda: len(host.members("", sandbox.below("a"))) > 20, "a family of twenty")
    answer = run("group", {"name": sandbox.name, "state": "absent", "recursive": True, "on_processes": "kill"})
    assert not answer.failed, answer.sentence
    assert answer.verbs()[0] == "kill"
    assert eldest.status() == -signal.SIGKILL
    assert sandbox.places() == []


def test_a_process_of_another_pid_namespace_is_told(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    program = programs.start("idle")
    sandbox.make("")
    sandbox.put("", sandbox.name, program.pid)
    absent = {"name": sandbox.name, "state": "absent"}
    refuse, kill = in_a_pid_namespace([], [("group", absent), ("group", absent | {"on_processes": "kill"})])
    assert refuse.failed
    assert "one outside this pid namespace" in refuse.sentence
    assert kill.failed
    assert "outside this pid namespace and cannot be reached" in kill.sentence
    assert program.alive()
    assert host.members("", sandbox.name) == {program.pid}
