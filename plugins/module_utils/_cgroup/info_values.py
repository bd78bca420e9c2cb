# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts of limits as values for a playbook: under the kernel's own names, and under v2's where these mean the same."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._convergence.errors import IsolationError
from .interface_files import table
from .interface_files.entry import USUAL, Facts, InterfaceFile, Said
from .values import UNLIMITED

Values = Dict[str, object]


class Found(NamedTuple):
    """What texts mean: values, the same under v2's names, the files whose text no kind could read, canonical values."""

    values: Values
    as_v2: Values
    strange: Tuple[str, ...]
    said: Mapping[str, Said]


class Rows(NamedTuple):
    """The limits of one controller that a group shows: its files, their rows of the table, and texts met before.

    ``told`` are the limits of which the kernel shows the effective value itself, with the file where it does.
    """

    controller: str
    files: Tuple[str, ...]
    rows: Tuple[InterfaceFile, ...]
    met: Dict[Tuple[Optional[str], ...], Found]
    told: Tuple[Tuple[str, str], ...] = ()


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
    translated = values if rows.rows[0].version == 2 else as_v2(rows.controller, said)
    return Found(values, translated, tuple(strange), said)


def as_v2(controller: str, said: Mapping[str, Said]) -> Values:
    """v1 limits by v2's names, where nothing is lost and no formula is needed."""
    from .._kernel import machine

    facts = Facts(machine.page_size(), machine.memory_total(), machine.cpus(), machine.block_device)
    there = table.files(controller, 2)
    # An empty cpuset lets nothing run on v1 and is the parent's on v2.
    found = {name: one.value for name, one in said.items() if name in there and one.value != ""}
    translate = table.family(controller).translate
    turns = iter(translate(said, 2, str, USUAL)) if translate is not None else iter(())
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


def merge(parts: Sequence[Mapping[str, Any]]) -> Values:
    """Values of several hierarchies as one; of a file that two of them feed (v2's cpu.stat) the keys are joined."""
    found: Dict[str, Any] = {}
    for part in parts:
        for name, value in part.items():
            known = found.get(name)
            found[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value
    return found
