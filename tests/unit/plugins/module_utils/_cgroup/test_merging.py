# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two declarations of one group as one; what comes of them is in tests/unit/plans/together.yml too."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.desired import Delegate, Group, Policy
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.parsing import Parser
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError, RefusedError
from ansible_collections.linux.isolation.tests.unit.plans.host import FACTS, described


def merged(*items: dict[str, Any], host: str = "unified") -> Group:
    parser = Parser(described(host), FACTS, Policy(), False)
    (group,) = parser.desired([(f"groups[{n}]", {"name": "batch", **item}) for n, item in enumerate(items)]).groups
    return group


def test_what_only_one_of_them_says_is_said() -> None:
    group = merged(
        {"limits": {"pids.max": 5}, "controllers": ["cpu"], "processes": [{"pid": 7}]},
        {"limits": {"memory.max": "1G"}, "controllers_absent": ["io"], "frozen": True, "type": "domain"},
        {"delegate": {"owner": 1000}, "processes": [{"exe": "/bin/sh"}, {"pid": 8}]},
    )
    assert {want.file.name for want in group.wants} == {"pids.max", "memory.max"}
    assert group.controllers >= {"cpu", "pids", "memory", "freezer"}
    assert (group.unwanted, group.frozen, group.type) == (frozenset({"io"}), True, "domain")
    assert group.delegate == Delegate(1000, -1)
    assert [selector.option for selector in group.selectors] == [
        "groups[0].processes[0]",
        "groups[2].processes[0]",
        "groups[2].processes[1]",
    ]
    assert group.option == "groups[0]"


@pytest.mark.parametrize("host", ["legacy", "hybrid"])
def test_who_says_processes_alone_says_nothing_of_controllers(host: str) -> None:
    processes, controllers = {"processes": [{"pid": 7}]}, {"controllers": ["cpu", "pids"]}
    group = merged(controllers, host=host)
    assert (
        merged(processes, controllers, host=host).look == merged(controllers, processes, host=host).look == group.look
    )
    assert len(group.look) == 2


def test_a_delegation_is_refused_beside_v1_wherever_that_is_said() -> None:
    for items in (
        [{"delegate": {"owner": 1000}, "controllers": ["cpu"]}],
        [{"delegate": {"owner": 1000}}, {"controllers": ["cpu"]}],
    ):
        with pytest.raises(RefusedError, match=r"groups\[0\]\.delegate: would hand over cpu on v1"):
            merged(*items, host="hybrid")


def test_what_both_say_is_said_once() -> None:
    item = {"limits": {"pids.max": 5, "cpu.weight": 200}, "controllers": ["cpu"], "frozen": False}
    once, twice = merged(item, host="legacy"), merged(item, item, host="legacy")
    assert twice._replace(plain=once.plain) == once
    assert len(once.warnings) == 1


@pytest.mark.parametrize("other", [{"group": 100}, {"owner": 1000, "group": 100}])
def test_an_owner_and_a_group_may_be_said_in_two_places(other: dict[str, Any]) -> None:
    for items in (({"owner": 1000}, other), (other, {"owner": 1000})):
        assert merged(*({"delegate": item} for item in items)).delegate == Delegate(1000, 100)


def test_the_hierarchies_of_both_count() -> None:
    group = merged({"limits": {"pids.max": 5}}, {"limits": {"memory.max": "1G"}}, host="legacy")
    assert [files for _, files in group.look] == [("memory.limit_in_bytes",), ("pids.max",)]
    assert [dict(texts) for texts in group.expect] == [{"memory.limit_in_bytes": "1073741824"}, {"pids.max": "5"}]


def test_a_merged_group_is_no_plain_one_unless_it_is() -> None:
    """The fast way compares limits alone: it must not be taken for a group that has more."""
    assert not merged({"limits": {"pids.max": 5}}, {"limits": {"pids.max": 5}, "frozen": True}).plain
    assert not merged({"limits": {"pids.max": 5}, "processes": [{"pid": 7}]}, {"limits": {"pids.max": 5}}).plain


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ({"limits": {"pids.max": 5}}, {"limits": {"pids.max": 6}}, "limits['pids.max']"),
        ({"limits": {"pids.max": 5}}, {"limits": {"pids.max": "default"}}, "limits['pids.max']"),
        ({"frozen": True}, {"frozen": False}, "frozen"),
        ({"type": "domain"}, {"type": "threaded"}, "type"),
        ({"delegate": {"owner": 1}}, {"delegate": {"owner": 2}}, "delegate"),
        ({"delegate": {"owner": 1, "group": 3}}, {"delegate": {"group": 2}}, "delegate"),
        ({"controllers": ["cpu"]}, {"controllers_absent": ["cpu"]}, "controllers and controllers_absent"),
        ({"limits": {"cpu.weight": 5}}, {"controllers_absent": ["cpu"]}, "controllers and controllers_absent"),
        ({"state": "absent"}, {"frozen": True}, "state"),
        ({"state": "absent"}, {"state": "absent", "recursive": True}, "recursive or on_processes"),
    ],
)
def test_a_contradiction_names_both_places_and_what_differs(
    one: dict[str, Any], other: dict[str, Any], what: str
) -> None:
    for items in ((one, other), (other, one)):
        with pytest.raises(InputError) as caught:
            merged({}, *items) if "state" not in one else merged(*items)
        sentence = caught.value.sentence()
        assert sentence.startswith("name: 'batch' is declared twice with different ")
        assert what in sentence
        assert sentence.count("groups[") == 2
