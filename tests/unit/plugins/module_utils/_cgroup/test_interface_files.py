# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table: every row is whole, is found by its name, and brings no other controller along."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files import io, table
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import (
    INHERIT,
    MAX,
    Facts,
    InterfaceFile,
)
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError

FACTS = Facts(4096, 2**30, 8, lambda path: "8:0", lambda controller: ("SIZE", "one"))
ROWS = table.every()
# Controllers that few hosts have, or that nobody mounts.
RARE = ("hugetlb", "rdma", "misc", "dmem", "net_cls", "net_prio")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}@{row.version}")
def test_a_row_is_whole(row: InterfaceFile) -> None:
    assert row.version in (1, 2)
    assert row.controller in table.CONTROLLERS.values()
    assert row.since
    assert row.tried in ("real", "guest", "documented")
    assert row.effective in ("own", "least", "ratio", "device", "kernel", "shared")
    assert table.files(row.controller, row.version)[row.name] is row
    if row.default is not INHERIT:
        value = row.kind.parse("x", row.default, FACTS)
        assert row.kind.parse("x", row.kind.show(value), FACTS) == value
    if row.pair:
        assert table.files(row.controller, row.version)[row.pair].pair == row.name
    if row.controller == "hugetlb":
        assert table.find(row.name.replace("SIZE", "2MB"), row.version).kind is not row.kind
    elif row.controller != "freezer":
        assert table.find(row.name, row.version) is row


def test_a_name_stands_once_in_a_version() -> None:
    assert len({(row.name, row.version) for row in ROWS}) == len(ROWS)


def test_everything_of_v1_was_tried_on_a_real_kernel() -> None:
    # But for what the kernel at hand is built without; CFQ went with Linux 5.0, and what is the root's is the whole machine's.
    lacking = {row.name for row in ROWS if row.version == 1 and row.tried != "real" and row.controller not in RARE}
    assert lacking == {
        *("blkio.weight", "blkio.weight_device", "blkio.leaf_weight", "blkio.leaf_weight_device", "blkio.prio.class"),
        *("cpuset.memory_pressure_enabled", "cpu.uclamp.min", "cpu.uclamp.max"),
    }


def test_what_no_machine_at_hand_has() -> None:
    # A resource of the one, a region of the other; on v1 hugetlb and rdma were tried in a guest.
    rare = [row for row in ROWS if row.controller in RARE]
    assert {row.controller for row in rare} == set(RARE)
    assert {row.name for row in rare if row.tried == "documented"} == {"misc.max", "dmem.max", "dmem.low", "dmem.min"}


def test_names_of_both_versions_are_v2s_unless_asked() -> None:
    assert table.find("cpuset.cpus").version == 2
    assert table.find("cpuset.cpus", 1).default is INHERIT
    assert table.find("memory.limit_in_bytes").version == 1
    assert table.files("pids")["pids.max"].version == 2
    assert set(table.files("io", 2)) == {
        *("io.max", "io.weight", "io.bfq.weight", "io.latency", "io.prio.class", "io.cost.qos", "io.cost.model"),
    }
    assert table.find("cgroup.clone_children").controller == "cpuset"
    assert table.find("notify_on_release").controller == "v1"
    assert dict(table.files("perf_event")) == {}
    assert table.find("rdma.max", 1).version == 1


def test_a_pattern_stands_for_the_files_of_each_size() -> None:
    assert set(table.files("hugetlb", 2)) == {"hugetlb.SIZE.max", "hugetlb.SIZE.rsvd.max"}
    row = table.find("hugetlb.64KB.rsvd.max", 1)
    assert (row.name, row.version, row.since) == ("hugetlb.64KB.rsvd.max", 2, "5.7")
    assert table.find("hugetlb.64KB.rsvd.max") is table.files("hugetlb", 2)["hugetlb.64KB.rsvd.max"] is row
    assert set(table.files("hugetlb", 2)) == {"hugetlb.SIZE.max", "hugetlb.SIZE.rsvd.max"}
    with pytest.raises(KeyError):
        table.files("hugetlb", 2)["hugetlb.SIZE.current"]
    with pytest.raises(KeyError):
        table.files("pids", 2)["pids.least"]


