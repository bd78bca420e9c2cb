# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters that io.cost has for each device: numbers, percentages and words, which the kernel sets or the user."""

from __future__ import annotations

from typing import Dict, Mapping, Tuple

from .interface_files.entry import Facts, Kind, Value, unreadable
from .kinds_device import EACH, device_number
from .values import Switch, scan, whole, word, wrong

# (device, key) -> text as the kernel shows it.
Parameters = Dict[Tuple[str, str], str]
# What holds for a device that io.cost was never told of, and that is not shown then.
_UNTOLD = {"enable": "0", "ctrl": "auto", "model": "linear"}
_SETTINGS = ("enable", "ctrl", "model")
_SWITCH = Switch()


class Cost(Kind):
    """A line a device, key=value. ``percentages``: key -> the least and the most, in hundredths of a per cent.

    What is not written stays. With a parameter the kernel takes ctrl=user, with ctrl=auto its own parameters again.
    """

    def __init__(self, settings: tuple[str, ...], numbers: tuple[str, ...], percentages: Mapping[str, tuple[int, int]]):
        self.settings, self.numbers, self.percentages = settings, numbers, percentages
        self.keys = settings + numbers + tuple(percentages)
        self.example = '{{"/dev/sda": {{{}: {}}}}}'.format(settings[0], "true" if settings[0] == "enable" else "auto")

    def parse(self, option: str, value: object, facts: Facts) -> Parameters:
        if isinstance(value, str):
            value = self._spelled(option, value)
        if not isinstance(value, Mapping) or not value:
            raise wrong(option, value, "names no device", "write " + self.example)
        found: Parameters = {}
        for said, more in value.items():
            device = EACH if said == EACH else device_number(option, said, facts)
            at = f"{option}['{said}']"
            if not isinstance(more, Mapping) or not more:
                raise wrong(at, more, "is no parameter of io.cost", "write " + self.example)
            own = {key: self._one(at, key, one) for key, one in more.items()}
            if any(key not in _SETTINGS for key in own) and own.setdefault("ctrl", "user") == "auto":
                raise wrong(at, "auto", "leaves the parameters to the kernel, and some are said", "write ctrl: user")
            for key in sorted(own, key=self.keys.index):
                if found.setdefault((device, key), own[key]) != own[key]:
                    raise wrong(at, own[key], f"is said of {device} before, otherwise", "say it once")
        return found

    def _one(self, option: str, key: object, value: object) -> str:
        if not isinstance(key, str) or key not in self.keys:
            raise wrong(option, key, "is no parameter of io.cost", "there are " + ", ".join(self.keys))
        option = f"{option}['{key}']"
        if key == "enable":
            return _SWITCH.text(_SWITCH.parse(option, value, _NO_FACTS))
        if key in _SETTINGS:
            words = ("linear",) if key == "model" else ("auto", "user")
            if word(value) not in words:
                raise wrong(option, value, "is none of the kernel's words for it", "write " + " or ".join(words))
            return word(value)
        if key in self.numbers:
            return str(whole(option, value, 0, 2**63 - 1))
        low, high = self.percentages[key]
        way_out = f"write a percentage from {low // 100} to {high // 100}"
        number, parts, unit = scan(option, value, way_out)
        if unit not in ("", "%") or not low * parts <= number * 100 <= high * parts:
            raise wrong(option, value, "is out of range", way_out)
        return "{}.{:02}".format(*divmod(number * 100 // parts, 100))

    def _spelled(self, option: str, text: str) -> Mapping[str, object]:
        """The kernel's own spelling, "8:0 enable=1 ctrl=auto"; several devices are parted by commas or lines."""
        found: dict[str, object] = {}
        for line in text.replace(",", "\n").splitlines():
            device, *pairs = line.split() or [""]
            if device in found or not pairs or not all("=" in pair for pair in pairs):
                raise wrong(option, text, "is not key=value for each device", "write " + self.example)
            found[device] = dict(pair.split("=", 1) for pair in pairs)
        return found

    def read(self, text: str) -> Parameters:
        found: Parameters = {}
        try:
            for line in text.strip().splitlines():
                device, *pairs = line.split()
                found.update(((device, key), one) for key, one in (pair.split("=") for pair in pairs))
        except ValueError:
            raise unreadable(text) from None
        return found

    def text(self, wanted: Value) -> str | None:
        return None

    def _meant(self, observed: Parameters, wanted: Parameters) -> Parameters:
        """``wanted`` with EACH made the devices that are shown."""
        found = {place: wanted[EACH, place[1]] for place in observed if (EACH, place[1]) in wanted}
        found.update((place, one) for place, one in wanted.items() if place[0] != EACH)
        return found

    def _due(self, observed: Parameters, wanted: Parameters) -> Parameters:
        meant = self._meant(observed, wanted)
        return {place: one for place, one in meant.items() if observed.get(place, _UNTOLD.get(place[1])) != one}

    def writes(self, observed: Value | None, wanted: Value) -> tuple[str, ...]:
        due: dict[str, list[str]] = {}
        for (device, key), one in self._due(observed or {}, wanted).items():
            due.setdefault(device, []).append(f"{key}={one}")
        return tuple(" ".join([device, *pairs]) for device, pairs in due.items())

    def holds(self, observed: Value, wanted: Value) -> bool:
        return not self._due(observed, wanted)

    def direction(self, observed: Value, wanted: Value) -> str:
        return "rise"

    def show(self, value: Value) -> str:
        found: dict[str, list[str]] = {}
        for (device, key), one in value.items():
            found.setdefault(device, []).append(f"{key}={one}")
        return ", ".join(" ".join([device, *pairs]) for device, pairs in found.items())

    def predicted(self, observed: Value | None, wanted: Value) -> Parameters:
        found = dict(observed or {})
        found.update(self._meant(found, wanted))
        # What the kernel then chooses itself is its own affair.
        auto = {device for (device, key), one in found.items() if key == "ctrl" and one == "auto"}
        return {place: one for place, one in found.items() if place[1] in _SETTINGS or place[0] not in auto}

    def join(self, one: Value, other: Value) -> Parameters | None:
        both = {**one, **other}
        return both if all(both[place] == said for place, said in one.items()) else None


_NO_FACTS = Facts(4096, 0, 1, str)
QOS = Cost(
    ("enable", "ctrl"),
    ("rlat", "wlat"),  # microseconds
    {"rpct": (0, 10000), "wpct": (0, 10000), "min": (100, 1000000), "max": (100, 1000000)},
)
MODEL = Cost(("ctrl", "model"), ("rbps", "rseqiops", "rrandiops", "wbps", "wseqiops", "wrandiops"), {})
