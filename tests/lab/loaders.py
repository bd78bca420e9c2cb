# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts an image's boot loader where the firmware finds it: in a disk's first sectors, or in a partition and a flash memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from .command import call
from .failures import FAILED, LabError
from .images import Image

ESP_FIRST_MIB = 1
# Three kernels have room in it.
ESP_MIB = 128
_SECTOR = 512
# The code of the first sector, before the table of partitions.
_BOOT_CODE = 440
# The file that guest/loaders/extlinux.sh makes, and what it says when it has done its work.
_INSTALLER = "/boot/extlinux/install"
_INSTALLED = "extlinux is installed"
_INSTALLER_SECONDS = 240.0


def install(image: Image, root: Path, folder: Path) -> None:
    """Makes the root disk in FOLDER one that boots, by what guest/loaders has put into ROOT.

    Raises:
        LabError: a command of this host fails, or the machine that runs the boot loader's own one.
    """
    _INSTALL[image.loader](root, folder)


def _grub(root: Path, folder: Path) -> None:
    """Puts GRUB between the table of partitions and the first of them, as grub-install does.

    GRUB's image says in its first sector where the rest is: right behind it, as grub-mkimage writes it for a disk that
    begins with the boot sector.
    """
    modules = root / "boot" / "grub" / "i386-pc"
    core = (modules / "core.img").read_bytes()
    with open(folder / "disk.raw", "r+b") as disk:
        disk.write((modules / "boot.img").read_bytes()[:_BOOT_CODE])
        disk.seek(_SECTOR)
        disk.write(core)


def _extlinux(root: Path, folder: Path) -> None:
    """Lets EXTLINUX install itself, in a machine that runs nothing else.

    Its boot sector has the numbers of the blocks of a file, for which it asks the kernel that has the file system mounted.
    """
    with open(folder / "disk.raw", "r+b") as disk:
        disk.write((root / "usr" / "lib" / "EXTLINUX" / "mbr.bin").read_bytes()[:_BOOT_CODE])
    (kernel,) = (root / "boot").glob("vmlinuz-*")
    (initrd,) = (root / "boot").glob("initrd.img-*")
    said = call(
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", "q35", "-accel", "tcg", "-cpu", "qemu64,+rdrand", "-m", "512", "-serial", "stdio"),
        *("-kernel", str(kernel), "-initrd", str(initrd)),
        *("-append", f"console=ttyS0 root=/dev/vda1 rw quiet panic=-1 mitigations=off init={_INSTALLER}"),
        *("-drive", f"if=none,id=disk,format=raw,cache=unsafe,file={folder / 'disk.raw'}"),
        *("-device", "virtio-blk-pci,drive=disk"),
        seconds=_INSTALLER_SECONDS,
    )
    if _INSTALLED not in said:
        raise LabError(FAILED, "EXTLINUX did not install itself", said)


def _systemd_boot(root: Path, folder: Path) -> None:
    """Makes the EFI system partition of the files that systemd-boot and kernel-install have put beside ROOT."""
    partition = f"{folder / 'disk.raw'}@@{ESP_FIRST_MIB}M"
    files = sorted(str(path) for path in root.with_name(f"{root.name}.esp").iterdir())
    call("mformat", "-i", partition, "-F", "-v", "ESP", "-T", str((ESP_MIB << 20) // _SECTOR), "::")
    call("mcopy", "-i", partition, "-s", *files, "::/")
    for name in ("code", "vars"):
        shutil.copyfile(root / "usr" / "share" / "OVMF" / f"OVMF_{name.upper()}_4M.fd", folder / f"{name}.raw")


_INSTALL: Mapping[str, Callable[[Path, Path], None]] = {
    "grub": _grub,
    "extlinux": _extlinux,
    "systemd-boot": _systemd_boot,
}
