# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""cgroup.type below the root of a cgroup namespace, which is a group like any other although it has no name there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.spaces import cgroup_namespace, mount
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, run

THREADED = {"name": "a", "type": "threaded"}


def namespace(host: Host, root: Path, leaf: str = "", passed_on: str = "") -> Callable[[], None]:
    """A cgroup namespace with this root and a v2 mount of its own; the task is in a group below it, or in the root."""
    unified = host.hierarchy("")
    assert unified is not None
    point = str(unified.point)

    def enter() -> None:
        cgroup_namespace(root)()
        # No file system is mounted onto itself.
        mount("none", point, "tmpfs")
        mount("none", point, "cgroup2")
        if leaf:
            write(Path(point, leaf, "cgroup.procs"), "0")
        if passed_on:
            write(Path(point, "cgroup.subtree_control"), "+" + passed_on)

    return enter


def refused(answer: Answer, *says: str) -> None:
    """Before anything was written."""
    assert answer.failed, answer.values
    assert [piece for piece in says if piece not in answer.sentence] == []
    assert answer.values["failure"]["kind"] == "ConflictError"


@pytest.mark.v2("")
def test_a_namespace_may_have_threaded_groups(host: Host, sandbox: Sandbox) -> None:
    root = sandbox.make("")
    answer = run("group", THREADED, enter=namespace(host, root))
    assert not answer.failed, answer.sentence
    assert (root / "a/cgroup.type").read_text() == "threaded\n"
    assert (root / "cgroup.type").read_text() == "domain threaded\n"


@pytest.mark.v2("")
def test_a_neighbour_with_processes_is_told_below_the_root_of_a_namespace(host: Host, sandbox: Sandbox) -> None:
    root = sandbox.make("")
    sandbox.make("", "leaf")
    answer = run("group", THREADED, enter=namespace(host, root, "leaf"))
    refused(answer, "type: 'threaded' would make domain invalid its siblings leaf, which hold processes")
    assert not (root / "a").exists()


@pytest.mark.v2("hugetlb")
def test_a_domain_controller_is_told_below_the_root_of_a_namespace(host: Host, sandbox: Sandbox) -> None:
    assert not run("group", {"name": sandbox.name, "controllers": ["hugetlb"]}).failed
    root = host.path("", sandbox.name)
    sandbox.make("", "leaf")
    answer = run("group", THREADED, enter=namespace(host, root, "leaf", "hugetlb"))
    refused(answer, "type: 'threaded' cannot be below /, which passes on hugetlb")
    assert not (root / "a").exists()
