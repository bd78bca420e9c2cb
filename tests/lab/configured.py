# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a machine's settings into the files on its disk, where its boot loader and its init read them at every boot."""

from __future__ import annotations

import hashlib
from pathlib import Path

from . import build, disk, folders, slots
from .command import call
from .images import Image
from .modes import Settings


def key(image: Image, settings: Settings) -> str:
    """Names the image with these settings."""
    text = repr((settings.arguments(image), settings.rc_conf(image)))
    return f"{image.name}-{build.digest(image)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def disks(image: Image, settings: Settings) -> Path:
    """The folder of the disks with these settings, ready to boot: they are made if they are not there."""
    base = build.built(image)
    name = key(image, settings)
    target = folders.cache("configured") / name
    if not target.is_dir():
        with folders.locked(f"configured-{name}"):
            if not target.is_dir():
                with folders.scratch(target.parent, name) as scratch:
                    _make(image, settings, base, scratch)
                    (scratch / "made").rename(target)
    return target


def _make(image: Image, settings: Settings, base: Path, scratch: Path) -> None:
    made = scratch / "made"
    made.mkdir()
    for name in disk.names(image):
        overlay(base / f"{name}.raw", "raw", made / f"{name}.qcow2")
    values = {"arguments": settings.arguments(image), "rc_conf": "\n".join(settings.rc_conf(image))}
    slots.write(slots.sectors(base / "disk.raw", slots.load(base), values), made / "disk.qcow2")


def overlay(backing: Path, kind: str, target: Path) -> None:
    """Makes a disk that begins as BACKING and leaves it alone."""
    call("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(backing), "-F", kind, str(target))
