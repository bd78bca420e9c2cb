# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What limits come to with the groups above, and who sets them: by each rule of the table, and from what is in sight."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import info_effective
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.info_effective import SELF, Ruled
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.info_values import Rows, limits_of
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files import table
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import MAX
from ansible_collections.linux.isolation.tests.unit.plugins.module_utils._cgroup.info_kernel import Kernel, kernels

ONLY = ["effective"]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Kernel]]:
    yield from kernels(tmp_path, monkeypatch)


def ruling(kernel: Kernel, name: str, limit: str, as_v2: bool = False) -> tuple[Any, Any, bool]:
    """Value, who sets it, and whether that is all."""
    found = kernel.group(name, gather=ONLY)
    one = (found["as_v2"]["effective"] if as_v2 else found["effective"])[limit]
    assert set(one) == {"value", "set_by", "complete"}
    return one["value"], one["set_by"], one["complete"]


# -- rules, as values -------------------------------------------------------------------------------------------------


def combined(limit: str, version: int, text: str, above: Ruled | None, told: str = "") -> Ruled | None:
    row = table.find(limit, version)
    rows = Rows(row.controller, (limit,), (row,), {})
    said = limits_of(rows, (text,)).said
    handed = {} if above is None else {limit: above}
    tells = {limit: row.kind.read(told)} if told else {}
    return info_effective.combine(rows, said, tells, (handed, True), ()).get(limit)


@pytest.mark.parametrize(
    ("text", "above", "found"),
    [
        ("max", None, Ruled(MAX, None, True)),
        ("500", None, Ruled(500, SELF, True)),
        ("500", Ruled(MAX, None, True), Ruled(500, SELF, True)),
        ("500", Ruled(100, "a", True), Ruled(100, "a", True)),
        # Whoever is nearest, where two say the same.
        ("500", Ruled(500, "a", True), Ruled(500, SELF, True)),
        ("max", Ruled(500, "a", True), Ruled(500, "a", True)),
        ("max", Ruled(0, "a", True), Ruled(0, "a", True)),
        # What is not known above stays unknown, and does not hide what is.
        ("500", Ruled(None, None, False), Ruled(500, SELF, False)),
        ("500", Ruled(900, "a", False), Ruled(500, SELF, False)),
    ],
)
def test_the_least_counts(text: str, above: Ruled | None, found: Ruled) -> None:
    assert combined("pids.max", 2, text, above) == found


def test_v1s_huge_number_is_no_limit() -> None:
    unlimited = combined("memory.limit_in_bytes", 1, "9223372036854771712", None)
    assert unlimited is not None
    assert (unlimited.by, unlimited.complete) == (None, True)
    assert combined("memory.limit_in_bytes", 1, "9223372036854710272", unlimited) == unlimited._replace(
        value=9223372036854710272
    )
    assert combined("memory.limit_in_bytes", 1, "4096", unlimited) == Ruled(4096, SELF, True)


@pytest.mark.parametrize(
    ("text", "above", "found"),
    [
        ("max 100000", None, Ruled((MAX, 100000), None, True)),
        ("50000 100000", None, Ruled((50000, 100000), SELF, True)),
        # By the share, not by the quota: 40 % of the longer period is less than half of the shorter one.
        ("50000 100000", Ruled((80000, 200000), "a", True), Ruled((80000, 200000), "a", True)),
        ("50000 100000", Ruled((20000, 40000), "a", True), Ruled((50000, 100000), SELF, True)),
        ("max 100000", Ruled((80000, 200000), "a", True), Ruled((80000, 200000), "a", True)),
        ("50000 100000", Ruled((MAX, 1000), None, True), Ruled((50000, 100000), SELF, True)),
        ("50000 100000", Ruled(None, None, False), Ruled((50000, 100000), SELF, False)),
    ],
)
def test_the_least_share_of_a_cpu_counts(text: str, above: Ruled | None, found: Ruled) -> None:
    assert combined("cpu.max", 2, text, above) == found


