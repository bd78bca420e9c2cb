# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bootable disk of a root file system: partitions, ext4 and GRUB, without loop devices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .command import call
from .rootfs import UUID

DISK_MIB = 2048
SWAP_MIB = 256
EMPTY_MIB = 256
_SECTOR = 512
_FIRST_SECTOR = 2048
# Sparse, and named by the place in the machine: /dev/vda, vdb, vdc.
NAMES: Sequence[str] = ("disk", "swap", "empty")
# For the tools of ext4, which know a file system that does not begin with its file.
PARTITION = f"?offset={_FIRST_SECTOR * _SECTOR}"
# The code of the first sector, before the table of partitions.
_BOOT_CODE = 440


def make(root: Path, folder: Path) -> None:
    """Makes the raw disks in FOLDER: the root disk of ROOT's files, a swap, an empty one."""
    for name, mebibytes in zip(NAMES, (DISK_MIB, SWAP_MIB, EMPTY_MIB), strict=True):
        with open(folder / f"{name}.raw", "wb") as disk:
            disk.truncate(mebibytes << 20)
    call("mkswap", str(folder / "swap.raw"))
    target = folder / "disk.raw"
    call("sfdisk", "--quiet", str(target), given=f"label: dos\nstart={_FIRST_SECTOR}, type=83, bootable\n".encode())
    kibibytes = (DISK_MIB << 10) - _FIRST_SECTOR * _SECTOR // 1024
    call(
        *("mkfs.ext4", "-q", "-F", "-d", str(root), "-N", "65536", "-U", UUID),
        # Nothing is left for the guest's kernel to do later.
        *("-E", f"offset={_FIRST_SECTOR * _SECTOR},lazy_itable_init=0,lazy_journal_init=0,nodiscard"),
        # What GRUB and the tools of all suites know.
        *("-O", "^metadata_csum_seed,^orphan_file"),
        *(str(target), f"{kibibytes}k"),
        seconds=300,
    )
    _grub(root, target)


def _grub(root: Path, target: Path) -> None:
    """Puts GRUB between the table of partitions and the first of them, as grub-install does.

    GRUB's image says in its first sector where the rest is: right behind it, as grub-mkimage writes it for a disk that
    begins with the boot sector.
    """
    modules = root / "boot" / "grub" / "i386-pc"
    core = (modules / "core.img").read_bytes()
    with open(target, "r+b") as disk:
        disk.write((modules / "boot.img").read_bytes()[:_BOOT_CODE])
        disk.seek(_SECTOR)
        disk.write(core)
