# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of files that list everything of a kind that the host has, each with its figures, and keep what is not written."""

from __future__ import annotations

from typing import Dict, Mapping, Sequence, Tuple

from .._convergence.errors import UnsupportedError
from .interface_files.entry import Facts, Kind, Value, unreadable
from .values import Number, show_size, size, word, wrong

# (thing, key) -> figure. A file with one figure a thing has the key ''.
Figures = Dict[Tuple[str, str], int]
EACH = "*"  # everything that this host has, and stays that where nobody has looked what it has


class Amount(Number):
    """Bytes that the kernel takes as they are: memory of a device is not cut to this host's pages."""

    def parse(self, option: str, value: object, facts: Facts) -> int:
        if word(value) == self.unlimited:
            return super().parse(option, value, facts)
        return super().parse(option, size(option, value), facts)

    def show(self, value: Value) -> str:
        shown = super().show(value)
        return show_size(value) if shown.isdigit() else shown


class Listed(Kind):
    """``figure`` for each ``what`` of a controller, under each of ``keys`` where there are several."""

    def __init__(self, controller: str, what: str, figure: Number, example: str, keys: tuple[str, ...] = ("",)) -> None:
        self.controller, self.what, self.one, self.example, self.keys = controller, what, figure, example, keys

    def parse(self, option: str, value: object, facts: Facts) -> Figures:
        if isinstance(value, str):
            value = {EACH: value} if self._is_unlimited(value) else self._spelled(option, value)
        if not isinstance(value, Mapping) or not value:
            raise wrong(option, value, f"names no {self.what}", "write " + self.example)
        known = facts.has(self.controller) if facts.has is not None else None
        found: Figures = {}
        # What is said of one overrides what is said of each.
        for said in sorted(value, key=lambda said: said != EACH):
            at = f"{option}['{said}']"
            figures = self._figures(at, value[said], facts)
            for thing in known if said == EACH and known is not None else (self._known(option, said, known),):
                found.update({(thing, key): figure for key, figure in figures.items()})
        return found

    def _is_unlimited(self, value: object) -> bool:
        return bool(self.one.unlimited) and word(value) == self.one.unlimited

    def _known(self, option: str, said: object, known: Sequence[str] | None) -> str:
        """The name of one thing; UnsupportedError where this host does not have it."""
        if not isinstance(said, str) or [said] != said.replace(",", " ").split():
            raise wrong(option, said, f"is no {self.what}'s name", "write " + self.example)
        if known is not None and said not in known:
            has = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
            raise UnsupportedError(
                f"is no {self.what} of this host", option=option, value=said, way_out=f"there is {has or 'none'}"
            )
        return said

    def _figures(self, option: str, said: object, facts: Facts) -> dict[str, int]:
        """Key -> figure of one thing."""
        if self.keys == ("",):
            return {"": self.one.parse(option, said, facts)}
        if isinstance(said, str):
            said = dict.fromkeys(self.keys, said) if self._is_unlimited(said) else self._pairs(option, said)
        if not isinstance(said, Mapping) or not said:
            raise wrong(option, said, "is not key: number", "write " + self.example)
        for key in said:
            if key not in self.keys:
                raise wrong(option, key, "is nothing that is counted there", "there are " + ", ".join(self.keys))
        return {key: self.one.parse(f"{option}['{key}']", figure, facts) for key, figure in said.items()}

    def _pairs(self, option: str, said: str) -> dict[str, str]:
        """The kernel's own spelling of one thing's figures, a=1 b=2."""
        pairs = [item.partition("=") for item in said.split()]
        if not all(figure for _key, _sign, figure in pairs) or len({key for key, _sign, _figure in pairs}) < len(pairs):
            raise wrong(option, said, "is not key=number, each once", "write " + self.example)
        return {key: figure for key, _sign, figure in pairs}

    def _spelled(self, option: str, text: str) -> dict[str, str]:
        """The kernel's own spelling of the whole file; lines may be parted by commas."""
        found: dict[str, str] = {}
        for line in text.replace(",", "\n").splitlines():
            thing, _blank, rest = line.strip().partition(" ")
            if not rest or thing in found:
                raise wrong(option, text, f"is not a line for each {self.what}", "write " + self.example)
            found[thing] = rest.strip()
        return found

    def read(self, text: str) -> Figures:
        found: Figures = {}
        for line in text.splitlines():
            thing, *figures = line.split() or [""]
            for figure in figures:
                key, _sign, amount = figure.rpartition("=")
                found[thing, key] = self.one.read(amount)
            if not figures:
                raise unreadable(text)
        return found

    def text(self, wanted: Value) -> str | None:
        return None  # what is not declared is shown too

    def writes(self, observed: Value | None, wanted: Value) -> tuple[str, ...]:
        due: dict[str, list[str]] = {}
        for (thing, key), figure in wanted.items():
            if observed is None or observed.get((thing, key)) != figure:
                due.setdefault(thing, []).append((key + "=" if key else "") + (self.one.text(figure) or ""))
        # One line a write(2): further ones would be dropped without an error.
        return tuple(" ".join([thing, *figures]) for thing, figures in due.items())

    def holds(self, observed: Value, wanted: Value) -> bool:
        return all(observed.get(place) == figure for place, figure in wanted.items())

    def direction(self, observed: Value, wanted: Value) -> str:
        # The kernel's default, which a new group is compared with, is the same of each.
        pairs = [
            (observed.get(place, observed.get((EACH, place[1]), figure)), figure) for place, figure in wanted.items()
        ]
        falls = any(figure < had for had, figure in pairs)
        return ("both" if any(figure > had for had, figure in pairs) else "fall") if falls else "rise"

    def predicted(self, observed: Value | None, wanted: Value) -> Figures:
        return {**(observed or {}), **wanted}

    def show(self, value: Value) -> str:
        found: dict[str, list[str]] = {}
        for (thing, key), figure in value.items():
            found.setdefault(thing, []).append((key + "=" if key else "") + self.one.show(figure))
        return ", ".join(" ".join([thing, *figures]) for thing, figures in found.items())

    def join(self, one: Value, other: Value) -> Figures | None:
        both = {**one, **other}
        return both if all(both[place] == figure for place, figure in one.items()) else None
