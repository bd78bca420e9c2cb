# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random hosts, what somebody else has on them, and declarations together with what they mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from hypothesis import strategies as st

from ansible_collections.linux.isolation.tests.model.host import Host, Layout
from ansible_collections.linux.isolation.tests.model.kernel import Group, Hierarchy
from ansible_collections.linux.isolation.tests.model.texts import ranges
from ansible_collections.linux.isolation.tests.model.v2 import GroupV2

NAMES = ("a", "a/a", "a/b", "a/a/a", "b", "b/a", "c")
CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")
PIDS = (2001, 2002, 2003, 2004)
MIB = 2**20
# Seconds after which nothing is on its way any more.
SETTLED = 10.0
# In a file of v1 that a new group takes from its parent: what ``default`` means.
INHERIT = "the parent's"

Files = Mapping[str, tuple[str, ...]]


class Limit(NamedTuple):
    """Limits of one controller as somebody writes them, and what has to be written to each version's files by hand.

    None: cannot be said there.
    """

    controller: str
    said: Mapping[str, object]
    v1: Files | None
    v2: Files | None


class Declared(NamedTuple):
    """One group, as it is declared and as it is meant."""

    name: str
    present: bool = True
    limits: tuple[Limit, ...] = ()
    controllers: tuple[str, ...] = ()
    frozen: bool | None = None
    pids: tuple[int, ...] = ()
    recursive: bool = False
    on_processes: str = "refuse"  # or kill, or the name of a group to move to

    def options(self) -> Iterator[dict[str, object]]:
        """What stands in the task: one item, or two that say one half each."""
        if not self.present:
            destination: object = {"move_to": self.on_processes}
            action = self.on_processes if self.on_processes in ("refuse", "kill") else destination
            yield {"name": self.name, "state": "absent", "recursive": self.recursive, "on_processes": action}
            return
        half = len(self.limits) // 2 if len(self.limits) > 2 else 0
        for limits, more in ((self.limits[:half], False), (self.limits[half:], True)):
            item: dict[str, object] = {"name": self.name}
            said = {name: value for limit in limits for name, value in limit.said.items()}
            if said:
                item["limits"] = said
            if more:
                item.update(controllers=list(self.controllers) or None, frozen=self.frozen)
                item["processes"] = [{"pid": pid} for pid in self.pids] or None
            if said or more:
                yield item


class Task(NamedTuple):
    """All groups of a task, in the order in which they were drawn, and its options."""

    groups: tuple[Declared, ...]
    purge_below: str | None = None
    purge_force: bool = False
    fill_parents: bool = False

    def options(self) -> dict[str, object]:
        return {
            "groups": [item for group in self.groups for item in group.options()],
            "purge_below": self.purge_below,
            "purge_force": self.purge_force,
            "fill_parents": self.fill_parents,
        }