def test_of_devices_the_least_of_each_figure_counts() -> None:
    above = Ruled({("8:0", "rbps"): 5, ("8:0", "wbps"): 9, ("8:16", "riops"): 7}, {}, True)
    above = above._replace(by=dict.fromkeys(above.value, "a"))
    found = combined("io.max", 2, "8:0 rbps=6 wbps=8 riops=max wiops=max\n8:32 rbps=3", above)
    assert found == Ruled(
        {("8:0", "rbps"): 5, ("8:0", "wbps"): 8, ("8:16", "riops"): 7, ("8:32", "rbps"): 3},
        {("8:0", "rbps"): "a", ("8:0", "wbps"): SELF, ("8:16", "riops"): "a", ("8:32", "rbps"): SELF},
        True,
    )
    assert combined("io.max", 2, "", None) == Ruled({}, {}, True)


@pytest.mark.parametrize(
    ("text", "told", "above", "by"),
    [
        # All that the host has, which nobody chose.
        ("", "0-3", Ruled("0-3", None, True), None),
        ("0-3", "0-3", Ruled("0-3", None, True), None),
        # The group's own choice, or what is left of it.
        ("0-1", "0-1", Ruled("0-3", None, True), SELF),
        ("1-2", "1", Ruled("0-1", "a", True), SELF),
        ("0", "0", Ruled("0", "a", True), SELF),
        # The choice of a group above, whatever this one would have liked.
        ("", "0-1", Ruled("0-1", "a", True), "a"),
        ("0-3", "0-1", Ruled("0-1", "a", True), "a"),
    ],
)
def test_of_cpusets_the_kernel_tells(text: str, told: str, above: Ruled, by: str | None) -> None:
    assert combined("cpuset.cpus", 2, text, above, told=told) == Ruled(told, by, True)


def test_a_cpuset_that_the_kernel_does_not_tell_is_not_guessed() -> None:
    assert combined("cpuset.cpus", 2, "0", Ruled("0-3", None, True)) is None


@pytest.mark.parametrize(
    ("limit", "text", "found"),
    [
        ("cpu.weight", "50", Ruled(50, SELF, True)),
        ("memory.oom.group", "1", Ruled(True, SELF, True)),
        ("memory.low", "4096", Ruled(4096, SELF, True)),
        ("memory.low", "0", Ruled(0, None, True)),
        ("cgroup.max.depth", "max", Ruled(MAX, None, True)),
    ],
)
def test_what_no_group_above_binds_is_as_it_is_said(limit: str, text: str, found: Ruled) -> None:
    assert combined(limit, 2, text, None) == found
    # Were a group above to have less, it would change nothing.
    assert combined(limit, 2, text, Ruled(0, "a", True)) == found


# -- trees ------------------------------------------------------------------------------------------------------------


def test_a_group_above_limits(build: Callable[..., Kernel]) -> None:
    kernel = build("unified", passed="cpu memory pids io")
    kernel.make("unified", "a", memory__max="1048576", pids__max="9", io__max="8:0 rbps=5", cpu__max="max 100000")
    kernel.make("unified", "a/b", memory__max="max", pids__max="20", io__max="8:0 rbps=9 wiops=2")
    kernel.make("unified", "a/b/c", memory__max="2097152", pids__max="5", cpu__max="90000 100000", io__max="")
    assert ruling(kernel, "a/b/c", "memory.max") == (1048576, "a", True)
    assert ruling(kernel, "a/b/c", "pids.max") == (5, "a/b/c", True)
    assert ruling(kernel, "a/b/c", "cpu.max") == ([50000, 100000], "a/b", True)
    assert ruling(kernel, "a/b", "pids.max") == (9, "a", True)
    assert ruling(kernel, "a", "cpu.max") == (["max", 100000], None, True)
    value = {"8:0": {"rbps": 5, "wiops": 2}}
    assert ruling(kernel, "a/b/c", "io.max") == (value, {"8:0": {"rbps": "a", "wiops": "a/b"}}, True)
    assert ruling(kernel, "a/b/c", "cpu.weight") == (100, "a/b/c", True)


