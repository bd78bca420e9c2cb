# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw disks, written without loop devices and without mounts: partitions, and the file system of the root."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from . import loaders
from .command import call
from .images import Image
from .rootfs import UUID

DISK_MIB = 2048
SWAP_MIB = 256
EMPTY_MIB = 256
# Sparse, and named by the place in the machine: /dev/vda, vdb, vdc.
NAMES: Sequence[str] = ("disk", "swap", "empty")
# UEFI's code, and its variables, which are the machine's own.
FIRMWARE: Sequence[str] = ("code", "vars")


class Layout(NamedTuple):
    """How a disk is divided: the table as sfdisk reads it, and where the root's file system lies, in MiB."""

    table: str
    first: int
    size: int


# What GRUB and the tools of all suites know.
_FEATURES = "^metadata_csum_seed,^orphan_file"
# EXTLINUX is not made for block numbers of 64 bits.
_FEATURES_OF_LOADER: Mapping[str, str] = {"extlinux": f"{_FEATURES},^64bit"}
_ROOT_BEHIND_ESP = loaders.ESP_FIRST_MIB + loaders.ESP_MIB


def layout(image: Image) -> Layout:
    """How the image's root disk is divided. The root is always the first partition, also where it lies behind the ESP."""
    if not image.uefi:
        return Layout("label: dos\nstart=1MiB, type=83, bootable\n", 1, DISK_MIB - 1)
    # The table's copy is at the disk's end.
    size = DISK_MIB - _ROOT_BEHIND_ESP - 1
    return Layout(
        "label: gpt\n"
        f"1 : start={_ROOT_BEHIND_ESP}MiB, size={size}MiB, type=linux\n"
        f"2 : start={loaders.ESP_FIRST_MIB}MiB, size={loaders.ESP_MIB}MiB, type=uefi\n",
        _ROOT_BEHIND_ESP,
        size,
    )


def names(image: Image) -> Sequence[str]:
    """The disks of an image, and what else it has that a machine writes as it does its disks."""
    return (*NAMES, *FIRMWARE) if image.uefi else NAMES


def make(image: Image, root: Path, folder: Path) -> None:
    """Makes the raw disks in FOLDER: the root disk of ROOT's files, which its boot loader starts; a swap; an empty one."""
    for name, mebibytes in zip(NAMES, (DISK_MIB, SWAP_MIB, EMPTY_MIB), strict=True):
        with open(folder / f"{name}.raw", "wb") as disk:
            disk.truncate(mebibytes << 20)
    call("mkswap", str(folder / "swap.raw"))
    divided = layout(image)
    target = folder / "disk.raw"
    call("sfdisk", "--quiet", str(target), given=divided.table.encode())
    call(
        *("mkfs.ext4", "-q", "-F", "-d", str(root), "-N", "65536", "-U", UUID),
        # Nothing is left for the guest's kernel to do later.
        *("-E", f"offset={divided.first << 20},lazy_itable_init=0,lazy_journal_init=0,nodiscard"),
        *("-O", _FEATURES_OF_LOADER.get(image.loader, _FEATURES)),
        *(str(target), f"{divided.size << 10}k"),
        seconds=300,
    )
    loaders.install(image, root, folder)
