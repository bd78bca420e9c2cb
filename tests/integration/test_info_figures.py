# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cgroup_info tells of usage, statistics, events, pressure, devices and threads is what the kernel's files hold."""

from __future__ import annotations

import errno
import mmap
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.info_query import GATHER
from ansible_collections.linux.isolation.plugins.module_utils._kernel.beneath import Root
from ansible_collections.linux.isolation.tests.integration.support.asking import apart, ask, group, made
from ansible_collections.linux.isolation.tests.integration.support.disks import SIZE, disk
from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.waiting import until

MIB = 1 << 20
# A number that stands for itself: not a part of a key.
_FIGURE = re.compile(r"(?:(?<=[= ])|^)-?[0-9]+(?:\.[0-9]+)?(?=\s|$)", re.M)
COUNTED = re.compile(r".*\.(stat|stat\.local|numa_stat|events|events\.local|current|peak|failcnt)\Z")


def figures(value: object) -> Iterator[float]:
    """All numbers of a value, in order."""
    if isinstance(value, dict):
        for one in value.values():
            yield from figures(one)
    else:
        assert isinstance(value, (int, float))
        yield float(value)


@pytest.fixture
def quiet(sandbox: Sandbox, host: Host) -> str:
    """A group with every controller that counts, in which nothing happens, so that nothing counts on."""
    there = {controller for one in host.hierarchies for controller in one.controllers}
    counting = {"cpu", "cpuacct", "cpuset", "memory", "pids", "io", "hugetlb", "rdma", "misc"}
    return made(sandbox, controllers=sorted(there & counting))


def _texts(name: str, host: Host) -> dict[str, str]:
    """All files that count; of two with one name v1's."""
    found = {}
    for hierarchy in sorted(host.hierarchies, key=lambda one: -one.version):
        place = hierarchy.point / name
        for path in sorted(place.iterdir()) if place.exists() else ():
            if COUNTED.match(path.name):
                found[path.name] = path.read_text()
    return found


def test_every_counting_file_is_told_number_by_number(quiet: str, host: Host) -> None:
    found = group(quiet, gather=list(GATHER))
    told = {**found["usage"], **found["stat"], **found["events"], **found["pressure"]}
    texts = _texts(quiet, host)
    assert len(texts) > 10
    # Kernel memory is counted in with all other; and v2 has a cpu.stat that tells nothing where the CPU is on v1.
    beside = {"cpu.stat", "cpu.stat.local"} if host.version("cpu") != 2 else set()
    assert {file for file in set(texts) - set(told) if not file.startswith("memory.kmem.")} <= beside
    for file in set(texts) & set(told):
        assert list(figures(told[file])) == [float(figure) for figure in _FIGURE.findall(texts[file])], file
    assert found["as_v2"]["stat"]["memory.stat"]["anon"] == 0
    assert found["as_v2"]["usage"]["io.stat"] == {}
    assert found["as_v2"]["usage"]["cpu.stat"]["usage_usec"] == 0


def test_memory_is_counted_by_its_kind(sandbox: Sandbox, programs: Programs) -> None:
    eater = programs.start("eat")
    made(sandbox, "low", controllers=["memory"], processes=[{"pid": eater.pid}])
    assert eater.ask("24") == "done"

    def anonymous() -> bool:
        # Of the group above: the figures are of all below it too, as v2's are. The kernel adds them up now and then.
        anon = group(sandbox.name, gather=["stat"])["as_v2"]["stat"]["memory.stat"]["anon"]
        return bool(24 * MIB <= anon < 64 * MIB)

    until(anonymous, "24 MiB of anonymous memory")


def test_what_is_read_from_a_disk_is_counted(sandbox: Sandbox, tmp_path: Path) -> None:
    made(sandbox, "low", controllers=["io"])
    with disk(tmp_path) as device:

        def read() -> None:
            sandbox.put("io", sandbox.below("low"), os.getpid())
            descriptor = os.open(device.source, os.O_RDONLY | os.O_DIRECT)
            with mmap.mmap(-1, SIZE) as buffer:
                assert os.preadv(descriptor, [buffer], 0) == SIZE
            os.close(descriptor)

        apart(read)
        for name in (sandbox.name, sandbox.below("low")):
            found = group(name, gather=["usage"])["as_v2"]["usage"]["io.stat"][device.number]
            assert found["rbytes"] == SIZE
            assert found["rios"] >= 1
            assert found["wbytes"] == 0


