# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of the memory controller, and the names that both dialects are told apart by."""

from __future__ import annotations

from .._convergence.errors import InputError
from .interface_files.entry import Facts, Kind, Value, unreadable
from .values import UNLIMITED, Bytes, Switch

V1, V2, SWITCH = Bytes(legacy=True), Bytes(), Switch()
LIMIT, MEMSW, SOFT = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.soft_limit_in_bytes"


class OomControl(Kind):
    """v1's switch that keeps the kernel from killing: one figure is written, three lines are shown."""

    def parse(self, option: str, value: object, facts: Facts) -> bool:
        return SWITCH.parse(option, value, facts)

    def read(self, text: str) -> bool:
        key, _blank, figure = text.strip().partition("\n")[0].rpartition(" ")
        if key not in ("oom_kill_disable", ""):
            raise unreadable(text)
        return SWITCH.read(figure)

    def text(self, wanted: Value) -> None:
        """The other two lines are what happens there."""

    def written(self, wanted: Value) -> str:
        return SWITCH.text(wanted)

    def show(self, value: Value) -> str:
        return SWITCH.show(value)


def swap_beside(memsw: int, limit: int, option: str) -> int:
    """The swap that v1's memory+swap leaves beside ``limit``."""
    if limit <= memsw:
        return memsw - limit
    if limit >= UNLIMITED:
        reason = "limits memory and swap together where memory alone has no limit"
        way_out = "limit memory.max too, or limit swap by memory.swap.max"
        raise InputError(reason, option=option, value=V2.show(memsw), way_out=way_out)
    reason = "is below the limit of memory alone, and it is the limit of memory and swap together"
    raise InputError(reason, option=option, value=V2.show(memsw), way_out="write at least " + V2.show(limit))
