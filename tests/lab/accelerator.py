# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this host's processor runs the machines, or emulates them."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from . import folders
from .command import PATH, TIED
from .progress import say

_DEVICE = Path("/dev/kvm")
_SECONDS = 10.0
# out 0x10 to port 0xf4, where QEMU then ends; and to hlt, should it not.
_BOOT_SECTOR = bytes((0xB0, 0x10, 0xE6, 0xF4, 0xF4, 0xEB, 0xFD)).ljust(510, b"\0") + b"\x55\xaa"


def chosen() -> str:
    """``kvm`` or ``tcg``: found out once per boot of this host.

    That the device is there says nothing: in the machines of some clouds guests hang on it. A boot sector is tried at once, and
    where it passes, the first machine that boots is the proof: see proven().
    """
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return "tcg"
    with folders.locked("accelerator", 120):
        if not _known():
            _remember(_find_out(), "")
        return _known()[0]


def proven() -> bool:
    """Whether a machine has booted with what chosen() says."""
    return _known()[1:] == ["proven"]


def settle(kind: str) -> None:
    """Remembers what a machine's boot has shown."""
    _remember(kind, "proven")


def _known() -> list[str]:
    """What was remembered since this host booted."""
    answer = folders.cache() / "accelerator"
    boot, *known = answer.read_text(encoding="ascii").split() if answer.exists() else [""]
    return known if boot == _boot() else []


def _remember(kind: str, proof: str) -> None:
    unfinished = folders.cache() / "accelerator.new"
    unfinished.write_text(f"{_boot()} {kind} {proof}", encoding="ascii")
    unfinished.rename(folders.cache() / "accelerator")


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _find_out() -> str:
    kvm, tcg = _seconds("kvm"), _seconds("tcg")
    if kvm is not None and tcg is not None and kvm < 5 * tcg:
        return "kvm"
    took = "did not come through it" if kvm is None else f"took {kvm:.1f} s for it"
    say(f"the machines are emulated: KVM {took} where a boot sector takes {tcg or 0:.1f} s emulated")
    return "tcg"


def _seconds(accelerator: str) -> float | None:
    """How long it takes to boot a sector that ends the machine."""
    begin = time.monotonic()
    image = folders.cache() / "sector"
    image.write_bytes(_BOOT_SECTOR)
    command = [
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "q35", "-m", "64"),
        *("-accel", accelerator, "-device", "isa-debug-exit,iobase=0xf4,iosize=4"),
        *("-drive", f"format=raw,readonly=on,if=none,id=sector,file={image}", "-device", "virtio-blk-pci,drive=sector"),
    ]
    try:
        done = subprocess.run(
            [*TIED, *command],
            env={**os.environ, "PATH": PATH},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return time.monotonic() - begin if done.returncode == 33 else None
