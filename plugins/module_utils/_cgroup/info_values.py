# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel shows as values for a playbook: under its own names, and under v2's where these mean the same."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._convergence.errors import IsolationError
from .interface_files import table
from .interface_files.entry import Facts, InterfaceFile, Said
from .values import UNLIMITED

Values = Dict[str, object]
# What limits_of found: values, the same under v2's names, and the files whose text no kind could read.
Found = Tuple[Values, Values, Tuple[str, ...]]

# What is used now, by controller and version. Numbers, or a number for each key.
USAGE: Mapping[Tuple[str, int], Tuple[str, ...]] = {
    ("memory", 1): (
        "memory.usage_in_bytes",
        "memory.max_usage_in_bytes",
        "memory.memsw.usage_in_bytes",
        "memory.memsw.max_usage_in_bytes",
    ),
    ("memory", 2): (
        "memory.current",
        "memory.peak",
        "memory.swap.current",
        "memory.swap.peak",
        "memory.zswap.current",
    ),
    ("pids", 1): ("pids.current", "pids.peak"),
    ("pids", 2): ("pids.current", "pids.peak"),
    ("cpuacct", 1): ("cpuacct.usage",),
    ("cpu", 1): ("cpu.stat",),
    ("cpu", 2): ("cpu.stat",),
}
# v1 file -> v2 file that counts the same in the same unit.
_SAME_USAGE = {
    "memory.usage_in_bytes": "memory.current",
    "memory.max_usage_in_bytes": "memory.peak",
    "pids.current": "pids.current",
    "pids.peak": "pids.peak",
}
# v1's keys of cpu.stat -> v2's, and what to divide by: nanoseconds there, microseconds here.
_CPU_STAT = {
    "nr_periods": ("nr_periods", 1),
    "nr_throttled": ("nr_throttled", 1),
    "throttled_time": ("throttled_usec", 1000),
    "nr_bursts": ("nr_bursts", 1),
    "burst_time": ("burst_usec", 1000),
}


class Rows(NamedTuple):
    """The limits of one controller that a group shows: its files, their rows of the table, and texts met before."""

    controller: str
    files: Tuple[str, ...]
    rows: Tuple[InterfaceFile, ...]
    met: Dict[Tuple[Optional[str], ...], Found]


def plain(value: Any) -> object:
    """A canonical value in JSON's types, in a spelling that a declaration takes: "max" for no limit, a list for a pair,
    a dictionary for devices."""
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return "max" if value >= UNLIMITED else value
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    devices: Dict[str, Any] = {}
    for (device, key), figure in value.items():
        if key:
            devices.setdefault(device, {})[key] = plain(figure)
        else:
            devices[device] = plain(figure)
    return devices


def limits_of(rows: Rows, texts: Tuple[Optional[str], ...]) -> Found:
    """What the texts of one controller's files mean; None is a file that could not be read."""
    found = rows.met.get(texts)
    if found is None:
        found = rows.met[texts] = _limits_of(rows, texts)
    return found


def _limits_of(rows: Rows, texts: Sequence[Optional[str]]) -> Found:
    said: Dict[str, Said] = {}
    values: Values = {}
    strange: List[str] = []
    for file, row, text in zip(rows.files, rows.rows, texts):
        if text is None:
            continue
        try:
            said[row.name] = Said(row, row.kind.read(text))
            values[row.name] = plain(said[row.name].value)
        except IsolationError:
            values[row.name] = text
            strange.append(file)
    version = rows.rows[0].version
    return values, values if version == 2 else _as_v2(rows.controller, said), tuple(strange)


def _as_v2(controller: str, said: Mapping[str, Said]) -> Values:
    """v1 limits by v2's names, where nothing is lost and no formula is needed."""
    from .._kernel import machine

    facts = Facts(machine.page_size(), machine.memory_total(), machine.cpus(), machine.block_device)
    there = table.files(controller, 2)
    # An empty cpuset lets nothing run on v1 and is the parent's on v2.
    found = {name: one.value for name, one in said.items() if name in there and one.value != ""}
    translate = table.family(controller).translate
    turns = iter(translate(said, 2, str)) if translate is not None else iter(())
    while True:
        try:
            turn = next(turns)
            if turn.warning or turn.resolve is not None:
                continue
            kind = there[turn.name].kind
            value = kind.parse(turn.declared, turn.value, facts) if turn.value != {} else {}
            both = kind.join(found[turn.name], value) if turn.name in found else value
        except StopIteration:
            return {name: plain(value) for name, value in found.items()}
        except IsolationError:
            # This one has no counterpart.
            continue
        if both is not None:
            found[turn.name] = both


def figures(text: str) -> object:
    """A number, or a number for each key of lines like ``usage_usec 5``."""
    if text.isdigit():
        return int(text)
    found = {}
    for line in text.split("\n"):
        key, _blank, number = line.partition(" ")
        if number.isdigit():
            found[key] = int(number)
    return found


def usage_as_v2(usage: Mapping[str, Any], version: int) -> Values:
    """The usage of one version's files by v2's names and in v2's units, where these count the same."""
    if version == 2:
        return dict(usage)
    found: Values = {_SAME_USAGE[file]: figure for file, figure in usage.items() if file in _SAME_USAGE}
    cpu = {}
    if "cpuacct.usage" in usage:
        cpu["usage_usec"] = usage["cpuacct.usage"] // 1000
    for key, figure in usage.get("cpu.stat", {}).items():
        if key in _CPU_STAT:
            name, parts = _CPU_STAT[key]
            cpu[name] = figure // parts
    if cpu:
        found["cpu.stat"] = cpu
    return found


def merge(parts: Sequence[Mapping[str, Any]]) -> Values:
    """Values of several hierarchies as one; of a file that two of them feed (v2's cpu.stat) the keys are joined."""
    found: Dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            known = found.get(name)
            found[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
    return found
