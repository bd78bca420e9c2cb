# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is protected, on invented hosts and on this one, and which changes are refused for them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import protection
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.protection import Holder, Protected
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import RefusedError, UnsupportedError
from ansible_collections.linux.isolation.plugins.module_utils._kernel import processes
from ansible_collections.linux.isolation.plugins.module_utils._kernel.processes import Process

COLLECTIONS = str(Path(processes.__file__).parents[6])
OWN = 90


def protected_on(
    monkeypatch: pytest.MonkeyPatch,
    host: Mapping[int, tuple[int, str, int]],
    sessions: Mapping[int, int] = {},
    groups: Mapping[int, str] = {},
    key: str = "name=openrc",
    posix: Mapping[int, int] = {},
) -> Protected:
    """``host``: pid -> parent, name, start. OWN is this task."""
    table = {
        pid: Process(pid, start, parent, comm, session=posix.get(pid, 0)) for pid, (parent, comm, start) in host.items()
    }
    monkeypatch.setattr(os, "getpid", lambda: OWN)
    monkeypatch.setattr(processes, "blind_spot", lambda: "")
    monkeypatch.setattr(processes, "read", table.get)
    monkeypatch.setattr(processes, "all_processes", lambda: list(table.values()))
    monkeypatch.setattr(processes, "session_id", sessions.get)
    monkeypatch.setattr(processes, "groups_of", lambda pid: {key: groups.get(pid, "/"), "memory": "/same"})
    return protection.observe()


# A login by ssh, what it started before (a daemon) and after, and a host that goes on.
INIT = {1: (0, "init", 1), 5: (1, "sshd", 10), 6: (1, "cron", 11)}
LOGIN = {20: (5, "sshd", 100), 21: (20, "sshd", 101), 30: (1, "daemon", 150)}
TASK = {40: (21, "sh", 200), OWN: (40, "python3", 201), 50: (1, "later", 300)}
SESSION = dict.fromkeys((20, 21, 30, 40, 50, OWN), 12)


def test_a_task_below_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    found = protected_on(monkeypatch, {**INIT, **LOGIN, **TASK}, SESSION)
    assert found.pids == {
        1: "PID 1 (init)",
        5: "an ancestor of this task (sshd)",
        20: "an ancestor of this task (sshd)",
        21: "an ancestor of this task (sshd)",
        40: "an ancestor of this task (sh)",
        OWN: "this task itself (python3)",
        30: "of the login session 12 that this task runs in (daemon)",
        50: "of the login session 12 that this task runs in (later)",
    }
    # Both daemons came after the login's first process, so neither has brought the task about.
    assert set(found.anchored) == {1, 5, 20, 21, 40, OWN}
    assert protection.observe(whole_session=False).pids == found.anchored


def test_an_asynchronous_task_that_was_given_to_init(monkeypatch: pytest.MonkeyPatch) -> None:
    host = {**INIT, **LOGIN, 60: (1, "async_wrapper", 250), OWN: (60, "python3", 251), 50: (1, "later", 300)}
    found = protected_on(monkeypatch, host, {**SESSION, 60: 12})
    assert set(found.pids) == {1, 5, 20, 21, 30, 50, 60, OWN}
    # The listener is in no session: it is above one who is.
    assert found.pids[5] == "an ancestor of process 20, of the login session 12 that this task runs in (sshd)"
    assert set(found.anchored) == {1, 5, 20, 21, 30, 60, OWN}


def test_the_group_of_a_service_manager_serves_where_nobody_counts_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    host = {**INIT, **LOGIN, 60: (1, "async_wrapper", 250), OWN: (60, "python3", 251), 50: (1, "later", 300)}
    groups = dict.fromkeys((5, 20, 21, 50, 60, OWN), "/sshd") | {6: "/cron", 30: "/daemon"}
    for key in ("name=openrc", "name=systemd", ""):
        found = protected_on(monkeypatch, host, groups=groups, key=key)
        assert set(found.pids) == {1, 5, 20, 21, 60, OWN}
        assert found.pids[20] == "kept by the service manager in the group of this task (sshd)"
        assert found.anchored == found.pids
    # A controller's hierarchy tells of limits, not of who belongs together.
    assert set(protected_on(monkeypatch, host, groups=groups, key="pids").pids) == {1, 60, OWN}


