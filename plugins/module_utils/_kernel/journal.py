# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run had begun and not finished when it died: a list of paths, kept for this boot in /run/isolation."""

from __future__ import annotations

import os
from typing import FrozenSet, Iterable

from .lock import DIRECTORY, directory
from .machine import boot_id
from .text import read_text

PATH = DIRECTORY + "/unfinished"


def read(path: str = PATH) -> FrozenSet[str]:
    """The paths of a run of this boot that did not end, empty where none is."""
    boot, _newline, rest = (read_text(path) or "").partition("\n")
    # Not splitlines: a group's name may hold what Python takes for a line's end.
    return frozenset(filter(None, rest.split("\n"))) if boot and boot == boot_id() else frozenset()


def write(paths: Iterable[str], path: str = PATH) -> None:
    """Keep the paths; the file is there whole or not at all. The caller holds the lock."""
    directory(os.path.dirname(path))
    draft = path + ".new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape") as text:
        text.write("\n".join([boot_id()] + sorted(paths)) + "\n")
    os.rename(draft, path)


def clear(path: str = PATH) -> None:
    """Nothing is unfinished any more."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
