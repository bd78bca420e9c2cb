# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel counts, as numbers: each shape of file, which part of the answer it is of, and v1's by v2's names."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import info_devices, info_figures

PARTS = {
    "usage": (
        "memory.current memory.peak memory.swap.current memory.swap.peak memory.zswap.current pids.current pids.peak"
        " hugetlb.2MB.current hugetlb.2MB.rsvd.current rdma.current misc.current misc.peak dmem.current"
        " memory.usage_in_bytes memory.max_usage_in_bytes memory.memsw.usage_in_bytes hugetlb.2MB.max_usage_in_bytes"
    ),
    "stat": (
        "memory.stat memory.numa_stat hugetlb.2MB.numa_stat cgroup.stat cgroup.stat.local cpu.stat.local cpuacct.stat"
        " cpuacct.usage_user misc.capacity blkio.throttle.io_serviced blkio.bfq.io_service_bytes_recursive"
        " blkio.bfq.io_wait_time blkio.bfq.sectors_recursive"
    ),
    "stat usage": (
        "cpu.stat io.stat cpuacct.usage blkio.throttle.io_service_bytes_recursive blkio.throttle.io_serviced_recursive"
    ),
    "events": (
        "memory.events memory.events.local memory.swap.events pids.events pids.events.local hugetlb.2MB.events misc.events"
        " memory.failcnt hugetlb.2MB.rsvd.failcnt memory.oom_control"
    ),
    "events state": "cgroup.events",
    "pressure": "cpu.pressure memory.pressure io.pressure irq.pressure",
    "": (
        "cgroup.pressure memory.max pids.max cgroup.procs memory.reclaim memory.pressure_level cpuset.memory_pressure"
        " memory.kmem.usage_in_bytes memory.kmem.tcp.failcnt cpu.stat.max blkio.reset_stats blkio.throttle.read_bps_device"
        " memory.numa_stats devices.list cpuset.cpus.effective"
    ),
}


@pytest.mark.parametrize(
    ("file", "parts"), [(file, parts.split()) for parts, files in PARTS.items() for file in files.split()]
)
def test_of_which_part_a_file_is(file: str, parts: list[str]) -> None:
    assert list(info_figures.parts_of(file)) == parts


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("-1", -1),
        ("max", "max"),
        ("", {}),
        ("usage_usec 7\nuser_usec 0", {"usage_usec": 7, "user_usec": 0}),
        # Words that are no numbers.
        ("nr_periods 3\nsomething else\nlist 1 2\n²  5", {"nr_periods": 3, "²": 5}),
        (
            "8:0 rbytes=5 wbytes=0 rios=1\n254:16 rbytes=7 cost.vrate=101.50 depth=max state=on",
            {
                "8:0": {"rbytes": 5, "wbytes": 0, "rios": 1},
                "254:16": {"rbytes": 7, "cost.vrate": 101.5, "depth": "max"},
            },
        ),
        # Some kernels show a device that did nothing as its number alone.
        ("8:0\n8:16 rbytes=1", {"8:0": {}, "8:16": {"rbytes": 1}}),
        (
            "8:0 Read 4096\n8:0 Write 8\n8:16 Read 1\nTotal 4105",
            {"8:0": {"Read": 4096, "Write": 8}, "8:16": {"Read": 1}, "Total": 4105},
        ),
        ("anon N0=4096 N1=8\nfile N0=0 N1=0", {"anon": {"N0": 4096, "N1": 8}, "file": {"N0": 0, "N1": 0}}),
        ("total=5 N0=5\nfile=0 N0=0", {"total": {"total": 5, "N0": 5}, "file": {"total": 0, "N0": 0}}),
        (
            "some avg10=0.50 avg60=1.00 avg300=0.00 total=7\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0",
            {
                "some": {"avg10": 0.5, "avg60": 1.0, "avg300": 0.0, "total": 7},
                "full": {"avg10": 0.0, "avg60": 0.0, "avg300": 0.0, "total": 0},
            },
        ),
        ("mlx4_0 hca_handle=1 hca_object=max", {"mlx4_0": {"hca_handle": 1, "hca_object": "max"}}),
    ],
)
def test_figures(text: str, value: object) -> None:
    found = info_figures.figures(text)
    assert found == value
    assert type(found) is type(value)


