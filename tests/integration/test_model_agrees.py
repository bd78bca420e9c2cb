# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The model of the kernel beside the kernel: the same steps on both, and the same results, errors and values after each."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies
from ansible_collections.linux.isolation.plugins.module_utils._kernel.beneath import Root
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.model import texts, v1, v2
from ansible_collections.linux.isolation.tests.model.kernel import Hierarchy, ModelRoot
from ansible_collections.linux.isolation.tests.model.machine import Machine

# Values that are about what runs on the machine, which a step does not decide.
MOVING = ("memory.usage_in_bytes", "memory.current", "memory.reclaim", "pids.current")
# Files that move processes, and what names none.
HOLDERS = ("cgroup.procs", "cgroup.threads", "tasks")
NOBODY = ["x", "-1", "4194303", "99999999999"]
# Without these files there is nothing to compare.
NEEDED = {
    1: {
        "pids": "pids.max",
        "memory": "memory.limit_in_bytes",
        "cpu": "cpu.shares",
        "cpuset": "cpuset.cpus",
        "io": "blkio.throttle.read_bps_device",
        "freezer": "freezer.state",
    },
    2: {
        "pids": "pids.max",
        "memory": "memory.max",
        "cpu": "cpu.max",
        "cpuset": "cpuset.cpus",
        "io": "io.max",
        "hugetlb": "cgroup.subtree_control",
        "": "cgroup.type",
    },
}
# Sequences for each controller, by version: a v2 host may be a machine that is emulated.
EXAMPLES = {1: 250, 2: 30}
NAMES = ("", "/a", "/a/b", "/a/b/c", "/d", "/none/e")


class Step(NamedTuple):
    """One thing that is done to both. ``text`` is written to ``file``; without a file a group is made or removed."""

    verb: str
    group: str
    file: str = ""
    text: str = ""


class Pair:
    """One hierarchy twice: as the kernel has it and as the model has it. All happens in and below the group ``top``."""

    def __init__(self, real: Root, model: Hierarchy, top: str) -> None:
        self.real = real
        self.modelled = model
        self.model = ModelRoot(model)
        self.top = top
        self.known = self.known_files()

    def both(self, call: Callable[[Root], object], what: object) -> None:
        """Do it twice, and compare the values or the errors."""
        found = _outcome(self.real, call)
        expected = _outcome(self.model, call)
        assert found == expected, f"{what}: the kernel says {found!r}, the model {expected!r}"

    def step(self, step: Step) -> None:
        path = self.top + step.group
        # A process that exists would be moved, this one (0) and PID 1 among them.
        assert step.file not in HOLDERS or step.text in NOBODY
        if step.verb == "mkdir":
            self.both(lambda root: root.mkdir(path) and None, step)
        elif step.verb == "rmdir":
            self.both(lambda root: _remove(root, path), step)
        else:
            self.both(lambda root: root.write(path + "/" + step.file, step.text), step)

    def compare(self, near: str | None = None) -> None:
        """Which groups and which modelled files are there, and what each shows; of ``near`` and next to it, or of all."""
        known = self.known - set(MOVING)
        for name in NAMES:
            path = self.top + name
            if near is not None and near not in (name, name.rpartition("/")[0]) and name != near.rpartition("/")[0]:
                continue
            self.both(lambda root, path=path: root.names(path), f"names of {name}")  # type: ignore[misc]
            if self.model.status(path) is None:
                continue
            there = sorted(known.intersection(self.real.files(path)))
            assert there == sorted(known.intersection(self.model.files(path))), f"files of {name or 'top'}"
            for file in there:
                where = f"{path}/{file}"
                self.both(lambda root, where=where: root.read(where), f"{file} of {name or 'top'}")  # type: ignore[misc]

    def known_files(self) -> set[str]:
        """All that the model knows in this hierarchy, wherever it is there now."""
        kinds = v1.CONTROLLERS if self.modelled.version == 1 else v2.CONTROLLERS
        probe = self.modelled.make(None, "")
        found = set(probe.core)
        for controller in self.modelled.controllers & kinds.keys():
            found |= set(kinds[controller](probe).files)
        return found

    def clear(self) -> None:
        """Remove all groups of both, the leaves first."""
        for root in (self.real, self.model):
            for name in sorted(NAMES, reverse=True):
                if root.status(self.top + name) is not None:
                    _remove(root, self.top + name)