def test_the_same_on_v1_and_by_v2s_names(build: Callable[..., Kernel]) -> None:
    kernel = build("cpu", "memory", "pids")
    kernel.make("memory", "a", memory__limit_in_bytes="1048576")
    kernel.make("memory", "a/b", memory__limit_in_bytes="2097152", memory__memsw__limit_in_bytes="4194304")
    kernel.make("cpu", "a", cpu__cfs_quota_us="20000")
    kernel.make("cpu", "a/b", cpu__cfs_quota_us="-1", cpu__cfs_period_us="50000")
    kernel.make("pids", "a/b")
    assert ruling(kernel, "a/b", "memory.limit_in_bytes") == (1048576, "a", True)
    assert ruling(kernel, "a/b", "memory.max", as_v2=True) == (1048576, "a", True)
    assert ruling(kernel, "a/b", "memory.memsw.limit_in_bytes") == (4194304, "a/b", True)
    # A quota is nothing without its period: both are of one group.
    assert ruling(kernel, "a/b", "cpu.cfs_quota_us") == (20000, "a", True)
    assert ruling(kernel, "a/b", "cpu.cfs_period_us") == (100000, "a", True)
    assert ruling(kernel, "a/b", "cpu.max", as_v2=True) == ([20000, 100000], "a", True)
    found = kernel.group("a/b", gather=ONLY)["as_v2"]["effective"]
    # What memory and swap together leave beside another group's memory is the swap of neither.
    assert set(found) == {"memory.max", "cpu.max", "pids.max"}
    kernel.make("memory", "alone", memory__memsw__limit_in_bytes="805306368")
    assert ruling(kernel, "alone", "memory.swap.max", as_v2=True) == (268435456, "alone", True)


def test_v1s_throttles_bind_no_group_below(build: Callable[..., Kernel]) -> None:
    kernel = build("blkio")
    kernel.make("blkio", "a", blkio__throttle__read_bps_device="8:0 5")
    kernel.make("blkio", "a/b", blkio__throttle__read_bps_device="8:0 9")
    kernel.make("blkio", "a/c")
    assert ruling(kernel, "a/b", "blkio.throttle.read_bps_device") == ({"8:0": 9}, "a/b", True)
    assert ruling(kernel, "a/b", "io.max", as_v2=True) == ({"8:0": {"rbps": 9}}, {"8:0": {"rbps": "a/b"}}, True)
    assert ruling(kernel, "a/c", "io.max", as_v2=True) == ({}, {}, True)
    assert ruling(kernel, "a/b", "blkio.throttle.write_iops_device") == ({}, None, True)
    assert ruling(kernel, "a/b", "io.bfq.weight", as_v2=True) == ({"default": 100}, "a/b", True)


def test_cpusets_of_both_versions(build: Callable[..., Kernel]) -> None:
    kernel = build("unified", passed="cpuset")
    (kernel.folder / "unified/cpuset.cpus.effective").write_text("0-3")
    kernel.make("unified", "a", cpuset__cpus="0-1")
    kernel.make("unified", "a/b", cpuset__cpus="0-3")
    kernel.make("unified", "a/b/c")
    assert ruling(kernel, "a/b/c", "cpuset.cpus") == ("0-1", "a", True)
    kernel = build("cpuset")
    (kernel.folder / "cpuset/cpuset.effective_cpus").write_text("0-1")
    kernel.make("cpuset", "a", cpuset__cpus="0", cpuset__effective_cpus="0")
    kernel.make("cpuset", "a/b", cpuset__cpus="0", cpuset__effective_cpus="0")
    kernel.make("cpuset", "all")
    for as_v2 in (False, True):
        assert ruling(kernel, "a/b", "cpuset.cpus", as_v2) == ("0", "a/b", True)
        assert ruling(kernel, "all", "cpuset.cpus", as_v2) == ("0-1", None, True)


