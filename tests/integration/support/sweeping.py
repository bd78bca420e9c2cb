# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking the tests' groups away, whatever is in them: thaw, empty, remove. Used by fixtures and by the watchdog."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from .host import Hierarchy, Host, write

PREFIX = "isolation-test-"
# In the environment of all programs that tests start: only those are ever killed here.
MARK = "ISOLATION_TEST_PROGRAM"
_SECONDS = 20.0


def sweep(host: Host, beginning: str) -> list[Path]:
    """Remove all groups whose first part begins so; what is left after a bound is returned.

    What tests started is killed. Anybody else who got in by mistake is put back into the root group.
    """
    assert beginning.startswith(PREFIX), beginning
    pytest = beginning.removeprefix(PREFIX).partition("-")[0]
    end = time.monotonic() + _SECONDS
    while True:
        places = _places(host, beginning)
        if not places:
            return []
        for _, place in places:
            thaw(place)
        for hierarchy, place in places:
            _empty(hierarchy.point, place, pytest)
        for _, place in reversed(places):
            try:
                place.rmdir()
            except OSError:
                # Busy until the last process is reaped: the next round tries again.
                continue
        if time.monotonic() > end:
            return [place for _, place in _places(host, beginning)]
        time.sleep(0.005)


def _places(host: Host, beginning: str) -> list[tuple[Hierarchy, Path]]:
    return [
        (hierarchy, Path(folder))
        for hierarchy in host.hierarchies
        for entry in os.scandir(hierarchy.point)
        if entry.name.startswith(beginning) and entry.is_dir(follow_symlinks=False)
        for folder, _, _ in os.walk(entry.path)
    ]


def thaw(place: Path) -> None:
    """Thaw a group by whichever file it has."""
    for name, text in (("cgroup.freeze", "0"), ("freezer.state", "THAWED")):
        try:
            write(place / name, text)
        except OSError:
            continue


def _empty(root: Path, place: Path, pytest: str) -> None:
    for name in ("cgroup.procs", "cgroup.threads", "tasks"):
        try:
            pids = [int(pid) for pid in (place / name).read_text().split()]
        except OSError:
            # Not this version's file, a threaded group's cgroup.procs, or a group that is gone.
            continue
        for pid in pids:
            try:
                if pid and _is_ours(pid, pytest):
                    os.kill(pid, signal.SIGKILL)
                elif pid:
                    write(root / "cgroup.procs", str(pid))
            except OSError:
                # It ended, or cannot be moved: the bound is for that.
                continue


def _is_ours(pid: int, pytest: str) -> bool:
    """Whether a test started it: by the environment, or, of what was forked alone, by its parents."""
    if pid == os.getpid():
        return False
    try:
        if MARK.encode() in Path(f"/proc/{pid}/environ").read_bytes():
            return True
        while pid > 1:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            pid = int(fields[1])
            if str(pid) == pytest:
                return True
    except OSError:
        pass
    return False
