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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .failures import NOT_STARTED, GuestError, Interrupted

# A user's PATH may lack the folders of the administrator's commands.
_PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
# A command that the runner calls, and the package that brings it.
_INSTALLED = {
    "depmod": "kmod",
    "mksquashfs": "squashfs-tools",
    "qemu-system-x86_64": "qemu-system-x86",
    "setpriv": "util-linux",
}
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
        GuestError: this is no Debian on amd64, this is not root, or apt-get fails.
    """
    if not shutil.which("apt-get") or call("dpkg", "--print-architecture").strip() != "amd64":
        raise GuestError(NOT_STARTED, "the guest is made of Debian's packages for amd64, and this is no such host")
    missing = sorted({package for command, package in _INSTALLED.items() if not shutil.which(command, path=_PATH)})
    if not missing:
        return
    if os.geteuid() != 0:
        raise GuestError(NOT_STARTED, f"run this once as root: apt-get install {' '.join(missing)}")
    say(f"installing Debian's {', '.join(missing)}")
    _apt("update")
    _apt("install", "--yes", "--no-install-recommends", *missing)


def newest(package: str) -> str:
    """The newest version of a package in Debian's lists, as NAME=VERSION.

    A package that only names the current kernel's package is followed to that.

    Raises:
        GuestError: the lists do not have it.
    """
    fields = _fields(package)
    if not fields and os.geteuid() == 0:
        _apt("update")
        fields = _fields(package)
    if not fields:
        raise GuestError(NOT_STARTED, f"apt knows no package {package}: run apt-get update as root")
    kernel = re.fullmatch(r"(linux-image-\S+) \(= (\S+)\)", fields.get("Depends", ""))
    return f"{kernel[1]}={kernel[2]}" if kernel else f"{package}={fields['Version']}"


def unpack(package: str, folder: Path, finish: Callable[[Path], None] = lambda files: None) -> Path:
    """Downloads a package, named as newest() names it, and unpacks it below FOLDER, unless that was done before.

    Nothing is installed. Other versions of the package are removed. FOLDER is that of cache(), which the caller holds.
    FINISH adds to the files before they count as unpacked.

    Returns: the folder of the package's files.

    Raises:
        GuestError: the download or the unpacking fails.
    """
    name, _, version = package.partition("=")
    files = folder / f"{name}_{version.replace(':', '%3a')}"
    if files.is_dir():
        return files
    say(f"fetching Debian's {name} {version}")
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=folder) as scratch:
        _apt("download", package, folder=scratch)
        (archive,) = Path(scratch).glob("*.deb")
        call("dpkg-deb", "--extract", str(archive), f"{scratch}/files")
        finish(Path(scratch, "files"))
        # The version of a kernel is part of its package's name.
        for other in folder.glob(re.sub(r"\d.*?-\d+", "*", name) + "_*"):
            shutil.rmtree(other)
        Path(scratch, "files").rename(files)
    return files


def call(*command: str, folder: str | None = None) -> str:
    """Runs a command to its end, also where the runner is told to end meanwhile: half an installation helps nobody.

    Returns: its standard output.

    Raises:
        GuestError: it fails.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, "PATH": _PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A terminal's Ctrl-C is for the runner.
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate()
        except Interrupted:
            process.communicate()
            raise
    if process.returncode:
        raise GuestError(NOT_STARTED, f"{' '.join(command)} failed: {(errors or output).strip()}")
    return output


def _apt(*arguments: str, folder: str | None = None) -> None:
    # Its unprivileged user may not write below root's home, and it would say so at each download.
    call("apt-get", "-qq", "-o=DPkg::Lock::Timeout=300", "-o=APT::Sandbox::User=root", *arguments, folder=folder)


def _fields(package: str) -> dict[str, str]:
    """What Debian's lists say of the newest version of a package: nothing where they do not have it."""
    try:
        text = call("apt-cache", "show", "--no-all-versions", package)
    except GuestError:
        return {}
    pairs = (line.partition(": ") for line in text.splitlines() if line[:1].strip())
    return {name: value for name, _, value in pairs}
