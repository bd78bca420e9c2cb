# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc says of real processes, odd ones above all, and that a signal never reaches a stranger."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._kernel import processes

COLLECTIONS = str(Path(processes.__file__).parents[6])
WAIT = "\nsys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.read()"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@contextmanager
def child(code: str = "", *arguments: bytes, name: bytes = b"child") -> Iterator[subprocess.Popen[bytes]]:
    """A Python that ran the code and now waits; killed and reaped in the end."""
    script = f"import ctypes, os, sys, threading\n{code}{WAIT}".encode()
    argv = [name, b"-c", script, *arguments]
    with subprocess.Popen(argv, executable=sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0]


def no_pidfd(*_: object) -> int:
    raise OSError(errno.ENOSYS, "no such call")


@pytest.fixture(params=["pidfd", "ctypes", "kill"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """As Python 3.9 does it, as 3.8 does it, and as a kernel before 5.3 makes us do it."""
    if request.param == "ctypes":
        monkeypatch.delattr(os, "pidfd_open")
        monkeypatch.delattr(signal, "pidfd_send_signal")
    elif request.param == "kill":
        monkeypatch.setattr(processes, "_pidfd_open", no_pidfd)
    return str(request.param)


# -- one process -----------------------------------------------------------------------------------------------------


def test_this_process() -> None:
    own = processes.read(os.getpid())
    assert own is not None
    assert (own.pid, own.parent, own.kernel, own.session) == (os.getpid(), os.getppid(), False, os.getsid(0))
    assert own in processes.all_processes()
    assert processes.user_ids(own.pid) == (os.getuid(), os.geteuid())
    assert processes.executable(own.pid) == os.path.realpath(sys.executable)
    assert processes.resident_bytes(own.pid) > 1024**2
    assert os.getpid() in processes.threads(own.pid)
    assert processes.process_of(own.pid) == own.pid


def test_start_time_stays_and_grows_with_age() -> None:
    with child() as older, child() as younger:
        first, second = processes.read(older.pid), processes.read(younger.pid)
        assert first is not None
        assert second is not None
        assert first.start <= second.start
        again = processes.read(older.pid)
        assert again is not None
        assert again.start == first.start


@pytest.mark.parametrize(
    ("comm", "shown"),
    [
        (b"a) R 1 (b", "a) R 1 (b"),
        (b") 1 2 3", ") 1 2 3"),
        (b"((((", "(((("),
        (b"two words", "two words"),
        (b"x\nPid:\t1", "x\\x0aPid:\\x091"),
        (b"\x1b[2J\x07", "\\x1b[2J\\x07"),
        (b"caf\xc3\xa9", "café"),
        (b"\xff\xfe", "\\xff\\xfe"),
        ("\u202egnp".encode(), "\\u202egnp"),
        (b"", ""),
    ],
)
def test_a_name_of_any_bytes_is_told_from_the_fields_behind_it(comm: bytes, shown: str) -> None:
    with child(f"open('/proc/self/comm', 'wb', 0).write({comm!r} or b'\\0')") as process:
        found = processes.read(process.pid)
        assert found is not None
        assert (found.comm, found.parent) == (shown, os.getpid())
        assert processes.user_ids(process.pid) == (os.getuid(), os.geteuid())


def test_arguments_of_any_bytes_are_joined_by_blanks() -> None:
    with child("", b"b c", b"", b"\xff\xfe\x1b[31m", b"end", name=b"na\nme") as process:
        line = processes.command_line(process.pid)
        assert line is not None
        assert line.startswith("na\nme -c import")
        assert line.endswith(") b c  \udcff\udcfe\x1b[31m end")
        assert processes.printable(line[-17:]).encode() == b" b c  \\xff\\xfe\\x1b[31m end"


def test_what_is_shown_is_short_and_harmless() -> None:
    assert processes.printable("plain ü text") == "plain ü text"
    assert processes.printable("\x9b\x7f\u2028\ue000") == "\\u009b\\x7f\\u2028\\ue000"
    assert processes.printable("x" * 300) == "x" * 197 + "..."


def test_a_program_that_was_removed_keeps_its_path(tmp_path: Path) -> None:
    program = tmp_path / "sleeper"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "60"]) as process:
        until(lambda: processes.executable(process.pid) == str(program))
        program.unlink()
        assert processes.executable(process.pid) == str(program)
        process.kill()