def _remove(root: Root, path: str) -> None:
    """Remove a group that has given back what its parent divides: until the kernel forgets it, it would count."""
    if not root.names(path):
        for file, nothing in _DIVIDED:
            if root.file_status(f"{path}/{file}") is not None:
                root.write(f"{path}/{file}", nothing)
    root.rmdir(path)


_DIVIDED = (("cpu.cfs_quota_us", "-1"), ("cpu.rt_runtime_us", "0"))


def _outcome(root: Root, call: Callable[[Root], object]) -> object:
    end = time.monotonic() + 10
    while True:
        try:
            found = call(root)
        except OSError as error:
            return errno.errorcode[error.errno or 0]
        # A child that was removed holds its parent up for as long as the kernel takes to forget it.
        if found != "FREEZING\n" or time.monotonic() > end:
            return found
        time.sleep(0.002)


def _machine() -> Machine:
    """The facts of this one."""

    def number(path: str) -> frozenset[int]:
        return texts.numbers(Path(path).read_text(), 2**20)

    disks = [path.read_text().strip() for path in Path("/sys/block").glob("*/dev")]
    found = Machine(
        os.sysconf("SC_PAGE_SIZE"),
        number("/sys/devices/system/cpu/online"),
        number("/sys/devices/system/node/online"),
        tuple(disks),
    )
    found.possible = number("/sys/devices/system/cpu/possible")
    swappiness = Path("/proc/sys/vm/swappiness")
    found.swappiness = int(swappiness.read_text())
    return found


# -- what is written where --------------------------------------------------------------------------------------------

