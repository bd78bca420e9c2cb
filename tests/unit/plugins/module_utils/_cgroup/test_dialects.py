# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker's and OCI's names, and dictionaries of limits turned with no host to ask."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import dialects, docker_names, runtime_names
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import USUAL, Choices
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import IsolationError

M = 1024**2
OWN = Path(dialects.__file__).parent


def to(version: int, said: object, choices: Choices = USUAL, io_weight: str = "io.bfq.weight") -> dict[str, object]:
    return dialects.converted(said, version, choices, io_weight).limits


@pytest.mark.parametrize(
    ("said", "v2", "v1"),
    [
        ({"--cpus": 1.5}, {"cpu.max": "150000 100000"}, {"cpu.cfs_quota_us": 150000, "cpu.cfs_period_us": 100000}),
        ({"cpus": "0.25"}, {"cpu.max": "25000 100000"}, {"cpu.cfs_quota_us": 25000, "cpu.cfs_period_us": 100000}),
        ({"cpus": 0, "memory": 0, "cpu-shares": 0, "memory_swap": None, "cpuset_cpus": ""}, {}, {}),
        ({"cpu-shares": 1024}, {"cpu.weight": 100}, {"cpu.shares": 1024}),
        # The kernel takes an end for what is beyond it, and so do the runtimes.
        ({"-c": 1}, {"cpu.weight": 1}, {"cpu.shares": 2}),
        ({"cpu_shares": "262145"}, {"cpu.weight": 10000}, {"cpu.shares": 262144}),
        (
            {"--cpu-quota": 50000, "--cpu-period": 25000},
            {"cpu.max": "50000 25000"},
            {"cpu.cfs_quota_us": 50000, "cpu.cfs_period_us": 25000},
        ),
        ({"cpu_quota": -1}, {"cpu.max": "max 100000"}, {"cpu.cfs_quota_us": "max"}),
        ({"cpuset_cpus": "0,1,2", "cpuset_mems": 0}, *[{"cpuset.cpus": "0-2", "cpuset.mems": "0"}] * 2),
        (
            {"-m": "300m", "memory_swap": "1g", "memory_reservation": "200M"},
            {"memory.max": 300 * M, "memory.swap.max": 724 * M, "memory.low": 200 * M},
            {
                "memory.limit_in_bytes": 300 * M,
                "memory.memsw.limit_in_bytes": 1024 * M,
                "memory.soft_limit_in_bytes": 200 * M,
            },
        ),
        (
            {"memory": "300m", "memory_swap": -1},
            {"memory.max": 300 * M, "memory.swap.max": "max"},
            {"memory.limit_in_bytes": 300 * M, "memory.memsw.limit_in_bytes": "max"},
        ),
        ({"pids_limit": 100}, *[{"pids.max": 100}] * 2),
        ({"pids_limit": -1}, *[{"pids.max": "max"}] * 2),
        ({"pids_limit": 0}, *[{"pids.max": "max"}] * 2),
        ({"blkio_weight": 500}, {"io.bfq.weight": {"default": 500}}, {"blkio.bfq.weight": 500}),
        (
            {"blkio-weight": 500, "blkio-weight-device": ["8:0:300", {"Path": "8:16", "Weight": 400}]},
            {"io.bfq.weight": {"default": 500, "8:0": 300, "8:16": 400}},
            {"blkio.bfq.weight": 500, "blkio.bfq.weight_device": {"8:0": 300, "8:16": 400}},
        ),
        (
            {"device_read_bps": "8:0:1mb", "device_write_iops": [{"path": "8:0", "rate": 7}, "8:16:9"]},
            {"io.max": {"8:0": {"rbps": M, "wiops": 7}, "8:16": {"wiops": 9}}},
            {
                "blkio.throttle.read_bps_device": {"8:0": M},
                "blkio.throttle.write_iops_device": {"8:0": 7, "8:16": 9},
            },
        ),
        ({"oom_kill_disable": False, "memory_swappiness": -1}, {}, {"memory.oom_control": False}),
        (
            {"cpu": {"shares": 0, "quota": 50000, "period": 100000, "burst": 1000, "idle": 0, "cpus": "0", "mems": ""}},
            {"cpu.max": "50000 100000", "cpu.max.burst": 1000, "cpu.idle": False, "cpuset.cpus": "0"},
            {
                "cpu.cfs_quota_us": 50000,
                "cpu.cfs_period_us": 100000,
                "cpu.cfs_burst_us": 1000,
                "cpu.idle": False,
                "cpuset.cpus": "0",
            },
        ),
        (
            {"memory": {"limit": M, "swap": 3 * M, "reservation": -1, "checkBeforeUpdate": True, "kernelTCP": 0}},
            {"memory.max": M, "memory.swap.max": 2 * M, "memory.low": 0},
            {"memory.limit_in_bytes": M, "memory.memsw.limit_in_bytes": 3 * M, "memory.soft_limit_in_bytes": "max"},
        ),
        (
            {
                "blockIO": {
                    "weight": 10,
                    "weightDevice": [{"major": 8, "minor": 0, "weight": 20}],
                    "throttleReadIOPSDevice": [{"major": 8, "minor": 0, "rate": 600}],
                    "throttleWriteBpsDevice": [],
                }
            },
            {"io.bfq.weight": {"default": 10, "8:0": 20}, "io.max": {"8:0": {"riops": 600}}},
            {
                "blkio.bfq.weight": 10,
                "blkio.bfq.weight_device": {"8:0": 20},
                "blkio.throttle.read_iops_device": {"8:0": 600},
            },
        ),
        # A dictionary of limits that names files of both versions, and everything at once.
        (
            {"cpu.max": 2, "memory.limit_in_bytes": "1G", "--pids-limit": 5, "cpu": {"idle": 1}},
            {"cpu.max": "200000 100000", "memory.max": 1024 * M, "pids.max": 5, "cpu.idle": True},
            {
                "cpu.cfs_quota_us": 200000,
                "cpu.cfs_period_us": 100000,
                "memory.limit_in_bytes": 1024 * M,
                "pids.max": 5,
                "cpu.idle": True,
            },
        ),
        (
            {"cpu.max": "default", "cpu.shares": "default", "cpuset.cpus": ""},
            {"cpu.max": "default", "cpu.weight": "default", "cpuset.cpus": ""},
            {
                "cpu.cfs_quota_us": "default",
                "cpu.cfs_period_us": "default",
                "cpu.shares": "default",
                "cpuset.cpus": "default",
            },
        ),
        # The weight of all other devices is put back, and theirs are not.
        ({"blkio.bfq.weight": "default"}, {"io.bfq.weight": {"default": 100}}, {"blkio.bfq.weight": "default"}),
        (
            {"unified": {"io.max": "8:0 rbps=1048576 wiops=5", "cpu.max": "50000 100000"}},
            {"io.max": {"8:0": {"rbps": M, "wiops": 5}}, "cpu.max": "50000 100000"},
            {
                "blkio.throttle.read_bps_device": {"8:0": M},
                "blkio.throttle.write_iops_device": {"8:0": 5},
                "cpu.cfs_quota_us": 50000,
                "cpu.cfs_period_us": 100000,
            },
        ),
    ],
)
def test_into_both_dialects(said: dict[str, Any], v2: dict[str, Any], v1: dict[str, Any]) -> None:
    assert to(2, said) == v2
    assert to(1, said) == v1


