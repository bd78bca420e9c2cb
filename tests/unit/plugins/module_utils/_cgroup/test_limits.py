# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declaration means on a host: in its own files, in the other version's, and where it cannot be said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import limits
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import (
    MAX,
    USUAL,
    Choices,
    Facts,
)
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    InputError,
    IsolationError,
    UnsupportedError,
)

M = 1024**2
NO_LIMIT = 9223372036854771712
FACTS = Facts(4096, 16 * 1024 * M, 8, lambda path: "8:0")
CONTROLLERS = ("cpu", "cpuset", "memory", "io", "pids", "freezer")
V1 = dict.fromkeys(CONTROLLERS, 1)
V2 = dict.fromkeys((*CONTROLLERS, ""), 2)


def resolve(said: Mapping[str, object], versions: Mapping[str, int], choices: Choices = USUAL) -> limits.Resolved:
    return limits.resolve("limits", said, versions, FACTS, "legacy", {}, choices)


def files(said: Mapping[str, object], versions: Mapping[str, int], choices: Choices = USUAL) -> dict[str, Any]:
    return {want.file.name: want.value for want in resolve(said, versions, choices).wants}


@pytest.mark.parametrize(
    ("said", "on_v1", "on_v2"),
    [
        ({"memory.max": "512M"}, {"memory.limit_in_bytes": 512 * M}, {"memory.max": 512 * M}),
        ({"memory.max": "max"}, {"memory.limit_in_bytes": NO_LIMIT}, {"memory.max": MAX}),
        ({"memory.limit_in_bytes": -1}, {"memory.limit_in_bytes": NO_LIMIT}, {"memory.max": MAX}),
        ({"memory.max": "default"}, {"memory.limit_in_bytes": NO_LIMIT}, {"memory.max": MAX}),
        (
            {"memory.max": "100M", "memory.swap.max": "50M"},
            {"memory.limit_in_bytes": 100 * M, "memory.memsw.limit_in_bytes": 150 * M},
            {"memory.max": 100 * M, "memory.swap.max": 50 * M},
        ),
        (
            {"memory.swap.max": 0, "memory.limit_in_bytes": "100M"},
            {"memory.limit_in_bytes": 100 * M, "memory.memsw.limit_in_bytes": 100 * M},
            {"memory.swap.max": 0, "memory.max": 100 * M},
        ),
        (
            {"memory.max": "max", "memory.swap.max": "max"},
            {"memory.limit_in_bytes": NO_LIMIT, "memory.memsw.limit_in_bytes": NO_LIMIT},
            {"memory.max": MAX, "memory.swap.max": MAX},
        ),
        ({"memory.swap.max": "max"}, {"memory.memsw.limit_in_bytes": NO_LIMIT}, {"memory.swap.max": MAX}),
        (
            {"memory.limit_in_bytes": "100M", "memory.memsw.limit_in_bytes": "150M"},
            {"memory.limit_in_bytes": 100 * M, "memory.memsw.limit_in_bytes": 150 * M},
            {"memory.max": 100 * M, "memory.swap.max": 50 * M},
        ),
        ({"pids.max": "100"}, {"pids.max": 100}, {"pids.max": 100}),
        (
            {"cpu.max": 1.5},
            {"cpu.cfs_quota_us": 150000, "cpu.cfs_period_us": 100000},
            {"cpu.max": (150000, 100000)},
        ),
        ({"cpu.max": "max"}, {"cpu.cfs_quota_us": MAX, "cpu.cfs_period_us": 100000}, {"cpu.max": (MAX, 100000)}),
        (
            {"cpu.cfs_quota_us": -1, "cpu.cfs_period_us": 50000},
            {"cpu.cfs_quota_us": MAX, "cpu.cfs_period_us": 50000},
            {"cpu.max": (MAX, 50000)},
        ),
        (
            {"cpu.max": "50000 100000", "cpu.cfs_quota_us": 50000},
            {"cpu.cfs_quota_us": 50000, "cpu.cfs_period_us": 100000},
            {"cpu.max": (50000, 100000)},
        ),
        ({"cpu.max.burst": 5000}, {"cpu.cfs_burst_us": 5000}, {"cpu.max.burst": 5000}),
        ({"cpu.cfs_burst_us": 5000}, {"cpu.cfs_burst_us": 5000}, {"cpu.max.burst": 5000}),
        ({"cpu.weight": 100}, {"cpu.shares": 1024}, {"cpu.weight": 100}),
        ({"cpu.shares": 512}, {"cpu.shares": 512}, {"cpu.weight": 59}),
        ({"cpu.shares": "default"}, {"cpu.shares": 1024}, {"cpu.weight": 100}),
        ({"cpu.idle": True}, {"cpu.idle": True}, {"cpu.idle": True}),
        ({"cpu.weight.nice": 0}, {"cpu.shares": 1024}, {"cpu.weight.nice": 0}),
        ({"cpu.weight.nice": "default"}, {"cpu.shares": 1024}, {"cpu.weight.nice": 0}),
        ({"cpu.weight.nice": -20}, {"cpu.shares": 88761}, {"cpu.weight.nice": -20}),
        ({"cpu.weight.nice": 19}, {"cpu.shares": 15}, {"cpu.weight.nice": 19}),
        (
            {"cpu.uclamp.min": "12.5%", "cpu.uclamp.max": 99.96},
            {"cpu.uclamp.min": "12.50", "cpu.uclamp.max": "max"},
            {"cpu.uclamp.min": "12.50", "cpu.uclamp.max": "max"},
        ),
        (
            {"cpuset.cpus": [0, 1], "cpuset.mems": 0},
            {"cpuset.cpus": "0-1", "cpuset.mems": "0"},
            {"cpuset.cpus": "0-1", "cpuset.mems": "0"},
        ),
        (
            {"io.max": {"/dev/sda": {"rbps": "10M", "wiops": "max"}, "8:16": {"rbps": 5}}},
            {
                "blkio.throttle.read_bps_device": {("8:0", ""): 10 * M, ("8:16", ""): 5},
                "blkio.throttle.write_iops_device": {("8:0", ""): MAX},
            },
            {"io.max": {("8:0", "rbps"): 10 * M, ("8:0", "wiops"): MAX, ("8:16", "rbps"): 5}},
        ),
        (
            {"blkio.throttle.read_bps_device": {"8:0": 7}, "blkio.throttle.write_iops_device": {"8:0": 0}},
            {
                "blkio.throttle.read_bps_device": {("8:0", ""): 7},
                "blkio.throttle.write_iops_device": {("8:0", ""): MAX},
            },
            {"io.max": {("8:0", "rbps"): 7, ("8:0", "wiops"): MAX}},
        ),
        (
            {"io.max": {"8:0": {"wbps": 9}}, "blkio.throttle.read_bps_device": {"8:0": 7}},
            {"blkio.throttle.write_bps_device": {("8:0", ""): 9}, "blkio.throttle.read_bps_device": {("8:0", ""): 7}},
            {"io.max": {("8:0", "wbps"): 9, ("8:0", "rbps"): 7}},
        ),
        ({"io.bfq.weight": 200}, {"blkio.bfq.weight": 200}, {"io.bfq.weight": {("default", ""): 200}}),
        (
            {"io.bfq.weight": {"default": 200, "8:0": 300}},
            {"blkio.bfq.weight": 200, "blkio.bfq.weight_device": {("8:0", ""): 300}},
            {"io.bfq.weight": {("default", ""): 200, ("8:0", ""): 300}},
        ),
        (
            {"blkio.bfq.weight": 200, "blkio.bfq.weight_device": {"8:0": 300}},
            {"blkio.bfq.weight": 200, "blkio.bfq.weight_device": {("8:0", ""): 300}},
            {"io.bfq.weight": {("default", ""): 200, ("8:0", ""): 300}},
        ),
    ],
)
def test_one_declaration_means_the_same_on_both(
    said: Mapping[str, object], on_v1: Mapping[str, Any], on_v2: Mapping[str, Any]
) -> None:
    assert files(said, V1) == on_v1
    assert files(said, V2) == on_v2


