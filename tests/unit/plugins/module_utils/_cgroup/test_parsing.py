# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declarations as values."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import run
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.desired import (
    REFUSE,
    Delegate,
    Desired,
    Group,
    OnProcesses,
    Policy,
)
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.parsing import Parser
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError, IsolationError
from ansible_collections.linux.isolation.tests.unit.plans import cases
from ansible_collections.linux.isolation.tests.unit.plans.host import FACTS, described


def parsed(host: str, *items: dict[str, Any]) -> Desired:
    parser = Parser(described(host), FACTS, Policy(), False)
    return parser.desired([(f"groups[{number}]", item) for number, item in enumerate(items)])


def only(host: str, **item: Any) -> Group:
    (group,) = parsed(host, {"name": "batch", **item}).groups
    return group


def wanted(group: Group) -> dict[str, Any]:
    return {want.file.name: want.value for want in group.wants}


def test_parents_come_before_children_whatever_the_order() -> None:
    names = ["b/c/d", "a/b", "b", "/", "b/c", "a"]
    groups = parsed("unified", *[{"name": name} for name in names]).groups
    assert [group.name for group in groups] == ["", "a", "b", "a/b", "b/c", "b/c/d"]


def test_a_group_knows_where_it_was_declared() -> None:
    groups = parsed("unified", {"name": "b"}, {"name": "a", "limits": {"pids.max": 1}}).groups
    assert {group.name: group.option for group in groups} == {"b": "groups[0]", "a": "groups[1]"}


def test_what_is_left_out_is_not_declared() -> None:
    group = only("unified")
    assert group._replace(name="", option="", look=(), expect=()) == Group("", "")
    assert (group.frozen, group.type, group.delegate, group.on_processes) == (None, None, None, REFUSE)
    for key in ("limits", "controllers", "controllers_absent", "type", "delegate", "frozen", "processes"):
        assert only("unified", **{key: None}) == group


def test_limits_and_settings_imply_controllers() -> None:
    group = only("unified", limits={"memory.max": "1G", "cpu.weight": 1}, controllers=["pids"], frozen=True)
    assert group.controllers == {"memory", "cpu", "pids", "freezer"}
    assert wanted(group) == {"memory.max": 1024**3, "cpu.weight": 1}


@pytest.mark.parametrize(
    ("host", "item", "look"),
    [
        ("legacy", {"limits": {"pids.max": 1}}, {"pids": ("pids.max",)}),
        ("legacy", {"controllers": ["cpu", "memory"]}, {"cpu": (), "memory": ()}),
        (
            "legacy",
            {"limits": {"memory.swap.max": 0}},
            {"memory": ("memory.memsw.limit_in_bytes", "memory.limit_in_bytes")},
        ),
        ("legacy", {"controllers": ["cpuset"]}, {"cpuset": ("cpuset.cpus", "cpuset.mems")}),
        ("legacy", {"limits": {"cpuset.mems": 0}}, {"cpuset": ("cpuset.mems", "cpuset.cpus")}),
        (
            "legacy with cpu and cpuset together",
            {"limits": {"cpu.shares": 5}},
            {"cpu,cpuset": ("cpu.shares", "cpuset.cpus", "cpuset.mems")},
        ),
        ("unified", {"limits": {"cpuset.mems": 0}}, {"/": ("cpuset.mems",)}),
        ("hybrid", {}, {"unified": ()}),
        ("hybrid", {"frozen": True}, {"freezer": ()}),
        ("hybrid", {"type": "threaded"}, {"unified": ()}),
        (
            "hybrid with memory and pids on v2",
            {"limits": {"pids.max": 1, "cpu.weight": 1, "memory.max": 1048576}},
            {"cpu": ("cpu.shares",), "unified": ("pids.max", "memory.max")},
        ),
    ],
)
def test_the_hierarchies_and_files_that_matter(
    host: str, item: dict[str, Any], look: dict[str, tuple[str, ...]]
) -> None:
    points = [hierarchy.point.removeprefix("/sys/fs/cgroup/") for hierarchy in described(host).hierarchies]
    found = {points[index].replace("/sys/fs/cgroup", "/"): files for index, files in only(host, **item).look}
    assert found == look


def test_equal_limits_are_resolved_once() -> None:
    """A thousand groups of one kind cost one."""
    groups = parsed("unified", *[{"name": f"g{number}", "limits": {"memory.max": "1G"}} for number in range(3)]).groups
    assert len({id(group.wants) for group in groups}) == 1
    assert len({group.name for group in groups}) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"pids.max": 1}, {"pids.max": True}),
        ({"cpuset.cpus": 1}, {"cpuset.cpus": True}),
        ({"memory.max": 4096.0}, {"memory.max": "4096.0"}),
    ],
)
def test_what_python_takes_for_equal_is_not_taken_for_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    alone = [_result({"limits": limits}) for limits in (one, other)]
    parser = Parser(described("unified"), FACTS, Policy(), False)
    together = [_result({"limits": limits}, parser) for limits in (one, other)]
    assert together == alone


def _result(item: dict[str, Any], parser: Parser | None = None) -> object:
    parser = parser or Parser(described("unified"), FACTS, Policy(), False)
    try:
        (group,) = parser.desired([("", {"name": "batch", **item})]).groups
    except IsolationError as error:
        return error.sentence()
    return wanted(group)


