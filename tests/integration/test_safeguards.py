# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The safeguards of these tests themselves: what ends a test's groups, and what makes a skip a failure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.playbook import ROOT
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.sweeping import PREFIX, sweep
from ansible_collections.linux.isolation.tests.integration.support.waiting import until
from ansible_collections.linux.isolation.tests.integration.support.watchdog import Watchdog


def frozen(host: Host, sandbox: Sandbox, pid: int) -> None:
    """Freeze a process by hand, in the test's group."""
    place = sandbox.make("freezer")
    sandbox.put("freezer", sandbox.name, pid)
    if host.version("freezer") == 1:
        write(place / "freezer.state", "FROZEN")
    else:
        write(place / "cgroup.freeze", "1")


def test_the_watchdog_ends_a_test_that_overruns(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    program = programs.start("idle")
    frozen(host, sandbox, program.pid)
    with Watchdog(sandbox.name) as watchdog:
        watchdog.arm(sandbox.name, 0.1)
        assert program.status() == -signal.SIGKILL
        until(lambda: sandbox.places() == [], "the group is gone")
        time.sleep(0.1)
        assert not watchdog.disarm(sandbox.name)


def test_the_watchdog_outlives_pytest(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    program = programs.start("idle")
    frozen(host, sandbox, program.pid)
    child = os.fork()
    if not child:
        # As pytest where it is killed: nothing of it is left to clean up.
        Watchdog(sandbox.name).__enter__()
        os._exit(0)
    os.waitpid(child, 0)
    until(lambda: sandbox.places() == [], "the group is gone")
    assert program.status() == -signal.SIGKILL


def test_whoever_is_no_process_of_the_tests_is_put_back(host: Host) -> None:
    # Neither its environment nor a parent ties it to the run of pytest that the group is named after.
    # No process has a number that high.
    group = f"{PREFIX}9999999-{os.getpid()}"
    host.path("pids", group).mkdir()
    stranger = os.fork()
    if not stranger:
        signal.alarm(600)
        while True:
            signal.pause()
    try:
        write(host.path("pids", group, "cgroup.procs"), str(stranger))
        assert sweep(host, group) == []
        assert stranger in host.members("pids", "")
    finally:
        os.kill(stranger, signal.SIGKILL)
        os.waitpid(stranger, 0)


def test_a_skip_is_a_failure_where_the_kernel_is_required() -> None:
    # Where strace is not found, a test that needs it is skipped.
    name = f"{Path(__file__).parent}/test_lock.py::test_a_second_run_touches_the_lock_alone"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    for required, status, word in (("1", 1, "1 error"), ("0", 0, "1 skipped")):
        environment = {**os.environ, "ISOLATION_REQUIRE_KERNEL": required, "PATH": "/nonexistent"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, word in done.stdout) == (status, True), done.stdout
        assert "needs strace" in done.stdout