# -- hosts ------------------------------------------------------------------------------------------------------------


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Legacy, hybrid with some controllers on v2, unified; on v1 some are mounted together."""
    mode = draw(st.sampled_from(("unified", "legacy", "hybrid")))
    if mode == "unified":
        return Layout(mode, (), frozenset((*CONTROLLERS, "hugetlb")))
    moved = draw(st.frozensets(st.sampled_from(CONTROLLERS), max_size=4)) if mode == "hybrid" else frozenset()
    left = [name for name in (*CONTROLLERS, "freezer") if name not in moved]
    if mode == "hybrid" and draw(st.booleans()):
        left.remove("freezer")
    v1: list[tuple[str, ...]] = [(name,) for name in left]
    if len(left) > 1 and draw(st.integers(0, 2)) == 0:
        v1[:2] = [(left[0], left[1])]
    # name=systemd, which is nobody else's.
    v1.append(())
    return Layout(mode, tuple(v1), moved | {"hugetlb"} if mode == "hybrid" else None, draw(st.booleans()))


STARTS = {
    "pids.max": ("7", "100", "max"),
    "memory.limit_in_bytes": ("64M", "512M", "-1"),
    "memory.memsw.limit_in_bytes": ("600M", "1G", "-1"),
    "memory.max": ("64M", "512M", "max"),
    "memory.swap.max": ("0", "1G"),
    "memory.swappiness": ("10", "80"),
    "cpu.cfs_quota_us": ("25000", "50000", "100000", "-1"),
    "cpu.cfs_period_us": ("100000", "200000", "50000"),
    "cpu.max": ("25000 100000", "max 200000", "50000 50000"),
    "cpu.shares": ("2", "512"),
    "cpu.weight": ("1", "300"),
    "cpu.idle": ("1",),
    "cpuset.cpus": ("0-3", "0-3", "0-1", "2", "1-2"),
    "cpuset.mems": ("0-1", "0-1", "0"),
    "io.max": ("8:0 rbps=4096", "8:16 wiops=7 riops=8"),
    "blkio.throttle.read_bps_device": ("8:0 4096", "8:16 7"),
    "freezer.state": ("FROZEN",),
    "cgroup.freeze": ("1",),
}


@st.composite
def hosts(draw: st.DrawFn) -> Host:
    """A host with groups, limits and processes of others: whatever the kernel let them do."""
    host = Host(draw(layouts()))
    machine = host.machine
    machine.lingering = draw(st.sampled_from((0.0, 0.02)))
    machine.freezing = draw(st.sampled_from((0.0, 0.03)))
    for hierarchy in machine.hierarchies:
        there = draw(st.frozensets(st.sampled_from(NAMES), max_size=4))
        _populate(draw, hierarchy, sorted(name for name in NAMES if any(_below(other, name) for other in there)))
    for pid in PIDS:
        _spawn(host, pid, draw(st.sampled_from(("", "", *NAMES))))
    machine.clock.sleep(SETTLED)
    return host


def _below(name: str, above: str) -> bool:
    return name == above or name.startswith(above + "/")


def _populate(draw: st.DrawFn, hierarchy: Hierarchy, names: list[str]) -> None:
    if hierarchy.version == 2:
        everything = " ".join("+" + name for name in sorted(hierarchy.controllers))
        _try(hierarchy.root, "cgroup.subtree_control", draw(st.sampled_from((everything, everything, "+pids", ""))))
    for name in names:
        group = hierarchy.mkdir(name)
        if isinstance(group, GroupV2) and draw(st.booleans()):
            _try(group, "cgroup.subtree_control", " ".join("+" + passed for passed in sorted(group.available())))
        files = sorted(set(group.files()) & STARTS.keys())
        if "cpuset.cpus" in files and hierarchy.version == 1 and draw(st.integers(0, 5)):
            _try(group, "cpuset.cpus", draw(st.sampled_from(STARTS["cpuset.cpus"])))
            _try(group, "cpuset.mems", draw(st.sampled_from(STARTS["cpuset.mems"])))
        for file in draw(st.lists(st.sampled_from(files), max_size=3)) if files else ():
            _try(group, file, draw(st.sampled_from(STARTS[file])))


def _try(group: Group, file: str, text: str) -> None:
    try:
        group.store(file, text)
    except OSError:
        # Others are refused things too.
        return


def _spawn(host: Host, pid: int, name: str) -> None:
    host.machine.spawn(pid, 8 * MIB)
    for hierarchy in host.machine.hierarchies:
        try:
            hierarchy.find(name).store("cgroup.procs", str(pid))
        except OSError:
            # Not there, or not open to processes.
            continue


# -- limits -----------------------------------------------------------------------------------------------------------


def _sizes(amount: int) -> st.SearchStrategy[object]:
    return st.sampled_from((amount, str(amount), f"{amount // MIB}M", f"{amount / 2**30}GiB", f" {amount >> 10} kb"))


def _number(number: int) -> st.SearchStrategy[object]:
    return st.sampled_from((number, str(number), float(number)))


def _same(file: str, text: str) -> tuple[Files, Files]:
    return {file: (text,)}, {file: (text,)}


MAX = st.sampled_from(("max", " MAX", "default"))


@st.composite
def pids_limits(draw: st.DrawFn) -> Limit:
    number = draw(st.sampled_from((None, 5, 300, 4194304)))
    said = draw(MAX if number is None else _number(number))
    return Limit("pids", {"pids.max": said}, *_same("pids.max", "max" if number is None else str(number)))


@st.composite
def memory_limits(draw: st.DrawFn, v1: bool) -> Limit:
    amount = draw(st.sampled_from((None, 64 * MIB, 256 * MIB, 1024 * MIB)))
    said = {"memory.max": draw(MAX if amount is None else _sizes(amount))}
    on_v1 = {"memory.limit_in_bytes": (str(amount or -1),)}
    on_v2 = {"memory.max": (str(amount or "max"),)}
    if draw(st.booleans()):
        swap = draw(st.sampled_from((None, 0, 128 * MIB))) if amount is not None else None
        said["memory.swap.max"] = draw(st.sampled_from(("max", "MAX")) if swap is None else _sizes(swap))
        on_v1["memory.memsw.limit_in_bytes"] = ("-1" if swap is None or amount is None else str(amount + swap),)
        on_v2["memory.swap.max"] = ("max" if swap is None else str(swap),)
    if draw(st.booleans()):
        if v1:
            said["memory.swappiness"] = swappiness = draw(st.sampled_from((0, 80, "default")))
            on_v1["memory.swappiness"] = (INHERIT if swappiness == "default" else str(swappiness),)
        else:
            said.update(
                {"memory.high": "100M", "memory.low": 4097, "memory.oom.group": draw(st.sampled_from((True, "on")))}
            )
            on_v2.update({"memory.high": ("100M",), "memory.low": ("4096",), "memory.oom.group": ("1",)})
    return Limit("memory", said, on_v1, on_v2)


# CPUs that a group may have, and how to say it.
SHARES = (0.25, 0.5, 1.0, 2.0)


@st.composite
def cpu_limits(draw: st.DrawFn, most: float) -> tuple[Limit, float]:
    """Bandwidth of no more than ``most`` CPUs, a weight, or idleness; and how much of the bandwidth it is."""
    said: dict[str, object] = {}
    on_v1: dict[str, tuple[str, ...]] = {}
    on_v2: dict[str, tuple[str, ...]] = {}
    what = draw(st.sampled_from(("bandwidth", "bandwidth", "weight", "idle", "both")))
    share = most
    if what in ("bandwidth", "both"):
        chosen = draw(st.sampled_from([None, *(share for share in SHARES if share <= most)]))
        period = 100000 if chosen is None else draw(st.sampled_from((100000, 50000, 200000)))
        quota = None if chosen is None else int(chosen * period)
        said["cpu.max"] = draw(MAX if quota is None else _bandwidths(quota, period))
        on_v1 = {"cpu.cfs_quota_us": (str(quota or -1),), "cpu.cfs_period_us": (str(period),)}
        on_v2 = {"cpu.max": (f"{quota or 'max'} {period}",)}
        share = most if chosen is None else chosen
        if quota is not None and draw(st.booleans()):
            said["cpu.max.burst"] = burst = draw(st.sampled_from((0, quota, quota // 2)))
            on_v1["cpu.cfs_burst_us"] = on_v2["cpu.max.burst"] = (str(burst),)
    if what in ("weight", "both"):
        shares, weight = draw(st.sampled_from(((1024, 100), (2, 1), (262144, 10000))))
        said.update({"cpu.weight": weight} if draw(st.booleans()) else {"cpu.shares": shares})
        on_v1["cpu.shares"], on_v2["cpu.weight"] = (str(shares),), (str(weight),)
    if what == "idle":
        idle = draw(st.booleans())
        said["cpu.idle"] = draw(st.sampled_from((idle, str(idle), int(idle), "on" if idle else "no")))
        on_v1["cpu.idle"] = on_v2["cpu.idle"] = (str(int(idle)),)
    return Limit("cpu", said, on_v1, on_v2), share


def _bandwidths(quota: int, period: int) -> st.SearchStrategy[object]:
    pair: list[object] = [f"{quota} {period}", [quota, period], [str(quota), period]]
    if period == 100000:
        pair += [quota / period, f"{quota / period}", f"{quota * 100 // period}%"]
    return st.sampled_from(pair)


@st.composite
def cpuset_limits(
    draw: st.DrawFn, cpus: frozenset[int], mems: frozenset[int]
) -> tuple[Limit, frozenset[int], frozenset[int]]:
    """Lists within those given, and what is left for groups below."""
    said: dict[str, object] = {}
    on_v1: dict[str, tuple[str, ...]] = {}
    on_v2: dict[str, tuple[str, ...]] = {}
    left = {"cpuset.cpus": cpus, "cpuset.mems": mems}
    for file in draw(st.sampled_from((["cpuset.cpus"], ["cpuset.mems"], ["cpuset.cpus", "cpuset.mems"]))):
        if draw(st.integers(0, 5)) == 0:
            said[file], on_v1[file], on_v2[file] = draw(st.sampled_from(("default", ""))), (INHERIT,), ("\n",)
            continue
        chosen = draw(st.frozensets(st.sampled_from(sorted(left[file])), min_size=1))
        said[file] = draw(_lists(chosen))
        on_v1[file] = on_v2[file] = (ranges(chosen),)
        left[file] = chosen
    return Limit("cpuset", said, on_v1, on_v2), left["cpuset.cpus"], left["cpuset.mems"]


def _lists(numbers: frozenset[int]) -> st.SearchStrategy[object]:
    backwards = sorted(numbers, reverse=True)
    return st.sampled_from(
        (ranges(numbers), backwards, ", ".join(map(str, backwards)), [ranges(numbers), backwards[0]])
    )


@st.composite
def io_limits(draw: st.DrawFn) -> Limit:
    said: dict[Any, dict[str, object]] = {}
    texts: list[str] = []
    on_v1: dict[str, tuple[str, ...]] = {}
    keys = {"rbps": "read_bps", "wbps": "write_bps", "riops": "read_iops", "wiops": "write_iops"}
    for path, number in draw(st.sampled_from(((("/dev/sda", "8:0"),), (("/dev/sda", "8:0"), ("8:16", "8:16"))))):
        figures = draw(
            st.dictionaries(st.sampled_from(sorted(keys)), st.sampled_from((None, 4096, 2**20)), min_size=1, max_size=3)
        )
        said[path] = {key: "max" if figure is None else figure for key, figure in figures.items()}
        texts.append(" ".join([number, *(f"{key}={figure or 'max'}" for key, figure in figures.items())]))
        for key, figure in figures.items():
            file = f"blkio.throttle.{keys[key]}_device"
            on_v1[file] = (*on_v1.get(file, ()), f"{number} {figure or 0}")
    limits: dict[str, object] = {"io.max": said}
    on_v2 = {"io.max": tuple(texts)}
    if draw(st.booleans()):
        priority = draw(st.sampled_from(("no-change", "idle", "restrict-to-be")))
        limits[draw(st.sampled_from(("io.prio.class", "blkio.prio.class")))] = priority
        on_v1["blkio.prio.class"] = on_v2["io.prio.class"] = (priority,)
    if draw(st.booleans()):
        weight = draw(st.sampled_from((1, 100, 1000)))
        limits[draw(st.sampled_from(("io.bfq.weight", "blkio.bfq.weight")))] = weight
        on_v1["blkio.bfq.weight"] = on_v2["io.bfq.weight"] = (str(weight),)
    return Limit("io", limits, on_v1, on_v2)


# -- tasks ------------------------------------------------------------------------------------------------------------


class _Room(NamedTuple):
    """What a group's declared ancestors leave for it."""

    share: float = 4.0
    cpus: frozenset[int] = frozenset(range(4))
    mems: frozenset[int] = frozenset(range(2))