def test_controllers_can_be_of_different_versions() -> None:
    assert files({"memory.max": "4K", "cpu.weight": 100}, {"memory": 2, "cpu": 1}) == {
        "memory.max": 4096,
        "cpu.shares": 1024,
    }


def test_a_want_is_ready_for_comparison() -> None:
    (want,) = resolve({"memory.max": "512M"}, V1).wants
    assert (want.declared, want.text, want.needs, want.resolve, want.reset) == (
        "memory.max",
        "536870912",
        (),
        None,
        False,
    )


def test_swap_alone_is_counted_from_the_limit_that_is_there() -> None:
    (want,) = resolve({"memory.swap.max": "50M"}, V1).wants
    assert (want.file.name, want.value, want.text) == ("memory.memsw.limit_in_bytes", None, None)
    assert want.needs == ("memory.limit_in_bytes",)
    assert want.resolve is not None
    assert want.resolve({"memory.limit_in_bytes": str(100 * M)}) == 150 * M
    with pytest.raises(UnsupportedError, match="only together"):
        want.resolve({"memory.limit_in_bytes": str(NO_LIMIT)})
    with pytest.raises(UnsupportedError, match="only together"):
        want.resolve({})


def test_memsw_alone_is_counted_from_the_limit_that_is_there() -> None:
    (want,) = resolve({"memory.memsw.limit_in_bytes": "150M"}, V2).wants
    assert (want.file.name, want.needs) == ("memory.swap.max", ("memory.max",))
    assert want.resolve is not None
    assert want.resolve({"memory.max": str(100 * M)}) == 50 * M
    with pytest.raises(InputError, match="below the limit of memory alone"):
        want.resolve({"memory.max": str(200 * M)})
    for unlimited in ({"memory.max": "max"}, {}):
        with pytest.raises(InputError, match="where memory alone has no limit"):
            want.resolve(unlimited)


