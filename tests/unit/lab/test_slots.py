# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The slots: found in a disk's files by their text, filled with texts of the same size."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.tests.lab import slots
from ansible_collections.linux.isolation.tests.lab.failures import WRONG_USE, LabError

# One slot across two sectors, and two of one kind.
BEFORE = b"x" * 100 + slots.ARGUMENTS.encode() + b"-" * 3000 + slots.RC_CONF.encode() + b"|" + slots.ARGUMENTS.encode()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.raw"
    path.write_bytes(BEFORE.ljust(8192, b"\0"))
    return path


def test_each_slot_is_found_wherever_it_is(disk: Path) -> None:
    first, second = 100, len(BEFORE) - len(slots.ARGUMENTS)
    assert slots.find(disk) == {"arguments": [first, second], "rc_conf": [second - 1 - len(slots.RC_CONF)]}


def test_places_are_read_as_they_were_written(disk: Path, tmp_path: Path) -> None:
    slots.save(slots.find(disk), tmp_path)
    assert slots.load(tmp_path) == slots.find(disk)


@pytest.mark.parametrize(
    "values", [{"arguments": "psi=0", "rc_conf": ""}, {"arguments": "", "rc_conf": 'a="b"\nc="d"'}]
)
def test_a_value_stands_in_each_place_and_nothing_else_moves(disk: Path, values: Mapping[str, str]) -> None:
    filled = {place: values[name] for name, places in slots.find(disk).items() for place in places}
    sectors = slots.sectors(disk, slots.find(disk), values)
    after = bytearray(disk.read_bytes())
    for number, content in sectors.items():
        after[number * 512 : (number + 1) * 512] = content
    wanted = bytearray(disk.read_bytes())
    for place, value in filled.items():
        wanted[place : place + len(slots.ARGUMENTS)] = value.encode().ljust(len(slots.ARGUMENTS))
    assert after == wanted
    assert slots.find_in(bytes(after)) == {"arguments": [], "rc_conf": []}


def test_a_value_that_is_too_long_is_refused(disk: Path) -> None:
    with pytest.raises(LabError) as refusal:
        slots.sectors(disk, slots.find(disk), {"arguments": "a" * 481})
    assert refusal.value.status == WRONG_USE


def test_a_value_without_a_place_is_no_success(disk: Path) -> None:
    with pytest.raises(LabError, match="no place for rc_conf"):
        slots.sectors(disk, {"rc_conf": []}, {"rc_conf": "a"})


def test_the_slot_for_a_shell_is_a_comment_and_the_kernels_a_single_word() -> None:
    assert subprocess.run(["sh", "-e", "-c", f"{slots.RC_CONF}\ntrue"], check=False).returncode == 0
    assert len(slots.ARGUMENTS.split()) == 1