def test_what_is_chosen_is_done() -> None:
    assert to(2, {"cpu.shares": 1024}, Choices("linear")) == {"cpu.weight": 39}
    assert to(2, {"memory_reservation": "1M"}, Choices(memory_soft_limit="high")) == {"memory.high": M}
    assert to(1, {"memory.high": "1M"}, Choices(memory_soft_limit="high")) == {"memory.soft_limit_in_bytes": M}
    said = {"blkio_weight": 100, "blkio_weight_device": "8:0:500", "cpus": 1}
    assert to(2, said, io_weight="io.weight") == {
        "io.weight": {"default": 910, "8:0": 4950},
        "cpu.max": "100000 100000",
    }
    # Only what comes from a container is a container's weight.
    assert to(2, {"blkio.bfq.weight": 100}, io_weight="io.weight") == {"io.bfq.weight": {"default": 100}}


def test_only_v1_has_these() -> None:
    said = {"cpu_rt_runtime": 1000, "cpu": {"realtimePeriod": 500000}, "memory": {"swappiness": 0, "kernelTCP": M}}
    assert to(1, said) == {
        "cpu.rt_runtime_us": 1000,
        "cpu.rt_period_us": 500000,
        "memory.swappiness": 0,
        "memory.kmem.tcp.limit_in_bytes": M,
    }


