# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking the tests' groups away, whatever is in them: thaw, kill, remove. Used by fixtures and by the watchdog."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from .host import Host, write

PREFIX = "isolation-test-"
_SECONDS = 20.0


def sweep(host: Host, beginning: str) -> list[Path]:
    """Remove all groups whose first part begins so; what is left after a bound is returned."""
    assert beginning.startswith(PREFIX), beginning
    end = time.monotonic() + _SECONDS
    while True:
        places = _places(host, beginning)
        if not places:
            return []
        for place in places:
            _thaw(place)
        for place in places:
            _kill(place)
        for place in reversed(places):
            try:
                place.rmdir()
            except OSError:
                # Busy until the last process is reaped: the next round tries again.
                continue
        if time.monotonic() > end:
            return _places(host, beginning)
        time.sleep(0.005)


def _places(host: Host, beginning: str) -> list[Path]:
    tops = {
        entry.name
        for hierarchy in host.hierarchies
        for entry in os.scandir(hierarchy.point)
        if entry.name.startswith(beginning) and entry.is_dir(follow_symlinks=False)
    }
    return [place for top in sorted(tops) for place in host.places(top)]


def _thaw(place: Path) -> None:
    for name, text in (("cgroup.freeze", "0"), ("freezer.state", "THAWED")):
        try:
            write(place / name, text)
        except OSError:
            continue


def _kill(place: Path) -> None:
    for name in ("cgroup.procs", "cgroup.threads", "tasks"):
        try:
            pids = [int(pid) for pid in (place / name).read_text().split()]
        except OSError:
            # Not this version's file, a threaded group's cgroup.procs, or a group that is gone.
            continue
        for pid in pids:
            if pid > 1 and pid != os.getpid():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
