# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's packages: those installed on this host, and those only unpacked, into a cache outside the checkout."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .failures import NOT_STARTED, Failure, Interrupted

# A command that the runner calls, and the package that brings it.
_INSTALLED = {"qemu-system-x86_64": "qemu-system-x86", "depmod": "kmod", "setpriv": "util-linux"}

_UNFINISHED = "unfinished-"


def say(message: str) -> None:
    """Prints one line about the runner itself, apart from what the command prints."""
    print(f"guest: {message}", file=sys.stderr, flush=True)


@contextmanager
def cache() -> Iterator[Path]:
    """The folder of unpacked packages, made if need be, while no other runner changes it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "linux.isolation" / "guest"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left_over in folder.glob(f"{_UNFINISHED}*"):
            shutil.rmtree(left_over)
        yield folder


def install_missing() -> None:
    """Installs what the runner calls and this host lacks.

    Raises:
        Failure: this is no Debian on amd64, this is not root, or apt-get fails.
    """
    if not shutil.which("apt-get") or _output("dpkg", "--print-architecture") != "amd64":
        raise Failure(NOT_STARTED, "the guest is made of Debian's packages for amd64, and this host is no such Debian")
    missing = sorted({package for command, package in _INSTALLED.items() if not shutil.which(command, path=PATH)})
    if not missing:
        return
    if os.geteuid() != 0:
        raise Failure(NOT_STARTED, f"run this once as root: apt-get install {' '.join(missing)}")
    say(f"installing Debian's {', '.join(missing)}")
    _apt("update")
    _apt("install", "--yes", "--no-install-recommends", *missing)


def newest(package: str) -> str:
    """The newest version of a package in Debian's lists, as NAME=VERSION.

    A package that exists for its one dependency alone, as that on the current kernel, is followed to it.

    Raises:
        Failure: the lists do not have it.
    """
    fields = _fields(package)
    if not fields and os.geteuid() == 0:
        _apt("update")
        fields = _fields(package)
    if not fields:
        raise Failure(NOT_STARTED, f"apt knows no package {package}: run apt-get update as root")
    kernel = re.fullmatch(r"(linux-image-\S+-amd64) \(= (\S+)\)", fields.get("Depends", ""))
    return f"{kernel[1]}={kernel[2]}" if kernel else f"{package}={fields['Version']}"


def unpack(package: str, folder: Path) -> Path:
    """Downloads a package, named as newest() names it, and unpacks it below FOLDER, unless that was done before.

    Nothing is installed. Other versions of the package are removed. The caller holds cache().

    Returns: the folder of the package's files.

    Raises:
        Failure: the download or the unpacking fails.
    """
    name, _, version = package.partition("=")
    files = folder / f"{name}_{version.replace(':', '%3a')}"
    if files.is_dir():
        return files
    say(f"fetching Debian's {name} {version}")
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder, ignore_cleanup_errors=True) as scratch:
        _apt("download", package, folder=scratch)
        (archive,) = Path(scratch).glob("*.deb")
        _call("dpkg-deb", "--extract", str(archive), f"{scratch}/files")
        yield_depmod(Path(scratch, "files"))
        family = re.sub(r"[0-9.]+-[0-9]+", "*", name)
        for other in folder.glob(f"{family}_*"):
            shutil.rmtree(other)
        Path(scratch, "files").rename(files)
    return files
