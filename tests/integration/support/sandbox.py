# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups of one test: a name of their own, what is in them, and nothing left of them afterwards."""

from __future__ import annotations

import os
from pathlib import Path

from .host import Host, write
from .sweeping import PREFIX, sweep, thaw

# Files whose text changes by itself, or only says what others say.
_MOVING = ("stat", "events", "pressure", "current", "peak", "usage", "procs", "tasks", "threads", "failcnt")


class Sandbox:
    """``name`` is a group that the test may make, in every hierarchy, with all that is below it."""

    def __init__(self, host: Host, number: int) -> None:
        self.host = host
        # All numbers are of one length: none is the beginning of another.
        self.name = f"{session_prefix()}{number:04}"

    def below(self, *parts: str) -> str:
        """A group below the test's own."""
        return "/".join((self.name, *parts))

    def make(self, controller: str, *parts: str) -> Path:
        """Make a group by hand, as somebody else would."""
        path = self.host.path(controller, self.below(*parts))
        path.mkdir(parents=True)
        return path

    def pass_on(self, controller: str, group: str) -> None:
        """Pass a v2 controller on to the children of a group, by hand."""
        write(self.host.path("", group, "cgroup.subtree_control"), "+" + controller)

    def put(self, controller: str, group: str, *pids: int) -> None:
        """Move processes by hand."""
        for pid in pids:
            write(self.host.path(controller, group, "cgroup.procs"), str(pid))

    def places(self) -> list[Path]:
        """All directories that there are of it."""
        return self.host.places(self.name)

    def state(self) -> dict[str, str]:
        """What is declared by these groups: the text of every file that keeps what was written to it."""
        found = {}
        for place in self.places():
            found[str(place)] = "group"
            for path in sorted(place.iterdir()):
                if path.is_dir() or any(word in path.name for word in _MOVING) or not path.stat().st_mode & 0o200:
                    continue
                found[str(path)] = _read(path)
        return found

    def thaw(self) -> None:
        """Thaw all of it."""
        for place in self.places():
            thaw(place)

    def clean(self) -> None:
        """Thaw, kill and remove all of it."""
        left = sweep(self.host, self.name)
        assert not left, f"{left} cannot be removed"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        # Written to alone, or not while there is no such thing as a swap.
        return str(error.errno)


def session_prefix() -> str:
    """What all groups of this run of pytest begin with."""
    return f"{PREFIX}{os.getpid()}-"
