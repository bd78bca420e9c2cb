# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel shows, as values: typed, in a spelling that can be declared again, and by v2's names where that is exact."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import info_values, limits
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.info_values import Rows
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files import table
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import Facts

FACTS = Facts(4096, 2**34, 8, lambda path: "8:0")
NO_LIMIT = "9223372036854771712"

# file -> (text of the kernel, value): every limit of the table at least once.
V1: dict[str, tuple[tuple[str, Any], ...]] = {
    "cpu.shares": (("1024", 1024), ("2", 2)),
    "cpu.idle": (("0", False), ("1", True)),
    "cpu.cfs_quota_us": (("-1", "max"), ("150000", 150000)),
    "cpu.cfs_period_us": (("100000", 100000),),
    "cpu.cfs_burst_us": (("0", 0),),
    "cpu.rt_runtime_us": (("0", 0), ("-1", "max")),
    "cpu.rt_period_us": (("1000000", 1000000),),
    "cpu.uclamp.min": (("0.00", "0.00"), ("12.50", "12.50")),
    "cpu.uclamp.max": (("max", "max"),),
    "cpuset.cpus": (("0-2,4", "0-2,4"), ("", "")),
    "cpuset.mems": (("0", "0"),),
    "cpuset.cpu_exclusive": (("0", False),),
    "cpuset.mem_exclusive": (("0", False),),
    "cpuset.mem_hardwall": (("1", True),),
    "cpuset.memory_migrate": (("0", False),),
    "cpuset.memory_spread_page": (("0", False),),
    "cpuset.memory_spread_slab": (("0", False),),
    "cpuset.sched_load_balance": (("1", True),),
    "cpuset.sched_relax_domain_level": (("-1", -1),),
    "cpuset.memory_pressure_enabled": (("0", False),),
    "cgroup.clone_children": (("1", True),),
    "notify_on_release": (("0", False),),
    "memory.limit_in_bytes": ((NO_LIMIT, "max"), ("536870912", 536870912), ("0", 0)),
    "memory.memsw.limit_in_bytes": ((NO_LIMIT, "max"), ("9223372036854710272", "max")),
    "memory.soft_limit_in_bytes": ((NO_LIMIT, "max"),),
    "memory.swappiness": (("60", 60),),
    "memory.oom_control": (("oom_kill_disable 1\nunder_oom 0\noom_kill 0", True),),
    "memory.kmem.tcp.limit_in_bytes": ((NO_LIMIT, "max"),),
    "blkio.throttle.read_bps_device": (("", {}), ("254:0 1048576\n8:0 5", {"254:0": 1048576, "8:0": 5})),
    "blkio.throttle.write_bps_device": (("", {}),),
    "blkio.throttle.read_iops_device": (("", {}),),
    "blkio.throttle.write_iops_device": (("254:0 7", {"254:0": 7}),),
    "blkio.bfq.weight": (("100", 100),),
    "blkio.bfq.weight_device": (("254:0 300", {"254:0": 300}),),
    "blkio.weight": (("500", 500),),
    "blkio.weight_device": (("254:0 300", {"254:0": 300}),),
    "blkio.leaf_weight": (("500", 500),),
    "blkio.leaf_weight_device": (("254:0 300", {"254:0": 300}),),
    "blkio.prio.class": (("no-change", "no-change"),),
    "pids.max": (("max", "max"), ("500", 500)),
    "hugetlb.2MB.limit_in_bytes": (("9223372036852678656", "max"), ("4194304", 4194304)),
    "hugetlb.2MB.rsvd.limit_in_bytes": (("0", 0),),
    "rdma.max": (("rxe0 hca_handle=2 hca_object=max ", {"rxe0": {"hca_handle": 2, "hca_object": "max"}}),),
    "misc.max": (("sev max\nsev_es 5", {"sev": "max", "sev_es": 5}),),
    "dmem.min": (("vram0 0", {"vram0": 0}),),
    "dmem.low": (("vram0 4097", {"vram0": 4097}),),
    "dmem.max": (("vram0 max", {"vram0": "max"}),),
    "net_cls.classid": (("0", 0), ("1048577", 1048577)),
    "net_prio.ifpriomap": (("lo 0\neth0 5", {"lo": 0, "eth0": 5}),),
}
V2: dict[str, tuple[tuple[str, Any], ...]] = {
    "cgroup.max.depth": (("max", "max"), ("3", 3)),
    "cgroup.max.descendants": (("max", "max"),),
    "cgroup.pressure": (("1", True),),
    "cpu.max": (("max 100000", ["max", 100000]), ("150000 100000", [150000, 100000])),
    "cpu.max.burst": (("0", 0),),
    "cpu.weight": (("100", 100),),
    "cpu.weight.nice": (("-5", -5),),
    "cpu.idle": (("0", False),),
    "cpu.uclamp.min": (("0.00", "0.00"), ("12.50", "12.50")),
    "cpu.uclamp.max": (("max", "max"),),
    "cpuset.cpus": (("", ""), ("1", "1")),
    "cpuset.mems": (("", ""),),
    "cpuset.cpus.exclusive": (("", ""), ("1", "1")),
    "cpuset.cpus.partition": (("member", "member"), ("isolated", "isolated")),
    "io.max": (
        ("", {}),
        ("8:0 rbps=10485760 wbps=max riops=max wiops=100", {"8:0": {"rbps": 10485760, "wiops": 100}}),
    ),
    "io.weight": (("default 100", {"default": 100}), ("default 100\n8:0 50", {"default": 100, "8:0": 50})),
    "io.bfq.weight": (("100", {"default": 100}), ("default 100\n8:0 50", {"default": 100, "8:0": 50})),
    "io.latency": (("", {}), ("8:0 target=75000", {"8:0": {"target": 75000}})),
    "io.prio.class": (("restrict-to-be", "restrict-to-be"),),
    "io.cost.qos": (
        ("", {}),
        ("8:0 enable=1 ctrl=user rpct=95.00", {"8:0": {"enable": "1", "ctrl": "user", "rpct": "95.00"}}),
    ),
    "io.cost.model": (("8:0 ctrl=auto model=linear", {"8:0": {"ctrl": "auto", "model": "linear"}}),),
    "memory.min": (("0", 0),),
    "memory.low": (("4096", 4096),),
    "memory.high": (("max", "max"),),
    "memory.max": (("max", "max"), ("536870912", 536870912)),
    "memory.swap.high": (("max", "max"),),
    "memory.swap.max": (("0", 0),),
    "memory.zswap.max": (("max", "max"),),
    "memory.zswap.writeback": (("1", True),),
    "memory.oom.group": (("1", True),),
    "pids.max": (("max", "max"),),
    "hugetlb.2MB.max": ((NO_LIMIT, "max"), ("max", "max"), ("2097152", 2097152)),
    "hugetlb.2MB.rsvd.max": (("0", 0),),
    "rdma.max": (("", {}), ("rxe0 hca_handle=2 hca_object=5", {"rxe0": {"hca_handle": 2, "hca_object": 5}})),
    "misc.max": (("", {}), ("sev 7", {"sev": 7})),
    "dmem.min": (("vram0 max", {"vram0": "max"}),),
    "dmem.low": (("vram0 0", {"vram0": 0}),),
    "dmem.max": (("vram0 1073741824", {"vram0": 1073741824}),),
}
SHOWN = [
    (version, file, *case) for version, files in ((1, V1), (2, V2)) for file, cases in files.items() for case in cases
]


