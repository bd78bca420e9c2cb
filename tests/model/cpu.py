# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cpu controller: shares, weights and clamps, and bandwidth that v1 checks against the groups above and below."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import ClassVar

from .kernel import Controller, File, Group
from .texts import refuse, signed, unsigned

_MICROSECONDS = 2**64 // 1000
_LONGEST = 2**44 - 1
# The load of each nice value from -20 to 19: a step is a tenth of the time.
_NICE = (
    *(88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916),
    *(9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277),
    *(1024, 820, 655, 526, 423, 335, 272, 215, 172, 137),
    *(110, 87, 70, 56, 45, 36, 29, 23, 18, 15),
)


class Cpu(Controller):
    """What both versions share: the scheduler below them is one. ``quota`` None is no limit; microseconds."""

    name = "cpu"
    threaded = True
    shares = 1024
    idle = 0
    quota: int | None = None
    period = 100000
    burst = 0
    # Hundredths of a percent.
    clamp_min, clamp_max = 0, 10000

    def show_idle(self) -> str:
        return f"{self.idle}\n"

    def store_idle(self, text: str) -> None:
        """Idle groups have a share of their own and get the usual one when they wake."""
        idle = signed(text)
        if self.group.parent is None or idle not in (0, 1):
            refuse(errno.EINVAL)
        if idle != self.idle:
            self.idle, self.shares = idle, 3 if idle else 1024

    def share(self, shares: int) -> None:
        """Set them, within what the scheduler can count."""
        if self.group.parent is None or self.idle:
            refuse(errno.EINVAL)
        self.shares = min(max(shares, 2), 2**18)

    def store_burst(self, text: str) -> None:
        self.bandwidth(self.quota, self.period, unsigned(text))

    def bandwidth(self, quota: int | None, period: int, burst: int) -> None:
        """Set all three, or refuse all three."""
        if self.group.parent is None or period > _MICROSECONDS or (quota or 0) > _MICROSECONDS or burst > _MICROSECONDS:
            refuse(errno.EINVAL)
        if (quota is not None and quota < 1000) or not 1000 <= period <= 1000000:
            refuse(errno.EINVAL)
        if quota is not None and (quota > _LONGEST or burst > quota or burst + quota > _LONGEST):
            refuse(errno.EINVAL)
        before = self.quota, self.period
        self.quota, self.period = quota, period
        if not self.machine.lenient and any(unfair(cpu) for cpu in _family(self)):
            self.quota, self.period = before
            refuse(errno.EINVAL)
        self.burst = burst

    def show_clamp(self, which: str) -> str:
        percent = int(getattr(self, which))
        # Counted in parts of 1024.
        return "max\n" if (percent * 1024 + 5000) // 10000 == 1024 else f"{percent // 100}.{percent % 100:02}\n"

    def store_clamp(self, which: str, text: str) -> None:
        percent = 10000 if text.strip() == "max" else _percent(text.strip())
        if not 0 <= percent <= 10000:
            refuse(errno.ERANGE)
        setattr(self, which, percent)

    def ratio(self) -> int | None:
        """The share of one CPU's time as the kernel compares it, None for all."""
        return None if self.quota is None else (self.quota << 20) // self.period


def _clamp(which: str) -> File:
    return File(lambda self: self.show_clamp(which), lambda self, text: self.store_clamp(which, text), root=False)


_CLAMPS = {"cpu.uclamp.min": _clamp("clamp_min"), "cpu.uclamp.max": _clamp("clamp_max")}


class CpuV1(Cpu):
    """shares, the three files of cfs, and real-time processes' two. ``runtime`` None is all there is."""

    rt_period = 1000000

    def __init__(self, group: Group) -> None:
        super().__init__(group)
        self.rt_runtime: int | None = 0 if group.parent is not None else 950000

    def _show_runtime(self) -> str:
        return f"{-1 if self.rt_runtime is None else self.rt_runtime}\n"

    def _store_runtime(self, text: str) -> None:
        runtime = signed(text)
        self.real_time(None if runtime < 0 else runtime, self.rt_period)

    def _store_rt_period(self, text: str) -> None:
        self.real_time(self.rt_runtime, unsigned(text))

    def real_time(self, runtime: int | None, period: int) -> None:
        """Set both, or refuse both: all children together have no more than their parent."""
        if not 0 < period <= _MICROSECONDS or (runtime or 0) * 1000 > _LONGEST:
            refuse(errno.EINVAL)
        before = self.rt_runtime, self.rt_period
        self.rt_runtime, self.rt_period = runtime, period
        if any(overbooked(cpu) for cpu in _family(self)):
            self.rt_runtime, self.rt_period = before
            refuse(errno.EINVAL)

    def rt_ratio(self) -> int:
        """The share of one CPU's time that real-time processes may have."""
        return 2**20 if self.rt_runtime is None else (self.rt_runtime << 20) // self.rt_period

    def _show_quota(self) -> str:
        return f"{-1 if self.quota is None else self.quota}\n"

    def _store_quota(self, text: str) -> None:
        quota = signed(text)
        self.bandwidth(None if quota < 0 else quota, self.period, self.burst)

    def _store_period(self, text: str) -> None:
        self.bandwidth(self.quota, unsigned(text), self.burst)

    def invalid(self) -> str:
        if overbooked(self):
            return "has promised more real time than it has"
        return "has more time than the group above it" if unfair(self) else ""

    files: ClassVar[Mapping[str, File]] = {
        "cpu.shares": File(lambda self: f"{self.shares}\n", lambda self, text: self.share(unsigned(text))),
        "cpu.idle": File(Cpu.show_idle, Cpu.store_idle),
        "cpu.cfs_quota_us": File(_show_quota, _store_quota),
        "cpu.cfs_period_us": File(lambda self: f"{self.period}\n", _store_period),
        "cpu.cfs_burst_us": File(lambda self: f"{self.burst}\n", Cpu.store_burst),
        "cpu.rt_runtime_us": File(_show_runtime, _store_runtime),
        "cpu.rt_period_us": File(lambda self: f"{self.rt_period}\n", _store_rt_period),
        **_CLAMPS,
    }