def test_of_a_group_the_files_that_a_pattern_stands_for() -> None:
    there = ["cgroup.procs", "hugetlb.1GB.current", "hugetlb.1GB.max", "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"]
    assert list(table.shown("hugetlb", 2, there)) == ["hugetlb.1GB.max", "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"]
    assert dict(table.shown("hugetlb", 1, there)) == {}
    assert table.shown("pids", 2, there) is table.files("pids", 2)


@pytest.mark.parametrize(
    ("size", "text", "value"),
    [
        ("2MB", "9223372036854771712", MAX),
        ("2MB", "9223372036852678656", MAX),
        ("1GB", "9223372035781033984", MAX),
        ("16GB", "9223372019674906624", MAX),
        ("1GB", "max", MAX),
        ("2MB", "9223372035781033984", 9223372035781033984),
        ("2MB", "4194304", 4194304),
        ("64KB", "0", 0),
    ],
)
def test_huge_pages_as_kernels_show_them(size: str, text: str, value: int) -> None:
    assert table.find(f"hugetlb.{size}.max").kind.read(text) == value
    assert table.find(f"hugetlb.{size}.limit_in_bytes").kind.read(text) == value


@pytest.mark.parametrize(
    ("said", "classid"),
    [
        ("10:1", 0x100001),
        ("10:", 0x100000),
        ("ffff:FFFF", 0xFFFFFFFF),
        ("0x10:0x1", 0x100001),
        ("0x100001", 0x100001),
        (0x100001, 0x100001),
        ("1048577", 0x100001),
        (0, 0),
        (" 42 ", 42),
    ],
)
def test_spellings_of_a_class(said: object, classid: int) -> None:
    kind = table.find("net_cls.classid").kind
    assert kind.parse("x", said, FACTS) == classid
    assert kind.parse("x", kind.show(classid), FACTS) == classid
    assert kind.text(classid) == str(classid)
    assert kind.note(said, classid) == ""


