# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is declared: it is understood, shown and read back as the same, or refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import limits
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files import table
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import (
    INHERIT,
    MAX,
    Facts,
    InterfaceFile,
)
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    InputError,
    IsolationError,
)

REFUSED = object()
ROWS = [row for row in table.every() if row.controller != "freezer"]


def device(path: str) -> str:
    if len(path) > 5:
        return "8:0"
    raise InputError("does not exist", value=path)


FACTS = Facts(4096, 24 * 1024**3, 8, device)


def or_sentence(attempt: Callable[[], Any]) -> Any:
    """What it returns, or REFUSED after an IsolationError of one short line; nothing else may come out."""
    try:
        return attempt()
    except IsolationError as error:
        sentence = error.sentence()
    assert "\n" not in sentence
    assert len(sentence) < 500
    return REFUSED


# What stands in playbooks, beside everything else.
numbers = st.one_of(
    st.integers(-2, 2),
    st.integers(0, 2**20),
    st.integers(),
    st.floats(),
    st.floats(0, 16),
    st.just(5000).map(lambda digits: 10**digits),
    st.just(MAX),
)
suffixes = st.sampled_from(["", "K", "M", "GiB", "kb", "%", "E", " ", "x"])
words = st.sampled_from(["max", "default", "yes", "off", "", "-1", "0-1,3", "all", "8:0 rbps=1M", "8:0 5", "*", "٣"])
scalars = st.one_of(
    st.none(),
    st.booleans(),
    numbers,
    words,
    st.text(max_size=12),
    st.builds("{}{}".format, st.one_of(st.integers(0, 2**40), st.floats(0, 10**6)), suffixes),
    st.builds("{} {}".format, st.integers(0, 10**7), st.integers(0, 10**7)),
)
devices = st.one_of(
    st.sampled_from(["8:0", "8:16", "/dev/sda", "/dev", "default", "*", 480, "480"]), scalars.filter(bool)
)
keys = st.sampled_from(["rbps", "wbps", "riops", "wiops", "bps", ""])
said = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.dictionaries(devices, st.one_of(scalars, st.dictionaries(keys, scalars, max_size=3)), max_size=3),
)


# Kinds are few and rows are many: each example takes any row.
rows = st.sampled_from(ROWS)


@settings(max_examples=1500, deadline=None)
@given(row=rows, value=said, other=said)
def test_understood_and_shown_as_the_same_or_refused(row: InterfaceFile, value: object, other: object) -> None:
    kind = row.kind
    wanted = or_sentence(lambda: kind.parse("limits['x']", value, FACTS))
    if wanted is REFUSED:
        return
    assert kind.parse("again", kind.show(wanted), FACTS) == wanted
    text = kind.text(wanted)
    if text is not None:
        assert kind.text(kind.read(text)) == text
        assert kind.holds(kind.read(text + "\n"), wanted)
        assert kind.writes(kind.read(text), wanted) == ()
    assert isinstance(kind.note(value, wanted), str)
    before = or_sentence(lambda: kind.predicted(None, kind.parse("x", other, FACTS)))
    observed = None if before is REFUSED else before
    after = kind.predicted(observed, wanted)
    assert kind.holds(after, wanted)
    assert kind.writes(after, wanted) == ()
    if observed is not None:
        assert (kind.writes(observed, wanted) == ()) == kind.holds(observed, wanted)
        assert kind.direction(observed, wanted) in ("rise", "fall", "both")
    assert all(text and len(text) < 4096 for text in kind.writes(observed, wanted))


@settings(max_examples=500, deadline=None)
@given(
    row=rows,
    text=st.one_of(st.text(), scalars.filter(lambda value: isinstance(value, str)), st.just("8:0 rbps=1 wbps=max")),
)
def test_whatever_the_kernel_shows_is_read_or_named(row: InterfaceFile, text: str) -> None:
    value = or_sentence(lambda: row.kind.read(text))
    assert value is REFUSED or isinstance(row.kind.show(value), str)


names = st.one_of(
    st.sampled_from([row.name for row in ROWS]), st.text(max_size=20), st.sampled_from(["tasks", "cpu.stat"])
)
hosts = st.dictionaries(
    st.sampled_from(["cpu", "cpuset", "memory", "io", "pids", ""]), st.integers(1, 2), min_size=4
).map(lambda found: {name: version if name else 2 for name, version in found.items()})


@settings(max_examples=1000, deadline=None)
@given(declared=st.dictionaries(names, said, min_size=1, max_size=4), versions=hosts)
def test_any_declaration_on_any_host_is_resolved_or_refused(declared: dict[str, Any], versions: dict[str, int]) -> None:
    cache: dict[Any, Any] = {}
    found = or_sentence(lambda: limits.resolve("limits", declared, versions, FACTS, "hybrid", cache))
    if found is REFUSED:
        return
    assert limits.resolve("limits", declared, versions, FACTS, "hybrid", cache) == found
    for want in found.wants:
        assert want.file.version == versions[want.file.controller]
        assert want.declared in declared
        assert want.value is not None or want.needs or (want.reset and want.file.default is INHERIT)
    assert {want.declared for want in found.wants} <= set(declared)


@given(
    weight=st.integers(1, 10000), cpus=st.integers(1, 800), megabytes=st.integers(1, 10**6), swap=st.integers(0, 10**6)
)
def test_over_to_v1_and_back(weight: int, cpus: int, megabytes: int, swap: int) -> None:
    there = {"cpu.weight": weight, "cpu.max": cpus / 100, "memory.max": f"{megabytes}M", "memory.swap.max": f"{swap}M"}
    on_v1 = limits.resolve("limits", there, {"cpu": 1, "memory": 1}, FACTS, "legacy", {})
    back = {want.file.name: want.file.kind.show(want.value) for want in on_v1.wants}
    both = [
        {
            want.file.name: want.value
            for want in limits.resolve("limits", one, {"cpu": 2, "memory": 2}, FACTS, "x", {}).wants
        }
        for one in (there, back)
    ]
    assert both[0] == both[1]
