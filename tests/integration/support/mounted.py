# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A v1 hierarchy of controllers that nobody uses, mounted where only a room sees it."""

from __future__ import annotations

import ctypes
import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from .spaces import Room, mount
from .waiting import until

_POINT = "/run/hierarchy"
# Seconds that the kernel needs, where nobody keeps it from freeing a hierarchy.
_FREED = 1.0


class Mounted:
    """``top`` is its root group as the test sees it. A context manager: the groups in it have to be gone at the end."""

    def __init__(self, room: Room, controllers: str) -> None:
        self._room = room
        self._controllers = controllers
        self.top = room.path(_POINT)

    def __enter__(self) -> Mounted:
        # Busy while one of its controllers is in another hierarchy: one of another run of these tests, or what that left.
        until(self._mounted, f"{self._controllers} free to be mounted")
        return self

    def __exit__(self, *_: object) -> None:
        for path in sorted(self.top.rglob("*"), reverse=True):
            if path.is_dir():
                path.rmdir()
        self._in_the_room(_unmount)
        until(lambda: not self._left(), f"the end of the hierarchy of {self._controllers}")

    def _mounted(self) -> bool:
        if self._in_the_room(lambda: self._mount(self._controllers)):
            return True
        self._left()
        return False

    def _left(self) -> bool:
        """Whether some of its controllers are in a hierarchy still.

        The kernel frees one that had groups only when it is unmounted once more, after they are gone for good; and then
        it takes its time.
        """
        for number in set(self._hierarchies().values()):
            together = ",".join(name for name, other in self._hierarchies(all_of_them=True).items() if other == number)
            if self._in_the_room(lambda together=together: self._mount(together)):  # type: ignore[misc]
                self._in_the_room(_unmount)
        end = time.monotonic() + _FREED
        while self._hierarchies() and time.monotonic() < end:
            time.sleep(0.01)
        return bool(self._hierarchies())

    def _hierarchies(self, all_of_them: bool = False) -> dict[str, str]:
        """The number of the v1 hierarchy of each of its controllers that is in one, or of each controller."""
        rows = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()]
        own = self._controllers.split(",")
        return {row[0]: row[1] for row in rows if row[1].isdigit() and row[1] != "0" and (all_of_them or row[0] in own)}

    @staticmethod
    def _mount(controllers: str) -> None:
        Path(_POINT).mkdir(exist_ok=True)
        mount("none", _POINT, "cgroup", 0, controllers)

    def _in_the_room(self, do: Callable[[], object]) -> bool:
        """Whether it could be done; False where something is busy."""
        child = os.fork()
        if not child:
            status = 1
            try:
                self._room.enter()
                do()
                status = 0
            except OSError as error:
                status = 2 if error.errno == errno.EBUSY else 1
            finally:
                os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, 2), f"{self._controllers} cannot be mounted or unmounted"
        return status == 0


def _unmount() -> None:
    if ctypes.CDLL(None, use_errno=True).umount2(_POINT.encode(), 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
