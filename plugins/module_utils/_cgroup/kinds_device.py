# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that a file holds for each device: limits and weights of block I/O."""

from __future__ import annotations

import re
from typing import Dict, Mapping, Tuple

from .._convergence.errors import InputError
from .interface_files.entry import MAX, Facts, Kind, Value, unreadable
from .values import show_size, size, whole, word, wrong

# (device, key) -> figure, MAX where the device has none of its own. A file with one figure a device has the key ''.
Figures = Dict[Tuple[str, str], int]
EACH = "*"  # every device that has a figure: what puts the whole file back
DEFAULT = "default"
_DEVICE = re.compile(r"[0-9]{1,4}:[0-9]{1,7}")


def device_number(option: str, said: object, facts: Facts) -> str:
    """MAJOR:MINOR of what stands for a device."""
    text = said.strip() if isinstance(said, str) else ""
    if _DEVICE.fullmatch(text):
        return ":".join(str(int(part)) for part in text.split(":"))
    if text[:1] == "/":
        try:
            return facts.device(text)
        except InputError as error:
            error.option = error.option or option
            raise
    try:
        number = int(text) if text.isdigit() and len(text) < 10 else said
    except ValueError:  # digits, but not these ten
        number = said
    way_out = 'write /dev/sda or, in quotes, "8:0"'
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < 10**9:
        reason = "is a number where a device is meant (YAML reads an unquoted 8:0 as 480)"
        raise wrong(option, said, reason, 'write it in quotes: "{}:{}"'.format(*divmod(number, 60)))
    raise wrong(option, said, "is no device", way_out)


class PerDevice(Kind):
    """One figure a device. ``gone`` is the kernel's word for none: 0, max or default. ``count``: operations, not bytes."""

    keys: tuple[str, ...] = ("",)
    least = 1
    example = '{"/dev/sda": 10M}'

    def __init__(self, gone: str, count: bool = False) -> None:
        self.gone, self.count = gone, count
        self.none = "max" if gone == "0" else gone  # as people read it

    def figure(self, option: str, key: str, value: object) -> int:
        """One figure; MAX for none."""
        if word(value) == "max" or word(value) == self.gone:
            return MAX
        if self.count or key.endswith("iops"):
            found = whole(option, value, self.least, MAX, ", or max")
            return found if found < 2**32 - 1 else MAX  # the kernel counts them in 32 bits
        found = size(option, value)
        if found < self.least:
            raise wrong(option, value, "is no limit that the kernel takes", f"write at least {self.least}, or max")
        return min(found, MAX)

    def parse(self, option: str, value: object, facts: Facts) -> Figures:
        if isinstance(value, str):
            value = self.spelled(option, value)
        if not isinstance(value, Mapping) or not value:
            raise wrong(option, value, "names no device", "write " + self.example)
        found: Figures = {}
        for said, more in value.items():
            device = EACH if said == EACH else self.device(option, said, facts)
            for key, figure in self.entry(option, more).items():
                at = f"{option}['{said}']"
                amount = self.figure(at + (f"['{key}']" if key else ""), key, figure)
                if (device == EACH) > (amount == MAX) or (device == DEFAULT and amount == MAX):
                    raise wrong(at, figure, "cannot be set there", "write the device, as in " + self.example)
                if found.setdefault((device, key), amount) != amount:
                    raise wrong(at, figure, f"is said of {device} before, otherwise", "say it once")
        return found

    def device(self, option: str, said: object, facts: Facts) -> str:
        """The canonical name of a device."""
        return device_number(option, said, facts)

    def entry(self, option: str, said: object) -> Mapping[str, object]:
        """Key -> figure of one device, as they were said."""
        return {"": said}

    def spelled(self, option: str, text: str) -> Mapping[str, object]:
        """The kernel's own spelling, "8:0 1048576", as a dictionary; several devices are parted by commas or lines."""
        if word(text) in ("max", self.gone):
            return {EACH: text}
        found: dict[str, object] = {}
        for line in text.replace(",", "\n").splitlines():
            device, _blank, rest = line.strip().partition(" ")
            if not rest or device in found:
                raise wrong(option, text, "is not a figure for each device", "write " + self.example)
            found[device] = self.unspelled(option, rest)
        return found

    def unspelled(self, option: str, rest: str) -> object:
        """What follows a device in the kernel's spelling."""
        return rest

    def read(self, text: str) -> Figures:
        found: Figures = {}
        try:
            for line in text.strip().splitlines():
                device, *figures = line.split()
                for figure in figures:
                    key, _sign, amount = figure.rpartition("=")
                    if amount != "max":
                        found[device, key] = min(int(amount), MAX)
        except ValueError:
            raise unreadable(text) from None
        return found

    def text(self, wanted: Value) -> str | None:
        return None if any(device != EACH for device, _key in wanted) else ""

    def meant(self, observed: Figures, wanted: Figures) -> Figures:
        """``wanted`` with EACH made the devices that are there."""
        found = {}
        for device, key in observed:
            if (EACH, key) in wanted and device != DEFAULT:
                found[device, key] = MAX
        found.update((place, figure) for place, figure in wanted.items() if place[0] != EACH)
        return found

    def writes(self, observed: Value | None, wanted: Value) -> tuple[str, ...]:
        due: dict[str, list[str]] = {}
        for place, figure in self.meant(observed or {}, wanted).items():
            if observed is None or observed.get(place, MAX) != figure:
                due.setdefault(place[0], []).append(self.one(place[1], figure))
        return tuple(" ".join([device, *figures]) for device, figures in due.items())

    def one(self, key: str, figure: int) -> str:
        """One figure as it is written."""
        return (key + "=" if key else "") + (self.gone if figure == MAX else str(figure))

    def holds(self, observed: Value, wanted: Value) -> bool:
        return all(observed.get(place, MAX) == figure for place, figure in self.meant(observed, wanted).items())

    def direction(self, observed: Value, wanted: Value) -> str:
        pairs = [(observed.get(place, MAX), figure) for place, figure in self.meant(observed, wanted).items()]
        falls = any(figure < had for had, figure in pairs)
        return ("both" if any(figure > had for had, figure in pairs) else "fall") if falls else "rise"

    def predicted(self, observed: Value | None, wanted: Value) -> Figures:
        found = dict(observed or {})
        found.update(self.meant(found, wanted))
        return {place: figure for place, figure in found.items() if figure != MAX}

    def show(self, value: Value) -> str:
        found: dict[str, list[str]] = {}
        for (device, key), figure in value.items():
            bytes_ = not self.count and not key.endswith("iops")
            shown = self.none if figure == MAX else show_size(figure) if bytes_ else str(figure)
            found.setdefault(device, []).append(key + "=" + shown if key else shown)
        return ", ".join(" ".join([device, *figures]) for device, figures in found.items())

    def join(self, one: Value, other: Value) -> Figures | None:
        both = dict(one)
        both.update(other)
        return both if all(both[place] == figure for place, figure in one.items()) else None