def rows(controller: str, version: int, *files: str) -> Rows:
    there = table.files(controller, version)
    return Rows(controller, files, tuple(there[file] for file in files), {})


def test_every_limit_of_the_table_is_tried_here() -> None:
    of_table = {(row.version, row.name) for row in table.every() if row.controller != "freezer"}
    assert of_table == {(version, file.replace("2MB", "SIZE")) for version, file, _, _ in SHOWN}


@pytest.mark.parametrize(("version", "file", "text", "value"), SHOWN)
def test_a_text_is_a_value_that_can_be_declared_again(version: int, file: str, text: str, value: Any) -> None:
    row = table.find(file, version)
    assert row.version == version
    found, _, strange, _ = info_values.limits_of(rows(row.controller, version, file), (text,))
    assert found == {file: value}
    assert type(found[file]) is type(value)
    assert json.loads(json.dumps(found)) == found
    assert strange == ()
    if value != {}:
        again = row.kind.parse("x", value, FACTS)
        assert row.kind.holds(row.kind.read(text), again)
        assert row.kind.writes(row.kind.read(text), again) == ()


@pytest.mark.parametrize(
    ("controller", "texts", "as_v2"),
    [
        ("memory", {"memory.limit_in_bytes": "536870912"}, {"memory.max": 536870912}),
        (
            "memory",
            {"memory.limit_in_bytes": "104857600", "memory.memsw.limit_in_bytes": "157286400"},
            {"memory.max": 104857600, "memory.swap.max": 52428800},
        ),
        (
            "memory",
            {"memory.limit_in_bytes": NO_LIMIT, "memory.memsw.limit_in_bytes": NO_LIMIT},
            {"memory.max": "max", "memory.swap.max": "max"},
        ),
        # Two counterparts that mean opposite things, and one that there is none of.
        ("memory", {"memory.soft_limit_in_bytes": "4096", "memory.swappiness": "60"}, {}),
        # Alone it says nothing about swap.
        ("memory", {"memory.memsw.limit_in_bytes": "157286400"}, {}),
        ("pids", {"pids.max": "500"}, {"pids.max": 500}),
        (
            "hugetlb",
            {"hugetlb.2MB.limit_in_bytes": "4194304", "hugetlb.1GB.rsvd.limit_in_bytes": "9223372035781033984"},
            {"hugetlb.2MB.max": 4194304, "hugetlb.1GB.rsvd.max": "max"},
        ),
        (
            "rdma",
            {"rdma.max": "rxe0 hca_handle=2 hca_object=max"},
            {"rdma.max": {"rxe0": {"hca_handle": 2, "hca_object": "max"}}},
        ),
        ("net_cls", {"net_cls.classid": "5"}, {}),
        (
            "cpu",
            {"cpu.cfs_quota_us": "150000", "cpu.cfs_period_us": "100000", "cpu.cfs_burst_us": "1000"},
            {"cpu.max": [150000, 100000], "cpu.max.burst": 1000},
        ),
        ("cpu", {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "50000"}, {"cpu.max": ["max", 50000]}),
        # All formulas agree on the default alone.
        ("cpu", {"cpu.shares": "1024"}, {"cpu.weight": 100}),
        ("cpu", {"cpu.shares": "512", "cpu.idle": "1"}, {"cpu.idle": True}),
        ("cpuset", {"cpuset.cpus": "0-1", "cpuset.mem_hardwall": "1"}, {"cpuset.cpus": "0-1"}),
        # Nothing may run there; on v2 it would be the parent's.
        ("cpuset", {"cpuset.cpus": ""}, {}),
        ("io", {"blkio.throttle.read_bps_device": "", "blkio.throttle.write_bps_device": ""}, {"io.max": {}}),
        (
            "io",
            {
                "blkio.throttle.read_bps_device": "8:0 5",
                "blkio.throttle.write_bps_device": "",
                "blkio.throttle.read_iops_device": "8:16 7",
                "blkio.throttle.write_iops_device": "8:0 9",
            },
            {"io.max": {"8:0": {"rbps": 5, "wiops": 9}, "8:16": {"riops": 7}}},
        ),
        (
            "io",
            {"blkio.bfq.weight": "100", "blkio.bfq.weight_device": "8:0 300"},
            {"io.bfq.weight": {"default": 100, "8:0": 300}},
        ),
        ("io", {"blkio.bfq.weight": "100", "blkio.bfq.weight_device": ""}, {"io.bfq.weight": {"default": 100}}),
    ],
)
def test_v1_limits_by_v2s_names(controller: str, texts: dict[str, str], as_v2: dict[str, Any]) -> None:
    values, found, strange, _ = info_values.limits_of(rows(controller, 1, *texts), tuple(texts.values()))
    assert found == as_v2
    assert strange == ()
    # Declared on the same host they are the limits that are there.
    declared = {name: value for name, value in found.items() if value != {}}
    resolved = limits.resolve("limits", declared, {controller: 1}, FACTS, "legacy", {})
    for want in resolved.wants:
        text = texts[want.file.name]
        assert want.file.kind.holds(want.file.kind.read(text), want.value)
    assert set(values) == set(texts)