V1: dict[str, Any] = {
    "memory.usage_in_bytes": 4096,
    "memory.max_usage_in_bytes": 8192,
    "memory.memsw.usage_in_bytes": 4096,
    "pids.current": 3,
    "cpuacct.usage": 5_000_999,
    "cpu.stat": {"nr_periods": 9, "nr_throttled": 2, "throttled_time": 7_000_000, "burst_time": 1000, "wait_sum": 4},
    "cpu.stat.local": {"throttled_time": 3_000_000},
    "hugetlb.2MB.usage_in_bytes": 2097152,
    "hugetlb.2MB.rsvd.usage_in_bytes": 0,
    "hugetlb.2MB.max_usage_in_bytes": 2097152,
    "rdma.current": {"mlx4_0": {"hca_handle": 1}},
    "memory.stat": {"cache": 4096, "total_cache": 8192, "total_rss": 5, "total_pgpgin": 3},
    "memory.oom_control": {"oom_kill_disable": 0, "under_oom": 0, "oom_kill": 2},
    "memory.failcnt": 4,
    "pids.events": {"max": 1},
    "blkio.throttle.io_service_bytes_recursive": {"8:0": {"Read": 10, "Write": 20, "Total": 30}, "Total": 30},
    "blkio.throttle.io_serviced_recursive": {"8:0": {"Read": 1, "Write": 2, "Total": 3}, "Total": 3},
    "blkio.throttle.io_serviced": {"8:0": {"Read": 1}, "Total": 1},
}


def test_v1_figures_by_v2s_names_and_in_its_units() -> None:
    assert info_figures.as_v2(V1, 1) == {
        "memory.current": 4096,
        "memory.peak": 8192,
        "pids.current": 3,
        "cpu.stat": {
            "usage_usec": 5000,
            "nr_periods": 9,
            "nr_throttled": 2,
            "throttled_usec": 7000,
            "burst_usec": 1,
        },
        "cpu.stat.local": {"throttled_usec": 3000},
        "hugetlb.2MB.current": 2097152,
        "hugetlb.2MB.rsvd.current": 0,
        "rdma.current": {"mlx4_0": {"hca_handle": 1}},
        "memory.stat": {"file": 8192, "anon": 5},
        "memory.events.local": {"oom_kill": 2},
        "io.stat": {"8:0": {"rbytes": 10, "wbytes": 20, "rios": 1, "wios": 2}},
    }


def test_what_v2_counts_otherwise_is_left_out() -> None:
    assert info_figures.as_v2({"memory.memsw.usage_in_bytes": 5, "pids.events": {"max": 1}}, 1) == {}
    assert info_figures.as_v2({"memory.stat": {"cache": 5}, "memory.oom_control": {"under_oom": 0}}, 1) == {}


def test_time_and_throttling_of_one_hierarchy_are_one_file_in_either_order() -> None:
    one, other = {"cpuacct.usage": 2000}, {"cpu.stat": {"nr_periods": 1}}
    assert info_figures.as_v2({**one, **other}, 1) == {"cpu.stat": {"usage_usec": 2, "nr_periods": 1}}
    assert info_figures.as_v2({**other, **one}, 1) == {"cpu.stat": {"usage_usec": 2, "nr_periods": 1}}


def test_v2_figures_are_their_own() -> None:
    assert info_figures.as_v2(V1, 2) == V1


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", []),
        ("a *:* rwm", [{"type": "a", "device": "*:*", "access": "rwm"}]),
        (
            "c 1:3 rwm\nb 8:* m",
            [{"type": "c", "device": "1:3", "access": "rwm"}, {"type": "b", "device": "8:*", "access": "m"}],
        ),
        ("x 1:3 rwm", None),
        ("c 1:3", None),
        ("c 13 rwm", None),
    ],
)
def test_rules_of_devices(text: str, rules: list[dict[str, str]] | None) -> None:
    assert info_devices.rules(text) == rules