@st.composite
def tasks(draw: st.DrawFn, host: Host) -> Task:
    """Groups whose limits suit each other; whether they suit the host is another matter."""
    chosen = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    rooms: dict[str, _Room] = {"": _Room()}
    free = list(PIDS)
    found: list[Declared] = []
    for name in sorted(chosen):
        above = name
        while above not in rooms:
            above = above.rpartition("/")[0]
        if draw(st.integers(0, 4)) == 0:
            on_processes = draw(st.sampled_from(("refuse", "kill", "/")))
            found.append(Declared(name, False, recursive=draw(st.booleans()), on_processes=on_processes))
            continue
        limits, rooms[name] = draw(_limits(host, rooms[above]))
        pids: list[int] = draw(st.lists(st.sampled_from(free), unique=True, max_size=1)) if free else []
        free = [pid for pid in free if pid not in pids]
        controllers = draw(st.lists(st.sampled_from((*CONTROLLERS, "hugetlb")), unique=True, max_size=2))
        group = Declared(
            name,
            limits=tuple(limits),
            controllers=tuple(controller for controller in controllers if host.version(controller)),
            frozen=draw(st.sampled_from((None, None, None, True, False))),
            pids=tuple(pids),
        )
        found.append(group)
    absent = {group.name for group in found if not group.present}
    return Task(
        tuple(draw(st.permutations(found))),
        draw(st.sampled_from([None, None, *(top for top in ("a", "b") if top not in absent)])),
        draw(st.booleans()),
        draw(st.booleans()),
    )


