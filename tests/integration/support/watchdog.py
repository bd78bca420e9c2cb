# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process beside pytest that thaws, kills and removes the tests' groups when a test overruns or pytest dies."""

from __future__ import annotations

import os
import select
import signal
import time
from types import TracebackType

from .host import look
from .sweeping import sweep


class Watchdog:
    """Forked once a session. ``arm`` and ``disarm`` go to it as lines; it tells back whom it had to end."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __enter__(self) -> Watchdog:
        read, self._orders = os.pipe()
        self._told, write = os.pipe()
        # Opened here: where this process dies at once, nobody could find it any more.
        parent = os.pidfd_open(os.getpid())
        self._pid = os.fork()
        if self._pid == 0:
            # Never back into pytest, whatever happens.
            try:
                _watch(self._prefix, read, write, parent, (self._orders, self._told))
            finally:
                os._exit(0)
        for descriptor in (read, write, parent):
            os.close(descriptor)
        os.set_blocking(self._told, False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, where: TracebackType | None
    ) -> None:
        self._order("end")
        os.waitpid(self._pid, 0)
        os.close(self._orders)
        os.close(self._told)

    def _order(self, line: str) -> None:
        os.write(self._orders, line.encode() + b"\n")

    def arm(self, group: str, seconds: float) -> None:
        """End everything in the group when it is not disarmed in time."""
        self._order(f"arm {group} {seconds}")

    def disarm(self, group: str) -> bool:
        """The test is over; whether it had been in time."""
        self._order(f"off {group}")
        try:
            return group not in os.read(self._told, 65536).decode().split()
        except BlockingIOError:
            return True


def _watch(prefix: str, orders: int, told: int, alive: int, foreign: tuple[int, ...]) -> None:
    # Ctrl-C ends pytest, and after it this process, by the pidfd.
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    null = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    for descriptor in foreign:
        os.close(descriptor)
    host = look()
    ends: dict[str, float] = {}
    rest = b""
    while True:
        wait = min([end - time.monotonic() for end in ends.values()], default=None)
        ready, _, _ = select.select([orders, alive], [], [], None if wait is None else max(wait, 0))
        if alive in ready:
            sweep(host, prefix)
            return
        if orders in ready:
            *lines, rest = (rest + os.read(orders, 65536)).split(b"\n")
            for line in lines:
                verb, *words = line.decode().split()
                if verb == "arm":
                    ends[words[0]] = time.monotonic() + float(words[1])
                elif verb == "off":
                    ends.pop(words[0], None)
                else:
                    return
        for group in [group for group, end in ends.items() if end <= time.monotonic()]:
            del ends[group]
            sweep(host, group)
            os.write(told, group.encode() + b"\n")
