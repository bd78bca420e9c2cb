# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's folders on this host, and the locks on what is in them, which the kernel opens when their holder is gone."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .failures import TIMEOUT, LabError
from .progress import say

_UNFINISHED = "unfinished-"


def cache(*parts: str) -> Path:
    """A folder of the cache, which outlives the machines: packages, images, snapshots."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return _folder(Path(base, "linux.isolation", "lab", *parts))


def state() -> Path:
    """The folder of the running machines, which does not outlive a boot of this host."""
    if os.geteuid() == 0:
        return _folder(Path("/run/isolation-lab"))
    return _folder(Path(os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/isolation-lab-{os.geteuid()}", "isolation-lab"))


@contextmanager
def locked(name: str, seconds: float = 1800) -> Iterator[None]:
    """Holds the one lock of this name for as long as the context lasts.

    Raises:
        LabError: somebody else holds it for longer than SECONDS.
    """
    with open(cache("locks") / name, "w", encoding="ascii") as lock:
        deadline = time.monotonic() + seconds
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise LabError(TIMEOUT, f"another run of the lab has been at {name} for {seconds:.0f} s") from error
            if not told:
                say(f"another run of the lab is at {name}: waiting for it")
                told = True
            time.sleep(0.2)
        yield


@contextmanager
def scratch(folder: Path, name: str) -> Iterator[Path]:
    """A new folder in FOLDER for what is not finished; those that a killed run left of the same NAME are taken away.

    Who calls this holds the lock of what it makes.
    """
    prefix = f"{_UNFINISHED}{name}."
    for left_over in folder.glob(f"{prefix}*"):
        shutil.rmtree(left_over)
    with tempfile.TemporaryDirectory(prefix=prefix, dir=folder) as made:
        yield Path(made)


def _folder(path: Path) -> Path:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path
