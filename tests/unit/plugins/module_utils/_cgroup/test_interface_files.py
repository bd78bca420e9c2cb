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
    Facts,
    InterfaceFile,
)
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError

FACTS = Facts(4096, 2**30, 8, lambda path: "8:0")
ROWS = table.every()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name}@{row.version}")
def test_a_row_is_whole(row: InterfaceFile) -> None:
    assert row.version in (1, 2)
    assert row.controller in table.CONTROLLERS.values()
    assert row.since
    assert row.tried in ("real", "guest", "documented")
    assert table.files(row.controller, row.version)[row.name] is row
    if row.default is not INHERIT:
        value = row.kind.parse("x", row.default, FACTS)
        assert row.kind.parse("x", row.kind.show(value), FACTS) == value
    if row.pair:
        assert table.files(row.controller, row.version)[row.pair].pair == row.name
    if row.controller != "freezer":
        assert table.find(row.name, row.version) is row


def test_a_name_stands_once_in_a_version() -> None:
    assert len({(row.name, row.version) for row in ROWS}) == len(ROWS)


def test_everything_of_v1_was_tried_on_a_real_kernel() -> None:
    # But for what the kernel at hand is built without; CFQ went with Linux 5.0, and what is the root's is the whole machine's.
    lacking = {row.name for row in ROWS if row.version == 1 and row.tried != "real"}
    assert lacking == {
        *("blkio.weight", "blkio.weight_device", "blkio.leaf_weight", "blkio.leaf_weight_device", "blkio.prio.class"),
        *("cpuset.memory_pressure_enabled", "cpu.uclamp.min", "cpu.uclamp.max"),
    }


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
    assert dict(table.files("hugetlb")) == {}


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("memory.maxx", "limits: 'memory.maxx' is no limit that is known; perhaps memory.max is meant."),
        ("cpu.share", "limits: 'cpu.share' is no limit that is known; perhaps cpu.shares is meant."),
        ("", "limits: '' is no limit that is known; limits are named as the kernel names the file, like memory.max."),
        ("memory.current", "limits: 'memory.current' is read only."),
        ("memory.max_usage_in_bytes", "limits: 'memory.max_usage_in_bytes' is read only."),
        ("cpu.stat", "limits: 'cpu.stat' is read only."),
        ("cpuacct.usage", "limits: 'cpuacct.usage' is read only."),
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
        ("hugetlb.2MB.max", "limits: 'hugetlb.2MB.max' is an interface file that this version cannot set yet."),
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
