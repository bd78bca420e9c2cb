# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Places in an image's files that are kept free, so that each machine's settings can be written there without the file system.

An image is built with a text of fixed size wherever a setting goes: in the boot loader's files, in OpenRC's. Those files lie on
the raw disk as they are, so their places are found once by that text, and what a machine is to read there is written over it, of
the same size, on its overlay. The init and the boot loader read ordinary files.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from .command import call
from .failures import FAILED, WRONG_USE, LabError

_SIZE = 480
ARGUMENTS = "isolation_lab.arguments=".ljust(_SIZE, "_")
RC_CONF = "#isolation_lab.rc_conf=".ljust(_SIZE, "_")
TEXTS: Mapping[str, str] = {"arguments": ARGUMENTS, "rc_conf": RC_CONF}
_SECTOR = 512


def find(disk: Path) -> dict[str, list[int]]:
    """Where the slots are on a raw disk, each in as many files as have it."""
    with open(disk, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return find_in(content)


def find_in(content: bytes | mmap.mmap) -> dict[str, list[int]]:
    """Where the slots are in a disk's content."""
    return {name: list(_places(content, text.encode())) for name, text in TEXTS.items()}


def _places(content: bytes | mmap.mmap, text: bytes) -> Iterator[int]:
    at = content.find(text)
    while at >= 0:
        yield at
        at = content.find(text, at + 1)


def sectors(raw: Path, places: Mapping[str, list[int]], values: Mapping[str, str]) -> dict[int, bytes]:
    """The sectors of a raw disk, by their numbers, that differ when the values stand in its slots.

    Raises:
        LabError: a value is too long for its slot, or the disk has no such slot.
    """
    found: dict[int, bytearray] = {}
    with open(raw, "rb") as disk:
        for name, value in values.items():
            if len(value.encode()) > _SIZE:
                raise LabError(WRONG_USE, f"{value[:40]}... is longer than the {_SIZE} bytes that there are for it")
            if value and not places[name]:
                raise LabError(FAILED, f"{raw} has no place for {name}")
            for place in places[name]:
                for offset, byte in enumerate(value.encode().ljust(_SIZE), start=place):
                    number = offset // _SECTOR
                    if number not in found:
                        found[number] = bytearray(os.pread(disk.fileno(), _SECTOR, number * _SECTOR))
                    found[number][offset % _SECTOR] = byte
    return {number: bytes(content) for number, content in found.items()}


def write(changed: Mapping[int, bytes], overlay: Path) -> None:
    """Writes sectors into an overlay."""
    files = {number: overlay.with_name(f"sector-{number}") for number in changed}
    commands: list[str] = []
    for number, content in changed.items():
        files[number].write_bytes(content)
        commands += ["-c", f"write -q -s {files[number]} {number * _SECTOR} {_SECTOR}"]
    call("qemu-io", "-f", "qcow2", *commands, str(overlay))
    for file in files.values():
        file.unlink()


def save(places: Mapping[str, list[int]], folder: Path) -> None:
    """Writes down where the slots are."""
    (folder / "slots.json").write_text(json.dumps(places), encoding="ascii")


def load(folder: Path) -> dict[str, list[int]]:
    """Reads it again."""
    found: dict[str, list[int]] = json.loads((folder / "slots.json").read_text(encoding="ascii"))
    return found