def test_what_is_lossy_is_told() -> None:
    assert dialects.converted({"--cpu-shares": 512}, 2, USUAL).warnings == (
        "cpu.shares: 512 becomes cpu.weight: 59 by the quadratic formula, which is not exact",
    )
    assert dialects.converted({"--cpu-shares": 512}, 1, USUAL).warnings == ()


@pytest.mark.parametrize(
    ("version", "said", "sentence"),
    [
        (2, 5, "limits: 5 is not a dictionary; write names and values."),
        (2, {5: 1}, "limits: 5 is not the name of a limit."),
        (
            2,
            {"nonsense": 1},
            "limits: 'nonsense' is no interface file, no option of docker run and no member of OCI's linux.resources that "
            "is known; write names like memory.max, --memory or memory.limit.",
        ),
        (
            2,
            {"-x": 1},
            "limits: '-x' is no interface file, no option of docker run and no member of OCI's linux.resources that "
            "is known; write names like memory.max, --memory or memory.limit.",
        ),
        (2, {"memory.maxx": 1}, "limits: 'memory.maxx' is no limit that is known; perhaps memory.max is meant."),
        (
            2,
            {"memory": "50%"},
            "limits['memory']: '50%' is a share of a host's memory, and no host is known here; write it like 512M, or "
            "declare it as it is to the modules.",
        ),
        (
            2,
            {"device_read_bps": "/dev/sda:1mb"},
            "limits['device_read_bps']: '/dev/sda' is a path on a host, and no host is known here; "
            'write "MAJOR:MINOR", as in "8:0".',
        ),
        (
            2,
            {"device_read_bps": "1mb"},
            "limits['device_read_bps']: '1mb' is not a device and its figure; write \"8:0:1mb\".",
        ),
        (
            2,
            {"blkio_weight_device": [{"path": "8:0"}]},
            "limits['blkio_weight_device']: {'path': '8:0'} is not a device and its figure; "
            'write {path: "8:0", weight: ...}.',
        ),
        (
            2,
            {"--cpus": 1, "--cpu-quota": 50000},
            "limits['--cpu-quota']: means 50000 100000 for cpu.max, and cpu.max says 100000 100000; say it once.",
        ),
        (2, {"-m": "1g", "memory": "2g"}, "limits['memory']: is said otherwise by limits['-m']; say it once."),
        (
            2,
            {"--memory-swap": "1g"},
            "limits['--memory-swap']: '1G' limits memory and swap together where memory alone has no limit; "
            "limit memory.max too, or limit swap by memory.swap.max.",
        ),
        (
            2,
            {"memory": {"swappiness": 5}},
            "limits['memory'].swappiness: has no counterpart in the v2 memory controller; v2 has no swappiness of a group.",
        ),
        (
            2,
            {"oom_kill_disable": True},
            "limits['oom_kill_disable']: has no counterpart in the v2 memory controller; "
            "memory.oom.group is another thing: it kills all of a group or none of it.",
        ),
        (
            2,
            {"kernel_memory": "1g"},
            "limits['kernel_memory']: is obsolete: kernels of today count it with all other memory; leave it out.",
        ),
        (
            2,
            {"memory": {"kernel": 5}},
            "limits['memory'].kernel: is obsolete: kernels of today count it with all other memory; leave it out.",
        ),
        (
            2,
            {"cpu": {"cpuz": 5}},
            "limits['cpu'].cpuz: is nothing that the runtime specification knows as a limit; leave it out.",
        ),
        (2, {"pids": {"limit": 5, "more": 1}}, "has other members than limit."),
        (
            2,
            {"pids": {"limit": 0}},
            "limits['pids'].limit: 0 is no limit to some runtimes and nothing at all to others; write -1, or leave it out.",
        ),
        (
            2,
            {"blockIO": {"leafWeight": 5}},
            "limits['blockIO'].leafWeight: is obsolete: it ended with Linux 5.0; leave it out.",
        ),
        (2, {"blockIO": {"throttleReadBpsDevice": 5}}, "limits['blockIO'].throttleReadBpsDevice: 5 is not a list."),
        (2, {"devices": []}, "limits['devices']: is a list of rules about devices and none of limits; leave it out."),
        (
            2,
            {"memory.soft_limit_in_bytes": "1M"},
            "limits['memory.soft_limit_in_bytes']: is memory.low to some and memory.high to others, and they mean opposite "
            "things on v2; set memory_soft_limit to low (kept while there is enough) or to high (slowed down above it).",
        ),
        (
            1,
            {"memory.low": "1M"},
            "limits['memory.low']: has no counterpart in the v1 memory controller; "
            "memory_soft_limit: low has it set as memory.soft_limit_in_bytes there.",
        ),
        (
            1,
            {"memory.swap.max": "1M"},
            "memory.swap.max: limits swap alone, and the v1 memory controller limits memory and swap only together; "
            "limit memory.max too, or use a host with the memory controller on v2.",
        ),
        (1, {"cgroup.max.depth": 5}, "limits['cgroup.max.depth']: needs a v2 hierarchy, which v1 does not have."),
    ],
)
def test_what_cannot_be_turned_is_one_sentence(version: int, said: object, sentence: str) -> None:
    with pytest.raises(IsolationError) as caught:
        to(version, said)
    assert caught.value.sentence().endswith(sentence)