@st.composite
def _limits(draw: st.DrawFn, host: Host, room: _Room) -> tuple[list[Limit], _Room]:
    found: list[Limit] = []
    for controller in draw(st.lists(st.sampled_from(CONTROLLERS), unique=True, max_size=3)):
        if controller == "pids":
            found.append(draw(pids_limits()))
        elif controller == "memory":
            found.append(draw(memory_limits(host.version("memory") == 1)))
        elif controller == "io":
            found.append(draw(io_limits()))
        elif controller == "cpu":
            limit, share = draw(cpu_limits(room.share))
            found.append(limit)
            room = room._replace(share=share)
        else:
            limit, cpus, mems = draw(cpuset_limits(room.cpus, room.mems))
            found.append(limit)
            room = room._replace(cpus=cpus, mems=mems)
    return found, room


# -- anything at all --------------------------------------------------------------------------------------------------

_ODD: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 5),
    st.floats(0, 4),
    st.sampled_from(
        ("max", "default", "", "0", "64M", "1.5", "0-1", "3", "9-1", "nonsense", "8:0 rbps=4096", "threaded")
    ),
    st.lists(st.integers(0, 5), max_size=2),
    st.dictionaries(
        st.sampled_from(("/dev/sda", "8:0", "default", "*")), st.sampled_from((5, "max", {"rbps": 7})), max_size=2
    ),
)
_LIMIT_NAMES = (
    *("pids.max", "memory.max", "memory.swap.max", "memory.high", "memory.limit_in_bytes", "memory.oom.group"),
    *("cpu.max", "cpu.weight", "cpu.weight.nice", "cpu.shares", "cpu.idle", "cpu.max.burst", "cpu.cfs_quota_us"),
    *("cpuset.cpus", "cpuset.mems", "cpuset.cpu_exclusive", "cpuset.memory_migrate", "cpuset.sched_relax_domain_level"),
    *("io.max", "io.weight", "io.bfq.weight", "blkio.bfq.weight", "blkio.throttle.read_bps_device", "blkio.weight"),
    *("io.latency", "io.prio.class", "io.cost.qos", "cpuset.cpus.partition", "cpuset.cpus.exclusive"),
    *("cgroup.clone_children", "notify_on_release", "cpuset.memory_pressure_enabled"),
    *("cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure", "memory.swappiness", "memory.maxx", "tasks"),
)