def test_a_container_in_one_session_and_one_group(monkeypatch: pytest.MonkeyPatch) -> None:
    host = {1: (0, "sh", 1), 7: (1, "nginx", 2), OWN: (0, "python3", 9)}
    everybody = dict.fromkeys(host, 12)
    found = protected_on(monkeypatch, host, everybody, dict.fromkeys(host, "/docker/1f"))
    assert set(found.pids) == {1, OWN}


def test_a_background_job_still_names_its_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    host = {**INIT, **LOGIN, 40: (21, "sh", 200), 61: (1, "nohup", 240), OWN: (61, "python3", 241)}
    found = protected_on(monkeypatch, host, posix={61: 40, OWN: 40, 40: 40, 21: 20, 20: 20, 5: 5})
    assert set(found.pids) == {1, 5, 20, 21, 40, 61, OWN}
    assert found.pids[40] == "the leader of a session that this task runs in (sh)"
    # The leader may have ended, and in a container it can be PID 1, which ties nobody to anybody.
    found = protected_on(monkeypatch, host, posix={61: 39, OWN: 1})
    assert set(found.pids) == {1, 61, OWN}


def test_hidden_processes_cannot_be_protected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "blind_spot", lambda: "/proc is hidden")
    with pytest.raises(UnsupportedError, match="cannot tell which processes keep the host reachable: /proc is hidden"):
        protection.observe()


# -- this host -------------------------------------------------------------------------------------------------------


def test_here() -> None:
    found = protection.observe()
    assert {1, os.getpid(), os.getppid()} <= set(found.pids)
    assert found.pids[1].startswith("PID 1 (")
    assert found.pids[os.getpid()].startswith("this task itself (")
    assert found.pids[os.getppid()].startswith(("an ancestor of this task (", "PID 1 ("))
    assert set(found.anchored) <= set(found.pids)


# The script's own process stands for the connection, its grandchild for the task; the child between them ends.
TASK_OF = f"""
import json, os, sys
sys.path.insert(0, {COLLECTIONS!r})
from ansible_collections.linux.isolation.plugins.module_utils._cgroup import protection
if sys.argv[1] == "login":
    with open("/proc/self/loginuid", "w") as file:
        file.write("0")
read, write = os.pipe()
if os.fork() == 0:
    if sys.argv[1] == "login":
        os.setsid()
    between = os.getpid()
    if os.fork() == 0:
        while os.getppid() == between:
            pass
        found = protection.observe()
        text = json.dumps([os.getpid(), os.getppid(), found.pids, found.anchored])
        os.write(write, text.encode())
    os._exit(0)
os.close(write)
os.wait()
with open(read, "rb") as file:
    sys.stdout.buffer.write(file.read())
"""


def seen_by_an_orphan(how: str) -> tuple[int, dict[str, str], dict[str, str]]:
    """The connection's pid, and what its orphaned grandchild takes for protected."""
    argv = [sys.executable, "-c", TASK_OF, how]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as process:
        output, errors = process.communicate(timeout=60)
    if b"loginuid" in errors or b"Operation not permitted" in errors:
        pytest.skip("this kernel lets nobody open a login session")
    assert errors == b""
    own, parent, pids, anchored = json.loads(output)
    assert parent != process.pid
    assert pids[str(own)].startswith("this task itself")
    return process.pid, pids, anchored


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to open a login session")
def test_a_real_orphan_is_tied_to_its_login_session() -> None:
    connection, pids, anchored = seen_by_an_orphan("login")
    assert "of the login session" in pids[str(connection)]
    assert str(connection) in anchored
    # So is what is above the session: the daemon that accepts connections.
    assert "an ancestor of process" in pids[str(os.getpid())]


def test_a_real_orphan_is_tied_to_the_leader_of_its_session() -> None:
    connection, pids, anchored = seen_by_an_orphan("background")
    assert str(connection) in pids
    assert str(connection) in anchored
    assert str(os.getpid()) in pids


# -- the rules -------------------------------------------------------------------------------------------------------

WHY = Protected({1: "PID 1 (init)", 5: "an ancestor of this task (sshd)", 9: "this task itself (python3)"})