def test_lists_and_dictionaries_among_limits_are_resolved_too() -> None:
    group = only("unified", limits={"cpuset.cpus": [0, 1], "io.max": {"/dev/sda": {"rbps": "1M"}}})
    assert wanted(group) == {"cpuset.cpus": "0-1", "io.max": {("8:0", "rbps"): 1048576}}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (None, REFUSE),
        ("refuse", REFUSE),
        ("kill", OnProcesses("kill", "")),
        ({"move_to": "other"}, OnProcesses("move", "other")),
        ({"move_to": "other/"}, OnProcesses("move", "other")),
        ({"move_to": "/"}, OnProcesses("move", "")),
    ],
)
def test_what_to_do_with_processes(said: object, meant: OnProcesses) -> None:
    assert only("unified", state="absent", on_processes=said).on_processes == meant


@pytest.mark.parametrize(
    "said",
    ["", "Kill", "move_to", [], ["kill"], {}, {"move_to": "a", "kill": True}, {"to": "a"}, 1, True, {"move_to": None}],
)
def test_what_not_to_do_with_processes(said: object) -> None:
    with pytest.raises(InputError, match=r"groups\[0\]\.on_processes"):
        only("unified", state="absent", on_processes=said)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"owner": "root"}, Delegate(0, -1)),
        ({"group": 0}, Delegate(-1, 0)),
        ({"owner": "1000", "group": 100}, Delegate(1000, 100)),
        ({"owner": 4294967294}, Delegate(4294967294, -1)),
    ],
)
def test_to_whom_a_group_is_handed_over(said: dict[str, Any], meant: Delegate) -> None:
    assert only("unified", delegate=said).delegate == meant


@pytest.mark.parametrize(
    "said",
    [
        {"owner": "no such user"},
        {"group": "no such group"},
        {"owner": -1},
        {"owner": "4294967295"},
        {"owner": True},
        {"owner": 1.5},
        {"owner": ""},
        {"owner": "\u00b2"},
        {"owner": "a\0b"},
        {"group": "\u0661\u0662"},
        {},
    ],
)
def test_to_whom_no_group_is_handed_over(said: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"groups\[0\]\.delegate"):
        only("unified", delegate=said)


@pytest.mark.parametrize("said", ["memory", [1], [None], {"memory": 1}, 5])
@pytest.mark.parametrize("key", ["controllers", "controllers_absent"])
def test_controllers_are_a_list_of_names(key: str, said: object) -> None:
    with pytest.raises(InputError, match=rf"groups\[0\]\.{key}"):
        only("unified", **{key: said})


@pytest.mark.parametrize("said", ["memory.max", ["memory.max"], 5, True])
def test_limits_are_a_dictionary(said: object) -> None:
    with pytest.raises(InputError, match=r"groups\[0\]\.limits"):
        only("unified", limits=said)


@pytest.mark.parametrize(
    ("said", "option"),
    [
        ({"recursive": True}, "recursive"),
        ({"on_processes": "kill"}, "on_processes"),
        ({"on_processes": {"move_to": "/"}}, "on_processes"),
    ],
)
@pytest.mark.parametrize("more", [{}, {"limits": {"pids.max": 5}}, {"limits": {"pids.max": 5}, "frozen": True}])
def test_what_is_said_of_a_removal_is_nothing_to_a_group_that_stays(
    said: dict[str, Any], option: str, more: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as caught:
        only("unified", **said, **more)
    assert caught.value.sentence() == (
        f"groups[0].{option}: says how to remove a group that shall be present; leave it out, or set state: absent."
    )
    # What the argument specification fills in was said by nobody.
    assert only("unified", recursive=False, on_processes="refuse", **more) == only("unified", **more)


def test_an_absent_group_is_looked_for_in_every_hierarchy_but_named_ones() -> None:
    host = described("hybrid")
    indexes = only("hybrid", state="absent").indexes()
    assert [host.hierarchies[index].name or host.hierarchies[index].version for index in indexes] == [1] * 6 + [2]


def test_policy_comes_from_the_options_alone() -> None:
    """Each permission of a task arrives under its own name, and nothing is permitted that was not said."""
    everything: dict[str, Any] = {
        "purge_below": "batch",
        "purge_force": True,
        "shrink": "immediate",
        "fill_parents": True,
        "allow_lockout": True,
        "from_systemd": True,
        "recreate": True,
        "unsafe_v1": True,
    }
    groups = [{"name": "batch"}]
    assert run._policy(cases.parameters("cgroup_tree", {"groups": groups}), False) == Policy()
    found = run._policy(cases.parameters("cgroup_tree", {"groups": groups, **everything}), True)
    assert found == Policy(create=True, check=True, **everything)
    assert run._policy(cases.parameters("cgroup_limit", {"name": "batch", "limits": {}}), False) == Policy(create=False)


def test_one_declaration_is_parsed_alike_twice() -> None:
    """The parser keeps no state that a second task could stumble on."""
    item = {"name": "batch", "limits": {"cpu.max": 1, "memory.max": "1G"}, "frozen": True}
    assert parsed("unified", item) == parsed("unified", dict(item))
