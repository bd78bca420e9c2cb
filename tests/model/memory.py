# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The memory controller of both versions: limits cut to the page, what is in use, what can be reclaimed."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from .kernel import Controller, File, Group
from .machine import Machine
from .texts import integer, refuse, size, unsigned

_NONE = ("memory.min", "memory.low")
_MAX = ("memory.high", "memory.max", "memory.swap.max", "memory.swap.high", "memory.zswap.max")


class Memory(Controller):
    """What both versions share. ``cache`` are bytes of this group alone that can be reclaimed."""

    name = "memory"

    def __init__(self, group: Group) -> None:
        self.cache = 0
        self.unlimited = (2**63 - 1) // group.hierarchy.machine.page * group.hierarchy.machine.page
        super().__init__(group)

    def caches(self) -> Iterator[Memory]:
        """Its own and those below."""
        for group in self.group.family():
            controller = group.controllers.get("memory")
            if isinstance(controller, Memory):
                yield controller

    def usage(self) -> int:
        """Bytes in use, here and below."""
        return sum(memory.cache for memory in self.caches()) + self.machine.charge(self.group)

    def reclaim(self, amount: int) -> int:
        """Give cache back; how much it was."""
        left = amount
        for memory in self.caches():
            part = min(memory.cache, left)
            memory.cache -= part
            left -= part
        return amount - left


class MemoryV1(Memory):
    """limit_in_bytes and memsw, which may never be the smaller of the two."""

    def __init__(self, group: Group) -> None:
        super().__init__(group)
        self.limit = self.memsw = self.soft = self.tcp = self.unlimited
        above = group.parent.controllers.get("memory") if group.parent is not None else None
        under_root = group.parent is None or group.parent.parent is None
        inherited = above.swappiness if isinstance(above, MemoryV1) else 0
        self.swappiness: int = self.machine.swappiness if under_root else inherited
        self.oom_kill_disable: int = above.oom_kill_disable if isinstance(above, MemoryV1) else 0

    def _size(self, text: str) -> int:
        if self.group.parent is None:
            refuse(errno.EINVAL)
        return size(text, "-1", self.machine.page)

    def _fit(self, limit: int) -> None:
        usage = self.usage()
        if usage > limit and usage - self.reclaim(usage - limit) > limit:
            refuse(errno.EBUSY)

    def _store_limit(self, text: str) -> None:
        limit = self._size(text)
        if limit > self.memsw and not self.machine.lenient:
            refuse(errno.EINVAL)
        self._fit(limit)
        self.limit = limit

    def _store_memsw(self, text: str) -> None:
        limit = self._size(text)
        if limit < self.limit and not self.machine.lenient:
            refuse(errno.EINVAL)
        self._fit(limit)
        self.memsw = limit

    def _store_soft(self, text: str) -> None:
        self.soft = size(text, "-1", self.machine.page)

    def _store_swappiness(self, text: str) -> None:
        number = unsigned(text)
        if number > 200:
            refuse(errno.EINVAL)
        self.swappiness = number

    def _store_tcp(self, text: str) -> None:
        self.tcp = self._size(text)

    def _show_oom(self) -> str:
        return f"oom_kill_disable {self.oom_kill_disable}\nunder_oom 0\noom_kill 0\n"

    def _store_oom(self, text: str) -> None:
        number = unsigned(text)
        if self.group.parent is None or number > 1:
            refuse(errno.EINVAL)
        self.oom_kill_disable = number

    def invalid(self) -> str:
        return "memsw is below the limit" if self.memsw < self.limit else ""

    files: ClassVar[Mapping[str, File]] = {
        "memory.limit_in_bytes": File(lambda self: f"{self.limit}\n", _store_limit),
        "memory.memsw.limit_in_bytes": File(lambda self: f"{self.memsw}\n", _store_memsw),
        "memory.soft_limit_in_bytes": File(lambda self: f"{self.soft}\n", _store_soft),
        "memory.swappiness": File(lambda self: f"{self.swappiness}\n", _store_swappiness),
        "memory.kmem.tcp.limit_in_bytes": File(lambda self: f"{self.tcp}\n", _store_tcp),
        "memory.oom_control": File(_show_oom, _store_oom),
        "memory.usage_in_bytes": File(lambda self: f"{self.usage()}\n"),
    }


def _switch(text: str) -> int:
    number = integer(text.strip())
    if number not in (0, 1):
        refuse(errno.EINVAL)
    return number


def _limit(name: str) -> File:
    return File(lambda self: self.show_limit(name), lambda self, text: self.store_limit(name, text), root=False)


class MemoryV2(Memory):
    """The limits are independent of each other; lowering memory.max below what is in use kills."""

    def __init__(self, group: Group) -> None:
        super().__init__(group)
        self.values: dict[str, int] = {}
        self.oom_group = 0
        self.zswap_writeback = 1
        self.reset()

    def reset(self) -> None:
        # The switches are not among them.
        self.values = {**dict.fromkeys(_NONE, 0), **dict.fromkeys(_MAX, self.unlimited)}

    def show_limit(self, name: str) -> str:
        value = self.values[name]
        return "max\n" if value == self.unlimited else f"{value}\n"

    def store_limit(self, name: str, text: str) -> None:
        limit = size(text, "max", self.machine.page)
        self.values[name] = limit
        if name in ("memory.high", "memory.max"):
            self.reclaim(max(self.usage() - limit, 0))
        if name == "memory.max" and not self.machine.lenient:
            _kill_until(self.machine, self.group, lambda: self.usage() <= limit)

    def _store_oom_group(self, text: str) -> None:
        self.oom_group = _switch(text)

    def _store_writeback(self, text: str) -> None:
        self.zswap_writeback = _switch(text)

    def _store_reclaim(self, text: str) -> None:
        amount = size(text, "", self.machine.page)
        if self.reclaim(amount) < amount:
            refuse(errno.EAGAIN)

    def invalid(self) -> str:
        return "uses more than it may" if self.usage() > self.values["memory.max"] else ""

    files: ClassVar[Mapping[str, File]] = {
        **{name: _limit(name) for name in (*_NONE, *_MAX)},
        "memory.oom.group": File(lambda self: f"{self.oom_group}\n", _store_oom_group, root=False),
        "memory.zswap.writeback": File(lambda self: f"{self.zswap_writeback}\n", _store_writeback),
        "memory.current": File(lambda self: f"{self.usage()}\n", root=False),
        "memory.reclaim": File(None, _store_reclaim),
    }


def _kill_until(machine: Machine, group: Group, enough: Callable[[], bool]) -> None:
    """Out of memory: the largest goes first."""
    while not enough():
        charged = [
            process
            for process in machine.processes.values()
            if process.charged is not None and group.holds(process.charged) and not process.doomed
        ]
        if not charged:
            return
        machine.kill(max(charged, key=lambda process: process.memory).pid)