def _sometimes(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), st.none(), values)


_ITEMS = st.fixed_dictionaries(
    {
        "name": st.sampled_from((*NAMES, *NAMES, "/", "a/", "x y", "cpu.max", "")),
        "state": st.sampled_from(("present", "present", "present", "absent")),
        "limits": _sometimes(st.dictionaries(st.sampled_from(_LIMIT_NAMES), _ODD, max_size=3)),
        "controllers": _sometimes(st.lists(st.sampled_from((*CONTROLLERS, "hugetlb", "blkio", "rdma")), max_size=2)),
        "controllers_absent": _sometimes(st.lists(st.sampled_from((*CONTROLLERS, "hugetlb")), min_size=1, max_size=2)),
        "frozen": _sometimes(st.booleans()),
        "type": _sometimes(st.sampled_from(("domain", "threaded", "threaded"))),
        "delegate": _sometimes(st.sampled_from(({"owner": "1000"}, {"owner": 1000, "group": 100}, {}))),
        "processes": _sometimes(st.sampled_from(([{"pid": PIDS[0]}], [{"pid": PIDS[1]}], [{"pid": 99}], [{"pid": 1}]))),
        "recursive": st.booleans(),
        "on_processes": st.sampled_from(("refuse", "kill", {"move_to": "/"}, {"move_to": "c"}, "nonsense")),
    }
)
_ABSENT = ("name", "state", "recursive", "on_processes")


def _sane(item: dict[str, Any]) -> dict[str, Any]:
    """What is absent has nothing; otherwise nearly all of them would be refused for that alone."""
    return {key: item[key] for key in _ABSENT} if item["state"] == "absent" else item


def wild_tasks(host: Host) -> st.SearchStrategy[dict[str, Any]]:
    """Options of the right types and of any sense."""
    return st.fixed_dictionaries(
        {
            "groups": st.lists(_ITEMS.map(_sane), min_size=1, max_size=3),
            "purge_below": st.sampled_from((None, None, "a", "b")),
            **dict.fromkeys(("purge_force", "fill_parents", "recreate", "unsafe_v1", "allow_lockout"), st.booleans()),
            "shrink": st.sampled_from(("reclaim", "immediate")),
        }
    )