class Keyed(PerDevice):
    """Figures with a name, key=figure; those that are not written stay."""

    def entry(self, option: str, said: object) -> Mapping[str, object]:
        if word(said) == "max":
            return dict.fromkeys(self.keys, "max")
        if not isinstance(said, Mapping) or not said:
            raise wrong(option, said, "is not what to limit a device by", "write " + self.example)
        for key in said:
            if key not in self.keys:
                raise wrong(option, key, "is nothing to limit a device by", "there are " + ", ".join(self.keys))
        return said

    def unspelled(self, option: str, rest: str) -> object:
        found = {}
        for item in rest.split():
            key, _sign, figure = item.partition("=")
            if not figure or key in found:
                raise wrong(option, rest, "is not key=value for each figure", "write " + self.example)
            found[key] = figure
        return found


class Throughput(Keyed):
    """io.max: up to four figures a device."""

    keys = ("rbps", "wbps", "riops", "wiops")
    least = 2  # v2 answers EINVAL to 1, v1 takes it
    example = '{"/dev/sda": {rbps: 10M, wiops: 100}}'


class Latency(Keyed):
    """io.latency: a target in microseconds for each device, in a line target=75000."""

    keys = ("target",)
    example = '{"/dev/sda": 75000}'

    def __init__(self) -> None:
        super().__init__("max", True)

    def figure(self, option: str, key: str, value: object) -> int:
        # Nanoseconds in the kernel, which multiplies without a look: 2**54 microseconds still fit.
        return MAX if word(value) == "max" else whole(option, value, 1, 2**54, " (microseconds), or max")

    def entry(self, option: str, said: object) -> Mapping[str, object]:
        return super().entry(option, said) if isinstance(said, Mapping) else {"target": said}

    def unspelled(self, option: str, rest: str) -> object:
        return super().unspelled(option, rest) if "=" in rest else rest


class Weights(PerDevice):
    """A weight for each device; ``with_default``: beside that of all others, in the same file (v2).

    ``gone`` takes a device's own away. ``forgets``: with a new weight of all others the kernel drops those of devices.
    """

    example = '{default: 100, "8:0": 200}'

    def __init__(
        self, high: int, with_default: bool = True, low: int = 1, gone: str = DEFAULT, forgets: bool = False
    ) -> None:
        super().__init__(gone, True)
        self.none = DEFAULT
        self.low, self.high, self.with_default, self.forgets = low, high, with_default, forgets

    def figure(self, option: str, key: str, value: object) -> int:
        return MAX if word(value) in (DEFAULT, self.gone) else whole(option, value, self.low, self.high)

    def parse(self, option: str, value: object, facts: Facts) -> Figures:
        if self.with_default and not isinstance(value, (str, Mapping, list, tuple)):
            value = {DEFAULT: value}
        return super().parse(option, value, facts)

    def device(self, option: str, said: object, facts: Facts) -> str:
        return DEFAULT if self.with_default and word(said) == DEFAULT else super().device(option, said, facts)

    def spelled(self, option: str, text: str) -> Mapping[str, object]:
        if self.with_default and len(text.split()) == 1 and word(text) != DEFAULT:
            return {DEFAULT: text}
        return super().spelled(option, text)

    def read(self, text: str) -> Figures:
        found = super().read(DEFAULT + " " + text if text.strip().isdigit() else text)
        return found if self.with_default else {place: weight for place, weight in found.items() if place[0] != DEFAULT}

    def writes(self, observed: Value | None, wanted: Value) -> tuple[str, ...]:
        place = (DEFAULT, "")
        weight = wanted.get(place)
        had = observed or {}
        if weight is None or had.get(place) == weight:
            return super().writes(observed, wanted)
        rest = {one: figure for one, figure in self.meant(had, wanted).items() if one != place}
        if self.forgets:
            rest = {**{one: figure for one, figure in had.items() if one != place}, **rest}
            had = {}
        # A bare number: before 5.4 io.bfq.weight took nothing else, and the kernels since take it too.
        return (str(weight), *super().writes(had, rest))

    def text(self, wanted: Value) -> str | None:
        return None
