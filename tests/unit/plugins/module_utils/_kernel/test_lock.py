# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock, with real processes that hold it."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    RefusedError,
    TimedOutError,
    UnsupportedError,
)
from ansible_collections.linux.isolation.plugins.module_utils._kernel import lock

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files to others")
# The collection's parent directory, for a Python that is started anew.
ABOVE = str(Path(lock.__file__).parents[6])
HOLD = """
import os, sys
sys.path.insert(0, sys.argv[1])
from ansible_collections.linux.isolation.plugins.module_utils._kernel import lock
with lock.held(sys.argv[2], 30):
    if sys.argv[3] == "fork":
        ready, begun = os.pipe()
        if not os.fork():
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.write(begun, b"1")
            sys.stdin.readline()
            os._exit(0)
        os.read(ready, 1)
    print(os.getpid(), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state/lock")


@contextlib.contextmanager
def holder(path: str, how: str = "plain") -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock until a line is written to it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, ABOVE, path, how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == str(process.pid)
            yield process
        finally:
            process.kill()


def is_free(path: str) -> bool:
    try:
        with lock.held(path, 0):
            return True
    except TimedOutError:
        return False


def test_one_holds_it_at_a_time(path: str) -> None:
    with holder(path), pytest.raises(TimedOutError), lock.held(path, 0.05):
        pytest.fail("two hold it")
    assert is_free(path)


def test_the_holder_is_named(path: str) -> None:
    with holder(path) as process:
        comm = Path(f"/proc/{process.pid}/comm").read_text().strip()
        with pytest.raises(TimedOutError) as caught, lock.held(path, 0.05):
            pass
    assert caught.value.sentence() == (
        f"{path}: is held by process {process.pid} ({comm}) for more than 0.05 s; "
        "let that task end, or end it, and run this one again."
    )


@pytest.mark.parametrize("text", ["", "no number", "4194305"])
def test_a_holder_that_has_not_said_its_name_is_another_process(path: str, text: str) -> None:
    with holder(path):
        Path(path).write_text(text)
        with pytest.raises(TimedOutError, match=r"is held by (another process|process 4194305) "), lock.held(path, 0):
            pass


def test_who_waits_gets_it_when_it_is_free(path: str) -> None:
    with holder(path) as first:
        waiting = subprocess.Popen(
            [sys.executable, "-c", HOLD, ABOVE, path, "plain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with waiting:
            try:
                assert first.stdin is not None
                assert waiting.stdout is not None
                first.stdin.write("\n")
                first.stdin.flush()
                assert waiting.stdout.readline().strip() == str(waiting.pid)
                assert not is_free(path)
            finally:
                waiting.kill()


@pytest.fixture
def while_waiting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something done when this process first waits for the lock."""

    def arrange(do: Callable[[], object]) -> None:
        due = [do]

        def sleep(seconds: float) -> None:
            if due:
                due.pop()()
            threading.Event().wait(seconds)

        monkeypatch.setattr(time, "sleep", sleep)

    return arrange


def test_a_lock_file_that_was_removed_while_one_waited_locks_nothing(path: str, while_waiting: Any) -> None:
    with contextlib.ExitStack() as others:
        first = others.enter_context(holder(path))

        def replace() -> None:
            os.unlink(path)
            others.enter_context(holder(path))
            first.kill()
            first.wait(30)

        while_waiting(replace)
        with pytest.raises(TimedOutError, match="is held by process"), lock.held(path, 1):
            pytest.fail("two hold it")
    assert is_free(path)


@pytest.mark.parametrize("removed", ["the file", "its directory"])
def test_who_waited_for_a_lock_file_that_is_gone_makes_a_new_one(path: str, while_waiting: Any, removed: str) -> None:
    with holder(path) as first:

        def remove() -> None:
            os.unlink(path)
            if removed == "its directory":
                os.rmdir(os.path.dirname(path))
            first.kill()
            first.wait(30)

        while_waiting(remove)
        with lock.held(path, 30):
            assert Path(path).read_text() == f"{os.getpid()}\n"
            with holder_refused(path):
                pass
    assert is_free(path)


