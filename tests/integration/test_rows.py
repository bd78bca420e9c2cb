# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Interface files that do something to each other, on the real kernel: what is written to one is still there in the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.linux.isolation.tests.integration.support import disks
from ansible_collections.linux.isolation.tests.integration.support.disks import Disk
from ansible_collections.linux.isolation.tests.integration.support.host import Host
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, run


@pytest.fixture(scope="module")
def scheduled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """A disk that bfq schedules."""
    with disks.loop(tmp_path_factory.mktemp("bfq"), "bfq") as found:
        yield found


def tree(*groups: dict[str, Any], check: bool = False) -> Answer:
    return run("tree", {"groups": list(groups)}, check)


def settled(*groups: dict[str, Any]) -> Answer:
    """One run does it as check mode said, and a second one finds nothing to do."""
    predicted = tree(*groups, check=True)
    answer = tree(*groups)
    assert not answer.failed, answer.sentence
    assert predicted.actions == answer.actions
    again = tree(*groups)
    assert (again.changed, again.actions) == (False, [])
    return answer


# -- bfq drops the weights of devices with each write of the weight of all others ---------------------------------------


def weights(host: Host, name: str) -> str:
    file = {1: "blkio.bfq.weight_device", 2: "io.bfq.weight"}[host.version("io")]
    return host.path("io", name, file).read_text().strip()


def test_weights_of_devices_outlive_a_weight_of_all_others(host: Host, sandbox: Sandbox, scheduled: Disk) -> None:
    group = {"name": sandbox.name}
    settled(group | {"limits": {"io.bfq.weight": {scheduled.path: 200}}})
    settled(group | {"limits": {"io.bfq.weight": 300}})
    assert weights(host, sandbox.name) == f"default 300\n{scheduled.number} 200"
    settled(group | {"limits": {"io.bfq.weight": {"default": 50, scheduled.path: 200}}})
    assert weights(host, sandbox.name) == f"default 50\n{scheduled.number} 200"
    settled(group | {"limits": {"io.bfq.weight": {"default": 900, scheduled.path: "default"}}})
    assert weights(host, sandbox.name) == "default 900"


@pytest.mark.v1("io")
def test_io_costs_weights_hold_on_v1(host: Host, sandbox: Sandbox, scheduled: Disk) -> None:
    answer = settled({"name": sandbox.name, "limits": {"io.weight": {"default": 4950, scheduled.path: 910}}})
    assert weights(host, sandbox.name) == f"default 500\n{scheduled.number} 100"
    assert "by the formula" in answer.warnings[0]


# -- partitions ---------------------------------------------------------------------------------------------------------


@pytest.mark.v2("cpuset")
@pytest.mark.cpus(2)
def test_a_partition_gets_what_a_sibling_loses_in_the_same_task(host: Host, sandbox: Sandbox) -> None:
    one, other = {"name": sandbox.name}, {"name": sandbox.name + "b"}
    path = host.path("cpuset", sandbox.name, "cpuset.cpus.partition")
    try:
        settled(one | {"limits": {"cpuset.cpus": "1"}}, other | {"limits": {"cpuset.cpus": "0-1"}})
        answer = tree(one | {"limits": {"cpuset.cpus.partition": "root"}})
        # The kernel takes it, and shows that it is none: that is no success.
        assert answer.failed
        assert "root invalid (Cpu list in cpuset.cpus not exclusive)" in answer.sentence
        settled(one | {"limits": {"cpuset.cpus.partition": "root"}}, other | {"limits": {"cpuset.cpus": "0"}})
        assert path.read_text() == "root\n"
        settled(one | {"limits": {"cpuset.cpus.partition": "isolated"}})
        assert path.read_text() == "isolated\n"
        settled(one | {"limits": {"cpuset.cpu_exclusive": True}})
        assert path.read_text() == "root\n"
        settled(
            one | {"limits": {"cpuset.cpus.partition": "default", "cpuset.cpus": "0"}},
            other | {"limits": {"cpuset.cpus": "1", "cpuset.cpus.partition": "root"}},
        )
        assert path.read_text() == "member\n"
    finally:
        assert not tree(other | {"state": "absent"}).failed


@pytest.mark.v2("cpuset")
@pytest.mark.cpus(2)
def test_a_partition_below_a_partition(host: Host, sandbox: Sandbox) -> None:
    inner = sandbox.below("in")
    lists = {"cpuset.cpus": "1"}
    roots = lists | {"cpuset.cpus.partition": "root"}
    settled({"name": inner, "limits": roots}, {"name": sandbox.name, "limits": roots})
    for name in (sandbox.name, inner):
        assert host.read(name, "cpuset.cpus.partition") == "root"
    members = {"cpuset.cpus.partition": "member"}
    settled({"name": inner, "limits": members}, {"name": sandbox.name, "limits": members})


@pytest.mark.v2("cpuset")
def test_a_partition_without_cpus_is_told_why(sandbox: Sandbox) -> None:
    answer = tree({"name": sandbox.name, "limits": {"cpuset.cpus.partition": "root"}})
    assert answer.failed
    # 6.1 says that cpuset.cpus is empty, 6.12 names cpuset.cpus.exclusive too.
    assert "root invalid (cpuset.cpus" in answer.sentence
    assert "empty" in answer.sentence


@pytest.mark.v1("cpuset")
@pytest.mark.cpus(2)
def test_a_partition_is_an_exclusive_cpuset_on_v1(host: Host, sandbox: Sandbox) -> None:
    above = {"name": sandbox.name, "limits": {"cpuset.cpus.partition": "root"}}
    one, other = {"name": sandbox.below("a")}, {"name": sandbox.below("b")}
    settled(above, one | {"limits": {"cpuset.cpus": "1"}}, other | {"limits": {"cpuset.cpus": "0-1"}})
    answer = settled(
        one | {"limits": {"cpuset.cpus.partition": "root"}},
        other | {"limits": {"cpuset.cpus": "0"}},
    )
    assert host.path("cpuset", sandbox.below("a"), "cpuset.cpu_exclusive").read_text() == "1\n"
    assert "which is not the same" in answer.warnings[0]
    settled(
        above | {"limits": {"cpuset.cpus.partition": "member"}},
        one | {"limits": {"cpuset.cpus.partition": "member"}},
    )


# -- v1's core files ----------------------------------------------------------------------------------------------------


@pytest.mark.v1("cpuset")
def test_groups_below_are_clones(host: Host, sandbox: Sandbox) -> None:
    settled({"name": sandbox.name, "limits": {"cgroup.clone_children": True, "cpuset.cpus": "0"}})
    sandbox.make("cpuset", "by-hand")
    below = sandbox.below("by-hand")
    assert host.read(below, "cpuset.cpus") == "0"
    settled({"name": below, "limits": {"cgroup.clone_children": False}})
    settled({"name": below, "limits": {"cgroup.clone_children": "default"}})
    assert host.path("cpuset", below, "cgroup.clone_children").read_text() == "1\n"


@pytest.mark.v1("cpu", "pids", "freezer")
def test_notify_on_release_is_set_where_a_task_puts_the_group(host: Host, sandbox: Sandbox) -> None:
    sandbox.make("freezer")
    settled({"name": sandbox.name, "controllers": ["cpu"], "limits": {"notify_on_release": True, "pids.max": 10}})
    shown = {
        controller: host.path(controller, sandbox.name, "notify_on_release").read_text().strip()
        for controller in ("cpu", "pids", "freezer")
    }
    assert shown == {"cpu": "1", "pids": "1", "freezer": "0"}
