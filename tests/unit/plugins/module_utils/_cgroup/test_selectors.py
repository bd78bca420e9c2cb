# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes a selector takes: by invented ones, and by real ones where names become numbers."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import selectors
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.selectors import Candidate, Selector
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    InputError,
    IsolationError,
    UnsupportedError,
)
from ansible_collections.linux.isolation.plugins.module_utils._kernel import processes
from ansible_collections.linux.isolation.plugins.module_utils._kernel.processes import Process

# PID 1, sshd and below it a login with Ansible; nginx with two workers and a helper; a kernel thread.
HOST = (
    Candidate(Process(1, 1, 0, "init"), "/sbin/init", "/sbin/init", 0, ("init.scope",)),
    Candidate(Process(2, 1, 0, "kthreadd", kernel=True), "/x", "nginx", 0),
    Candidate(Process(10, 50, 1, "sshd"), "/usr/sbin/sshd", "sshd: listener", 0, ("ssh.service",)),
    Candidate(Process(11, 60, 10, "sshd", forked=True), "/usr/sbin/sshd", "sshd: me", 0, ("ssh.service",)),
    Candidate(Process(12, 61, 11, "ansible-playboo"), "/usr/bin/python3", "ansible-playbook nginx.yml", 1000),
    Candidate(
        Process(13, 62, 12, "ansible-playboo", forked=True), "/usr/bin/python3", "ansible-playbook nginx.yml", 1000
    ),
    Candidate(
        Process(14, 62, 12, "ansible-playboo", forked=True), "/usr/bin/python3", "ansible-playbook nginx.yml", 1000
    ),
    Candidate(Process(15, 63, 14, "python3"), "/usr/bin/python3", "python3 module", 0),
    Candidate(Process(20, 40, 1, "nginx", forked=True), "/usr/sbin/nginx", "nginx: master", 0, ("nginx.service",)),
    Candidate(Process(21, 41, 20, "nginx", forked=True), "/usr/sbin/nginx", "nginx: worker", 33, ("nginx.service",)),
    Candidate(Process(22, 41, 20, "nginx", forked=True), "/usr/sbin/nginx", "nginx: worker", 33, ("nginx.service",)),
    Candidate(Process(23, 42, 22, "perl"), "/usr/bin/perl", "perl helper.pl", 33, ("nginx.service",)),
)
LINEAGE = frozenset({1, 10, 11, 12, 14, 15})


def taken(*items: dict[str, object], first: bool = True) -> list[int]:
    own = [selectors.parse(f"processes[{number}]", item) for number, item in enumerate(items)]
    return [process.pid for process in selectors.match(own, HOST, LINEAGE, first).processes]


# -- what can be written ---------------------------------------------------------------------------------------------


def test_all_keys_are_parsed() -> None:
    item = {
        "pid": "0012",
        "pid_file": "/run/x.pid",
        "systemd_unit": "x@1\\x2d2.service",
        "exe": "/bin/x",
        "cmdline": "^x",
        "user": 0,
        "descendants": True,
        "required": True,
    }
    found = selectors.parse("p[0]", item)
    assert found == Selector("p[0]", 12, "/run/x.pid", "x@1\\x2d2.service", "/bin/x", re.compile("^x"), "0", True, True)
    expected = "pid 12, pid_file /run/x.pid, systemd_unit x@1\\x2d2.service, exe /bin/x, cmdline ^x, user 0"
    assert found.words() == expected


