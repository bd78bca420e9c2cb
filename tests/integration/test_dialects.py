# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same declaration in either dialect on the real kernel: it comes to the same, and neither finds anything to do after the other."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.dialects import converted
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import Choices
from ansible_collections.linux.isolation.tests.integration.support import disks
from ansible_collections.linux.isolation.tests.integration.support.disks import Disk
from ansible_collections.linux.isolation.tests.integration.support.host import Host, without_swap
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, run

Limits = Mapping[str, Any]
LOW, HIGH = {"memory_soft_limit": "low"}, {"memory_soft_limit": "high"}

# What one is to the other exactly: v1's names, v2's names, options, and the texts on v1 and on v2.
PAIRS: dict[str, tuple[Limits, Limits, Limits, Limits, Limits]] = {
    "bandwidth": (
        {"cpu.cfs_quota_us": 50000, "cpu.cfs_period_us": 200000},
        {"cpu.max": "50000 200000"},
        {},
        {"cpu.cfs_quota_us": "50000", "cpu.cfs_period_us": "200000"},
        {"cpu.max": "50000 200000"},
    ),
    "no bandwidth": (
        {"cpu.cfs_quota_us": -1, "cpu.cfs_period_us": 50000},
        {"cpu.max": "max 50000"},
        {},
        {"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "50000"},
        {"cpu.max": "max 50000"},
    ),
    "burst": (
        {"cpu.cfs_quota_us": 30000, "cpu.cfs_period_us": 100000, "cpu.cfs_burst_us": 10000},
        {"cpu.max": 0.3, "cpu.max.burst": 10000},
        {},
        {"cpu.cfs_burst_us": "10000"},
        {"cpu.max.burst": "10000"},
    ),
    "the usual weight": (
        {"cpu.shares": 1024},
        {"cpu.weight": 100},
        {},
        {"cpu.shares": "1024"},
        {"cpu.weight": "100"},
    ),
    "memory": (
        {"memory.limit_in_bytes": 67108865},
        {"memory.max": 67108865},
        {},
        {"memory.limit_in_bytes": "67108864"},
        {"memory.max": "67108864"},
    ),
    "a protection": (
        {"memory.soft_limit_in_bytes": "1M"},
        {"memory.low": "1M"},
        LOW,
        {"memory.soft_limit_in_bytes": "1048576"},
        {"memory.low": "1048576", "memory.high": "max"},
    ),
    "no protection": (
        {"memory.soft_limit_in_bytes": -1},
        {"memory.low": 0},
        LOW,
        {"memory.soft_limit_in_bytes": "9223372036854771712"},
        {"memory.low": "0", "memory.high": "max"},
    ),
    "a ceiling": (
        {"memory.soft_limit_in_bytes": "64M"},
        {"memory.high": "64M"},
        HIGH,
        {"memory.soft_limit_in_bytes": "67108864"},
        {"memory.low": "0", "memory.high": "67108864"},
    ),
    "tasks": ({"pids.max": 50}, {"pids.max": "50"}, {}, {"pids.max": "50"}, {"pids.max": "50"}),
    "CPUs": (
        {"cpuset.cpus": [0], "cpuset.mems": "0"},
        {"cpuset.cpus": "0", "cpuset.mems": [0]},
        {},
        {"cpuset.cpus": "0", "cpuset.mems": "0"},
        {"cpuset.cpus": "0", "cpuset.mems": "0"},
    ),
}
SWAP: tuple[Limits, Limits, Limits, Limits, Limits] = (
    {"memory.limit_in_bytes": "64M", "memory.memsw.limit_in_bytes": "96M"},
    {"memory.max": "64M", "memory.swap.max": "32M"},
    {},
    {"memory.limit_in_bytes": "67108864", "memory.memsw.limit_in_bytes": "100663296"},
    {"memory.max": "67108864", "memory.swap.max": "33554432"},
)
# cpu.shares and cpu.weight by each formula: what is declared, and the text on v1 and on v2.
WEIGHTS = [
    ("quadratic", {"cpu.shares": 512}, "512", "59"),
    ("linear", {"cpu.shares": 512}, "512", "20"),
    ("proportional", {"cpu.shares": 512}, "512", "50"),
    ("quadratic", {"cpu.weight": 200}, "2451", "200"),
    ("linear", {"cpu.weight": 200}, "5219", "200"),
    ("proportional", {"cpu.weight": 200}, "2048", "200"),
    ("linear", {"cpu.shares": "default"}, "1024", "100"),
    ("linear", {"cpu.weight": "default"}, "1024", "100"),
]


def version_of(host: Host, limits: Limits) -> int:
    prefix = next(iter(limits)).partition(".")[0]
    return host.version("io" if prefix == "blkio" else prefix)


def texts(host: Host, group: str, on_v1: Limits, on_v2: Limits) -> tuple[dict[str, str], dict[str, str]]:
    """What is there and what is wanted there, in the files of this host."""
    wanted = on_v1 if version_of(host, on_v1) == 1 else on_v2
    prefix = next(iter(wanted)).partition(".")[0]
    folder = host.path("io" if prefix == "blkio" else prefix, group)
    return {file: (folder / file).read_text().strip() for file in wanted}, dict(wanted)


def declare(sandbox: Sandbox, limits: Limits, **options: Any) -> Answer:
    answer = run("limit", {"name": sandbox.name, "create": True, "limits": limits, **options})
    assert not answer.failed, answer.sentence
    return answer


def losses(answer: Answer) -> list[str]:
    """The warnings that tell of what a translation loses."""
    return [warning for warning in answer.warnings if "not exact" in warning]


@pytest.mark.parametrize("first", [0, 1], ids=["v1 first", "v2 first"])
@pytest.mark.parametrize("name", [*PAIRS, "swap"])
def test_either_dialect_comes_to_the_same(name: str, first: int, host: Host, sandbox: Sandbox) -> None:
    if name == "swap" and not without_swap(host):
        pytest.skip("this host does not count swap")
    v1, v2, options, on_v1, on_v2 = PAIRS.get(name, SWAP)
    spoken = (v1, v2)
    answer = declare(sandbox, spoken[first], **options)
    assert answer.changed
    assert losses(answer) == []
    there, wanted = texts(host, sandbox.name, on_v1, on_v2)
    assert there == wanted
    choices = Choices(memory_soft_limit=options.get("memory_soft_limit", ""))
    for limits in (spoken[first], spoken[1 - first], *(converted(v1, version, choices).limits for version in (1, 2))):
        again = declare(sandbox, limits, **options)
        assert (again.changed, again.actions, again.warnings) == (False, [], ())


@pytest.mark.parametrize(("formula", "limits", "on_v1", "on_v2"), WEIGHTS)
def test_a_weight_is_what_the_formula_says_and_stays(
    formula: str, limits: Limits, on_v1: str, on_v2: str, host: Host, sandbox: Sandbox
) -> None:
    first = declare(sandbox, limits, cpu_weight_formula=formula)
    version = host.version("cpu")
    file, wanted = ("cpu.shares", on_v1) if version == 1 else ("cpu.weight", on_v2)
    assert host.path("cpu", sandbox.name, file).read_text().strip() == wanted
    foreign = file not in limits and "default" not in limits.values()
    assert [f"by the {formula} formula" in warning for warning in losses(first)] == [True] * foreign
    again = declare(sandbox, limits, cpu_weight_formula=formula)
    assert (again.changed, again.actions) == (False, [])
    # Told in the host's own unit it is the same.
    assert not declare(sandbox, {file: int(wanted)}).changed


def test_a_nice_value_is_exact_everywhere(host: Host, sandbox: Sandbox) -> None:
    declare(sandbox, {"cpu.weight.nice": -5})
    file, wanted = ("cpu.shares", "3121") if host.version("cpu") == 1 else ("cpu.weight.nice", "-5")
    assert host.path("cpu", sandbox.name, file).read_text().strip() == wanted
    assert not declare(sandbox, {"cpu.weight.nice": -5}).changed


@pytest.fixture
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with disks.disk(tmp_path_factory.mktemp("disk")) as found:
        yield found


def test_throttles_of_either_dialect_are_the_same(host: Host, sandbox: Sandbox, disk: Disk) -> None:
    v1 = {
        "blkio.throttle.read_bps_device": {disk.path: "10M"},
        "blkio.throttle.write_iops_device": {disk.number: 50},
    }
    v2 = {"io.max": {disk.path: {"rbps": 10485760, "wiops": 50}}}
    docker = converted(
        {"device_read_bps": f"{disk.number}:10mb", "device_write_iops": f"{disk.number}:50"}, 2, Choices()
    )
    assert declare(sandbox, v1).changed
    for limits in (v2, v1, docker.limits):
        assert not declare(sandbox, limits).changed


# -- what cannot be said here -----------------------------------------------------------------------------------------


def test_a_soft_limit_is_said_or_refused(host: Host, sandbox: Sandbox) -> None:
    version = host.version("memory")
    foreign = {"memory.soft_limit_in_bytes": "1M"} if version == 2 else {"memory.high": "1M"}
    sandbox.make("memory")
    before = sandbox.state()
    answer = run("limit", {"name": sandbox.name, "limits": foreign})
    assert answer.failed
    assert "memory_soft_limit" in answer.sentence
    assert sandbox.state() == before


@pytest.mark.v1("memory")
def test_swap_alone_hangs_on_the_limit_that_is_there(host: Host, sandbox: Sandbox) -> None:
    if not without_swap(host):
        pytest.skip("this host does not count swap")
    sandbox.make("memory")
    answer = run("limit", {"name": sandbox.name, "limits": {"memory.swap.max": "1M"}})
    assert answer.failed
    assert "limit memory.max too" in answer.sentence
    declare(sandbox, {"memory.max": "16M"})
    assert declare(sandbox, {"memory.swap.max": "1M"}).changed
    assert host.read(sandbox.name, "memory.swap.max") == str(17 << 20)
    assert not declare(sandbox, {"memory.swap.max": "1M"}).changed


@pytest.mark.v2("memory")
def test_memory_and_swap_hang_on_the_limit_that_is_there(host: Host, sandbox: Sandbox) -> None:
    if not without_swap(host):
        pytest.skip("this host does not count swap")
    declare(sandbox, {"memory.max": "max"})
    answer = run("limit", {"name": sandbox.name, "limits": {"memory.memsw.limit_in_bytes": "64M"}})
    assert answer.failed
    assert "where memory alone has no limit" in answer.sentence
    declare(sandbox, {"memory.max": "16M"})
    assert declare(sandbox, {"memory.memsw.limit_in_bytes": "64M"}).changed
    assert host.read(sandbox.name, "memory.swap.max") == str(48 << 20)
    assert not declare(sandbox, {"memory.memsw.limit_in_bytes": "64M"}).changed


@pytest.mark.v2("cpu")
def test_half_of_a_bandwidth_keeps_the_other(host: Host, sandbox: Sandbox) -> None:
    declare(sandbox, {"cpu.max": "max 50000"})
    assert declare(sandbox, {"cpu.cfs_quota_us": 5000}).changed
    assert host.read(sandbox.name, "cpu.max") == "5000 50000"
    assert not declare(sandbox, {"cpu.cfs_quota_us": 5000}).changed


@pytest.mark.parametrize("limit", ["cpu.uclamp.min", "cpu.uclamp.max"])
def test_a_clamp_is_set_or_its_absence_told(limit: str, host: Host, sandbox: Sandbox) -> None:
    made = sandbox.make("cpu")
    there = (made / limit).exists()
    answer = run("limit", {"name": sandbox.name, "limits": {limit: "12.5"}})
    if there:
        assert (made / limit).read_text().strip() == "12.50"
        assert not declare(sandbox, {limit: 12.5}).changed
        declare(sandbox, {limit: 99.97})
        assert (made / limit).read_text().strip() == "max"
        assert not declare(sandbox, {limit: 99.97}).changed
    else:
        assert answer.failed
        assert "needs CONFIG_UCLAMP_TASK_GROUP" in answer.sentence


# -- real-time processes ----------------------------------------------------------------------------------------------

REAL_TIME: list[dict[str, Limits]] = [
    {
        "": {"cpu.rt_runtime_us": 50000},
        "a": {"cpu.rt_runtime_us": 20000},
        "b": {"cpu.rt_runtime_us": 30000, "cpu.rt_period_us": 1000000},
    },
    {
        "": {"cpu.rt_runtime_us": 80000},
        "a": {"cpu.rt_runtime_us": 10000},
        "b": {"cpu.rt_runtime_us": 35000, "cpu.rt_period_us": 500000},
    },
    {
        "": {"cpu.rt_runtime_us": 20000},
        "a": {"cpu.rt_runtime_us": 15000},
        "b": {"cpu.rt_runtime_us": 2000, "cpu.rt_period_us": 2000000},
    },
    {
        "": {"cpu.rt_runtime_us": "default"},
        "a": {"cpu.rt_runtime_us": "default"},
        "b": {"cpu.rt_runtime_us": "default", "cpu.rt_period_us": "default"},
    },
]


def need_real_time(host: Host) -> None:
    if not host.path("cpu", "", "cpu.rt_runtime_us").exists():
        pytest.skip("this kernel has no groups of real-time processes")


@pytest.mark.v1("cpu")
def test_real_time_of_a_tree_changes_in_one_task(host: Host, sandbox: Sandbox) -> None:
    need_real_time(host)
    for state in REAL_TIME + REAL_TIME[-2::-1]:
        groups = [{"name": sandbox.below(*([name] if name else [])), "limits": said} for name, said in state.items()]
        predicted = run("tree", {"groups": groups}, check=True)
        answer = run("tree", {"groups": groups})
        assert not answer.failed, answer.sentence
        assert answer.changed
        assert predicted.actions == answer.actions
        for group in groups:
            said = group["limits"]["cpu.rt_runtime_us"]  # type: ignore[index]  # a dictionary
            text = host.path("cpu", str(group["name"]), "cpu.rt_runtime_us").read_text().strip()
            assert text == str(0 if said == "default" else said)
        again = run("tree", {"groups": groups})
        assert (again.changed, again.actions) == (False, [])


@pytest.mark.v1("cpu")
def test_a_real_time_process_is_moved_after_it_has_time(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    need_real_time(host)
    program = programs.start("idle")
    os.sched_setscheduler(program.pid, os.SCHED_FIFO, os.sched_param(1))
    task = {"name": sandbox.name, "limits": {"cpu.rt_runtime_us": 10000}, "processes": [{"pid": program.pid}]}
    answer = run("tree", {"groups": [task]})
    assert not answer.failed, answer.sentence
    assert host.members("cpu", sandbox.name) == {program.pid}
    assert os.sched_getscheduler(program.pid) == os.SCHED_FIFO
    # What it runs in cannot be left without any.
    answer = run("limit", {"name": sandbox.name, "limits": {"cpu.rt_runtime_us": 0}})
    assert answer.failed
    assert "real-time" in answer.sentence
    os.kill(program.pid, signal.SIGKILL)


@pytest.mark.v1("cpu")
def test_who_has_promised_more_real_time_than_it_has_is_told(host: Host, sandbox: Sandbox) -> None:
    need_real_time(host)
    groups = [
        {"name": sandbox.name, "limits": {"cpu.rt_runtime_us": 10000}},
        {"name": sandbox.below("in-the-way"), "limits": {"cpu.rt_runtime_us": 8000}},
    ]
    assert run("tree", {"groups": groups}).changed
    answer = run("limit", {"name": sandbox.name, "limits": {"cpu.rt_runtime_us": 5000}})
    assert answer.failed
    assert "in-the-way (8000)" in answer.sentence


# -- v1's switch against killing --------------------------------------------------------------------------------------


@pytest.mark.v1("memory")
def test_oom_control_is_inherited_set_and_put_back(host: Host, sandbox: Sandbox) -> None:
    def disabled(*names: str) -> str:
        return host.path("memory", sandbox.below(*names), "memory.oom_control").read_text().split()[1]

    declare(sandbox, {"memory.oom_control": True})
    task = {"name": sandbox.below("a"), "create": True, "limits": {"memory.max": "16M"}}
    assert run("limit", task).changed
    assert (disabled(), disabled("a")) == ("1", "1")
    groups = [
        {"name": sandbox.name, "limits": {"memory.oom_control": False}},
        {"name": sandbox.below("a"), "limits": {"memory.oom_control": "default"}},
    ]
    answer = run("tree", {"groups": groups})
    assert not answer.failed, answer.sentence
    assert (disabled(), disabled("a")) == ("0", "0")
    assert not run("tree", {"groups": groups}).changed