@pytest.mark.parametrize(
    ("group", "held"),
    [
        ("batch", [5]),
        ("/batch/", [5]),
        ("batch/a", [5]),
        ("batch/a/b", []),
        ("batch2", [9]),
        ("bat", []),
        ("", [1, 5, 9]),
        ("/", [1, 5, 9]),
        ("other", []),
    ],
)
def test_a_group_holds_whom_it_has_and_whom_those_below_have(group: str, held: list[int]) -> None:
    groups: dict[int, str | tuple[str, ...]] = {1: "/", 5: ("/x", "/batch/a"), 9: "batch2", 77: "/batch"}
    found = protection.holders(WHY, groups, group)
    assert [holder.pid for holder in found] == held
    assert all(holder.why == WHY.pids[holder.pid] for holder in found)


def test_outside_of_the_namespace_is_no_group() -> None:
    assert protection.holders(WHY, {5: "/../batch"}, "batch") == ()
    assert protection.holders(WHY, {}, "") == ()


parts = st.lists(st.sampled_from(("a", "ab", "b")), max_size=4)


@given(parts, parts)
def test_below_is_by_whole_names(path: list[str], group: list[str]) -> None:
    found = protection.holders(WHY, {5: "/" + "/".join(path)}, "/".join(group))
    assert bool(found) == (path[: len(group)] == group)


def test_the_protected_of_some_processes() -> None:
    assert protection.among(WHY, [9, 8, 5, 9]) == (Holder(5, WHY.pids[5]), Holder(9, WHY.pids[9]))


@pytest.mark.parametrize(
    ("wanted", "usage", "squeezed"), [(5, 6, True), (6, 6, False), (None, 6, False), (0, None, False), (0, 1, True)]
)
def test_a_limit_below_the_usage(wanted: int | None, usage: int | None, squeezed: bool) -> None:
    assert protection.squeezes(wanted, usage) is squeezed


SSHD = Holder(5, WHY.pids[5], "batch/a")
INIT_HELD = Holder(1, WHY.pids[1], "")
ALLOW = "; the host could become unreachable; allow_lockout: true permits it."


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("move", "o: would move into the group batch process 5, an ancestor of this task (sshd)" + ALLOW),
        ("freeze", "o: would freeze the group batch, which holds process 5, an ancestor of this task (sshd)" + ALLOW),
        ("kill", "o: would kill the group batch, which holds process 5, an ancestor of this task (sshd)" + ALLOW),
        (
            "pids.max",
            "o: would set pids.max below the number of tasks in the group batch, which could start none any more and "
            "holds process 5, an ancestor of this task (sshd)" + ALLOW,
        ),
        (
            "memory.max",
            "o: would set memory.max below what the group batch uses, which provokes the OOM killer and holds "
            "process 5, an ancestor of this task (sshd)" + ALLOW,
        ),
        ("devices", "o: would deny devices by default to the group batch, which holds process 5"),
        ("cpu.max", "o: would set cpu.max of the group batch, which holds process 5"),
    ],
)
def test_a_refusal_says_what_and_whom_and_the_way_out(action: str, sentence: str) -> None:
    with pytest.raises(RefusedError) as caught:
        protection.refuse(action, "batch", (SSHD,), option="o")
    assert caught.value.sentence().startswith(sentence)
    protection.refuse(action, "batch", (SSHD,), allow_lockout=True)
    protection.refuse(action, "batch", ())


@pytest.mark.parametrize("action", ["move", "freeze", "kill"])
@pytest.mark.parametrize("allow", [False, True])
def test_nothing_permits_it_to_pid_1(action: str, allow: bool) -> None:
    with pytest.raises(RefusedError) as caught:
        protection.refuse(action, "/", (INIT_HELD, SSHD), allow_lockout=allow)
    assert "the root group" in caught.value.sentence()
    assert "PID 1 (init)" in caught.value.sentence()
    assert ("sshd" in caught.value.sentence()) is not allow
    assert caught.value.way_out == "nothing permits that to PID 1: leave it out"


def test_a_limit_may_be_permitted_even_around_pid_1() -> None:
    protection.refuse("pids.max", "x", (INIT_HELD,), allow_lockout=True)
    with pytest.raises(RefusedError, match="allow_lockout: true permits it"):
        protection.refuse("pids.max", "x", (INIT_HELD,))


def test_a_crowd_is_counted() -> None:
    crowd = [Holder(pid, "of the login session 3 that this task runs in (x)") for pid in range(10, 20)]
    with pytest.raises(RefusedError, match=r"process 10, .*; process 12, .*; and 7 more"):
        protection.refuse("freeze", "g", crowd)