def test_null_is_left_out() -> None:
    item = {**dict.fromkeys((*selectors.KEYS, *selectors.FLAGS)), "pid": 1}
    assert selectors.parse("p", item) == Selector("p", 1)


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (12, "p: '12' is no selector; write {pid: 123} for a pid."),
        ({}, "p: selects no process; give one of pid, pid_file, systemd_unit, exe, cmdline, user."),
        ({"descendants": True}, "p: selects no process; give one of"),
        ({"pidfile": "/x"}, "p: 'pidfile' is unknown; known are pid, pid_file"),
        ({"pid": 1, "required": "yes"}, "p.required: 'yes' is neither true nor false."),
        ({"pid": 0}, "p.pid: 0 is not the number of a process; write a number above 0."),
        ({"pid": -1}, "p.pid: -1 is not the number of a process"),
        ({"pid": True}, "p.pid: True is not the number of a process"),
        ({"pid": 1.5}, "p.pid: 1.5 is not the number of a process"),
        ({"pid": "1_0"}, "p.pid: '1_0' is not the number of a process"),
        ({"pid": "٣"}, "p.pid: '٣' is not the number of a process"),
        ({"pid": "1\n"}, "is not the number of a process"),
        ({"pid": 10**20}, "is not the number of a process"),
        ({"pid_file": "run/x.pid"}, "p.pid_file: 'run/x.pid' is not an absolute path."),
        ({"pid_file": ""}, "p.pid_file: '' is not a text that can be looked for."),
        ({"exe": "nginx"}, "p.exe: 'nginx' is not an absolute path."),
        ({"exe": "/x\0"}, "p.exe: '/x\\x00' is not a text that can be looked for."),
        ({"exe": ["/x"]}, "is not a text that can be looked for."),
        ({"cmdline": "a(b"}, "p.cmdline: 'a(b' is no regular expression: missing ), unterminated subpattern"),
        ({"cmdline": "a{99999999999999999999}"}, "is no regular expression"),
        ({"cmdline": ""}, "is not a text that can be looked for"),
        ({"user": ""}, "p.user: '' is no user; write a name or a uid."),
        ({"user": -1}, "p.user: '-1' is no user"),
        ({"user": True}, "p.user: 'True' is no user"),
        ({"user": 1.0}, "p.user: '1.0' is no user"),
        ({"systemd_unit": "nginx"}, "is not the whole name of a unit with processes; write nginx.service."),
        ({"systemd_unit": "a/b.service"}, "is not the whole name of a unit"),
        ({"systemd_unit": "x.timer"}, "is not the whole name of a unit"),
        ({"systemd_unit": "user.slice"}, "is a slice, which has no processes of its own; name a unit in it."),
    ],
)
def test_what_cannot_be_meant(item: object, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        selectors.parse("p", item)
    assert sentence in caught.value.sentence()


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text(), max_size=2)


@given(st.dictionaries(st.sampled_from((*selectors.KEYS, *selectors.FLAGS, "other")) | st.text(), values))
def test_no_item_makes_a_traceback(item: dict[str, object]) -> None:
    try:
        said = selectors.parse("p", item).words()
    except InputError as error:
        said = error.sentence()
    assert said


# -- what is taken ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "pids"),
    [
        ([{"pid": 21}], [21]),
        ([{"exe": "/usr/sbin/nginx"}], [20, 21, 22]),
        ([{"exe": "/usr/sbin/nginx", "user": 33}], [21, 22]),
        ([{"exe": "/usr/sbin/nginx", "user": "0033"}], [21, 22]),
        ([{"cmdline": "nginx"}], [20, 21, 22]),
        ([{"cmdline": "^nginx: m"}], [20]),
        ([{"cmdline": "^nginx: m", "descendants": True}], [20, 21, 22, 23]),
        ([{"pid": 22, "descendants": True}], [22, 23]),
        ([{"user": 33}], [21, 22, 23]),
        ([{"systemd_unit": "nginx.service", "exe": "/usr/bin/perl"}], [23]),
        ([{"systemd_unit": "nginx.service"}], [20, 21, 22, 23]),
        ([{"user": 33}, {"pid": 20}, {"pid": 21}], [20, 21, 22, 23]),
        ([{"user": 12345}], []),
        ([{"pid": 20, "user": 33}], []),
    ],
)
def test_keys_are_joined_by_and_and_items_by_or(items: list[dict[str, object]], pids: list[int]) -> None:
    assert taken(*items) == pids


