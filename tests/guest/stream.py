# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of the command's output streams, on its way from the guest to this host."""

from __future__ import annotations

import os


class Stream:
    """What the guest sends: a mark, the command's output, the mark again, the command's exit status, a newline.

    The mark tells the begin of the command from a machine that never got so far, and its end from a machine that died.
    """

    def __init__(self, target: int, mark: bytes) -> None:
        self._target = target
        self._mark = mark
        self._marks_seen = 0
        self._held = b""

    @property
    def begun(self) -> bool:
        """Whether the command was started."""
        return self._marks_seen > 0

    @property
    def status(self) -> int | None:
        """The command's exit status, as soon as all of its output is through."""
        if self._marks_seen < 2 or not self._held.endswith(b"\n"):
            return None
        return int(self._held)

    def feed(self, data: bytes) -> None:
        """Takes what came from the guest and writes the output among it to the target, but for what may be a mark."""
        held = self._held + data
        while self._marks_seen < 2:
            before, mark, after = held.partition(self._mark)
            keep = 0 if mark else _overlap(before, self._mark)
            if self.begun:
                _write(self._target, before[: len(before) - keep])
            if not mark:
                held = before[len(before) - keep :]
                break
            self._marks_seen += 1
            held = after
        self._held = held


def _overlap(data: bytes, mark: bytes) -> int:
    """How many bytes at the end of the data are the beginning of the mark."""
    return next((size for size in range(min(len(data), len(mark)), 0, -1) if data.endswith(mark[:size])), 0)


def _write(target: int, data: bytes) -> None:
    while data:
        data = data[os.write(target, data) :]
