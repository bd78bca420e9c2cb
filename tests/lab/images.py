# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The images that the lab knows, as data: to add one is to add a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .failures import WRONG_USE, LabError


class Image(NamedTuple):
    """What a machine's disk is made of: Debian's suite, its init, its boot loader."""

    name: str
    suite: str
    init: str = "systemd"
    loader: str = "grub"
    # One that `build` without names builds.
    standard: bool = False

    @property
    def systemd(self) -> int:
        """The version of systemd, 0 where there is none."""
        return _SYSTEMD[self.suite] if self.init == "systemd" else 0

    @property
    def uefi(self) -> bool:
        """Whether its machines have UEFI: a BIOS otherwise."""
        return self.loader == "systemd-boot"

    @property
    def packages(self) -> tuple[str, ...]:
        """What is installed beyond Debian's essential packages."""
        return (*_COMMON, *_OF_INIT[self.init], *_OF_LOADER[self.loader])


_COMMON = (
    "linux-image-cloud-amd64",
    # An initramfs of 20 KB: the usual one takes an emulated processor a quarter of a minute.
    "tiny-initramfs",
    "udev",
    "kmod",
    "dbus",
    "openssh-server",
    "python3",
    "iproute2",
    "procps",
    "nftables",
)
_SYSTEMD: Mapping[str, int] = {"bullseye": 247, "bookworm": 252, "trixie": 257, "sid": 262}
_OF_INIT: Mapping[str, tuple[str, ...]] = {
    "systemd": ("systemd-sysv",),
    "openrc": ("openrc", "sysvinit-core", "ifupdown"),
}
_OF_LOADER: Mapping[str, tuple[str, ...]] = {
    "grub": ("grub-pc-bin", "grub2-common"),
    "extlinux": ("extlinux", "syslinux-common", "u-boot-menu"),
    # The machines' firmware too, so that an image has all that they begin with.
    "systemd-boot": ("systemd-boot", "efibootmgr", "ovmf"),
}

IMAGES: Mapping[str, Image] = {
    image.name: image
    for image in (
        Image("bookworm", "bookworm", standard=True),
        Image("bookworm-openrc", "bookworm", init="openrc", standard=True),
        Image("trixie", "trixie", standard=True),
        Image("sid", "sid"),
        Image("bullseye", "bullseye"),
        Image("bookworm-uefi", "bookworm", loader="systemd-boot"),
        Image("bookworm-extlinux", "bookworm", loader="extlinux"),
    )
}


def image(name: str) -> Image:
    """The image of this name.

    Raises:
        LabError: there is none.
    """
    found = IMAGES.get(name)
    if found is None:
        raise LabError(WRONG_USE, f"there is no image {name}: there are {', '.join(IMAGES)}")
    return found
