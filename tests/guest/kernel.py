# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's kernel: where it is, what has to be added to its package, and which modules need which."""

from __future__ import annotations

import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from .failures import NOT_STARTED, GuestError
from .packages import call, newest, unpack

_XZ = b"\xfd7zXZ\0"
_ELF = b"\x7fELF"


class Kernel(NamedTuple):
    """An unpacked kernel: what to boot, and the folder of its modules, which has its version's name."""

    image: Path
    modules: Path

    def load_order(self, names: Iterable[str]) -> list[Path]:
        """The files of these modules and of all that they need, in the order to load them; what is built in is left out.

        Raises:
            GuestError: the kernel has no such module.
        """
        needs = {}
        for line in (self.modules / "modules.dep").read_text(encoding="utf-8").splitlines():
            path, _, others = line.partition(":")
            # What a module needs is listed from the last to the first.
            needs[Path(path).stem] = [path, *others.split()][::-1]
        built_in = {Path(line).stem for line in (self.modules / "modules.builtin").read_text().split()}
        for name in names:
            if name not in needs and name not in built_in:
                raise GuestError(NOT_STARTED, f"the kernel {self.modules.name} has no module {name}")
        paths = (path for name in names for path in needs.get(name, ()))
        return [self.modules / path for path in dict.fromkeys(paths)]


def unpacked(folder: Path) -> Kernel:
    """Debian's current kernel, unpacked below FOLDER, that of packages.cache()."""
    files = unpack(newest("linux-image-amd64"), folder, _finish)
    return Kernel(files / "boot" / "vmlinux", _modules(files))


def _modules(files: Path) -> Path:
    (modules,) = (files / "lib" / "modules").iterdir()
    return modules


def _finish(files: Path) -> None:
    # What the package does when it is installed.
    call("depmod", "--basedir", str(files), _modules(files).name)
    # The emulated processor takes longer for unpacking the kernel than for booting it.
    (packed,) = (files / "boot").glob("vmlinuz-*")
    data = packed.read_bytes()
    image = lzma.LZMADecompressor().decompress(data[data.find(_XZ) :]) if _XZ in data else b""
    # Some other compression: the kernel unpacks itself.
    (files / "boot" / "vmlinux").write_bytes(image if image.startswith(_ELF) else data)
