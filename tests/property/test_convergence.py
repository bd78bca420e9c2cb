# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is declared on whatever host of the model: it is reached and stays, or it is refused and nothing was done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import assume, event, given, note, settings
from hypothesis import strategies as st

from ansible_collections.linux.isolation.tests.model.bench import Bench, Result, installed
from ansible_collections.linux.isolation.tests.model.host import Host

from . import oracle, scope
from .declarations import SETTLED, Task, hosts, tasks, wild_tasks

EXAMPLES = settings().max_examples
# Of another task on the same host: a group that no other task here has.
OTHER: Mapping[str, object] = {"groups": [{"name": "z", "controllers": ["pids"], "limits": {"pids.max": 9}}]}


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with installed() as found:
        yield found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Host, Task]:
    host = draw(hosts())
    return host, draw(tasks(host))


@st.composite
def wild_cases(draw: st.DrawFn) -> tuple[Host, dict[str, Any]]:
    host = draw(hosts())
    return host, draw(wild_tasks(host))


def announced(result: Result) -> bool:
    """Whether an error says that changes were made."""
    return result.error is not None and "changes were made" in result.error.reason


@settings(max_examples=EXAMPLES * 4)
@given(case=cases())
def test_what_can_be_is_reached_and_what_cannot_be_is_refused(bench: Bench, case: tuple[Host, Task]) -> None:
    host, task = case
    verdict = oracle.judge(host, task)
    note(f"{host.layout} {task.options()}")
    note(f"expected: {verdict.refused or verdict.open or 'to be reached'}")
    event("refused" if verdict.refused else "either" if verdict.open else "reached")
    before = oracle.show(host)
    predicted = bench.tree(host, task.options(), check=True)
    assert not predicted.calls
    assert oracle.show(host) == before

    result = bench.tree(host, task.options())
    assert not scope.trespasses(task.options(), result.calls)
    if result.error is not None:
        note(f"error: {result.error}")
        assert verdict.refused or verdict.open, result.error
        assert announced(result) or not result.calls
        return
    assert not verdict.refused
    if verdict.open:
        return
    host.machine.clock.sleep(SETTLED)
    assert not oracle.difference(host, verdict.host)
    assert result.actions == predicted.actions
    assert result.values["diff"] == predicted.values["diff"]
    assert result.values["drifted"] == []
    again = bench.tree(host, task.options())
    assert (again.values["actions"], again.calls) == ([], [])


@settings(max_examples=EXAMPLES)
@given(
    case=cases(),
    moments=st.lists(st.floats(0, 1, exclude_max=True), min_size=3, max_size=3),
    other=st.sampled_from((None, None, OTHER)),
)
def test_killed_at_any_call_and_run_again_it_comes_to_the_same(
    bench: Bench, case: tuple[Host, Task], moments: list[float], other: Mapping[str, object] | None
) -> None:
    start, task = case
    verdict = oracle.judge(start, task)
    assume(not verdict.refused and not verdict.open)
    note(f"{start.layout} {task.options()}")
    whole = start.copied()
    length = len(bench.tree(whole, task.options()).calls)
    for moment in moments:
        host = start.copied()
        fuse = int(moment * length)
        died = bench.tree(host, task.options(), fuse=fuse)
        assert died.died == (fuse < length)
        note(f"died at call {fuse} of {length}, after {list(died.calls)[-2:]}")
        if other is not None:
            # Somebody else's task comes first.
            assert bench.tree(host, other).error is None
            assert bench.tree(host, {"groups": [{"name": "z", "state": "absent"}]}).error is None
        again = bench.tree(host, task.options())
        assert again.error is None, again.error
        host.machine.clock.sleep(SETTLED)
        assert not oracle.difference(host, verdict.host)


@settings(max_examples=EXAMPLES * 3)
@given(case=wild_cases())
def test_whatever_is_said_ends_in_a_sentence_or_holds(bench: Bench, case: tuple[Host, dict[str, Any]]) -> None:
    host, options = case
    note(f"{host.layout} {options}")
    before = oracle.show(host)
    predicted = bench.tree(host, options, check=True)
    assert not predicted.calls
    assert oracle.show(host) == before

    result = bench.tree(host, options)
    event("error" if result.error else "changed" if result.calls else "nothing to do")
    assert not scope.trespasses(options, result.calls)
    if predicted.error is not None:
        # What is known beforehand is said beforehand.
        assert str(result.error) == str(predicted.error)
        assert not result.calls
    if result.error is not None:
        sentence = result.error.sentence()
        note(sentence)
        assert "\n" not in sentence
        assert announced(result) or not result.calls
        left = {call.path for call in result.calls if call.verb == "mkdir"} & {path for _, path in oracle.show(host)}
        new = left - {path for _, path in before}
        assert not new or "could not be taken back" in str(result.error)
        return
    assert result.actions == predicted.actions
    again = bench.tree(host, options)
    assert (again.error, again.values.get("actions"), again.calls) == (None, [], [])
