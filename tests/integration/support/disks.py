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


class Disk(NamedTuple):
    """A block device and its MAJOR:MINOR."""

    path: str
    number: str


def _real() -> Disk | None:
    for place in sorted(Path("/sys/block").iterdir()):
        path = Path("/dev", place.name)
        # What has a device behind it; not a CD drive without a disc.
        if (place / "device").exists() and int((place / "size").read_text()) > 16384 and path.is_block_device():
            return Disk(str(path), (place / "dev").read_text().strip())
    return None


@contextlib.contextmanager
def disk(folder: Path) -> Iterator[Disk]:
    """The host's first disk; a loop device where it has none."""
    found = _real()
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
        file.truncate(16 << 20)
    path = _run("losetup", "--find", "--show", str(image))
    try:
        status = os.stat(path)
        found = Disk(path, f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}")
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
