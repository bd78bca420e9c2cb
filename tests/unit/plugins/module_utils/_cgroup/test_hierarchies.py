# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts, out of what the kernel shows: those of tests/unit/plans/hosts.yml, and what is opened of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError, UnsupportedError
from ansible_collections.linux.isolation.plugins.module_utils._kernel import mounts
from ansible_collections.linux.isolation.plugins.module_utils._kernel.mounts import Mount
from ansible_collections.linux.isolation.tests.unit.plans.files import label
from ansible_collections.linux.isolation.tests.unit.plans.host import HOSTS, described

V1, V2 = mounts.CGROUP_V1, mounts.CGROUP_V2


@pytest.mark.parametrize("name", HOSTS)
def test_a_host_is_what_its_mounts_say(name: str) -> None:
    host, expected = described(name), HOSTS[name]["is"]
    labels = [label(hierarchy) for hierarchy in host.hierarchies]
    assert host.mode == expected["mode"]
    assert {controller: labels[index] for controller, index in host.where.items()} == expected["where"]
    assert (None if host.unified is None else labels[host.unified]) == expected["v2"]
    for piece in expected.get("reasons", ()):
        assert piece in "; ".join(host.reasons)
    assert labels == expected.get("hierarchies", labels)
    assert _those(host, lambda found: not found.writable) == expected.get("read_only", [])
    assert _those(host, lambda found: found.partial) == expected.get("partial", [])
    assert _those(host, lambda found: found.noprefix) == expected.get("noprefix", [])


def _those(host: hierarchies.Host, which: Any) -> list[str]:
    return [label(hierarchy) for hierarchy in host.hierarchies if which(hierarchy)]


@pytest.mark.parametrize("name", HOSTS)
def test_the_mode_has_its_reasons(name: str) -> None:
    host = described(name)
    assert host.reasons
    assert all(reason.strip() == reason and reason.isprintable() for reason in host.reasons)


def test_versions_are_those_of_the_controllers_and_of_the_core() -> None:
    assert described("hybrid with memory and pids on v2").versions() == {
        "cpu": 1,
        "cpuset": 1,
        "freezer": 1,
        "io": 2,
        "memory": 2,
        "pids": 2,
        "": 2,
        "v1": 1,
    }
    assert "" not in described("legacy").versions()
    assert "v1" not in described("unified").versions()


def test_a_named_hierarchy_has_no_controllers() -> None:
    (named,) = (hierarchy for hierarchy in described("legacy").hierarchies if hierarchy.name)
    assert (named.name, named.controllers) == ("systemd", frozenset())


@pytest.mark.parametrize(
    ("host", "controller", "where"),
    [
        ("hybrid", "memory", "memory"),
        ("hybrid", "io", "blkio"),
        ("hybrid", "", "unified"),
        ("hybrid", "freezer", "freezer"),
        ("unified", "freezer", "/"),
        ("hybrid without a freezer on v1", "freezer", "unified"),
        ("hybrid with memory and pids on v2", "memory", "unified"),
        ("unified", "memory", "/"),
    ],
)
def test_the_hierarchy_of_a_controller(host: str, controller: str, where: str) -> None:
    found = described(host)
    assert label(found.hierarchies[hierarchies.index_of(found, controller, "controllers")]) == where


@pytest.mark.parametrize(
    ("host", "controller", "kind", "says"),
    [
        ("legacy", "", UnsupportedError, "controllers: needs a v2 hierarchy and this legacy host has none."),
        ("unified", "blkio", InputError, "controllers: 'blkio' is the v1 name; write io."),
        ("unified", "memroy", InputError, "controllers: 'memroy' is not a controller; there are blkio"),
        ("legacy with noprefix", "memory", UnsupportedError, "is not available on this legacy host, which has cpuset;"),
        ("legacy with noprefix", "freezer", UnsupportedError, "is not available on this legacy host"),
        ("none", "memory", UnsupportedError, "is not available on this none host, which has none;"),
    ],
)
def test_a_controller_that_has_no_hierarchy(host: str, controller: str, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind) as caught:
        hierarchies.index_of(described(host), controller, "controllers")
    assert says.replace("there are blkio", "there are ") in str(caught.value)


@pytest.mark.parametrize(
    ("host", "index", "group", "file", "path"),
    [
        ("legacy", 3, "batch", "memory.max", "/sys/fs/cgroup/memory/batch/memory.max"),
        ("legacy", 3, "", "memory.max", "/sys/fs/cgroup/memory/memory.max"),
        ("legacy", 3, "batch", "", "/sys/fs/cgroup/memory/batch"),
        ("legacy", 3, "", "", "/sys/fs/cgroup/memory"),
        ("unified", 0, "a/b", "cgroup.procs", "/sys/fs/cgroup/a/b/cgroup.procs"),
        ("legacy with noprefix", 0, "a", "cpuset.cpus", "/sys/fs/cgroup/cpuset/a/cpus"),
        ("legacy with noprefix", 0, "a", "cpuset.memory_migrate", "/sys/fs/cgroup/cpuset/a/memory_migrate"),
        ("legacy with noprefix", 0, "a", "cgroup.procs", "/sys/fs/cgroup/cpuset/a/cgroup.procs"),
        ("legacy with noprefix", 0, "a", "tasks", "/sys/fs/cgroup/cpuset/a/tasks"),
    ],
)
def test_a_path_as_an_administrator_knows_it(host: str, index: int, group: str, file: str, path: str) -> None:
    assert hierarchies.absolute(described(host).hierarchies[index], group, file) == path


