# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be meant, or not be done here, is one clear sentence before anything is written; never a traceback."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from ansible_collections.linux.isolation.tests.integration.support import spaces
from ansible_collections.linux.isolation.tests.integration.support.disks import Disk, disk
from ansible_collections.linux.isolation.tests.integration.support.host import Host
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import Answer, Child, perform, run

CASES = yaml.safe_load((Path(__file__).parent / "bad_input.yml").read_text())


def _case(case: dict[str, Any]) -> Any:
    marks = [getattr(pytest.mark, version)(case[version]) for version in ("v1", "v2") if version in case]
    return pytest.param(case, id=case["title"], marks=marks)


@pytest.fixture(scope="module")
def a_disk(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with disk(tmp_path_factory.mktemp("disk")) as found:
        yield found


def filled(value: Any, words: dict[str, str]) -> Any:
    """The same data with the words of the cases replaced."""
    if isinstance(value, dict):
        return {filled(key, words): filled(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, words) for item in value]
    if isinstance(value, str):
        for word, meant in words.items():
            value = value.replace(word, meant)
    return value


def test_titles_differ() -> None:
    assert len({case["title"] for case in CASES}) == len(CASES)


class Told(NamedTuple):
    """A case in check mode and for real, and the groups that there were after each."""

    check: Answer
    real: Answer
    made: list[list[Path]]


def _words(name: str, disk: str) -> dict[str, str]:
    return {"GROUP": name, "LONG256": "x" * 256, "LONG4096": "/".join(["x" * 200] * 21), "DISK": disk}


@pytest.fixture(scope="module")
def told(host: Host, wide_sandbox: Sandbox, a_disk: Disk) -> dict[str, tuple[dict[str, str], Told]]:
    """All cases, some dozens in one child: most of them are over before the kernel is asked."""
    words = {case["title"]: _words(wide_sandbox.below(f"n{n}"), a_disk.path) for n, case in enumerate(CASES)}

    def tell(cases: list[dict[str, Any]]) -> list[Told]:
        found = []
        for case in cases:
            params, group = filled(case["params"], words[case["title"]]), words[case["title"]]["GROUP"]
            check = perform(case["module"], params, True)
            before = host.places(group)
            found.append(Told(check, perform(case["module"], params), [before, host.places(group)]))
        return found

    # What a task opened stays open until its process ends.
    parts = [CASES[begin : begin + 25] for begin in range(0, len(CASES), 25)]
    answers = [one for part in parts for one in Child(partial(tell, part)).answer()]
    return {case["title"]: (words[case["title"]], one) for case, one in zip(CASES, answers, strict=True)}


@pytest.mark.parametrize("case", [_case(case) for case in CASES])
def test_bad_input_is_told_in_one_sentence(case: dict[str, Any], told: dict[str, tuple[dict[str, str], Told]]) -> None:
    words, one = told[case["title"]]
    assert one.real.failed, one.real.values
    if case.get("predicted"):
        assert not one.check.failed
        assert one.check.warnings
    else:
        assert one.check.sentence == one.real.sentence
    for fragment in filled(case["says"], words):
        assert fragment in one.real.sentence
    check_sentence(one.real)
    assert one.made == [[], []]


def check_sentence(answer: Answer) -> None:
    """One line, not endless, no Python in it."""
    assert "\n" not in answer.sentence
    assert len(answer.sentence) < 700
    assert not re.search(r"Traceback|Error:|<class|object at|None\b", answer.sentence), answer.sentence
    if "failure" in answer.values:
        assert answer.sentence.endswith(".")
        assert answer.values["failure"]["reason"]


# -- what the host says -----------------------------------------------------------------------------------------------


def test_a_refusal_of_the_kernel_carries_path_value_and_reason(host: Host, sandbox: Sandbox) -> None:
    answer = run("limit", {"name": sandbox.name, "create": True, "limits": {"io.max": {"999:999": {"rbps": "1M"}}}})
    assert answer.failed
    failure = answer.values["failure"]
    name = "blkio.throttle.read_bps_device" if host.version("io") == 1 else "io.max"
    path = str(host.path("io", sandbox.name, name))
    assert (failure["kind"], failure["path"], failure["errno"]) == ("KernelError", path, "ENODEV")
    assert failure["wrote"].startswith("999:999 ")
    for fragment in (path, repr(failure["wrote"]), "No such device (ENODEV)", "no such device here"):
        assert fragment in answer.sentence
    check_sentence(answer)
    assert sandbox.places() == []


def _mounts(host: Host) -> list[Path]:
    return [host.path(controller, "") for controller in ("pids", "memory")]


SPACES: dict[str, tuple[Callable[[Host, Sandbox], Callable[[], None]], list[str]]] = {
    "without root": (lambda host, sandbox: spaces.without_root, ["needs root", "become: true"]),
    "mounted read only": (
        lambda host, sandbox: spaces.read_only(*_mounts(host)),
        ["mounted read only", "where the hierarchy is mounted writable"],
    ),
    "a partial view": (
        lambda host, sandbox: spaces.cgroup_namespace(*(path.parent for path in _in_a_group(host, sandbox))),
        ["a view from another cgroup namespace"],
    ),
}


def _in_a_group(host: Host, sandbox: Sandbox) -> list[Path]:
    outer = sandbox.name + "-outer"
    made = run("tree", {"groups": [{"name": outer, "controllers": ["pids", "memory"]}]})
    assert not made.failed, made.sentence
    return [host.path(controller, outer, "cgroup.procs") for controller in ("pids", "memory")]


@pytest.mark.parametrize("name", SPACES)
def test_where_it_cannot_be_done_is_told(name: str, host: Host, sandbox: Sandbox) -> None:
    prepare, says = SPACES[name]
    enter = prepare(host, sandbox)
    before = sandbox.places()
    task = {"name": sandbox.below("new"), "controllers": ["pids", "memory"]}
    for check in (True, False):
        answer = run("group", task, check, enter)
        assert answer.failed, answer.values
        for fragment in says:
            assert fragment in answer.sentence
        check_sentence(answer)
    assert sandbox.places() == before


def test_nothing_is_written_through_what_lies_on_top_of_a_group(host: Host, sandbox: Sandbox, tmp_path: Path) -> None:
    group = sandbox.make("pids")
    (tmp_path / "pids.max").write_text("max\n")
    task = {"name": sandbox.name, "limits": {"pids.max": 5}}
    answer = run("limit", task, enter=spaces.covered(group, tmp_path))
    assert answer.failed, answer.values
    check_sentence(answer)
    assert (tmp_path / "pids.max").read_text() == "max\n"
    assert (group / "pids.max").read_text() == "max\n"


def test_a_link_out_of_the_hierarchy_is_not_followed(host: Host, sandbox: Sandbox, tmp_path: Path) -> None:
    group = sandbox.make("pids")
    covering, outside = tmp_path / "covering", tmp_path / "outside"
    covering.mkdir()
    outside.write_text("max\n")
    (covering / "pids.max").symlink_to(outside)
    answer = run("limit", {"name": sandbox.name, "limits": {"pids.max": 5}}, enter=spaces.covered(group, covering))
    assert answer.failed, answer.values
    assert outside.read_text() == "max\n"


@pytest.mark.v1("cpuset")
def test_an_empty_cpuset_of_somebody_else_is_told(sandbox: Sandbox) -> None:
    assert (sandbox.make("cpuset") / "cpuset.cpus").read_text() == "\n"
    answer = run("group", {"name": sandbox.below("a"), "controllers": ["cpuset"]})
    assert answer.failed
    assert "has an empty cpuset.cpus" in answer.sentence
    assert "fill_parents: true" in answer.sentence
    check_sentence(answer)