def test_half_of_a_bandwidth_keeps_the_other_half() -> None:
    (want,) = resolve({"cpu.cfs_quota_us": 5000}, V2).wants
    assert want.needs == ("cpu.max",)
    assert want.resolve is not None
    assert want.resolve({"cpu.max": "max 50000"}) == (5000, 50000)
    assert want.resolve({}) == (5000, 100000)
    (want,) = resolve({"cpu.cfs_period_us": 5000}, V2).wants
    assert want.resolve is not None
    assert want.resolve({"cpu.max": "max 50000"}) == (MAX, 5000)


def test_default_puts_back_and_inherits() -> None:
    (want,) = resolve({"memory.swappiness": "default"}, V1).wants
    assert (want.reset, want.value, want.text) == (True, None, None)
    nothing: list[object] = ["default", "", []]
    for empty in nothing:
        (want,) = resolve({"cpuset.cpus": empty}, V1).wants
        assert (want.reset, want.value) == (True, None)
        (want,) = resolve({"cpuset.cpus": empty}, V2).wants
        assert (want.value, want.text) == ("", "")
    (want,) = resolve({"io.max": "default"}, V2).wants
    assert want.reset
    assert want.file.kind.writes({("8:0", "rbps"): 5}, want.value) == ("8:0 rbps=max",)
    assert all(want.reset for want in resolve({"cpu.max": "default"}, V1).wants)


def test_what_is_lossy_names_the_formula() -> None:
    found = resolve({"cpu.weight": 200}, V1)
    assert found.warnings == ("cpu.weight: 200 becomes cpu.shares: 2451 by the quadratic formula, which is not exact",)
    assert resolve({"cpu.weight": 200}, V2).warnings == ()
    assert len(resolve({"cpu.shares": 3}, V2).warnings) == 1


def test_a_changed_period_is_told() -> None:
    assert len(resolve({"cpu.max": "0.5%"}, V1).warnings) == 1
    assert len(resolve({"cpu.max": "0.5%"}, V2).warnings) == 1