def test_v2_limits_are_their_own() -> None:
    values, as_v2, _, _ = info_values.limits_of(rows("memory", 2, "memory.max", "memory.low"), ("max", "4096"))
    assert values == as_v2 == {"memory.max": "max", "memory.low": 4096}


def test_what_could_not_be_read_is_left_out() -> None:
    assert info_values.limits_of(rows("pids", 1, "pids.max"), (None,))[:3] == ({}, {}, ())


def test_what_no_kind_knows_is_returned_as_it_is() -> None:
    two = rows("memory", 1, "memory.limit_in_bytes", "memory.swappiness")
    found = info_values.limits_of(two, ("what is this", "60"))
    assert found[:3] == (
        {"memory.limit_in_bytes": "what is this", "memory.swappiness": 60},
        {},
        ("memory.limit_in_bytes",),
    )
    assert set(found.said) == {"memory.swappiness"}


def test_texts_that_were_met_are_not_parsed_again() -> None:
    own = rows("pids", 2, "pids.max")
    assert info_values.limits_of(own, ("500",)) is info_values.limits_of(own, ("500",))
    assert info_values.limits_of(own, ("501",))[0] == {"pids.max": 501}


def test_hierarchies_that_feed_one_file_are_joined() -> None:
    cpu, cpuacct = {"cpu.stat": {"nr_periods": 1}}, {"cpu.stat": {"usage_usec": 2}, "x": 1}
    assert info_values.merge([cpu, cpuacct]) == {"cpu.stat": {"nr_periods": 1, "usage_usec": 2}, "x": 1}
    assert cpu == {"cpu.stat": {"nr_periods": 1}}