def test_gone_is_none_everywhere() -> None:
    with child() as process:
        pid = process.pid
    assert processes.read(pid) is None
    assert processes.groups_of(pid) is None
    assert processes.groups_of(os.getpid(), pid) is None
    assert processes.command_line(pid) is None
    assert processes.executable(pid) is None
    assert processes.user_ids(pid) is None
    assert processes.session_id(pid) is None
    assert processes.process_of(pid) is None
    assert processes.threads(pid) == ()
    assert processes.ancestry(pid) == ()
    assert processes.resident_bytes(pid) == 0


def test_a_zombie_is_gone(way: str) -> None:
    with child() as process:
        handle = processes.Handle(process.pid)
        assert handle.alive()
        os.kill(process.pid, signal.SIGKILL)
        until(lambda: state(process.pid) == "Z")
        assert processes.read(process.pid) is None
        assert processes.groups_of(process.pid) is None
        assert process.pid not in {found.pid for found in processes.all_processes()}
        assert not handle.alive()
        handle.close()


def test_a_process_outlives_its_first_thread(way: str) -> None:
    code = "threading.Thread(target=sys.stdin.read).start()\n"
    end = "os.write(1, b'ready\\n'); ctypes.CDLL(None).pthread_exit(None)"
    with child(code + end) as process:
        until(lambda: state(process.pid) == "Z")
        found = processes.read(process.pid)
        assert found is not None
        assert found.threads == 2
        dead, alive = processes.threads(process.pid)
        assert processes.groups_of(process.pid, dead) is None
        assert processes.groups_of(process.pid) == processes.groups_of(process.pid, alive) is not None
        with processes.Handle(process.pid, found.start) as handle:
            assert handle.alive()
            assert handle.signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL


def test_kernel_threads_are_told() -> None:
    found = [process for process in processes.all_processes() if process.kernel]
    if not found:
        pytest.skip("this pid namespace has no kernel threads")
    for process in found:
        assert processes.command_line(process.pid) in ("", None)
        assert processes.executable(process.pid) is None
        assert processes.resident_bytes(process.pid) == 0


def test_a_fork_is_told_from_a_program() -> None:
    with child("if os.fork() == 0: sys.stdin.read(); os._exit(0)") as process:
        own = processes.read(process.pid)
        assert own is not None
        assert not own.forked
        forked = [found.forked for found in processes.all_processes() if found.parent == process.pid]
        assert forked == [True]


def test_ancestors_up_to_the_first_process() -> None:
    chain = processes.ancestry(os.getpid())
    assert [process.pid for process in chain[:2]] == [os.getpid(), os.getppid()]
    assert all(below.parent == above.pid for below, above in itertools.pairwise(chain))
    assert chain[-1].parent == 0


# -- what /proc does not show ----------------------------------------------------------------------------------------


def test_all_is_seen_here() -> None:
    assert processes.blind_spot() == ""


def test_another_namespaces_proc_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", str(tmp_path))
    assert "is not mounted or shows another pid namespace" in processes.blind_spot()
    (tmp_path / "self").symlink_to("1")
    assert "shows another pid namespace" in processes.blind_spot()