@pytest.mark.parametrize(
    ("said", "versions", "kind", "sentence"),
    [
        (
            {"memory.low": "1M"},
            V1,
            UnsupportedError,
            "limits['memory.low']: has no counterpart in the v1 memory controller of this legacy host; "
            "memory_soft_limit: low has it set as memory.soft_limit_in_bytes there.",
        ),
        (
            {"memory.min": "1M"},
            V1,
            UnsupportedError,
            "limits['memory.min']: has no counterpart in the v1 memory controller of this legacy host; "
            "of these v1 has the counterparts of memory.max and memory.swap.max alone.",
        ),
        (
            {"memory.soft_limit_in_bytes": "1M"},
            V2,
            InputError,
            "limits['memory.soft_limit_in_bytes']: is memory.low to some and memory.high to others, and they mean "
            "opposite things on v2; set memory_soft_limit to low (kept while there is enough) or to high (slowed down "
            "above it).",
        ),
        (
            {"cpuset.mem_hardwall": True},
            V2,
            UnsupportedError,
            "limits['cpuset.mem_hardwall']: has no counterpart in the v2 cpuset controller of this legacy host; "
            "v2 has cpuset.cpus, cpuset.mems and cpuset.cpus.partition alone.",
        ),
        (
            {"io.max": {"8:0": {"rbps": 1}}},
            {"memory": 1},
            UnsupportedError,
            "limits['io.max']: needs the io controller, which this legacy host does not have.",
        ),
        (
            {"cgroup.max.depth": 5},
            V1,
            UnsupportedError,
            "limits['cgroup.max.depth']: needs a v2 hierarchy, which this legacy host does not have.",
        ),
        (
            {"memory.max": "max", "memory.swap.max": "1M"},
            V1,
            UnsupportedError,
            "limits['memory.swap.max']: limits swap alone, and the v1 memory controller limits memory and swap only "
            "together; limit memory.max too, or use a host with the memory controller on v2.",
        ),
        (
            {"memory.limit_in_bytes": "2M", "memory.memsw.limit_in_bytes": "1M"},
            V1,
            InputError,
            "limits['memory.memsw.limit_in_bytes']: '1M' is below the limit of memory alone, and it is the limit of "
            "memory and swap together; write at least 2M.",
        ),
        (
            {"memory.limit_in_bytes": "2M", "memory.memsw.limit_in_bytes": "1M"},
            V2,
            InputError,
            "limits['memory.memsw.limit_in_bytes']: '1M' is below the limit of memory alone, and it is the limit of "
            "memory and swap together; write at least 2M.",
        ),
        (
            {"memory.max": "2M", "memory.limit_in_bytes": "1M"},
            V1,
            InputError,
            "limits['memory.max']: means 2M for memory.limit_in_bytes, and memory.limit_in_bytes says 1M; say it once.",
        ),
        (
            {"memory.max": "2M", "memory.limit_in_bytes": "1M"},
            V2,
            InputError,
            "limits['memory.limit_in_bytes']: means 1M for memory.max, and memory.max says 2M; say it once.",
        ),
        (
            {"cpu.max": 1, "cpu.cfs_quota_us": 50000},
            V1,
            InputError,
            "limits['cpu.max']: means 100000 for cpu.cfs_quota_us, and cpu.cfs_quota_us says 50000; say it once.",
        ),
        (
            {"cpu.max": 1, "cpu.cfs_quota_us": 50000},
            V2,
            InputError,
            "limits['cpu.cfs_quota_us']: means 50000 100000 for cpu.max, and cpu.max says 100000 100000; say it once.",
        ),
        (
            {"cpu.weight": 200, "cpu.idle": True},
            V2,
            InputError,
            "limits['cpu.weight']: cannot be said beside cpu.idle; keep one of the two.",
        ),
        (
            {"cpu.weight": 200, "cpu.weight.nice": 1},
            V2,
            InputError,
            "limits['cpu.weight']: cannot be said beside cpu.weight.nice; keep one of the two.",
        ),
        (
            {"cpu.weight.nice": 0, "cpu.weight": 100},
            V1,
            InputError,
            "limits['cpu.weight']: cannot be said beside cpu.weight.nice; keep one of the two.",
        ),
        (
            {"cpu.weight.nice": 1, "cpu.idle": True},
            V1,
            InputError,
            "limits['cpu.weight.nice']: cannot be said beside cpu.idle; keep one of the two.",
        ),
        (
            {"cpu.rt_runtime_us": 2000, "cpu.rt_period_us": 1000},
            V1,
            InputError,
            "limits['cpu.rt_runtime_us']: 2000 is above the period; write 1000 or less.",
        ),
        (
            {"cpu.rt_runtime_us": 2000},
            V2,
            UnsupportedError,
            "limits['cpu.rt_runtime_us']: has no counterpart in the v2 cpu controller of this legacy host; "
            "v2 has no time of a group for real-time processes: leave it out.",
        ),
        (
            {"memory.oom_control": True},
            V2,
            UnsupportedError,
            "limits['memory.oom_control']: has no counterpart in the v2 memory controller of this legacy host; "
            "memory.oom.group is another thing: it kills all of a group or none of it.",
        ),
        (
            {"memory.memsw.limit_in_bytes": "1M", "memory.max": "max"},
            V2,
            InputError,
            "limits['memory.memsw.limit_in_bytes']: '1M' limits memory and swap together where memory alone has no "
            "limit; limit memory.max too, or limit swap by memory.swap.max.",
        ),
        (
            {"cpu.uclamp.max": 12.345},
            V2,
            InputError,
            "limits['cpu.uclamp.max']: 12.345 is not a percentage of two decimals; "
            'write a percentage from 0 to 100 with at most two decimals ("37.50"), or max.',
        ),
        (
            {"cpu.uclamp.min": "100.5%"},
            V1,
            InputError,
            "limits['cpu.uclamp.min']: '100.5%' is out of range; "
            'write a percentage from 0 to 100 with at most two decimals ("37.50"), or max.',
        ),
        (
            {"cpu.max": 1, "cpu.max.burst": 100001},
            V1,
            InputError,
            "limits['cpu.max.burst']: 100001 is above the quota; write 100000 or less.",
        ),
        ({5: 5}, V2, InputError, "limits: 5 is not the name of an interface file."),
        (
            {"memory.max": "5x"},
            V2,
            InputError,
            "limits['memory.max']: '5x' is not a size in bytes; write it like 512M, 1.5GiB, 50% or max.",
        ),
    ],
)
def test_what_cannot_be_meant_or_done_is_one_sentence(
    said: Mapping[str, object], versions: Mapping[str, int], kind: type[IsolationError], sentence: str
) -> None:
    with pytest.raises(kind) as caught:
        resolve(said, versions)
    assert caught.value.sentence() == sentence


