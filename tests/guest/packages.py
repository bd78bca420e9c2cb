# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's packages: those installed on this host, and those only unpacked, in a cache outside the checkout."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .failures import NOT_STARTED, Failure, Interrupted

# A command that the runner calls and the package that brings it.
INSTALLED: Mapping[str, str] = {"qemu-system-x86_64": "qemu-system-x86", "depmod": "kmod"}

_APT = (
    "apt-get",
    "--quiet=2",
    "--option=DPkg::Lock::Timeout=300",
    # Its unprivileged user may not write below root's home, and it says so at each download.
    "--option=APT::Sandbox::User=root",
)


def cache() -> Path:
    """The folder, made if need be, that belongs to this runner alone."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "linux.isolation" / "guest"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def cache_lock() -> Iterator[Path]:
    """The cache while no other runner changes it."""
    folder = cache()
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def install_missing() -> None:
    """Installs what the runner calls and this host lacks.

    Raises:
        Failure: this is no Debian, not root, or apt-get fails.
    """
    missing = sorted(package for command, package in INSTALLED.items() if not shutil.which(command, path=_path()))
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise Failure(NOT_STARTED, f"this needs Debian's packages {' '.join(missing)}, and apt-get is not here")
    if os.geteuid() != 0:
        raise Failure(NOT_STARTED, f"this needs root, or once: sudo apt-get install {' '.join(missing)}")
    say(f"installing {' '.join(missing)}")
    _apt("update")
    _apt("install", "--yes", "--no-install-recommends", *missing)


def resolve(package: str) -> str:
    """The newest version of a package, as NAME_VERSION, following a package that has no files of its own but one dependency.

    Raises:
        Failure: no such package in Debian's lists.
    """
    if not shutil.which("apt-get"):
        raise Failure(NOT_STARTED, f"this needs Debian's package {package}, and apt-get is not here")
    fields = _fields(package)
    if not fields and os.geteuid() == 0:
        _apt("update")
        fields = _fields(package)
    if not fields:
        raise Failure(NOT_STARTED, f"Debian's package lists have no {package}: run apt-get update, as root")
    return f"{fields['Package']}_{fields['Version']}"


def unpacked(wanted: str) -> Path:
    """The folder of a package's files, wanted as resolve() names it: downloaded and unpacked once, installed nowhere.

    Other versions of the same package are removed. The caller holds cache_lock().

    Raises:
        Failure: the download or the unpacking fails.
    """
    name, _, version = wanted.partition("_")
    folder = cache() / wanted.replace(":", "%3a")
    if folder.is_dir():
        return folder
    say(f"fetching Debian's {name}")
    for old in cache().glob("unfinished-*"):
        shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=cache()) as scratch:
        try:
            _apt("download", f"{name}={version}", folder=scratch)
        except Failure:
            # The version is no longer there when the lists are old.
            _apt("update")
            _apt("download", name, folder=scratch)
        (archive,) = Path(scratch).glob("*.deb")
        _call("dpkg-deb", "--extract", str(archive), f"{scratch}/files")
        for old in cache().glob(f"{_family(name)}_*"):
            shutil.rmtree(old)
        Path(scratch, "files").rename(folder)
    return folder


def say(message: str) -> None:
    """One line about the runner itself."""
    print(f"guest: {message}", file=sys.stderr, flush=True)
