# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Block I/O: blkio of v1 and io of v2. A device has an entry in a group from the first time that it was named there."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from typing import ClassVar

from .kernel import Controller, File, Group
from .texts import ULONG, device, leading, refuse, unsigned

_COUNTS = 2**32 - 1
_PRIORITIES = ("no-change", "promote-to-rt", "restrict-to-be", "idle", "none-to-rt")


class Io(Controller):
    """What both versions share: four figures a device, in the order of v2's keys."""

    name = "io"
    KEYS = ("rbps", "wbps", "riops", "wiops")
    _NONE = (ULONG, ULONG, _COUNTS, _COUNTS)

    def __init__(self, group: Group) -> None:
        # The newest first, as they are listed.
        self.figures: dict[str, list[int]] = {}
        self.weight = 100
        self.weights: dict[str, int] = {}
        self.priority = "no-change"
        super().__init__(group)

    def entry(self, number: str) -> list[int]:
        """A device's figures; ENODEV where there is no such disk. Groups above get an entry too."""
        if number not in self.machine.devices:
            refuse(errno.ENODEV)
        for group in (*reversed(list(self.group.ancestors())), self.group):
            controller = group.controllers.get("io")
            if isinstance(controller, Io) and number not in controller.figures:
                controller.figures = {number: list(self._NONE), **controller.figures}
        return self.figures[number]

    def store_weight(self, text: str) -> None:
        """bfq's: a bare number is that of all devices."""
        text = text.strip()
        match = re.match(r"default ([0-9]+)", text)
        if match or re.fullmatch("[0-9a-fA-FxX]*", text):
            self.store_default(match.group(1) if match else text or "0")
            return
        number, body = device(text)
        if number not in self.machine.devices:
            refuse(errno.ENODEV)
        if number not in self.machine.bfq:
            refuse(errno.EOPNOTSUPP)
        if body.strip() == "default":
            self.weights.pop(number, None)
            return
        weight = leading(body)
        if not 1 <= weight <= 1000:
            refuse(errno.ERANGE)
        self.weights[number] = weight

    def store_default(self, text: str) -> None:
        weight = unsigned(text)
        if not 1 <= weight <= 1000:
            refuse(errno.ERANGE)
        self.weight = weight
        # Those of devices go, even where nothing changes.
        self.weights.clear()

    def store_priority(self, text: str) -> None:
        """What becomes of the class that a request has."""
        if text.strip() not in _PRIORITIES:
            refuse(errno.EINVAL)
        self.priority = text.strip()

    def show_weights(self) -> str:
        return f"default {self.weight}\n" + "".join(f"{number} {weight}\n" for number, weight in self.weights.items())


def _throttle(place: int) -> File:
    return File(lambda self: self.show_figure(place), lambda self, text: self.store_figure(place, text))


class IoV1(Io):
    """blkio: a file for each figure."""

    def show_figure(self, place: int) -> str:
        """One line for each device that is limited."""
        none = self._NONE[place]
        return "".join(
            f"{number} {figures[place]}\n" for number, figures in self.figures.items() if figures[place] != none
        )

    def store_figure(self, place: int, text: str) -> None:
        """MAJOR:MINOR and a figure, 0 for none."""
        number, body = device(text)
        entry = self.entry(number)
        figure = leading(body) or ULONG
        # Operations are counted in 32 bits, and what is beyond them is cut off.
        entry[place] = figure if place < 2 else figure & _COUNTS

    files: ClassVar[Mapping[str, File]] = {
        "blkio.throttle.read_bps_device": _throttle(0),
        "blkio.throttle.write_bps_device": _throttle(1),
        "blkio.throttle.read_iops_device": _throttle(2),
        "blkio.throttle.write_iops_device": _throttle(3),
        "blkio.bfq.weight": File(lambda self: f"{self.weight}\n", Io.store_default, root=False),
        "blkio.bfq.weight_device": File(Io.show_weights, Io.store_weight, root=False),
        "blkio.prio.class": File(lambda self: self.priority + "\n", Io.store_priority),
    }


class IoV2(Io):
    """io.max, one line a device, and the weights of io.cost and of bfq."""

    def __init__(self, group: Group) -> None:
        self.cost = 100
        self.targets: dict[str, int] = {}
        super().__init__(group)

    def _show(self) -> str:
        lines = []
        for number, figures in self.figures.items():
            if tuple(figures) != self._NONE:
                pairs = zip(self.KEYS, figures, self._NONE, strict=True)
                shown = " ".join(f"{key}={'max' if figure == none else figure}" for key, figure, none in pairs)
                lines.append(f"{number} {shown}\n")
        return "".join(lines)

    def _store(self, text: str) -> None:
        number, body = device(text)
        entry = self.entry(number)
        figures = list(entry)
        for word in body.split():
            key, _, said = word.partition("=")
            figure = ULONG if said == "max" else leading(said)
            if not figure:
                refuse(errno.ERANGE)
            if key not in self.KEYS or figure < 2:
                refuse(errno.EINVAL)
            place = self.KEYS.index(key)
            figures[place] = min(figure, self._NONE[place])
        entry[:] = figures

    def _show_latency(self) -> str:
        return "".join(f"{number} target={target}\n" for number, target in self.targets.items() if target)

    def _store_latency(self, text: str) -> None:
        number, body = device(text)
        self.entry(number)
        target = 0
        for word in body.split():
            key, _, said = word.partition("=")
            if key != "target":
                refuse(errno.EINVAL)
            target = 0 if said == "max" else leading(said)
        self.targets[number] = target

    def _store_cost(self, text: str) -> None:
        if ":" in text:
            number, _ = device(text)
            # io.cost is switched on for each device by itself, and no test does that.
            refuse(errno.EOPNOTSUPP if number in self.machine.devices else errno.ENODEV)
        match = re.match(r"\s*(?:default )?\s*([0-9]+)", text)
        if not match or not 1 <= int(match.group(1)) <= 10000:
            refuse(errno.EINVAL)
        self.cost = int(match.group(1))

    files: ClassVar[Mapping[str, File]] = {
        "io.max": File(_show, _store, root=False),
        "io.weight": File(lambda self: f"default {self.cost}\n", _store_cost, root=False),
        "io.bfq.weight": File(Io.show_weights, Io.store_weight, root=False),
        "io.latency": File(_show_latency, _store_latency, root=False),
        "io.prio.class": File(lambda self: self.priority + "\n", Io.store_priority),
    }