@as_root
@pytest.mark.parametrize("hidepid", ["1", "2", "4"])
def test_hidepid_is_told(hidepid: str) -> None:
    # Its own mount namespace with its own instance of proc, and a user that it hides the others from.
    script = f"""
import ctypes, os, sys
sys.path.insert(0, {COLLECTIONS!r})
from ansible_collections.linux.isolation.plugins.module_utils._kernel import processes
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x20000) == 0
assert libc.mount(b"none", b"/", None, 0x44000, None) == 0
assert libc.mount(b"proc", b"/proc", b"proc", 0, b"hidepid={hidepid}") == 0
# 4 may hide PID 1 from root too.
assert processes.blind_spot() == "" or {hidepid} == 4
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
assert "hidepid" in processes.blind_spot(), processes.blind_spot()
assert processes.read(1) is None
assert all(processes.user_ids(found.pid) == (65534, 65534) for found in processes.all_processes())
"""
    done = subprocess.run([sys.executable, "-c", script], check=False, timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


# -- groups and units ------------------------------------------------------------------------------------------------


def test_groups_of_this_process_are_those_that_the_kernel_shows() -> None:
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    found = processes.groups_of(os.getpid())
    assert found == {line.split(":", 2)[1]: line.split(":", 2)[2] for line in lines}
    assert processes.groups_of(os.getpid(), os.getpid()) == found


def test_groups_have_names_of_any_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "PROC", str(tmp_path))
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_bytes(b"7 (x) S 1 7 7 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 99 0 0")
    (tmp_path / "7" / "cgroup").write_bytes(
        b"12:cpu,cpuacct:/a:b c\r\x0b\xe2\x80\xa8/d (deleted)\n1:name=systemd:/x\\x2dy.slice/\xff\n0::/../other\n"
    )
    assert processes.groups_of(7) == {
        "cpu,cpuacct": "/a:b c\r\x0b\u2028/d (deleted)",
        "name=systemd": "/x\\x2dy.slice/\udcff",
        "": "/../other",
    }


@pytest.mark.parametrize(
    ("path", "units"),
    [
        ("/", ()),
        ("/init.scope", ("init.scope",)),
        ("/system.slice/nginx.service", ("nginx.service",)),
        ("/system.slice/nginx.service/workers", ("nginx.service",)),
        ("/system.slice/system-getty.slice/getty@tty1.service", ("getty@tty1.service",)),
        ("/system.slice/a\\x2db.service", ("a\\x2db.service",)),
        ("/system.slice/_cpu.service", ("cpu.service",)),
        ("/system.slice/sshfs.mount", ("sshfs.mount",)),
        ("/user.slice/user-0.slice/session-3.scope", ("session-3.scope",)),
        ("/user.slice/user-0.slice/user@0.service/app.slice/foo.service", ("user@0.service", "foo.service")),
        ("/user.slice/user-0.slice/user@0.service/init.scope", ("user@0.service", "init.scope")),
        ("/machine.slice/libpod-1.scope/container/system.slice/nginx.service", ("libpod-1.scope",)),
        ("/docker/1f/system.slice/nginx.service", ()),
        ("/system.slice", ()),
        ("/../system.slice/nginx.service", ()),
        ("/batch/nightly", ()),
    ],
)
def test_the_unit_by_the_path(path: str, units: tuple[str, ...]) -> None:
    for key in ("", "name=systemd"):
        groups = {"pids": "/other.service", key: path}
        assert processes.units_of(groups) == units
        assert processes.unit_of(groups) == (units[-1] if units else None)


def test_the_unit_is_that_of_v2_first() -> None:
    groups = {"name=systemd": "/system.slice/a.service", "": "/system.slice/b.service"}
    assert processes.unit_of(groups) == "b.service"
    assert processes.units_of(groups) == ("b.service", "a.service")
    assert processes.unit_of({"name=systemd": "/system.slice/a.service", "": "/batch"}) == "a.service"
    assert processes.unit_of({}) is None


# -- login sessions, by invented numbers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sessions", "fellows"),
    [
        ({1: None, 5: 3, 6: 3, 7: 4, 8: None}, {5, 6}),
        ({1: None, 5: None, 6: None}, set()),
        ({1: 3, 5: 3, 6: 3}, set()),
    ],
)
def test_who_shares_a_login_session(
    sessions: dict[int, int | None], fellows: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "session_id", sessions.get)
    everyone = [processes.Process(pid, 1, 0, "x") for pid in sessions]
    assert {process.pid for process in processes.login_session(5, everyone)} == fellows


