# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a group may be called."""

from __future__ import annotations

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import names
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError

CONTROLLERS = [
    *("cgroup", "cpu", "cpuacct", "cpuset", "io", "memory", "pids", "hugetlb", "rdma", "misc", "dmem"),
    *("blkio", "devices", "freezer", "net_cls", "net_prio", "perf_event", "debug"),
]


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("batch", "batch"),
        ("batch/", "batch"),
        ("batch/nightly", "batch/nightly"),
        ("batch/nightly/", "batch/nightly"),
        ("/", ""),
        ("a" * 255, "a" * 255),
        ("a" * 255 + "/b", "a" * 255 + "/b"),
        ("/".join(["abc"] * 1024)[:4095], "/".join(["abc"] * 1024)[:4095]),
        ("é" * 127, "é" * 127),
        ("日本", "日本"),
        ("with blank", "with blank"),
        (" ", " "),
        (".hidden", ".hidden"),
        ("...", "..."),
        ("a..b", "a..b"),
        ("batch.cpu", "batch.cpu"),
        ("a:b,c=d+e@f-g_h", "a:b,c=d+e@f-g_h"),
        (r"dev-disk-by\x2duuid", r"dev-disk-by\x2duuid"),
        (r"a\x2D\x5cb", r"a\x2D\x5cb"),
        ("nginx.service", "nginx.service"),
        ("tasks2/my.tasks", "tasks2/my.tasks"),
        *[(controller, controller) for controller in CONTROLLERS],
        *[(controller + "-x/x." + controller, controller + "-x/x." + controller) for controller in CONTROLLERS],
    ],
)
def test_a_name_is_taken(said: str, name: str) -> None:
    assert names.parse("name", said) == name
    assert names.parse("name", name or "/") == name


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("", "is empty"),
        ("//", "begins with /"),
        ("/batch", "begins with /"),
        ("a//b", "has an empty part"),
        ("a//", "has an empty part"),
        (".", "the part '.'"),
        ("..", "the part '..'"),
        ("../a", "the part '..'"),
        ("a/../b", "the part '..'"),
        ("a/./b", "the part '.'"),
        ("a/..", "the part '..'"),
        ("a/../", "the part '..'"),
        ("a" * 256, "a part of more than 255 bytes"),
        ("é" * 128, "a part of more than 255 bytes"),
        ("/".join(["abc"] * 1100), "has 4399 bytes"),
        ("a\nb", "a control character"),
        ("a\n", "a control character"),
        ("a\0b", "a control character"),
        ("a\tb", "a control character"),
        ("a\x7f", "a control character"),
        ("a\x85b", "a control character"),
        ("a\x9b2J", "a control character"),
        ("a\\b", "a backslash"),
        ("a\\x2", "a backslash"),
        ("a\\x2g", "a backslash"),
        ("a\\", "a backslash"),
        ("a\udcff", "is not UTF-8"),
        ("tasks", "like an interface file"),
        ("a/notify_on_release", "like an interface file"),
        ("release_agent/b", "like an interface file"),
        *[(controller + ".x", "like an interface file") for controller in CONTROLLERS],
        *[("ok/" + controller + ".max/ok", "like an interface file") for controller in CONTROLLERS],
    ],
)
def test_a_name_is_refused(said: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        names.parse("groups[1].name", said)
    sentence = caught.value.sentence()
    assert sentence.startswith("groups[1].name: ")
    assert says in sentence
    assert sentence.isprintable()
    sentence.encode()


@pytest.mark.parametrize("said", [None, 5, True, 1.5, ["a"], {"a": 1}])
def test_what_is_no_text_is_no_name(said: object) -> None:
    with pytest.raises(InputError, match="is not a name; write a string"):
        names.parse("name", said)


def test_a_long_name_is_not_shown_whole() -> None:
    with pytest.raises(InputError) as caught:
        names.parse("name", "x" * 100000)
    assert len(caught.value.sentence()) < 200


def test_parents_come_from_the_top() -> None:
    assert list(names.parents("a/bc/d")) == ["a", "a/bc"]
    assert list(names.parents("a")) == []
    assert list(names.parents("")) == []


def test_the_parent_is_right_above() -> None:
    assert [names.parent(name) for name in ("a/b/c", "a/b", "a", "")] == ["a/b", "a", "", ""]


@pytest.mark.parametrize(
    ("name", "ancestor", "is_below"),
    [
        ("a", "a", True),
        ("a/b", "a", True),
        ("a/b/c", "a", True),
        ("a", "", True),
        ("", "", True),
        ("ab", "a", False),
        ("a", "a/b", False),
        ("", "a", False),
        ("b/a", "a", False),
    ],
)
def test_below_goes_by_whole_parts(name: str, ancestor: str, is_below: bool) -> None:
    assert names.below(name, ancestor) is is_below


def test_the_root_is_shown_as_a_slash() -> None:
    assert (names.shown(""), names.shown("a/b")) == ("/", "a/b")


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("system.slice/nginx.service", "system.slice"),
        ("batch/run-1.scope/x", "run-1.scope"),
        ("nginx.service", "nginx.service"),
        ("nginx.services", ""),
        ("service", ""),
        ("nginx.service.d", ""),
        ("batch", ""),
        ("", ""),
    ],
)
def test_a_unit_is_known_by_its_ending(name: str, unit: str) -> None:
    assert names.systemd_unit(name) == unit
