# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The saved states of machines: of each image with its settings when it has booted, and those that were asked for by name."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import folders
from .command import call
from .configured import overlay
from .failures import WRONG_USE, LabError
from .machine import Machine
from .qmp import Monitor

_RECORD = "machine.json"
_STATE = "state"


def state(snapshot: Path) -> Path:
    """The file with the machine's memory and devices."""
    return snapshot / _STATE


def record(snapshot: Path) -> dict[str, Any]:
    """What was written down of the machine."""
    found: dict[str, Any] = json.loads((snapshot / _RECORD).read_text(encoding="utf-8"))
    return found


def named(name: str) -> Path:
    """The folder of a snapshot that was asked for by name.

    Raises:
        LabError: there is none.
    """
    path = _named(name)
    if not path.is_dir():
        raise LabError(WRONG_USE, f"there is no snapshot {name}")
    return path


def save_named(machine: Machine, name: str) -> None:
    """Saves a running machine, which goes on; one of the same name is replaced."""
    with folders.locked(f"snapshot-{name}"):
        save(machine, _named(name))


def save(machine: Machine, target: Path) -> None:
    """Saves a running machine into the folder TARGET; the machine goes on. Who calls this holds a lock of the target."""
    with folders.scratch(target.parent, target.name) as scratch:
        made = scratch / "made"
        made.mkdir()
        with Monitor(machine.monitor) as monitor:
            monitor.do("stop")
            try:
                # QEMU has then written all that it knows of the disks.
                monitor.save(state(made))
                for path in Path(machine.disks).glob("*.qcow2"):
                    call("cp", "--sparse=always", "--reflink=auto", str(path), str(made))
            finally:
                monitor.do("cont")
        (made / _RECORD).write_text(json.dumps(asdict(machine)), encoding="utf-8")
        if target.exists():
            shutil.rmtree(target)
        made.rename(target)


def lay_disks(source: Path, target: Path) -> None:
    """Makes a machine's own disks, which begin as those in SOURCE."""
    target.mkdir(parents=True, exist_ok=True)
    for path in source.glob("*.qcow2"):
        overlay(path, "qcow2", target / path.name)


def _named(name: str) -> Path:
    return folders.cache("snapshots") / name
