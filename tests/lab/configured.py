# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a machine's settings into the files on its disk, where its boot loader and its init read them at every boot."""

from __future__ import annotations

import hashlib
from pathlib import Path

from . import build, disk, folders
from .command import call
from .failures import FAILED, LabError
from .images import Image
from .modes import Settings
from .progress import step
from .rootfs import ARGUMENTS_GO_HERE

_HOLD_ARGUMENTS = {
    "grub": ("/boot/grub/grub.cfg", "/etc/default/grub"),
    "extlinux": ("/boot/extlinux/extlinux.conf", "/etc/default/u-boot"),
}
_RC_CONF = "/etc/rc.conf"


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
                with step(f"{image.name}: the settings"), folders.scratch(target.parent, name) as scratch:
                    _make(image, settings, base, scratch)
                    (scratch / "made").rename(target)
    return target


def _make(image: Image, settings: Settings, base: Path, scratch: Path) -> None:
    copy = scratch / "disk.raw"
    call("cp", "--sparse=always", "--reflink=auto", str(base / "disk.raw"), str(copy), seconds=300)
    for path in _HOLD_ARGUMENTS[image.loader]:
        text = _read(copy, path)
        if ARGUMENTS_GO_HERE not in text:
            raise LabError(FAILED, f"{image.name}: {path} has no place for the kernel's arguments")
        _write(copy, path, text.replace(ARGUMENTS_GO_HERE, settings.arguments(image)), scratch)
    lines = settings.rc_conf(image)
    if lines:
        _write(copy, _RC_CONF, "\n".join([_read(copy, _RC_CONF), *lines, ""]), scratch)
    made = scratch / "made"
    made.mkdir()
    # Only what differs from the image is kept.
    overlay(copy, "raw", made / "disk.qcow2")
    call("qemu-img", "rebase", "-q", "-b", str(base / "disk.raw"), "-F", "raw", str(made / "disk.qcow2"), seconds=300)
    for name in disk.NAMES[1:]:
        overlay(base / f"{name}.raw", "raw", made / f"{name}.qcow2")


def overlay(backing: Path, kind: str, target: Path) -> None:
    """Makes a disk that begins as BACKING and leaves it alone."""
    call("qemu-img", "create", "-q", "-f", "qcow2", "-b", str(backing), "-F", kind, str(target))


def _read(raw: Path, path: str) -> str:
    text = call("debugfs", "-R", f"cat {path}", f"{raw}{disk.PARTITION}")
    if not text:
        raise LabError(FAILED, f"the disk has no {path}")
    return text


def _write(raw: Path, path: str, text: str, scratch: Path) -> None:
    source = scratch / "file"
    source.write_text(text, encoding="utf-8")
    source.chmod(0o644)
    commands = f"rm {path}\nwrite {source} {path}\n"
    call("debugfs", "-w", "-f", "/dev/stdin", f"{raw}{disk.PARTITION}", given=commands.encode())
    if _read(raw, path) != text:
        raise LabError(FAILED, f"debugfs did not write {path}")
