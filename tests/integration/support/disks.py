# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that limits can be set on and that can be read from: one of the host, or one made of a file."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

# What can be read of a disk, in bytes.
SIZE = 4 << 20


class Disk(NamedTuple):
    """A block device, its MAJOR:MINOR, and a path whose bytes come from it: a file on it, or the device itself."""

    path: str
    number: str
    source: str


def _below(folder: Path) -> Disk | None:
    """The whole disk that a folder lies on, with a file there; None on what is no disk (tmpfs, 9p, overlay)."""
    status = os.stat(folder)
    place = Path("/sys/dev/block", f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}")
    if not place.exists():
        return None
    place = place.resolve()
    if (place / "partition").exists():
        place = place.parent
    path = Path("/dev", place.name)
    if not path.is_block_device():
        return None
    source = folder / "source"
    source.write_bytes(b"x" * SIZE)
    with source.open("rb") as file:
        os.fsync(file.fileno())
    return Disk(str(path), (place / "dev").read_text().strip(), str(source))


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """The disk of a folder; a loop device where it is on none."""
    found = _below(folder)
    if found is not None:
        yield found
        return
    with loop(folder) as made:
        yield made


@contextlib.contextmanager
def loop(folder: Path, scheduler: str = "") -> Iterator[Disk]:
    """A device made of a file, with a scheduler of its own."""
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(4 * SIZE)
    if not Path("/dev/loop-control").exists():
        _run("modprobe", "loop")
    path = _run("losetup", "--find", "--show", str(image))
    try:
        status = os.stat(path)
        found = Disk(path, f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}", path)
        if not scheduler:
            yield found
            return
        setting = Path("/sys/block", Path(path).name, "queue/scheduler")
        usual = setting.read_text().partition("[")[2].partition("]")[0]
        if scheduler not in setting.read_text().replace("[", "").replace("]", "").split():
            _run("modprobe", scheduler)
        setting.write_text(scheduler)
        try:
            yield found
        finally:
            setting.write_text(usual)
    finally:
        _run("losetup", "--detach", path)


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