def test_a_lock_file_that_is_removed_as_it_is_opened_is_made_anew(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    usual, due = os.open, [True]

    def opened(*arguments: Any, **more: Any) -> int:
        descriptor = usual(*arguments, **more)
        if arguments[0] == path and due:
            due.clear()
            os.unlink(path)
        return descriptor

    monkeypatch.setattr(os, "open", opened)
    with lock.held(path, 30):
        assert Path(path).read_text() == f"{os.getpid()}\n"


def test_an_error_inside_lets_go(path: str) -> None:
    with pytest.raises(ZeroDivisionError), lock.held(path):
        raise ZeroDivisionError
    assert is_free(path)


def test_a_killed_holder_lets_go(path: str) -> None:
    with holder(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert is_free(path)


def test_a_forked_child_does_not_keep_it(path: str) -> None:
    """A child that is left behind, to undo something or to hold a namespace, must not block the next task."""
    with holder(path, "fork") as process:
        assert not is_free(path)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        # The child still reads from the pipe that this test keeps open.
        assert is_free(path)


def test_a_forked_child_that_leaves_the_block_takes_nothing_with_it(path: str) -> None:
    with lock.held(path):
        child = os.fork()
        if not child:
            # What was opened since may have the number that the lock had.
            os.close(0)
            os.open(os.devnull, os.O_RDONLY)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with holder_refused(path):
            pass
    assert is_free(path)


@contextlib.contextmanager
def holder_refused(path: str) -> Iterator[None]:
    """Another process that does not get the lock."""
    script = HOLD.replace(", 30)", ", 0)")
    found = subprocess.run(
        [sys.executable, "-c", script, ABOVE, path, "plain"], input="\n", capture_output=True, text=True, check=False
    )
    assert "TimedOutError" in found.stderr
    yield


def test_a_started_program_does_not_have_it(path: str) -> None:
    with lock.held(path):
        found = subprocess.run(
            ["ls", "-l", "/proc/self/fd"], stdout=subprocess.PIPE, text=True, check=True, close_fds=False
        )
    assert path not in found.stdout


def test_it_is_roots_alone(path: str) -> None:
    mask = os.umask(0)
    try:
        with lock.held(path):
            pass
    finally:
        os.umask(mask)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode) == 0o700


def test_the_usual_place() -> None:
    assert (lock.LOCK, lock.BOUND) == ("/run/isolation/lock", 60.0)


# -- places that others have prepared ----------------------------------------------------------------------------


def refused(path: str, kind: type[Exception]) -> None:
    with pytest.raises(kind), lock.held(path, 0):
        pytest.fail("it was taken")


def test_a_link_is_not_followed(path: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(0o700)
    (tmp_path / "victim").write_text("text")
    os.symlink(tmp_path / "victim", path)
    refused(path, UnsupportedError)
    assert (tmp_path / "victim").read_text() == "text"


def test_a_second_name_of_a_file_is_not_taken(path: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(0o700)
    (tmp_path / "victim").write_text("text")
    (tmp_path / "victim").chmod(0o600)
    os.link(tmp_path / "victim", path)
    refused(path, RefusedError)
    assert (tmp_path / "victim").read_text() == "text"


def test_what_is_no_file_is_not_taken(path: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(0o700)
    os.mkfifo(path, 0o600)
    refused(path, RefusedError)
    os.unlink(path)
    os.mkdir(path)
    refused(path, UnsupportedError)


@NEEDS_ROOT
def test_the_file_of_another_is_not_taken(path: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(0o700)
    Path(path).touch(0o600)
    os.chown(path, 1000, 1000)
    refused(path, RefusedError)


def test_a_file_that_others_may_open_is_not_taken(path: str, tmp_path: Path) -> None:
    """Whoever can open it can lock it, for ever."""
    (tmp_path / "state").mkdir(0o700)
    Path(path).touch()
    Path(path).chmod(0o644)
    refused(path, RefusedError)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o720, 0o702, 0o755])
def test_a_directory_that_others_may_enter_is_not_taken(path: str, tmp_path: Path, mode: int) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state").chmod(mode)
    refused(path, RefusedError)


def test_a_link_in_the_place_of_the_directory_is_not_followed(path: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(0o700)
    (tmp_path / "state").symlink_to(tmp_path / "elsewhere")
    refused(path, RefusedError)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@NEEDS_ROOT
def test_the_directory_of_another_is_not_taken(path: str, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(0o700)
    os.chown(tmp_path / "state", 1000, 1000)
    refused(path, RefusedError)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="/run must be writable"):
        lock.directory(str(tmp_path / "no/such"))
