# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the images into the cache, each under a digest of all that it is made of."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import disk, folders, keys, loaders, mirror, packages, rootfs, slots
from .images import Image
from .progress import say, step

_AT_ONCE = 2
_DIGITS = 12  # of a digest


def digest(image: Image) -> str:
    """Changes with everything that the image is made of, but for the versions of Debian's packages."""
    parts = [repr((image, image.packages, rootfs.ALWAYS, rootfs.LEFT_OUT, slots.TEXTS)), keys.host(), keys.user()]
    sources = [Path(disk.__file__), Path(loaders.__file__), *rootfs.sources(image)]
    parts += [f"{path.name} {path.read_text(encoding='utf-8')}" for path in sources]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_DIGITS]


def folder(image: Image) -> Path:
    """Where the image's disks are, or will be."""
    return folders.cache("images") / f"{image.name}-{digest(image)}"


def built(image: Image) -> Path:
    """The folder of the image's disks; they are built if they are not there."""
    target = folder(image)
    if target.is_dir():
        return target
    packages.need(packages.building([image]))
    with folders.locked(f"image-{image.name}"):
        if not target.is_dir():
            _build(image, target)
    return target


def build(images: Sequence[Image]) -> None:
    """Builds what is missing of these, two at a time: much of a build waits for one processor."""
    packages.need(packages.building(images))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(built, images):
            pass


def _build(image: Image, target: Path) -> None:
    for old in target.parent.glob(f"{image.name}-" + "?" * _DIGITS):
        say(f"{image.name}: what was built from another recipe goes")
        for made in ("configured", "booted"):
            for below in folders.cache(made).glob(f"{old.name}-*"):
                shutil.rmtree(below)
        shutil.rmtree(old)
    with folders.scratch(target.parent, image.name) as scratch:
        with step(f"{image.name}: Debian's packages"):
            root = rootfs.make(image, mirror.of_this_host(), scratch)
        (scratch / "made").mkdir()
        with step(f"{image.name}: the disks"):
            disk.make(image, root, scratch / "made")
            slots.save(slots.find(scratch / "made" / "disk.raw"), scratch / "made")
        (scratch / "made").rename(target)