def test_v1_memory_without_hierarchy_is_bound_by_no_group_above(build: Callable[..., Kernel]) -> None:
    kernel = build("memory")
    for name, switch in (("a", "1"), ("a/b", "0"), ("a/b/c", "1"), ("a/b/c/d", "1")):
        limit = {"a": "4096", "a/b/c": "8192"}.get(name, "1048576")
        kernel.make("memory", name, memory__limit_in_bytes=limit, memory__use_hierarchy=switch)
    found = [ruling(kernel, name, "memory.limit_in_bytes") for name in ("a/b", "a/b/c", "a/b/c/d")]
    assert found == [(4096, "a", True), (8192, "a/b/c", True), (8192, "a/b/c", True)]


# -- what is out of sight ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("point", ["memory", "unified"])
def test_where_groups_above_are_out_of_sight_that_is_said(build: Callable[..., Kernel], point: str) -> None:
    kernel = build(point, passed="memory cpu cpuset", mounted_root="/container")
    limit = "memory.max" if point == "unified" else "memory.limit_in_bytes"
    # The root that is in sight is a group like others, and has limits.
    for file in ("memory.max", "memory.limit_in_bytes"):
        (kernel.folder / point / file).write_text("4096")
    (kernel.folder / point / "cpuset.cpus.effective").write_text("0-1")
    kernel.make(point, "a")
    kernel.make(point, "a/b")
    assert ruling(kernel, "a/b", limit) == (4096, "/", False)
    assert kernel.warnings == [
        "a/b has groups above it that are out of sight: what is effective there is told of those in sight alone"
    ]
    if point == "unified":
        # These two hold all the same: nothing binds the one, and the kernel tells the other.
        assert ruling(kernel, "a/b", "cpu.weight") == (100, "a/b", True)
        assert ruling(kernel, "a/b", "cpuset.cpus") == ("0-1", None, True)
        assert ruling(kernel, "a/b", "cpu.max") == ([50000, 100000], "a/b", False)
        assert ruling(kernel, "a/b", "memory.low") == (0, None, False)
    kernel.ask(names=["a"], gather=["limits"])
    assert kernel.warnings == []


def test_the_root_in_sight_may_have_chosen_its_cpus(build: Callable[..., Kernel]) -> None:
    kernel = build("unified", passed="cpuset", mounted_root="/container")
    for file in ("cpuset.cpus", "cpuset.cpus.effective"):
        (kernel.folder / "unified" / file).write_text("1")
    kernel.make("unified", "a", cpuset__cpus__effective="1")
    assert ruling(kernel, "a", "cpuset.cpus") == ("1", "/", True)
    assert ruling(kernel, "/", "cpuset.cpus") == ("1", "/", True)


def test_a_group_above_that_may_not_be_read_is_one_out_of_sight(build: Callable[..., Kernel]) -> None:
    kernel = build("unified", passed="memory pids")
    for name in ("a", "a/b", "a/b/c"):
        kernel.make("unified", name)
    (kernel.folder / "unified/a/memory.max").write_text("4096")

    def refuse(path: str) -> None:
        if path == "a/b/memory.max":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    kernel.roots["unified"].before = refuse
    for names in (["a/b/c"], ["a/b", "a/b/c"]):
        found = kernel.ask(names=names, gather=ONLY)
        effective = found["groups"][-1]["effective"]
        assert effective["memory.max"] == {"value": 4096, "set_by": "a", "complete": False}
        assert effective["pids.max"] == {"value": 500, "set_by": "a/b/c", "complete": True}
        path = f"{kernel.folder}/unified/a/b/memory.max"
        assert found["incomplete"] == kernel.warnings == [f"{path} could not be read: Permission denied (EACCES)"]
    # Of the group itself there is nothing to tell.
    assert "memory.max" not in kernel.group("a/b", gather=ONLY)["effective"]


