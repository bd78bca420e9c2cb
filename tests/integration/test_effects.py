# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits do what they say: a process is stopped by memory.max, a fork by pids.max, all by the freezer, and so on."""

from __future__ import annotations

import contextlib
import mmap
import os
import re
import signal
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.tests.integration.support.disks import SIZE, disk
from ansible_collections.linux.isolation.tests.integration.support.host import Host, without_swap
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import run
from ansible_collections.linux.isolation.tests.integration.support.waiting import until


def place(sandbox: Sandbox, pid: int, limits: dict[str, object]) -> None:
    """Declare the limits and the process."""
    group = {"name": sandbox.name, "limits": limits, "processes": [{"pid": pid, "required": True}]}
    answer = run("tree", {"groups": [group]})
    assert not answer.failed, answer.sentence
    assert "move" in answer.verbs()


def figure(path: Path, key: str) -> int:
    """The figure of a key in a file of "key figure" lines."""
    lines = dict(line.split() for line in path.read_text().splitlines())
    return int(lines[key])


def test_the_memory_limit_stops_a_process(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    eater = programs.start("eat")
    place(sandbox, eater.pid, {"memory.max": "32M", **without_swap(host)})
    name = "memory.oom_control" if host.version("memory") == 1 else "memory.events"
    counter = host.path("memory", sandbox.name, name)
    assert figure(counter, "oom_kill") == 0
    assert eater.ask("4") == "done"
    eater.say("256")
    assert eater.hear() == ""
    assert eater.status() == -signal.SIGKILL
    assert figure(counter, "oom_kill") == 1


def test_the_pids_limit_stops_a_fork(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    forker = programs.start("fork")
    place(sandbox, forker.pid, {"pids.max": 8})
    events = host.path("pids", sandbox.name, "pids.events")
    assert forker.ask("7") == "7 none"
    assert figure(events, "max") == 0
    assert forker.ask("20") == "7 EAGAIN"
    assert figure(events, "max") == 1


@contextlib.contextmanager
def ticking(programs: Programs, folder: Path, pause: float = 0.001) -> Iterator[tuple[int, Callable[[], int]]]:
    """A process that counts, and its count."""
    path = folder / "count"
    path.write_bytes(bytes(8))
    pid = programs.start("tick", path, pause).pid
    with path.open("rb") as file, mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ) as memory:
        yield pid, lambda: int(struct.unpack("q", memory[:])[0])


def test_a_frozen_process_stands_still_and_goes_on(sandbox: Sandbox, programs: Programs, tmp_path: Path) -> None:
    with ticking(programs, tmp_path) as (pid, count):
        group = {"name": sandbox.name, "processes": [{"pid": pid}]}
        assert run("group", group | {"frozen": False}).changed
        before = count()
        until(lambda: count() > before, "a running process counts")
        frozen = run("group", group | {"frozen": True})
        assert frozen.verbs() == ["freeze"]
        stopped = count()
        # Long enough for hundreds of counts of a process that runs.
        time.sleep(0.5)
        assert count() == stopped
        assert not run("group", group | {"frozen": True}).changed
        assert run("group", group | {"frozen": False}).verbs() == ["thaw"]
        until(lambda: count() > stopped, "a thawed process counts")


@pytest.mark.cpus(2)
def test_a_cpuset_pins(host: Host, sandbox: Sandbox, programs: Programs, tmp_path: Path) -> None:
    last = max(os.sched_getaffinity(0))
    with ticking(programs, tmp_path) as (pid, _):
        assert len(os.sched_getaffinity(pid)) > 1
        place(sandbox, pid, {"cpuset.cpus": str(last)})
        assert os.sched_getaffinity(pid) == {last}
        place_again = run("limit", {"name": sandbox.name, "limits": {"cpuset.cpus": [0, last]}})
        assert not place_again.failed, place_again.sentence
        assert os.sched_getaffinity(pid) == {0, last}


def test_a_cpu_quota_throttles(host: Host, sandbox: Sandbox, programs: Programs, tmp_path: Path) -> None:
    with ticking(programs, tmp_path, 0) as (pid, _):
        place(sandbox, pid, {"cpu.max": 0.05})
        statistics = host.path("cpu", sandbox.name, "cpu.stat")
        until(lambda: figure(statistics, "nr_throttled") > 1, "the process is throttled")


def _read_directly(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, 1 << 16)
    try:
        for offset in range(0, SIZE, len(buffer)):
            assert os.preadv(descriptor, [buffer], offset) == len(buffer)
    finally:
        buffer.close()
        os.close(descriptor)


def _seconds_inside(sandbox: Sandbox, path: str) -> float:
    """How long a process in the group takes to read it."""
    told, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            sandbox.put("io", sandbox.name, os.getpid())
            begin = time.monotonic()
            _read_directly(path)
            os.write(write, str(time.monotonic() - begin).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(told) as text:
        return float(text.read())


def test_a_disk_is_throttled(host: Host, sandbox: Sandbox, tmp_path: Path) -> None:
    with disk(tmp_path) as found:
        task = {"name": sandbox.name, "create": True, "limits": {"io.max": {found.path: {"rbps": "2M"}}}}
        answer = run("limit", task)
        assert not answer.failed, answer.sentence
        # The one bound on time that noise cannot break: a throttle only ever makes it longer.
        assert _seconds_inside(sandbox, found.source) > SIZE / (2 << 20) / 2
        name = "blkio.throttle.io_service_bytes" if host.version("io") == 1 else "io.stat"
        own = [
            line
            for line in host.path("io", sandbox.name, name).read_text().splitlines()
            if line.startswith(found.number)
        ]
        read = re.search(r"(?:Read |rbytes=)(\d+)", "\n".join(own))
        assert read is not None
        assert int(read.group(1)) >= SIZE
        assert run("limit", task | {"limits": {"io.max": "default"}}).changed
        assert (
            found.number
            not in host.path(
                "io", sandbox.name, "blkio.throttle.read_bps_device" if host.version("io") == 1 else "io.max"
            ).read_text()
        )
