# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is declared on whatever host of the model: it is reached and stays, or it is refused and nothing was done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import event, given, note, settings
from hypothesis import strategies as st

from ansible_collections.linux.isolation.tests.model.bench import Bench, Result, installed
from ansible_collections.linux.isolation.tests.model.host import Host

from . import oracle
from .declarations import SETTLED, Task, hosts, tasks

EXAMPLES = settings().max_examples


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with installed() as found:
        yield found


@st.composite
def cases(draw: st.DrawFn) -> tuple[Host, Task]:
    host = draw(hosts())
    return host, draw(tasks(host))


def announced(result: Result) -> bool:
    """Whether an error says that changes were made before it."""
    return result.error is not None and "changes were made" in result.error.reason


@settings(max_examples=EXAMPLES * 3)
@given(case=cases())
def test_what_can_be_is_reached_and_what_cannot_be_is_refused(bench: Bench, case: tuple[Host, Task]) -> None:
    host, task = case
    verdict = oracle.judge(host, task)
    note(f"{host.layout} {task.options()}")
    note(f"expected: {verdict.refused or 'to be reached'}")
    event("refused" if verdict.refused else "reached")
    before = oracle.show(host)
    predicted = bench.tree(host, task.options(), check=True)
    assert not predicted.calls
    assert oracle.show(host) == before

    result = bench.tree(host, task.options())
    if result.error is not None:
        note(f"error: {result.error}")
        assert verdict.refused, result.error
        assert announced(result) or not result.calls
        return
    assert not verdict.refused
    host.machine.clock.sleep(SETTLED)
    assert not oracle.difference(host, verdict.host)
    assert result.actions == predicted.actions
    assert result.values["diff"] == predicted.values["diff"]
    assert result.values["drifted"] == []
    again = bench.tree(host, task.options())
    assert (again.values["actions"], again.calls) == ([], [])