@pytest.mark.parametrize(("text", "number"), [("12", 12), ("4294967295", None), ("4294967295\n", None)])
def test_no_session_is_the_largest_number(
    text: str, number: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "PROC", str(tmp_path))
    (tmp_path / "9").mkdir()
    assert processes.session_id(9) is None
    (tmp_path / "9" / "sessionid").write_text(text)
    assert processes.session_id(9) == number


# -- pid files -------------------------------------------------------------------------------------------------------


def test_the_first_line_of_a_pid_file(tmp_path: Path) -> None:
    file = tmp_path / "x.pid"
    assert processes.pid_file(str(file)) is None
    file.write_text(" 123 \n/var/lib/postgresql\n")
    assert processes.pid_file(str(file)) == "123"
    file.write_bytes(b"\xff")
    assert processes.pid_file(str(file)) == "\udcff"
    with pytest.raises(IsADirectoryError):
        processes.pid_file(str(tmp_path))
    os.mkfifo(tmp_path / "fifo")
    assert processes.pid_file(str(tmp_path / "fifo")) == ""


# -- signals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pid", [0, -1, -123])
def test_no_handle_on_a_process_group(pid: int) -> None:
    with pytest.raises(ValueError, match="is no process id"):
        processes.Handle(pid)


def test_a_signal_arrives(way: str) -> None:
    with child() as process:
        found = processes.read(process.pid)
        assert found is not None
        with processes.Handle(process.pid, found.start) as handle:
            assert handle.alive()
            assert handle.signal(0)
            assert handle.signal(signal.SIGTERM)
            assert process.wait(10) == -signal.SIGTERM
            assert not handle.alive()
            assert not handle.signal(0)


def test_gone_between_look_and_signal(way: str) -> None:
    with child() as process:
        handle = processes.Handle(process.pid)
    assert not handle.signal(signal.SIGKILL)
    assert not handle.alive()
    handle.close()
    late = processes.Handle(process.pid)
    assert not late.signal(signal.SIGKILL)
    assert not late.alive()


def test_another_start_time_is_another_process(way: str) -> None:
    with child() as process:
        found = processes.read(process.pid)
        assert found is not None
        with processes.Handle(process.pid, found.start - 1) as handle:
            assert not handle.alive()
            assert not handle.signal(signal.SIGKILL)
        assert process.poll() is None


@as_root
def test_a_number_that_is_used_again_is_a_stranger(way: str) -> None:
    setter = Path("/proc/sys/kernel/ns_last_pid")
    if not setter.exists():
        pytest.skip("this kernel gives no number on demand (CONFIG_CHECKPOINT_RESTORE)")
    for _attempt in range(50):
        with child() as first:
            looked = processes.read(first.pid)
            assert looked is not None
            held = processes.Handle(first.pid)
        # The start time counts in hundredths of a second.
        time.sleep(0.02)
        setter.write_text(str(first.pid - 1))
        with child() as second:
            if second.pid != first.pid:
                held.close()
                continue
            with processes.Handle(first.pid, looked.start) as handle:
                assert not handle.alive()
                assert not handle.signal(signal.SIGKILL)
            assert not held.alive()
            assert not held.signal(signal.SIGKILL)
            held.close()
            assert second.poll() is None
            return
    pytest.fail("nobody got the number again")


def test_a_thread_is_no_process() -> None:
    with child("threading.Thread(target=sys.stdin.read).start()") as process:
        other = max(processes.threads(process.pid))
        assert other != process.pid
        assert processes.process_of(other) == process.pid
        with processes.Handle(other) as handle:
            assert not handle.signal(signal.SIGKILL)
        assert process.poll() is None


def test_a_refusal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(processes, "_pidfd_signal", refused)
    with child() as process, processes.Handle(process.pid) as handle, pytest.raises(PermissionError):
        handle.signal(signal.SIGTERM)
