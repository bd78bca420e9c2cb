# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Controllers that only v1 has and nobody mounts by himself: net_cls, net_prio and perf_event, alone and in one hierarchy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.mounted import Mounted
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.spaces import Room
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, run

# A kernel that keeps v1's controllers from being mounted (cgroup_no_v1=) has nothing to try here.
pytestmark = pytest.mark.v1("pids")


@pytest.fixture
def room() -> Iterator[Room]:
    with Room() as found:
        yield found


@pytest.fixture
def hierarchy(room: Room, request: pytest.FixtureRequest, sandbox: Sandbox) -> Iterator[Mounted]:
    """One hierarchy of the controllers that the test names."""
    for controller in request.param.split(","):
        if sandbox.host.version(controller):
            pytest.skip(f"{controller} is in use here")
    with Mounted(room, request.param) as found:
        yield found


def mounted(*controllers: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("hierarchy", controllers, indirect=True)


def shown(hierarchy: Mounted, group: str, file: str) -> str:
    return (hierarchy.top / group / file).read_text().strip()


def converge(room: Room, name: str, **limits: object) -> Answer:
    """Declare limits: check mode first, which has to say the same, and once more, which has to find nothing to do."""
    said = {"name": name, "create": True, "limits": {key.replace("_dot_", "."): limits[key] for key in limits}}
    predicted = run("limit", said, check=True, enter=room.enter)
    answer = run("limit", said, enter=room.enter)
    assert not answer.failed, answer.sentence
    assert predicted.actions == answer.actions
    again = run("limit", said, enter=room.enter)
    assert (again.changed, again.actions) == (False, [])
    return answer


@mounted("net_cls", "net_cls,net_prio")
def test_a_class_is_set_kept_and_put_back(hierarchy: Mounted, room: Room, sandbox: Sandbox) -> None:
    name, below = sandbox.name, sandbox.below("a")
    answer = converge(room, name, net_cls_dot_classid="10:1")
    assert [action["after"] for action in answer.actions] == ["group", "10:1"]
    assert shown(hierarchy, name, "net_cls.classid") == "1048577"
    # The same in its other spellings.
    for said in ("0x100001", 0x100001, "1048577"):
        assert converge(room, name, net_cls_dot_classid=said).actions == []
    # A new group has its parent's, and default is that again.
    assert converge(room, below, net_cls_dot_classid=5).changed
    assert shown(hierarchy, below, "net_cls.classid") == "5"
    assert converge(room, below, net_cls_dot_classid="default").changed
    assert shown(hierarchy, below, "net_cls.classid") == "1048577"
    assert converge(room, name, net_cls_dot_classid="default").changed
    assert shown(hierarchy, name, "net_cls.classid") == "0"


@mounted("net_cls")
def test_what_yaml_made_of_a_class(hierarchy: Mounted, room: Room, sandbox: Sandbox) -> None:
    answer = converge(room, sandbox.name, net_cls_dot_classid=601)
    assert shown(hierarchy, sandbox.name, "net_cls.classid") == "601"
    (warning,) = answer.warnings
    assert "YAML reads an unquoted 10:1 as 601" in warning


@mounted("net_prio", "net_cls,net_prio")
def test_priorities_are_set_kept_and_put_back(hierarchy: Mounted, room: Room, sandbox: Sandbox) -> None:
    name, below = sandbox.name, sandbox.below("a")
    interfaces = [line.split()[0] for line in (hierarchy.top / "net_prio.ifpriomap").read_text().splitlines()]
    assert "lo" in interfaces

    def priorities(group: str) -> dict[str, str]:
        return dict(line.split() for line in shown(hierarchy, group, "net_prio.ifpriomap").splitlines())

    assert converge(room, name, net_prio_dot_ifpriomap={"lo": 7}).changed
    assert priorities(name) == {**dict.fromkeys(interfaces, "0"), "lo": "7"}
    # What is not declared stays: of a group that has all, one is changed.
    assert converge(room, below, net_prio_dot_ifpriomap={"*": 4294967295}).changed
    assert priorities(below) == dict.fromkeys(interfaces, "4294967295")
    assert converge(room, below, net_prio_dot_ifpriomap="lo 3").changed
    assert priorities(below) == {**dict.fromkeys(interfaces, "4294967295"), "lo": "3"}
    # The parent's again, of each interface.
    assert converge(room, below, net_prio_dot_ifpriomap="default").changed
    assert priorities(below) == priorities(name)
    # And what the parent gets in the same task.
    write(hierarchy.top / below / "net_prio.ifpriomap", "lo 9")
    tree = {
        "groups": [
            {"name": name, "limits": {"net_prio.ifpriomap": {"lo": 8}}},
            {"name": below, "limits": {"net_prio.ifpriomap": "default"}},
        ]
    }
    assert run("tree", tree, enter=room.enter).changed
    assert priorities(below) == priorities(name) == {**dict.fromkeys(interfaces, "0"), "lo": "8"}
    assert not run("tree", tree, enter=room.enter).changed


@mounted("net_prio")
def test_an_interface_that_is_not_there(hierarchy: Mounted, room: Room, sandbox: Sandbox) -> None:
    task = {"name": sandbox.name, "create": True, "limits": {"net_prio.ifpriomap": {"lo": 1, "nowhere0": 2}}}
    answer = run("limit", task, enter=room.enter)
    assert answer.failed
    assert "'nowhere0' is no network interface of this host; there is " in answer.sentence
    assert not (hierarchy.top / sandbox.name).exists()


@mounted("net_cls,net_prio")
def test_controllers_of_one_hierarchy_are_one_group(hierarchy: Mounted, room: Room, sandbox: Sandbox) -> None:
    answer = converge(room, sandbox.name, net_cls_dot_classid="1:", net_prio_dot_ifpriomap={"lo": 2})
    assert answer.verbs() == ["create", "write", "write"]
    assert shown(hierarchy, sandbox.name, "net_cls.classid") == "65536"
    removed = run("group", {"name": sandbox.name, "state": "absent"}, enter=room.enter)
    assert removed.verbs() == ["remove"]
    assert not (hierarchy.top / sandbox.name).exists()


@mounted("perf_event")
def test_perf_event_is_a_group_and_no_file(hierarchy: Mounted, room: Room, sandbox: Sandbox) -> None:
    task = {"name": sandbox.name, "controllers": ["perf_event"]}
    predicted = run("group", task, check=True, enter=room.enter)
    answer = run("group", task, enter=room.enter)
    assert not answer.failed, answer.sentence
    assert predicted.actions == answer.actions
    assert answer.verbs() == ["create"]
    assert (hierarchy.top / sandbox.name).is_dir()
    assert not run("group", task, enter=room.enter).changed
    assert run("group", {"name": sandbox.name, "state": "absent"}, enter=room.enter).verbs() == ["remove"]


def test_where_they_are_not_mounted_it_is_said_what_there_is(host: Host, sandbox: Sandbox) -> None:
    for limits, instead in (
        ({"net_cls.classid": "10:1"}, "nftables socket cgroupv2"),
        ({"net_prio.ifpriomap": {"lo": 1}}, "meta priority set"),
    ):
        (limit,) = limits
        controller = limit.partition(".")[0]
        if host.version(controller):
            continue
        answer = run("limit", {"name": sandbox.name, "create": True, "limits": limits})
        assert answer.failed
        assert f"needs the {controller} controller" in answer.sentence
        assert instead in answer.sentence
        answer = run("group", {"name": sandbox.name, "controllers": [controller]})
        assert answer.failed
        assert instead in answer.sentence
        assert not Path(host.path("", sandbox.name)).exists()