def test_equal_keys_of_different_types_are_not_one_declaration() -> None:
    cache: dict[Any, Any] = {}
    first = limits.resolve("limits", {"pids.max": 1}, V2, FACTS, "unified", cache)
    assert limits.resolve("limits", {"pids.max": 1}, V2, FACTS, "unified", cache).wants[0] is first.wants[0]
    with pytest.raises(InputError, match="truth value"):
        limits.resolve("limits", {"pids.max": True}, V2, FACTS, "unified", cache)


LOW, HIGH = Choices(memory_soft_limit="low"), Choices(memory_soft_limit="high")


@pytest.mark.parametrize(
    ("said", "choices", "on_v1", "on_v2"),
    [
        ({"cpu.shares": 1024}, Choices("linear"), {"cpu.shares": 1024}, {"cpu.weight": 39}),
        ({"cpu.shares": 512}, Choices("proportional"), {"cpu.shares": 512}, {"cpu.weight": 50}),
        ({"cpu.weight": 100}, Choices("linear"), {"cpu.shares": 2597}, {"cpu.weight": 100}),
        ({"cpu.weight": 300}, Choices("proportional"), {"cpu.shares": 3072}, {"cpu.weight": 300}),
        # Whatever the formula makes of the figure: each file has a default of its own.
        ({"cpu.shares": "default"}, Choices("linear"), {"cpu.shares": 1024}, {"cpu.weight": 100}),
        ({"cpu.weight": "default"}, Choices("linear"), {"cpu.shares": 1024}, {"cpu.weight": 100}),
        *[
            (
                {"memory.soft_limit_in_bytes": said},
                choices,
                {"memory.soft_limit_in_bytes": soft},
                {"memory." + choices.memory_soft_limit: there},
            )
            for said, choices, soft, there in (
                ("100M", LOW, 100 * M, 100 * M),
                ("100M", HIGH, 100 * M, 100 * M),
                (-1, LOW, NO_LIMIT, 0),
                (-1, HIGH, NO_LIMIT, MAX),
                ("default", LOW, NO_LIMIT, 0),
                ("default", HIGH, NO_LIMIT, MAX),
                (0, LOW, 0, 0),
            )
        ],
        ({"memory.low": "1M"}, LOW, {"memory.soft_limit_in_bytes": M}, {"memory.low": M}),
        ({"memory.low": 0}, LOW, {"memory.soft_limit_in_bytes": NO_LIMIT}, {"memory.low": 0}),
        ({"memory.low": "default"}, LOW, {"memory.soft_limit_in_bytes": NO_LIMIT}, {"memory.low": 0}),
        ({"memory.high": "1M"}, HIGH, {"memory.soft_limit_in_bytes": M}, {"memory.high": M}),
        ({"memory.high": 0}, HIGH, {"memory.soft_limit_in_bytes": 0}, {"memory.high": 0}),
        ({"memory.high": "max"}, HIGH, {"memory.soft_limit_in_bytes": NO_LIMIT}, {"memory.high": MAX}),
        (
            {"memory.high": "1M", "memory.soft_limit_in_bytes": 1048576},
            HIGH,
            {"memory.soft_limit_in_bytes": M},
            {"memory.high": M},
        ),
    ],
)
def test_the_user_chooses_what_it_means_over_there(
    said: Mapping[str, object], choices: Choices, on_v1: Mapping[str, Any], on_v2: Mapping[str, Any]
) -> None:
    assert files(said, V1, choices) == on_v1
    assert files(said, V2, choices) == on_v2