class CpuV2(Cpu):
    """Weights and cpu.max; a group may be promised more than the one above it has."""

    def _show_weight(self) -> str:
        return f"{0 if self.idle else (self.shares * 100 + 512) // 1024}\n"

    def _store_weight(self, text: str) -> None:
        weight = unsigned(text)
        if not 1 <= weight <= 10000:
            refuse(errno.ERANGE)
        self.share((weight * 1024 + 50) // 100)

    def _show_nice(self) -> str:
        nearest = min(range(len(_NICE)), key=lambda number: abs(_NICE[number] - self.shares))
        return f"{nearest - 20}\n"

    def _store_nice(self, text: str) -> None:
        nice = signed(text)
        if not -20 <= nice <= 19:
            refuse(errno.ERANGE)
        self.share(_NICE[nice + 20])

    def _show_max(self) -> str:
        return "{} {}\n".format("max" if self.quota is None else self.quota, self.period)

    def _store_max(self, text: str) -> None:
        said = text.split()
        if not said:
            refuse(errno.EINVAL)
        quota = None if said[0] == "max" else _count(said[0])
        period = _count(said[1]) if len(said) > 1 and said[1][:1].isdigit() else self.period
        self.bandwidth(quota, period, self.burst)

    files: ClassVar[Mapping[str, File]] = {
        "cpu.weight": File(_show_weight, _store_weight, root=False),
        "cpu.weight.nice": File(_show_nice, _store_nice, root=False),
        "cpu.idle": File(Cpu.show_idle, Cpu.store_idle, root=False),
        "cpu.max": File(_show_max, _store_max, root=False),
        "cpu.max.burst": File(lambda self: f"{self.burst}\n", Cpu.store_burst, root=False),
        **_CLAMPS,
    }


def _percent(text: str) -> int:
    """Hundredths of a percentage as it is written, rounded to them."""
    found = re.match(r"([+-]?[0-9]+)(?:\.([0-9]*))?", text)
    if not found:
        refuse(errno.EINVAL)
    tail = (found[2] or "").ljust(3, "0")
    # Halves are rounded up; what comes after the third digit changes nothing.
    return int(found[1]) * 100 + (int(tail[:3]) + 5) // 10


def _count(text: str) -> int:
    """A decimal number as far as it goes."""
    length = next((place for place, letter in enumerate(text) if letter not in "0123456789"), len(text))
    if not length:
        refuse(errno.EINVAL)
    return int(text[:length])


def _family(cpu: Cpu) -> list[Cpu]:
    found = (group.controllers.get("cpu") for group in cpu.group.hierarchy.root.family())
    return [controller for controller in found if isinstance(controller, Cpu)]


def unfair(cpu: Cpu) -> bool:
    """Whether a group of v1 has more than the nearest above it that has a limit."""
    ratio = cpu.ratio()
    if cpu.group.hierarchy.version != 1 or ratio is None:
        return False
    for group in cpu.group.ancestors():
        above = group.controllers.get("cpu")
        limit = above.ratio() if isinstance(above, Cpu) else None
        if limit is not None:
            return ratio > limit
    return False


def overbooked(cpu: Cpu) -> bool:
    """Whether a group of v1 gives real-time processes more than there is, or than the group itself has."""
    if not isinstance(cpu, CpuV1):
        return False
    if cpu.rt_runtime is not None and cpu.rt_runtime > cpu.rt_period:
        return True
    below = [child.controllers.get("cpu") for child in cpu.group.children.values()]
    promised = sum(one.rt_ratio() for one in below if isinstance(one, CpuV1))
    return cpu.rt_ratio() > (950000 << 20) // 1000000 or promised > cpu.rt_ratio()
