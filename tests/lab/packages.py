# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands that the lab calls on this host, and the Debian packages that bring them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence

from .command import PATH, CommandError, call
from .failures import NOT_STARTED, LabError
from .images import Image
from .mirror import blamed
from .progress import step

RUNNING: Mapping[str, str] = {
    "qemu-img": "qemu-utils",
    "qemu-system-x86_64": "qemu-system-x86",
    "setpriv": "util-linux",
    "ssh": "openssh-client",
}
_BUILDING: Mapping[str, str] = {
    **RUNNING,
    "mkfs.ext4": "e2fsprogs",
    "mmdebstrap": "mmdebstrap",
    "sfdisk": "fdisk",
}
_BUILDING_UEFI: Mapping[str, str] = {"mcopy": "mtools", "mformat": "mtools"}


def building(images: Sequence[Image]) -> Mapping[str, str]:
    """The commands that build these images."""
    return {**_BUILDING, **_BUILDING_UEFI} if any(image.uefi for image in images) else _BUILDING


def need(commands: Mapping[str, str]) -> None:
    """Installs what is missing of these commands, each with the package that has it.

    Raises:
        LabError: this is no Debian on amd64, this is not root, or apt-get fails.
    """
    missing = sorted({package for command, package in commands.items() if not shutil.which(command, path=PATH)})
    if not missing:
        return
    if not shutil.which("apt-get") or call("dpkg", "--print-architecture").strip() != "amd64":
        raise LabError(NOT_STARTED, f"this is no Debian on amd64: the lab needs the commands {', '.join(commands)}")
    if os.geteuid() != 0:
        raise LabError(NOT_STARTED, f"run this once as root: apt-get install {' '.join(missing)}")
    with step(f"installing Debian's {', '.join(missing)}"):
        try:
            _apt("update")
            _apt("install", "--yes", "--no-install-recommends", *missing)
        except CommandError as error:
            raise blamed("of this host's own sources", error) from error


def _apt(*arguments: str) -> None:
    options = ("-o=DPkg::Lock::Timeout=300", "-o=APT::Sandbox::User=root")
    # Not tied to the lab: half an installation helps nobody.
    call("apt-get", "-qq", *options, *arguments, seconds=900, prefix=())
