# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands of this host: bounded, gone when the lab is, and telling what went wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.tests.lab import command, sessions
from ansible_collections.linux.isolation.tests.lab.failures import NOT_STARTED, TIMEOUT, LabError


def test_the_output_comes_back() -> None:
    assert command.call("cat", given=b"said") == "said"


def test_a_failure_tells_what_was_said() -> None:
    with pytest.raises(command.CommandError, match="nobody answers") as failure:
        command.call("sh", "-c", "echo nobody answers >&2; exit 3")
    assert "3" in str(failure.value)


def test_a_bound_ends_the_command_and_what_it_began(tmp_path: Path) -> None:
    began = tmp_path / "pid"
    with pytest.raises(LabError) as failure:
        command.call("sh", "-c", f"sleep 60 & echo $! > {began}; wait", seconds=0.5)
    assert failure.value.status == TIMEOUT
    deadline = time.monotonic() + 5
    while _lives(int(began.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_session_is_known_by_its_number_and_its_beginning() -> None:
    with sessions.watched(sessions.own()) as watch:
        assert watch is not None
    with sessions.watched("") as none:
        assert none is None
    with pytest.raises(LabError) as refusal, sessions.watched(f"{os.getpid()}:1"):
        pass
    assert refusal.value.status == NOT_STARTED


def test_a_session_that_has_ended_is_refused() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    with pytest.raises(LabError), sessions.watched(f"{process.pid}:1"):
        pass


def test_a_session_returns_its_commands_status() -> None:
    assert sessions.run(["sh", "-c", f'[ -n "${sessions.VARIABLE}" ] && exit 7']) == 7
    assert sessions.run(["sh", "-c", "kill -9 $$"]) == 137


def _lives(number: int) -> bool:
    status = Path(f"/proc/{number}/stat")
    return status.exists() and " Z " not in status.read_text()