@pytest.mark.parametrize("said", ["10000:1", "1:10000", "x:1", "1:2:3", "0x1ffffffff", -1, 2**32, "010", "", True, [1]])
def test_what_is_no_class(said: object) -> None:
    with pytest.raises(InputError):
        table.find("net_cls.classid").kind.parse("x", said, FACTS)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("memory.maxx", "limits: 'memory.maxx' is no limit that is known; perhaps memory.max is meant."),
        ("cpu.share", "limits: 'cpu.share' is no limit that is known; perhaps cpu.shares is meant."),
        ("", "limits: '' is no limit that is known; limits are named as the kernel names the file, like memory.max."),
        ("memory.current", "limits: 'memory.current' is read only."),
        (
            "memory.max_usage_in_bytes",
            "limits: 'memory.max_usage_in_bytes' is only read: whatever is written to it sets it back.",
        ),
        ("hugetlb.2MB.failcnt", "limits: 'hugetlb.2MB.failcnt' is only read: whatever is written to it sets it back."),
        ("hugetlb.2MB.rsvd.current", "limits: 'hugetlb.2MB.rsvd.current' is read only."),
        ("misc.capacity", "limits: 'misc.capacity' is read only."),
        ("net_prio.prioidx", "limits: 'net_prio.prioidx' is read only."),
        ("net_cls.class", "limits: 'net_cls.class' is no limit that is known; perhaps net_cls.classid is meant."),
        (
            "release_agent",
            "limits: 'release_agent' is no limit: it names a program that the kernel starts for a whole hierarchy, and is set "
            "by who manages that.",
        ),
        ("cpu.stat", "limits: 'cpu.stat' is read only."),
        ("cpuacct.usage", "limits: 'cpuacct.usage' is only read: whatever is written to it sets it back."),
        ("cpuset.cpus.effective", "limits: 'cpuset.cpus.effective' is read only."),
        ("blkio.throttle.io_serviced", "limits: 'blkio.throttle.io_serviced' is read only."),
        ("cgroup.procs", "limits: 'cgroup.procs' is not set as a limit; use the option processes."),
        ("tasks", "limits: 'tasks' is not set as a limit; use the option processes."),
        ("freezer.state", "limits: 'freezer.state' is not set as a limit; use the option frozen."),
        ("cgroup.freeze", "limits: 'cgroup.freeze' is not set as a limit; use the option frozen."),
        ("cgroup.type", "limits: 'cgroup.type' is not set as a limit; use the option type."),
        (
            "cgroup.subtree_control",
            "limits: 'cgroup.subtree_control' is not set as a limit; use the option controllers.",
        ),
        ("devices.allow", "limits: 'devices.allow' is not set as a limit: device rules come with a later version."),
        (
            "memory.kmem.limit_in_bytes",
            "limits: 'memory.kmem.limit_in_bytes' is obsolete: kernels of today ignore or refuse it; leave it out.",
        ),
        (
            "memory.use_hierarchy",
            "limits: 'memory.use_hierarchy' is obsolete: kernels of today ignore or refuse it; leave it out.",
        ),
        *(
            (
                name,
                f"limits: '{name}' is no limit that is known; the size stands there as the kernel names it, as in "
                "hugetlb.64KB.max, hugetlb.2MB.max and hugetlb.1GB.max.",
            )
            for name in (
                "hugetlb.SIZE.max",
                "hugetlb.2048kB.max",
                "hugetlb.2MB.least",
                "hugetlb.2MB",
                "hugetlb.1024MB.max",
            )
        ),
        (
            "memory.reclaim",
            "limits: 'memory.reclaim' is no limit: a write to it starts something and leaves no value behind.",
        ),
    ],
)
def test_what_is_no_limit_is_told_as_what_it_is(name: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        table.find(name, option="limits")
    assert caught.value.sentence() == sentence


def test_memory_and_pids_bring_no_other_controller() -> None:
    prefix = table.__name__.rpartition(".")[0]
    program = f"""
import sys
sys.path[:] = {sys.path!r}
from {prefix} import table
table.find("memory.max"); table.find("pids.max")
print(*sorted(name[{len(prefix) + 1}:] for name in sys.modules if name.startswith("{prefix}.")))
"""
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["entry", "memory", "pids", "table"]


@pytest.mark.parametrize(("weight", "cost"), [(10, 1), (100, 910), (500, 4950), (1000, 10000)])
def test_weights_of_blkio_and_of_io_cost(weight: int, cost: int) -> None:
    assert io.cost_of(weight) == cost
    # 100 is what every group has from the start, in both.
    assert io.weight_of(cost) == weight


def test_no_weight_of_io_cost_is_beyond_those_of_blkio() -> None:
    weights = [io.weight_of(cost) for cost in range(1, 10001) if cost != 100]
    assert weights == sorted(weights)
    assert (weights[0], weights[-1], io.weight_of(100)) == (10, 1000, 100)


def test_orders_that_matter() -> None:
    def rise(name: str, version: int) -> int:
        return table.find(name, version).rise

    def fall(name: str, version: int) -> int:
        return table.find(name, version).fall

    assert rise("memory.memsw.limit_in_bytes", 1) < rise("memory.limit_in_bytes", 1)
    assert fall("memory.limit_in_bytes", 1) < fall("memory.memsw.limit_in_bytes", 1)
    assert rise("blkio.bfq.weight", 1) < rise("blkio.bfq.weight_device", 1)
    for file in ("cpuset.cpus", "cpuset.mems", "cpuset.cpus.exclusive"):
        assert fall("cpuset.cpus.partition", 2) < fall(file, 2) == rise(file, 2) < rise("cpuset.cpus.partition", 2)
    assert fall("memory.swap.max", 2) < fall("memory.max", 2)
    assert rise("memory.oom.group", 2) < fall("memory.max", 2)
    for version, quota, burst, weight in (
        (1, "cpu.cfs_quota_us", "cpu.cfs_burst_us", "cpu.shares"),
        (2, "cpu.max", "cpu.max.burst", "cpu.weight"),
    ):
        assert fall(burst, version) < fall(quota, version)
        assert rise(quota, version) < rise(burst, version)
        assert table.find("cpu.idle", version).kind.direction(True, False) == "rise"
        assert rise("cpu.idle", version) < rise(weight, version)