# -- what is opened ----------------------------------------------------------------------------------------------


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    found = Kernel(tmp_path)
    monkeypatch.setattr(mounts, "mounts", lambda: found.mounts)
    monkeypatch.setattr(mounts, "open_mount", found.open)
    monkeypatch.setattr(mounts, "magic_at", lambda path: mounts.TMPFS)
    before = len(os.listdir("/proc/self/fd"))
    yield found
    for root in found.returned:
        root.close()
    assert len(os.listdir("/proc/self/fd")) == before, "a descriptor of a mount that does not count stays open"


def _sign(point: str, root: str) -> str:
    return f"{root} at {point}".replace("/", "-")


class Kernel:
    """Mounts whose directories are real ones."""

    def __init__(self, place: Path) -> None:
        self.mounts: list[Mount] = []
        self.returned: list[Any] = []
        self._place = place
        self._hidden: set[str] = set()

    def mount(self, point: str, kind: str, options: str, root: str = "/", hidden: bool = False, v2: str = "") -> None:
        folder = self._place / f"mount{len(self.mounts)}"
        folder.mkdir()
        (folder / "cgroup.controllers").write_text(v2 + "\n")
        (folder / _sign(point, root)).mkdir()
        device = f"0:{len(self.mounts)}"
        self.mounts.append(Mount(device, root, point, ("rw",), kind, tuple(options.split(","))))
        if hidden:
            self._hidden.add(device)

    def open(self, mount: Mount, expected: int) -> int | None:
        assert expected == (V2 if mount.kind == "cgroup2" else V1)
        if mount.device in self._hidden:
            return None
        # What lies on top is what an open of the place shows.
        top = [index for index, other in enumerate(self.mounts) if other.point == mount.point][-1]
        return os.open(self._place / f"mount{top}", os.O_RDONLY | os.O_DIRECTORY)

    def observe(self) -> hierarchies.Roots:
        found = hierarchies.observe()
        self.returned.extend(found.roots)
        return found


def test_each_hierarchy_is_opened_where_it_is_mounted(kernel: Kernel) -> None:
    kernel.mount("/sys/fs/cgroup/memory", "cgroup", "rw,memory")
    kernel.mount("/proc", "proc", "rw")
    kernel.mount("/sys/fs/cgroup/unified", "cgroup2", "rw", v2="pids hugetlb")
    found = kernel.observe()
    assert found.host.mode == "hybrid"
    assert dict(found.host.where) == {"memory": 0, "pids": 1, "hugetlb": 1}
    assert [root.names("") for root in found.roots] == [
        [_sign("/sys/fs/cgroup/memory", "/")],
        [_sign("/sys/fs/cgroup/unified", "/")],
    ]


def test_a_hidden_mount_does_not_count(kernel: Kernel) -> None:
    kernel.mount("/sys/fs/cgroup/memory", "cgroup", "rw,memory", hidden=True)
    kernel.mount("/sys/fs/cgroup/pids", "cgroup", "rw,pids")
    found = kernel.observe()
    assert dict(found.host.where) == {"pids": 0}


def test_of_two_mounts_of_one_hierarchy_the_whole_one_is_used(kernel: Kernel) -> None:
    kernel.mount("/srv/memory", "cgroup", "rw,memory", root="/lxc/web")
    kernel.mount("/sys/fs/cgroup/memory", "cgroup", "rw,memory")
    found = kernel.observe()
    assert [root.names("") for root in found.roots] == [[_sign("/sys/fs/cgroup/memory", "/")]]


def test_a_part_that_is_bound_over_the_whole_is_what_is_seen_there(kernel: Kernel) -> None:
    """Both entries have the same device and the same kind: only their order tells which one an open reaches."""
    kernel.mount("/sys/fs/cgroup/memory", "cgroup", "rw,memory")
    kernel.mount("/sys/fs/cgroup/memory", "cgroup", "rw,memory", root="/lxc/web")
    found = kernel.observe()
    assert [(hierarchy.point, hierarchy.root) for hierarchy in found.host.hierarchies] == [
        ("/sys/fs/cgroup/memory", "/lxc/web")
    ]
    assert [root.names("") for root in found.roots] == [[_sign("/sys/fs/cgroup/memory", "/lxc/web")]]
