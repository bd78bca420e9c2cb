# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real kernel for the tests: which of them this host can run, their groups, and what ends them whatever happens."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.tests.integration.support import host as hosts
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs, adopt
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox, session_prefix
from ansible_collections.linux.isolation.tests.integration.support.spaces import Room
from ansible_collections.linux.isolation.tests.integration.support.sweeping import PREFIX, sweep
from ansible_collections.linux.isolation.tests.integration.support.watchdog import Watchdog

# A skip counts as a failure where the host is known to have all that the tests need.
REQUIRED = os.environ.get("ISOLATION_REQUIRE_KERNEL") == "1"
# Seconds that one test may keep its groups.
_OVERRUN = 300
_FOLDER = Path(__file__).resolve().parent

MARKERS = (
    "v1(*controllers): runs where these controllers are on v1; elsewhere it is left out",
    "v2(*controllers): runs where these controllers are on v2; elsewhere it is left out",
    "unified: runs where no controller is on v1; elsewhere it is left out",
    "needs(*programs): needs these programs",
    "cpus(number): needs so many CPUs",
)


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_report_header() -> str:
    host = hosts.look()
    shown = ", ".join(
        "v{} {}".format(one.version, ",".join(sorted(one.controllers)) or one.name) for one in host.hierarchies
    )
    return f"cgroup hierarchies: {shown or 'none'}"


# -- which tests this host can run ------------------------------------------------------------------------------------


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    host = hosts.look()
    left_out = [item for item in items if _FOLDER in item.path.parents and _belongs_elsewhere(host, item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _belongs_elsewhere(host: hosts.Host, item: pytest.Item) -> bool:
    """Whether a test is about the other version: make test-v2 runs here what make integration leaves out, and back."""
    for name, here, there in (("v1", 1, 2), ("v2", 2, 1)):
        for marker in item.iter_markers(name):
            versions = {host.version(controller) for controller in marker.args}
            if there in versions and here:
                return True
    return item.get_closest_marker("unified") is not None and not host.unified and bool(host.hierarchies)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _FOLDER not in item.path.parents:
        return
    if os.geteuid() != 0:
        pytest.skip("needs root")
    host = hosts.look()
    if not host.hierarchies:
        pytest.skip("no cgroup hierarchy is mounted here")
    for name in ("v1", "v2"):
        for marker in item.iter_markers(name):
            for controller in marker.args:
                if not host.version(controller):
                    pytest.skip(f"this host has no {controller or 'v2 hierarchy'}")
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program) is None:
                pytest.skip(f"needs {program}, which is not installed")
    for marker in item.iter_markers("cpus"):
        if len(os.sched_getaffinity(0)) < marker.args[0]:
            pytest.skip(f"needs {marker.args[0]} CPUs")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail") and _FOLDER in item.path.parents:
        report.outcome = "failed"
        report.longrepr = f"skipped, and ISOLATION_REQUIRE_KERNEL=1 says that this host has all: {report.longrepr}"
    return report


# -- the kernel and what the tests do with it -------------------------------------------------------------------------


@pytest.fixture(scope="session")
def host() -> hosts.Host:
    """The mounted hierarchies, as the tests find them."""
    return hosts.look()


@pytest.fixture(scope="session")
def watchdog(host: hosts.Host) -> Iterator[Watchdog]:
    """Ends what a test froze or filled, even where pytest is gone; begins by what earlier runs left."""
    _clear_away(host)
    adopt()
    unified = host.hierarchy("")
    passed_on = _passed_on(unified)
    with Watchdog(session_prefix()) as found:
        yield found
    assert not sweep(host, session_prefix())
    # The one thing that tasks leave in the root group: what it passes on to its children.
    for controller in _passed_on(unified) - passed_on:
        assert unified is not None
        hosts.write(unified.point / "cgroup.subtree_control", "-" + controller)


def _passed_on(unified: hosts.Hierarchy | None) -> set[str]:
    return set((unified.point / "cgroup.subtree_control").read_text().split()) if unified else set()


def _clear_away(host: hosts.Host) -> None:
    for hierarchy in host.hierarchies:
        for path in hierarchy.point.glob(PREFIX + "*"):
            owner = path.name.removeprefix(PREFIX).partition("-")[0]
            if not Path("/proc", owner).exists():
                sweep(host, path.name)


_numbers = itertools.count(1)


@pytest.fixture
def programs() -> Iterator[Programs]:
    """Starts helper programs; all of them end with the test."""
    found = Programs()
    yield found
    found.end()


# Made after the programs and so cleaned up before them: a frozen process dies only when it is thawed.
@pytest.fixture
def sandbox(host: hosts.Host, watchdog: Watchdog, programs: Programs) -> Iterator[Sandbox]:
    """Groups of a name that no other test has."""
    found = Sandbox(host, next(_numbers))
    watchdog.arm(found.name, _OVERRUN)
    yield found
    in_time = watchdog.disarm(found.name)
    found.clean()
    assert in_time, f"the watchdog had to end this test's processes after {_OVERRUN} s"


@pytest.fixture(scope="module")
def wide_sandbox(host: hosts.Host, watchdog: Watchdog) -> Iterator[Sandbox]:
    """Groups for all tests of a file that look at one run."""
    found = Sandbox(host, next(_numbers))
    watchdog.arm(found.name, 4 * _OVERRUN)
    yield found
    watchdog.disarm(found.name)
    found.clean()


@pytest.fixture
def systemd_room() -> Iterator[Room]:
    """Where PID 1 looks like systemd: the test of sd_booted(3). No other process sees it."""
    with Room() as found:
        found.path("/run/systemd/system").mkdir(parents=True)
        yield found
