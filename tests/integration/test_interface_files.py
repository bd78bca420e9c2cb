# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table beside the kernel: every file that a group shows is a row, or known for what it is otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files import no_limits, table
from ansible_collections.linux.isolation.tests.integration.support.host import Hierarchy, Host
from ansible_collections.linux.isolation.tests.integration.support.mounted import Mounted
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.spaces import Room
from ansible_collections.linux.isolation.tests.integration.support.tasks import run

# What a kernel has that was changed by the one who built it.
VENDORS = {"memory.shown_ram_in_bytes"}


ROWS = {(row.version, row.name): row for row in table.every()}


def unknown(place: Path, version: int) -> set[str]:
    """The files of a group that nobody knows, and rows that the kernel does not let anybody write."""
    found = set()
    for path in place.iterdir():
        name = path.name
        if path.is_dir():
            continue
        writable = bool(path.stat().st_mode & 0o222)
        row = ROWS.get((version, name)) or table.shown("hugetlb", version, [name]).get(name)
        if row is not None and not writable:
            found.add(f"{name} (a row, and read only)")
        elif row is None and no_limits.known(name) == ("is read only", "") and writable:
            found.add(f"{name} (called read only, and writable)")
        elif row is None and not no_limits.known(name)[0]:
            found.add(name)
    return found - VENDORS


def _hierarchy(host: Host, version: int) -> Iterator[Hierarchy]:
    return (one for one in host.hierarchies if one.version == version)


@pytest.mark.v1("pids")
def test_every_file_of_v1_is_known(host: Host, sandbox: Sandbox) -> None:
    found: dict[str, set[str]] = {}
    for hierarchy in _hierarchy(host, 1):
        group = hierarchy.point / sandbox.name
        group.mkdir()
        found[str(hierarchy.point)] = unknown(hierarchy.point, 1) | unknown(group, 1)
    assert {point: names for point, names in found.items() if names} == {}
    # The look was at files indeed: these two are wherever v1 is.
    assert all((one.point / sandbox.name / "notify_on_release").exists() for one in _hierarchy(host, 1))


@pytest.mark.v2("")
def test_every_file_of_v2_is_known(host: Host, sandbox: Sandbox) -> None:
    (unified,) = _hierarchy(host, 2)
    made = run("group", {"name": sandbox.name, "controllers": sorted(unified.controllers)})
    assert not made.failed, made.sentence
    group = unified.point / sandbox.name
    shown = {path.name.partition(".")[0] for path in group.iterdir()}
    # rdma, misc and the like have files in a group whether or not the host has anything that they count.
    assert unified.controllers - shown == set()
    assert unknown(unified.point, 2) | unknown(group, 2) == set()


@pytest.mark.v1("pids")
@pytest.mark.parametrize("controllers", ["net_cls,net_prio", "perf_event"])
def test_every_file_of_what_nobody_mounts_is_known(controllers: str, sandbox: Sandbox) -> None:
    for controller in controllers.split(","):
        if sandbox.host.version(controller):
            pytest.skip(f"{controller} is in use here")
    with Room() as room, Mounted(room, controllers) as hierarchy:
        group = hierarchy.top / sandbox.name
        group.mkdir()
        names = {path.name for path in group.iterdir()}
        assert names >= {
            "tasks",
            *(f for f in ("net_cls.classid", "net_prio.ifpriomap") if controllers != "perf_event"),
        }
        assert unknown(hierarchy.top, 1) | unknown(group, 1) == set()
