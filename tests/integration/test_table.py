# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each interface file of the table on the real kernel: set, shown, unchanged by a second run, and put back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files import table
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import InterfaceFile
from ansible_collections.linux.isolation.plugins.module_utils._kernel import machine
from ansible_collections.linux.isolation.tests.integration.support import disks
from ansible_collections.linux.isolation.tests.integration.support.disks import Disk
from ansible_collections.linux.isolation.tests.integration.support.host import Host, look
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import run

SAMPLES = yaml.safe_load((Path(__file__).parent / "limits.yml").read_text())
ROWS = [row for row in table.every() if row.controller != "freezer"]
HERE = look()


def _home(row: InterfaceFile) -> str:
    """The controller whose hierarchy the file is looked at in; v1's core files are in each."""
    return "pids" if row.controller == "v1" else row.controller


def _rows(only_root: bool) -> Iterator[Any]:
    """A row for each file: of a pattern as many as this host has sizes of huge pages."""
    for row in ROWS:
        if row.only_root != only_root:
            continue
        mark = pytest.mark.v1 if row.version == 1 else pytest.mark.v2
        for size in machine.huge_pages() if "SIZE" in row.name else [""]:
            name = row.name.replace("SIZE", size)
            # Of a controller that this host has nowhere, the error is what there is to test.
            marks = mark(_home(row)) if HERE.version(_home(row)) else ()
            yield pytest.param(table.find(name, row.version), size, id=f"v{row.version}-{name}", marks=marks)


def with_this(value: Any, **here: str) -> Any:
    """A sample with this host's disk and size of huge pages in it."""
    if isinstance(value, dict):
        return {with_this(key, **here): with_this(item, **here) for key, item in value.items()}
    for word, said in here.items():
        value = value.replace(word, said) if isinstance(value, str) else value
    return value


def shown(path: Path) -> str:
    return path.read_text().strip()


def test_every_row_has_a_sample() -> None:
    assert {(row.version, row.name) for row in ROWS} == {
        (version, name) for version, names in SAMPLES.items() for name in names
    }


@pytest.fixture(scope="module")
def disks_by_name(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Disk]]:
    with ExitStack() as stack:
        found = {"": stack.enter_context(disks.disk(tmp_path_factory.mktemp("disk")))}
        found["bfq"] = stack.enter_context(disks.loop(tmp_path_factory.mktemp("bfq"), "bfq"))
        yield found


def _default(row: InterfaceFile, host: Host, sandbox: Sandbox, above: dict[str, Any]) -> str | None:
    """What the file holds in a group that was told nothing; None where this kernel has no such file."""
    groups = [
        {"name": sandbox.name, "limits": above},
        {"name": sandbox.below("plain"), "controllers": _controllers(row)},
    ]
    made = run("tree", {"groups": groups})
    assert not made.failed, made.sentence
    path = host.path(_home(row), sandbox.below("plain"), row.name)
    text = shown(path) if path.exists() else None
    assert not run("group", {"name": sandbox.below("plain"), "state": "absent"}).failed
    return text


def _controllers(row: InterfaceFile) -> list[str]:
    return [_home(row)] if row.controller else []


@pytest.mark.parametrize(("row", "size"), list(_rows(only_root=False)))
def test_a_limit_is_set_kept_and_put_back(
    row: InterfaceFile, size: str, host: Host, sandbox: Sandbox, disks_by_name: dict[str, Disk]
) -> None:
    sample = SAMPLES[row.version][row.name.replace(size, "SIZE") if size else row.name]
    disk = disks_by_name[sample.get("disk", "")]
    said = with_this(sample["said"], DISK=disk.path, SIZE=size)
    wanted = with_this(sample["shows"], DISK=disk.number)
    if not host.version(_home(row)):
        answer = run("limit", {"name": sandbox.name, "create": True, "limits": said})
        assert answer.failed
        assert f"needs the {row.controller} controller" in answer.sentence
        assert sandbox.places() == []
        return
    default = _default(row, host, sandbox, sample.get("above", {}))
    # Only below the root CPUs can be given away without another partition above.
    name = sandbox.name if sample.get("at") == "top" else sandbox.below("one")
    path = host.path(_home(row), name, row.name)
    task = {"name": name, "create": True, "limits": said}
    if default is None:
        answer = run("limit", task)
        assert answer.failed
        assert row.name in answer.sentence
        assert "is not a file" in answer.sentence
        assert sample.get("at") == "top" or not path.parent.exists()
        assert row.tried == "documented" or "newer" in sample
        return
    predicted = run("limit", task, check=True)
    first = run("limit", task)
    assert not first.failed, first.sentence
    assert wanted in shown(path).splitlines() if "among" in sample else shown(path) == wanted
    assert predicted.actions == first.actions
    second = run("limit", task)
    assert (second.changed, second.actions) == (False, [])
    task = {"name": name, "limits": dict.fromkeys(said, "default")}
    back = run("limit", task)
    assert not back.failed, back.sentence
    assert back.changed is (default != wanted)
    # Of huge pages no limit shows as a number until it is written.
    assert shown(path) == default or {shown(path), default} == {"max", "9223372036854771712"}
    assert not run("limit", task).changed
    # Whoever has seen it work says so in the table; it is no work where there is nothing to limit.
    assert row.tried in ("real", "guest") or not wanted


@pytest.mark.parametrize(("row", "size"), list(_rows(only_root=True)))
def test_what_the_root_alone_has_is_set_kept_and_put_back(
    row: InterfaceFile, size: str, host: Host, disks_by_name: dict[str, Disk]
) -> None:
    sample = SAMPLES[row.version][row.name]
    disk = disks_by_name[sample.get("disk", "")]
    said, wanted = with_this(sample["said"], DISK=disk.path), with_this(sample["shows"], DISK=disk.number)
    path = host.path(row.controller, "", row.name)
    before = shown(path)
    task = {"name": "/", "limits": said}
    predicted = run("limit", task, check=True)
    assert not predicted.failed, predicted.sentence
    assert predicted.changed
    if "ISOLATION_GUEST" not in os.environ:
        # It counts for all of this machine, which others use too: what is there is looked at, and holds.
        assert not run("limit", {"name": "/", "limits": dict.fromkeys(said, "default")}).changed
        assert row.tried == "documented"
        return
    first = run("limit", task)
    assert not first.failed, first.sentence
    assert wanted in shown(path).splitlines()
    assert predicted.actions == first.actions
    assert not run("limit", task).changed
    task = {"name": "/", "limits": dict.fromkeys(said, "default")}
    back = run("limit", task)
    assert not back.failed, back.sentence
    assert back.changed
    assert not run("limit", task).changed
    assert wanted not in shown(path).splitlines()
    others = [
        [line for line in text.splitlines() if not line.startswith(disk.number)] for text in (before, shown(path))
    ]
    assert others[0] == others[1]
    assert row.tried == "guest"