GARBAGE = ["", "\n", "x", "-1", "0", "1", " 1 ", "0x10", "010", "+3", "1 2", "99999999999999999999", "max", "1.5", "-x"]
SIZES = ["16M", "20000000", "17m", "1g", "-1", "max", "0x4000000", "9223372036854775807", "64M\n", "1Mi", "-5", "16M x"]
LISTS = ["0", "0-1", "1", "0,1", "", "\n", "1-0", "0-9999", "9999", "x", " 0 ", "0 1", "0-", ",", "-1", "63"]
TEXTS = {
    "pids.max": [*GARBAGE, "4194304", "4194305"],
    "cpu.shares": [*GARBAGE, "512", "262144", "262145", "18446744073709551615"],
    "cpu.idle": ["0", "1", "2", "-1", "x", "1\n"],
    "cpu.cfs_quota_us": [
        *GARBAGE,
        "50000",
        "60000",
        "100000",
        "33333",
        "1000",
        "999",
        "17592186044415",
        "17592186044416",
    ],
    "cpu.cfs_period_us": [*GARBAGE, "50000", "60000", "100000", "99999", "1000000", "1000001", "1000"],
    "cpu.cfs_burst_us": [*GARBAGE, "10000", "50000", "50001", "17592186044415"],
    "cpu.rt_runtime_us": [*GARBAGE, "50000", "60000", "100000", "400000", "950000", "950001", "17592186045"],
    "cpu.rt_period_us": [*GARBAGE, "500000", "1000000", "2000000", "100000", "18446744073709552"],
    "cpu.uclamp.min": [*GARBAGE, "12.34", "12.345", "99.95", "99.96", "100.00", "100.01", "-0.5"],
    "cpu.uclamp.max": [*GARBAGE, "12.34", "12.345", "99.95", "99.96", "100.00", "100.01"],
    "cpu.weight": [*GARBAGE, "100", "10000", "10001", "7", "333"],
    "cpu.weight.nice": ["0", "-20", "19", "20", "-21", "5", "-7", "x", "1\n"],
    "cpu.max": [
        *["max", "50000", "50000 100000", "max 50000", "60000 60000", "999", "1000 1000", "x", "50000 x", "max max"],
        *["1000 999", "1000 1000001", "\n", "-1", "0", "17592186044415 1000000", "50000 0", "5000K", "100000\n"],
    ],
    "cpu.max.burst": ["0", "10000", "50000", "50001", "-1", "x", "17592186044415"],
    "cpuset.cpus": LISTS,
    "cpuset.mems": LISTS,
    "cpuset.cpu_exclusive": ["0", "1", "2", "x"],
    "cpuset.mem_exclusive": ["0", "1"],
    "cpuset.mem_hardwall": ["0", "1", "-1"],
    "cpuset.memory_migrate": ["0", "1"],
    "cpuset.memory_spread_page": ["0", "1", "x"],
    "cpuset.memory_spread_slab": ["0", "1"],
    "cpuset.sched_load_balance": ["0", "1"],
    "cpuset.sched_relax_domain_level": ["-1", "0", "1", "-2", "6", "x"],
    "memory.swappiness": [*GARBAGE, "100", "200", "201"],
    **dict.fromkeys(("memory.oom.group", "memory.oom_control", "memory.zswap.writeback"), GARBAGE),
    "freezer.state": ["FROZEN", "THAWED", "FREEZING", "frozen", " FROZEN ", "", "1"],
    "cgroup.clone_children": ["0", "1", "1", "2", "x", "-1"],
    "notify_on_release": ["0", "1", "2", "x", "-1"],
    "blkio.bfq.weight": [*GARBAGE, "1000", "1001", "300"],
    "blkio.bfq.weight_device": [
        "200",
        "default 300",
        "DISK 200",
        "999:9 200",
        "DISK default",
        "x",
        "0",
        "1001",
        "DISK 0",
    ],
    "io.bfq.weight": ["200", "default 300", "DISK 200", "999:9 200", "DISK default", "x", "0", "1001", "DISK 0"],
    "io.weight": ["200", "default 300", "DISK 200", "999:9 200", "DISK default", "x", "0", "10001", "default"],
    "io.max": [
        *[
            "DISK rbps=1048576",
            "DISK wbps=4096 riops=100",
            "DISK rbps=max",
            "DISK rbps=max wbps=max riops=max wiops=max",
        ],
        *["DISK", "DISK rbps=0", "DISK rbps=1", "DISK riops=4294967296", "DISK bps=5", "DISK rbps", "999:9 rbps=5000"],
        *["OTHER wiops=50", "OTHER wiops=max", "x", "DISK rbps=x", "DISK rbps=2 bps=5", "DISK rbps=10K", "\n"],
    ],
    "cgroup.freeze": ["0", "1", "2", "-1", "x", " 1 ", "", "\n"],
    "cgroup.type": ["threaded", "threaded", "domain", "x", "threaded\n"],
    "cgroup.max.depth": ["0", "1", "2", "max", "-1", "x", "2147483647", "2147483648"],
    "cgroup.max.descendants": ["0", "1", "2", "max", "-1", "x", "2147483647", "2147483648"],
    "cgroup.pressure": ["0", "1", "2", "x"],
    "cgroup.kill": ["0", "1", "2", "x"],
    "cgroup.controllers": ["x"],
    "cgroup.events": ["x"],
    **dict.fromkeys(HOLDERS, NOBODY),
    "freezer.self_freezing": ["1"],
}
THROTTLE = [
    *[
        "DISK 1000",
        "DISK 0",
        "OTHER 5",
        "OTHER 0",
        "999:9 5",
        "DISK",
        "x",
        "DISK -1",
        "DISK x",
        "DISK 7 8",
        " DISK  9\n",
    ],
    *["DISK 4294967295", "DISK 4294967297", "DISK 10K", "DISK 18446744073709551615"],
]


def _texts(file: str, known: frozenset[str]) -> list[str]:
    if file == "cgroup.subtree_control":
        names = sorted(known) * 4 + ["cpu", "memory", "pids", "freezer", "nonsense"]
        one = [sign + name for name in names for sign in "++-"]
        return [*one, *(f"{first} {second}" for first, second in zip(one, reversed(one), strict=True)), "", "x", "\n"]
    if file.startswith("blkio.throttle"):
        return THROTTLE
    return TEXTS.get(file) or SIZES


def _steps(pair: Pair, focus: frozenset[str]) -> st.SearchStrategy[list[Step]]:
    """Sequences of steps; most writes go to files of the controllers in ``focus``."""
    model = pair.modelled
    disks = [*sorted(model.machine.devices), "999:9", "999:9"]
    lacking = model.machine.lacking
    files = sorted(pair.known - lacking - set(MOVING))
    weighted = [file for file in files if file.partition(".")[0] in focus or _own(file, focus)] * 3 + files
    group = st.sampled_from(NAMES)

    def said(file: str) -> st.SearchStrategy[str]:
        found = [text.replace("DISK", disks[0]).replace("OTHER", disks[1]) for text in _texts(file, model.controllers)]
        return st.sampled_from(found)

    write = st.sampled_from(weighted).flatmap(
        lambda file: st.builds(Step, st.just("write"), group, st.just(file), said(file))
    )
    # All of the fields: what has a default would be made up otherwise.
    empty = st.just("")
    make = st.builds(Step, st.just("mkdir"), group, empty, empty)
    remove = st.builds(Step, st.just("rmdir"), group, empty, empty)
    return st.lists(st.one_of(write, write, write, write, make, remove), min_size=1, max_size=25)


