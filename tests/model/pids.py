# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pids controller, the same in both versions."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import ClassVar

from .kernel import Controller, File
from .texts import refuse, signed

_MOST = 2**22 + 1


class Pids(Controller):
    """A count of tasks, checked when one is forked alone: moving in and lowering are free."""

    name = "pids"
    threaded = True
    limit = _MOST

    def _show(self) -> str:
        return "max\n" if self.limit == _MOST else f"{self.limit}\n"

    def _store(self, text: str) -> None:
        text = text.strip()
        limit = _MOST if text == "max" else signed(text)
        if limit < 0 or (limit >= _MOST and text != "max"):
            refuse(errno.EINVAL)
        self.limit = limit

    def _current(self) -> str:
        return f"{sum(len(group.processes) for group in self.group.family())}\n"

    files: ClassVar[Mapping[str, File]] = {
        "pids.max": File(_show, _store, root=False),
        "pids.current": File(_current, root=False),
    }
