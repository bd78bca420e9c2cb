# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A read-only file system of those files that the guest opens again and again.

The guest sees all of the host's files, but asks the host for them anew at each use. This lies above them, with the same
paths, and what is found in it stays in the guest's memory: a playbook takes a third less time, and the tests see the
checkout as it was when they began.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from .packages import call

# Of no use in the guest, or large and seldom used there. They are seen nevertheless, among the host's files.
_NOT_OF_CHECKOUT = (".git", ".hypothesis", ".mypy_cache", ".ruff_cache")
_NOT_OF_PYTHON = ("dist-packages", "site-packages", "test")
# What nearly every program looks at when it starts.
_LINKS = ("/bin", "/lib", "/lib64", "/sbin")
_PROGRAMS = ("/bin/sh", "/bin/bash", "/usr/bin/env")
_DATA = ("/etc/ld.so.cache", "/usr/lib/locale/C.utf8")


def write(target: BinaryIO, checkout: Path) -> list[Path]:
    """Makes the file system in the file TARGET, of the checkout, of the Python that runs this, and of their libraries.

    Returns: the folders that it has whole, so that the host's need not be asked for.

    Raises:
        GuestError: a program that helps fails.
    """
    library = Path(os.__file__).resolve().parent
    trees = {checkout}
    if sys.prefix != sys.base_prefix:
        trees |= {library, Path(sys.prefix).resolve()}
    programs = [*_PROGRAMS, sys.executable, *(str(module) for module in library.glob("lib-dynload/*.so"))]
    libraries = re.findall(r"(/\S+) \(0x", call("ldd", *programs))
    links = (Path(link) for link in _LINKS if Path(link).is_symlink())
    sources = {*links, *_with_links([*programs, *libraries, *_DATA]), *trees}
    left_out = [*(checkout / name for name in _NOT_OF_CHECKOUT), *(library / name for name in _NOT_OF_PYTHON)]
    call(
        "mksquashfs",
        *(str(path.relative_to("/")) for path in _topmost(sources)),
        f"/proc/{os.getpid()}/fd/{target.fileno()}",
        *("-no-strip", "-noappend", "-quiet", "-no-progress"),
        # The emulated processor would take longer to unpack it than to read it.
        *("-noI", "-noD", "-noF", "-noX"),
        *("-e", *(str(path) for path in left_out)),
        folder="/",
    )
    return _topmost(trees)


def _topmost(paths: set[Path]) -> list[Path]:
    """Those that are below none of the others."""
    return sorted(path for path in paths if paths.isdisjoint(path.parents))


def _with_links(paths: Iterable[str]) -> Iterator[Path]:
    """What is opened on the way to these: a link, what it points to, and so on, each by the real name of its folder."""
    for path in map(Path, paths):
        while path.is_symlink():
            path = path.parent.resolve() / path.name
            yield path
            path = path.parent / path.readlink()
        if path.exists():
            yield path.resolve()