@pytest.mark.parametrize(
    ("items", "pids"),
    [
        # 13 is Ansible's worker for another host: a fork of an ancestor that runs the same command line.
        ([{"cmdline": "ansible"}], []),
        ([{"exe": "/usr/bin/python3"}], []),
        ([{"user": 1000}], []),
        ([{"exe": "/usr/sbin/sshd"}], []),
        ([{"exe": "/usr/sbin/sshd", "descendants": True}], []),
        # nginx was forked and then given to PID 1, which is an ancestor: no copy of it all the same.
        ([{"user": 0}], [20]),
        ([{"cmdline": "."}], [20, 21, 22, 23]),
        # Who names them means them; protection then has its say.
        ([{"pid": 15}], [15]),
        ([{"pid": 12, "descendants": True}], [12, 13, 14, 15]),
        ([{"pid": 1}], [1]),
        ([{"systemd_unit": "ssh.service"}], [10, 11]),
    ],
)
def test_a_description_leaves_this_task_out(items: list[dict[str, object]], pids: list[int]) -> None:
    assert taken(*items) == pids


def test_each_pid_knows_what_took_it() -> None:
    own = [selectors.parse("a", {"pid": 21}), selectors.parse("b", {"user": 33})]
    assert selectors.match(own, HOST, LINEAGE).options == {21: "a", 22: "b", 23: "b"}


def test_a_kernel_thread_is_never_taken() -> None:
    assert taken({"pid": 2}, first=False) == []
    assert taken({"pid": 2, "descendants": True}, first=False) == []
    assert 2 not in taken({"user": 0})
    with pytest.raises(InputError) as caught:
        taken({"pid": 2})
    assert "2' is the kernel thread kthreadd, and those are never moved" in caught.value.sentence()


def test_a_missing_pid_is_an_error_at_first_and_nobody_later() -> None:
    with pytest.raises(InputError) as caught:
        taken({"pid": 21}, {"pid": 99})
    assert caught.value.sentence() == (
        "processes[1].pid: '99' is no running process; see ps, or select it by pid_file or exe."
    )
    assert taken({"pid": 21}, {"pid": 99}, first=False) == [21]


def test_nothing_found_is_a_warning_and_when_required_an_error() -> None:
    own = [selectors.parse("a", {"user": 77, "exe": "/x"}), selectors.parse("b", {"user": 33})]
    assert selectors.match(own, HOST, LINEAGE, True).warnings == ("a: no process has exe /x, user 77",)
    assert selectors.match(own, HOST, LINEAGE, False).warnings == ()
    own[0] = own[0]._replace(required=True)
    with pytest.raises(InputError) as caught:
        selectors.match(own, HOST, LINEAGE, True)
    assert "a: selects no process and is required (exe /x, user 77)" in caught.value.sentence()
    assert selectors.match(own, HOST, LINEAGE, False).processes


@given(
    st.lists(
        st.builds(
            Candidate,
            st.builds(Process, st.integers(1, 12), st.integers(0, 5), st.integers(0, 12), st.just("x"), st.booleans()),
            user=st.none() | st.integers(0, 2),
            cmdline=st.none() | st.text(max_size=3),
        ),
        unique_by=lambda candidate: candidate.process.pid,
    ),
    st.frozensets(st.integers(1, 12)),
    st.booleans(),
)
def test_whatever_the_parents_are(found: list[Candidate], lineage: frozenset[int], descendants: bool) -> None:
    """Cycles of parents and orphans included: a list of processes is no snapshot."""
    one = Selector("a", user="1", descendants=descendants)
    other = Selector("b", pid=3, descendants=descendants)
    both = {process.pid for process in selectors.match([one, other], found, lineage).processes}
    first = {process.pid for process in selectors.match([one], found, lineage).processes}
    second = {process.pid for process in selectors.match([other], found, lineage).processes}
    assert both == first | second
    assert not first & (lineage | {1})
    by_pid = {candidate.process.pid: candidate for candidate in found}
    assert not any(by_pid[pid].process.kernel for pid in both)
    if not descendants:
        assert all(by_pid[pid].user == 1 for pid in first)
        assert second <= {3}