@pytest.mark.parametrize(
    ("said", "choices", "sentence"),
    [
        ({"memory.low": "1M"}, HIGH, "memory_soft_limit: low has it set"),
        ({"memory.high": "1M"}, LOW, "memory_soft_limit: high has it set"),
        ({"memory.high": "1M"}, USUAL, "memory_soft_limit: high has it set"),
        ({"memory.low": "max"}, LOW, "protects all of its memory, which no soft limit does"),
        ({"memory.low": "1M", "memory.soft_limit_in_bytes": "2M"}, LOW, "say it once"),
    ],
)
def test_what_was_not_chosen_is_refused_on_v1(said: Mapping[str, object], choices: Choices, sentence: str) -> None:
    with pytest.raises(IsolationError, match=sentence):
        resolve(said, V1, choices)


def test_what_is_remembered_is_remembered_with_the_choice() -> None:
    cache: dict[Any, Any] = {}

    def weight(choices: Choices) -> Any:
        return limits.resolve("limits", {"cpu.shares": 1024}, V2, FACTS, "unified", cache, choices).wants[0].value

    assert [weight(choices) for choices in (USUAL, Choices("linear"), USUAL)] == [100, 39, 100]


def test_the_warning_names_the_formula_that_was_chosen() -> None:
    assert resolve({"cpu.shares": 1024}, V2, Choices("linear")).warnings == (
        "cpu.shares: 1024 becomes cpu.weight: 39 by the linear formula, which is not exact",
    )
    assert resolve({"cpu.shares": "default"}, V2, Choices("linear")).warnings == ()
    assert resolve({"cpu.weight.nice": -5}, V1).warnings == ()


def test_controllers_of_limits() -> None:
    said = {"blkio.bfq.weight": 1, "io.max": 1, "cgroup.max.depth": 1, "memory.max": 1}
    assert limits.controllers_of(said) == ("io", "", "memory")
    with pytest.raises(InputError, match="is no limit that is known"):
        limits.controllers_of({"nonsense": 1})
