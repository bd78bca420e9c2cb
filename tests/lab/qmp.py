# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Speaks to a running machine's QEMU, in its own protocol."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from qemu.qmp import ConnectError, ExecuteError, QMPClient, QMPError

from .failures import FAILED, TIMEOUT, LabError

_SECONDS = 60.0


class Monitor:
    """A connection to QEMU, for as long as its context lasts. QEMU talks with one at a time."""

    def __init__(self, socket: Path, seconds: float = _SECONDS) -> None:
        self._socket = socket
        self._seconds = seconds
        self._runner = asyncio.Runner()
        self._client = QMPClient("lab")

    def __enter__(self) -> Monitor:
        self._runner.__enter__()
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                self._runner.run(asyncio.wait_for(self._client.connect(str(self._socket)), self._seconds))
            except (ConnectError, TimeoutError) as error:
                if time.monotonic() > deadline or not isinstance(error, ConnectError):
                    self._runner.close()
                    raise LabError(TIMEOUT, f"QEMU does not answer on {self._socket}: {error}") from error
                # It has yet to make its socket.
                self._client = QMPClient("lab")
                time.sleep(0.05)
            else:
                return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self._client.disconnect())
        except (QMPError, EOFError, OSError):
            if value is None:
                raise
        finally:
            self._runner.close()

    def do(self, command: str, **arguments: object) -> Any:
        """Lets QEMU do one thing.

        Returns: its answer.

        Raises:
            LabError: it refuses, it is gone, or it does not answer in time.
        """
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        try:
            return self._runner.run(asyncio.wait_for(self._client.execute(command, named), self._seconds))
        except TimeoutError as error:
            raise LabError(TIMEOUT, f"QEMU did not answer {command} in {self._seconds:.0f} s") from error
        except (ExecuteError, QMPError, EOFError, OSError) as error:
            raise LabError(FAILED, f"QEMU did not do {command}: {error}") from error

    def port(self) -> int:
        """The port of this host that leads to the machine's ssh."""
        for line in str(self.do("human-monitor-command", command_line="info usernet")).splitlines():
            words = line.split()
            if words and words[0] == "TCP[HOST_FORWARD]":
                return int(words[3])
        raise LabError(FAILED, "QEMU forwards no port to the machine")

    def save(self, target: Path) -> None:
        """Writes the state of the stopped machine, all but its disks, into a file; the disks are then complete too."""
        self.do("migrate-set-parameters", max_bandwidth=1 << 40)
        self.do("migrate", uri=f"exec:cat > '{target}'")
        self.wait_for_migration()

    def wait_for_migration(self) -> None:
        """Waits until the machine's state is saved or loaded.

        Raises:
            LabError: it fails, or takes longer than this connection waits for anything.
        """
        deadline = time.monotonic() + self._seconds
        while True:
            answer = self.do("query-migrate")
            if answer.get("status") == "completed":
                return
            if answer.get("status") in ("failed", "cancelled"):
                raise LabError(
                    FAILED, f"QEMU could not carry the machine's state: {answer.get('error-desc', answer['status'])}"
                )
            if time.monotonic() > deadline:
                raise LabError(TIMEOUT, f"QEMU did not carry the machine's state in {self._seconds:.0f} s")
            time.sleep(0.05)