# -- names and files of a real host ----------------------------------------------------------------------------------


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    code = "import sys; sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.read()"
    argv = [b"a \xff name", b"-c", code.encode(), str(tmp_path).encode()]
    with subprocess.Popen(argv, executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def chosen(item: dict[str, object], first: bool = True) -> tuple[list[int], tuple[str, ...]]:
    look = selectors.observe([selectors.parse("p", item)])
    found = selectors.match(look.selectors, look.candidates, look.lineage, first)
    return [process.pid for process in found.processes], look.warnings + found.warnings


def test_a_real_process_by_every_key(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    file = tmp_path / "x.pid"
    file.write_text(f"{sleeper.pid}\n")
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    name = pwd.getpwuid(os.getuid()).pw_name
    item = {"exe": str(link), "cmdline": f"a \udcff name -c .* {tmp_path}$", "user": name, "pid_file": str(file)}
    for key in ("pid_file", "cmdline"):
        assert chosen({key: item[key]}) == ([sleeper.pid], ())
    for key in ("exe", "user"):
        assert sleeper.pid in chosen({key: item[key]})[0]
    assert chosen({**item, "pid": sleeper.pid}) == ([sleeper.pid], ())
    assert chosen({**item, "user": os.getuid() + 1})[0] == []


def test_this_task_is_not_found_by_its_own_description() -> None:
    assert os.getpid() not in chosen({"exe": sys.executable})[0]
    assert os.getpid() not in chosen({"user": os.getuid()})[0]
    assert chosen({"pid": os.getpid()}) == ([os.getpid()], ())


def test_a_pid_file_that_is_not_there_selects_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.pid"
    assert chosen({"pid_file": str(path)}) == ([], (f"p: {path} does not exist, so it selects nothing",))
    with pytest.raises(InputError, match=rf"selects no process and is required \(pid_file {path}\)"):
        chosen({"pid_file": str(path), "required": True})


def test_a_pid_file_beside_another_pid(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    path = tmp_path / "x.pid"
    path.write_text(str(sleeper.pid))
    expected = f"p: {path} names {sleeper.pid}, so it selects nothing"
    assert chosen({"pid_file": str(path), "pid": os.getpid()}) == ([], (expected,))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "is empty; its daemon is still starting or has failed: look there first."),
        ("\n12", "is empty;"),
        ("0", "holds '0' where the number of a process belongs."),
        ("-1", "holds '-1' where"),
        ("nginx", "holds 'nginx' where"),
        ("12 13", "holds '12 13' where"),
        ("x" * 300, "holds 'xxxx"),
        ("99999999", "names 99999999, which is no running process; the file is stale: start its daemon."),
    ],
)
def test_a_pid_file_that_names_nobody(content: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "x.pid").write_text(content)
    with pytest.raises(InputError) as caught:
        chosen({"pid_file": str(tmp_path / "x.pid")})
    assert caught.value.sentence().startswith(f"p.pid_file: '{tmp_path}/x.pid' ")
    assert sentence in caught.value.sentence()


def test_a_pid_file_that_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        chosen({"pid_file": str(tmp_path)})


def test_an_unknown_user() -> None:
    with pytest.raises(InputError, match="is no user of this host"):
        chosen({"user": "no-such-user-here"})


def test_a_unit_by_its_group(monkeypatch: pytest.MonkeyPatch, sleeper: subprocess.Popen[bytes]) -> None:
    real = processes.groups_of

    def groups(pid: int, thread: int | None = None) -> dict[str, str] | None:
        return {"name=systemd": "/system.slice/x.service/a"} if pid == sleeper.pid else real(pid, thread)

    monkeypatch.setattr(processes, "groups_of", groups)
    assert chosen({"systemd_unit": "x.service"}) == ([sleeper.pid], ())


def test_only_what_is_asked_for_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("executable", "command_line", "user_ids", "groups_of", "all_processes"):
        monkeypatch.delattr(processes, name)
    assert chosen({"pid": os.getpid()}) == ([os.getpid()], ())


def test_blind_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "blind_spot", lambda: "/proc is hidden")
    with pytest.raises(UnsupportedError) as caught:
        chosen({"user": 0})
    assert isinstance(caught.value, IsolationError)
    assert caught.value.sentence() == "p: processes cannot be selected: /proc is hidden."