def test_a_weight_of_block_io_is_in_its_range() -> None:
    for weight in (9, 1001, "x", 12.5, True):
        with pytest.raises(IsolationError, match="is not a weight of block I/O"):
            to(2, {"blkio_weight": weight}, io_weight="io.weight")
    with pytest.raises(IsolationError, match=r"cannot be said beside io\.weight"):
        to(2, {"blkio_weight": 10, "io.weight": 5}, io_weight="io.weight")


def test_parts_whose_controllers_have_rows_of_their_own() -> None:
    """What these names stand for; the table says what becomes of them."""
    pages = [{"pageSize": "2MB", "limit": 209715200}, {"pageSize": "1GB", "limit": 0}]
    assert runtime_names.limits_of("x", "hugepageLimits", pages) == {"hugetlb.2MB.max": 209715200, "hugetlb.1GB.max": 0}
    network = {"classID": 1048577, "priorities": [{"name": "eth0", "priority": 500}]}
    assert runtime_names.limits_of("x", "network", network) == {
        "net_cls.classid": 1048577,
        "net_prio.ifpriomap": {"eth0": 500},
    }
    rdma = {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10000}, "rxe3": {"hcaObjects": 10000}}
    assert runtime_names.limits_of("x", "rdma", rdma) == {
        "rdma.max": {"mlx5_1": {"hca_handle": 3, "hca_object": 10000}, "rxe3": {"hca_object": 10000}}
    }


def test_a_name_is_known_however_it_is_spelled() -> None:
    for name in docker_names.NAMES:
        assert {docker_names.name_of(said) for said in (name, "--" + name.replace("_", "-"))} == {name}
    assert docker_names.name_of("-m") == "memory"
    assert docker_names.name_of("-memory") == ""


def test_no_module_imports_them() -> None:
    own = {"dialects", "docker_names", "runtime_names"}
    for path in OWN.rglob("*.py"):
        if path.stem not in own:
            imports = [line for line in path.read_text().splitlines() if re.match(r"\s*(from|import) ", line)]
            assert not own & set(re.findall(r"\w+", " ".join(imports))), path