def test_huge_pages_are_counted(sandbox: Sandbox, host: Host) -> None:
    if not host.version("hugetlb"):
        pytest.skip("this host has no hugetlb")
    name = made(sandbox, controllers=["hugetlb"])

    def take() -> tuple[int, dict[str, Any]]:
        sandbox.put("hugetlb", name, os.getpid())
        huge_tlb, size_2_mib = 0x40000, 21 << 26
        try:
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | huge_tlb | size_2_mib
            with mmap.mmap(-1, 2 * MIB, flags) as page:
                page[0] = 1
                return 2 * MIB, group(name, gather=["usage"])
        except OSError as error:
            if error.errno != errno.ENOMEM:
                raise
            # No page is free, as on most hosts: nothing is used.
            return 0, group(name, gather=["usage"])

    used, found = apart(take)
    assert found["as_v2"]["usage"]["hugetlb.2MB.current"] == used


@pytest.mark.v2("")
def test_pressure_is_told_as_it_is(host: Host) -> None:
    path = host.path("", "", "cpu.pressure")
    if not path.exists():
        pytest.skip("this kernel tells no pressure")

    def total() -> int:
        return int(path.read_text().partition("\n")[0].rpartition("=")[2])

    before = total()
    found = group("/", gather=["pressure"])["pressure"]["cpu.pressure"]
    assert before <= found["some"]["total"] <= total()
    assert set(found["some"]) == {"avg10", "avg60", "avg300", "total"}
    assert isinstance(found["some"]["avg10"], float)


def test_a_fork_that_was_refused_is_an_event(sandbox: Sandbox, programs: Programs) -> None:
    forker = programs.start("fork")
    name = made(sandbox, limits={"pids.max": 3}, processes=[{"pid": forker.pid}])
    assert group(name)["events"]["pids.events"]["max"] == 0
    assert forker.ask("9") == "2 EAGAIN"
    assert group(name)["events"]["pids.events"]["max"] == 1


def test_threads_are_told_by_number(sandbox: Sandbox, programs: Programs) -> None:
    program = programs.start("threads", 3)
    name = made(sandbox, controllers=["pids"], processes=[{"pid": program.pid}])
    there = sorted(int(task) for task in os.listdir(f"/proc/{program.pid}/task"))
    found = group(name, gather=["processes", "threads"])
    assert [(one["tid"], one["pid"], "pids" in one["controllers"]) for one in found["threads"]] == [
        (thread, program.pid, True) for thread in there
    ]
    assert found["threads_total"] == len(there) == 4
    assert [one["comm"] for one in found["threads"]] == [
        Path(f"/proc/{program.pid}/task/{thread}/comm").read_text().strip() for thread in there
    ]
    assert "threads" not in group(name)


@pytest.mark.v1("pids", "devices")
def test_rules_of_devices_are_told(sandbox: Sandbox, host: Host) -> None:
    place = sandbox.make("devices")
    assert group(sandbox.name, gather=["devices"])["devices"] == [{"type": "a", "device": "*:*", "access": "rwm"}]
    write(place / "devices.deny", "a")
    write(place / "devices.allow", "c 1:3 rwm")
    write(place / "devices.allow", "b 8:* m")
    assert group(sandbox.name, gather=["devices"])["devices"] == [
        {"type": "c", "device": "1:3", "access": "rwm"},
        {"type": "b", "device": "8:*", "access": "m"},
    ]


@pytest.mark.unified
def test_v2_has_no_file_of_device_rules(sandbox: Sandbox) -> None:
    assert group(made(sandbox), gather=["devices"])["devices"] is None


# -- how much is read -------------------------------------------------------------------------------------------------


def test_of_two_thousand_groups_as_many_are_read_as_are_returned(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: each file of a group that is returned is read once, of the others none."""
    made(sandbox, controllers=["pids"])
    top = sandbox.host.path("pids", sandbox.name)
    for number in range(2000):
        (top / f"group{number:04}").mkdir()
    (top / "group0000/low").mkdir()
    read: Counter[str] = Counter()
    listed: Counter[str] = Counter()
    real_read, real_names = Root.read, Root.names

    def counted_read(root: Root, path: str) -> str:
        read[f"{root.descriptor} {path}"] += 1
        return real_read(root, path)

    def counted_names(root: Root, path: str) -> list[str]:
        listed[f"{root.descriptor} {path}"] += 1
        return real_names(root, path)

    monkeypatch.setattr(Root, "read", counted_read)
    monkeypatch.setattr(Root, "names", counted_names)
    found = ask(below=sandbox.name, depth=5, max_items=50)
    assert (len(found["groups"]), found["truncated"]) == (50, True)
    assert set(read.values()) == set(listed.values()) == {1}
    inside = {path.partition(" ")[2].split("/")[1] for path in read if path.count("/") > 1}
    assert inside == {f"group{number:04}" for number in range(50)}
    # One that is asked for by its name costs its own files, those that bind it above, and no listing of the others.
    read.clear()
    listed.clear()
    ask(names=[sandbox.below("group0000")])
    assert {path.partition(" ")[2].split("/")[1] for path in read if path.count("/") > 1} == {"group0000"}
    assert set(read.values()) == set(listed.values()) == {1}
    assert sum(read.values()) < 60