def test_a_controller_that_a_group_above_does_not_show_binds_nothing(build: Callable[..., Kernel]) -> None:
    kernel = build("unified", passed="memory")
    for name in ("a", "a/b", "a/b/c"):
        kernel.make("unified", name, memory__max="4096" if name == "a" else "max")
    (kernel.folder / "unified/a/b/memory.max").unlink()
    assert ruling(kernel, "a/b/c", "memory.max") == (4096, "a", True)
    assert kernel.warnings == []


def test_a_name_that_is_no_text_is_shown(build: Callable[..., Kernel]) -> None:
    kernel = build("pids")
    odd = os.fsdecode(b"caf\xe9")
    kernel.make("pids", odd, pids__max="3")
    kernel.make("pids", odd + "/low")
    (top,) = kernel.ask(below="/", gather=ONLY)["groups"]
    (low,) = kernel.ask(below="/", depth=2, gather=ONLY)["groups"][1:]
    assert top["effective"]["pids.max"]["set_by"] == "caf\\udce9"
    assert low["effective"]["pids.max"] == {"value": 3, "set_by": "caf\\udce9", "complete": True}


# -- how much is read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", [["a/b/c"], ["a", "a/b", "a/b/c"], ["a/b/c", "a/b", "a"], ["a/b/c", "a"], ["a/b/d", "a/b/c", "a/b"]]
)
def test_groups_above_are_read_once_in_whatever_order(build: Callable[..., Kernel], names: list[str]) -> None:
    kernel = build("memory", "cpuset", "unified", passed="memory cpu")
    for point in kernel.roots:
        for name in ("a", "a/b", "a/b/c", "a/b/d"):
            kernel.make(point, name)
    kernel.ask(names=names)
    for point, root in kernel.roots.items():
        assert {path: count for path, count in root.looked.items() if count != 1} == {}, point


def test_of_groups_above_only_what_binds_is_read(build: Callable[..., Kernel]) -> None:
    kernel = build("memory", "unified", passed="memory cpu cpuset")
    for point in kernel.roots:
        kernel.make(point, "a")
        kernel.make(point, "a/b")
    kernel.ask(names=["a/b"])

    def read(point: str, group: str) -> set[str]:
        looked = {path.rpartition("/") for path in kernel.roots[point].looked}
        return {file for above, _, file in looked if above == group and file not in ("", "*")}

    assert read("memory", "a") == {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.use_hierarchy"}
    assert read("unified", "a") == {
        "memory.max",
        "memory.swap.max",
        "cpu.max",
        "cpuset.cpus",
        "cpuset.mems",
        "cpuset.cpus.effective",
        "cpuset.mems.effective",
    }
    # A root has no limits, and all the CPUs; cgroup.subtree_control tells which controllers the host passes on.
    assert read("memory", "") == set()
    assert read("unified", "") == {"cpuset.cpus.effective", "cpuset.mems.effective", "cgroup.subtree_control"}


def test_a_tree_deeper_than_python_recurses() -> None:
    row = table.find("pids.max", 2)
    rows = Rows("pids", ("pids.max",), (row,), {})
    name = "/".join("d" * 5000)
    read: list[str] = []

    def read_above(index: int, group: str, file: str) -> tuple[str | None, bool]:
        read.append(group)
        return ("7" if group == "d/d" else "max"), False

    effective = info_effective.Effective([2], [False], read_above)
    values, as_v2 = effective.of((0, name), rows, limits_of(rows, ("max",)), (), True)
    assert values == as_v2 == {"pids.max": {"value": 7, "set_by": "d/d", "complete": True}}
    assert (len(read), len(set(read))) == (4999, 4999)