def _own(file: str, focus: frozenset[str]) -> bool:
    return (file.startswith("blkio") and "io" in focus) or (file.startswith("cgroup.") and "" in focus)


# -- the tests --------------------------------------------------------------------------------------------------------


def _check(pair: Pair, focus: frozenset[str], begin: list[Step]) -> None:
    @settings(
        max_examples=EXAMPLES[pair.modelled.version],
        deadline=None,
        derandomize=True,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(_steps(pair, focus))
    def same(steps: list[Step]) -> None:
        try:
            for number, step in enumerate([*begin, *steps]):
                note(str(step))
                pair.step(step)
                if number >= len(begin):
                    pair.compare(step.group)
            pair.compare()
        finally:
            pair.clear()

    same()


@pytest.mark.parametrize(
    "controller", [pytest.param(controller, marks=pytest.mark.v1(controller)) for controller in NEEDED[1]]
)
def test_v1(controller: str, sandbox: Sandbox) -> None:
    opened = hierarchies.observe()
    index = opened.host.where[controller]
    here = opened.host.hierarchies[index]
    machine = _machine()
    model = v1.HierarchyV1(machine, here.point, here.controllers)
    pair = Pair(opened.roots[index], model, sandbox.name)
    _leave_out_what_is_not_built(pair, NEEDED[1][controller])
    if controller == "cpuset":
        machine.domain_levels = _domain_levels(pair)
    begin = [Step("mkdir", ""), Step("mkdir", "/a")]
    if controller == "cpuset":
        begin += [Step("write", group, f"cpuset.{file}", "0") for group in ("", "/a") for file in ("cpus", "mems")]
    _check(pair, frozenset((controller,)), begin)


@pytest.mark.parametrize(
    "controller", [pytest.param(controller, marks=pytest.mark.v2(controller)) for controller in NEEDED[2]]
)
def test_v2(controller: str, sandbox: Sandbox, passed_on: frozenset[str]) -> None:
    opened = hierarchies.observe()
    index = opened.host.unified
    assert index is not None
    here = opened.host.hierarchies[index]
    model = v2.HierarchyV2(_machine(), here.point, here.controllers)
    assert isinstance(model.root, v2.GroupV2)
    model.root.pass_on(passed_on)
    pair = Pair(opened.roots[index], model, sandbox.name)
    _leave_out_what_is_not_built(pair, NEEDED[2][controller])
    begin = [Step("mkdir", ""), Step("mkdir", "/a")]
    if controller:
        begin.append(Step("write", "", "cgroup.subtree_control", "+" + controller))
    _check(pair, frozenset((controller,)), begin)


@pytest.fixture
def passed_on() -> Iterator[frozenset[str]]:
    """All controllers of the v2 root passed on to the groups below it, and only those that were before, afterwards."""
    opened = hierarchies.observe()
    index = opened.host.unified
    assert index is not None
    root = opened.roots[index]
    before = set(root.read("cgroup.subtree_control").split())
    new = sorted(set(root.read("cgroup.controllers").split()) - before)
    for controller in new:
        root.write("cgroup.subtree_control", "+" + controller)
    yield frozenset(root.read("cgroup.subtree_control").split())
    for controller in new:
        root.write("cgroup.subtree_control", "-" + controller)


def _leave_out_what_is_not_built(pair: Pair, needed: str) -> None:
    """Tell the model which files this kernel has in no group, whatever is passed on to it."""
    pair.real.mkdir(pair.top)
    try:
        there = set(pair.real.files(pair.top))
    finally:
        pair.real.rmdir(pair.top)
    assert needed in there
    pair.modelled.machine.lacking = frozenset(pair.known - there)


def _domain_levels(pair: Pair) -> int:
    """The highest level of scheduling domains, which the processors' topology gives."""
    pair.real.mkdir(pair.top)
    try:
        for level in range(8):
            try:
                pair.real.write(pair.top + "/cpuset.sched_relax_domain_level", str(level))
            except OSError:
                return level - 1
    finally:
        pair.real.rmdir(pair.top)
    return 7
