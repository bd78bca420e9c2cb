# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the limits that a user declared, in either dialect, to what is wanted in the host's own interface files."""

from __future__ import annotations

from typing import Any, Callable, Mapping, NamedTuple, Tuple

from .._convergence.errors import InputError, UnsupportedError
from .interface_files import table
from .interface_files.entry import INHERIT, USUAL, Choices, Facts, InterfaceFile, Said, Turn, Want
from .values import word, wrong

__all__ = ["Resolved", "Want", "controllers_of", "resolve"]
_CORES = {"": "a v2 hierarchy", "v1": "a v1 hierarchy"}
_Item = Tuple[str, type, Any]  # the type too: True, 1 and 1.0 are one key and three declarations


class Resolved(NamedTuple):
    """The files to hold something, and what was lost on the way. Warnings name no group: many groups share them."""

    wants: tuple[Want, ...]
    warnings: tuple[str, ...]


class _Host(NamedTuple):
    """What all limits of one task are resolved against."""

    versions: Mapping[str, int]
    facts: Facts
    mode: str  # '' where no host is known
    choices: Choices


def controllers_of(limits: Mapping[str, object]) -> tuple[str, ...]:
    """The controllers that limits imply, by v2's names; '' for the core files. InputError for what is no limit."""
    return tuple({_controller(name, ""): None for name in limits})


def _controller(name: object, option: str) -> str:
    if isinstance(name, str):
        found = table.controller_of(name)
        return table.find(name, option=option).controller if found is None else found
    raise wrong(option, name, "is not the name of an interface file")


def resolve(
    option: str,
    limits: Mapping[str, object],
    versions: Mapping[str, int],
    facts: Facts,
    mode: str,
    cache: dict[Any, Any],
    choices: Choices = USUAL,
) -> Resolved:
    """What ``limits`` mean on this host.

    ``versions``: controller -> 1 or 2 ('' -> 2 where there is a v2 hierarchy). ``cache`` belongs to one host and is
    only for this function. InputError for what cannot be meant, UnsupportedError for what this host cannot.
    """
    families: dict[str, list[_Item]] = {}
    for name, value in limits.items():
        controller = _controller(name, option)
        if controller in families:
            families[controller].append((name, value.__class__, value))
        else:
            families[controller] = [(name, value.__class__, value)]
    wants: tuple[Want, ...] = ()
    warnings: tuple[str, ...] = ()
    for controller, items in families.items():
        key = (choices, tuple(items))
        try:
            found = cache.get(key)
            kept = True
        except TypeError:  # a list or a dictionary among the values
            found, kept = None, False
        if found is None:
            found = _family(option, controller, items, _Host(versions, facts, mode, choices), cache)
            if kept:
                cache[key] = found
        wants += found[0]
        warnings += found[1]
    return Resolved(wants, warnings)


def _family(option: str, controller: str, items: list[_Item], host: _Host, cache: dict[Any, Any]) -> Resolved:
    """All limits of one controller, together."""

    def at(name: str) -> str:
        return f"{option}['{name}']"

    version = host.versions.get(controller)
    if version is None:
        row = table.find(items[0][0], option=option)
        raise UnsupportedError(
            "needs {}, which {} does not have".format(
                _CORES.get(controller, f"the {controller} controller"),
                f"this {host.mode} host" if host.mode else "v1",
            ),
            option=at(items[0][0]),
            # Of a controller that v2 does not have, say what there is instead.
            way_out="" if table.files(controller, 2) else row.elsewhere,
        )
    said: dict[str, Said] = {}
    warnings: list[str] = []
    for item in items:
        name = item[0]
        said[name], note = _said(option, item, version, host.facts, cache)
        if note:
            warnings.append(note)
    wants: dict[str, Want] = {}
    foreign = {name for name, one in said.items() if one.row.version != version}
    for name, one in said.items():
        if name not in foreign:
            wants[name] = _want(one.row, one.value, name, one.reset)
    if foreign:
        translate = table.family(controller).translate
        for turn in translate(said, version, at, host.choices) if translate is not None else ():
            foreign.discard(turn.declared)
            row = table.files(controller, version)[turn.name]
            _add(wants, turn, row, at, said[turn.declared].reset, host.facts)
            if turn.warning and turn.warning not in warnings:
                warnings.append(turn.warning)
        for name in said:
            if name in foreign:
                reason = f"has no counterpart in the v{version} {controller} controller"
                reason += f" of this {host.mode} host" if host.mode else ""
                raise UnsupportedError(reason, option=at(name), way_out=said[name].row.elsewhere)
    check = table.family(controller).check
    if check and len(items) > 1:
        check(wants, at)
    return Resolved(tuple(wants.values()), tuple(warnings))


def _said(option: str, item: _Item, version: int, facts: Facts, cache: dict[Any, Any]) -> tuple[Said, str]:
    """One declared limit, parsed in its own dialect, and a warning or ''."""
    name, _type, value = item
    try:
        found = cache.get(item)
        kept = True
    except TypeError:
        found, kept = None, False
    if found is None:
        row = table.find(name, version, option)
        at = f"{option}['{name}']"
        reset = isinstance(value, str) and word(value) == "default"
        if row.default is INHERIT and isinstance(value, (str, list, tuple)) and not value:
            reset = True  # an empty cpuset is the parent's on v2: the same here
        spelled = row.default if reset else value
        if reset and spelled is None:
            raise InputError("cannot be put back to a default", option=at, way_out="write a value")
        if reset and spelled is INHERIT:
            found = Said(row, None, True), ""
        else:
            parsed = row.kind.parse(at, spelled, facts)
            found = Said(row, parsed, reset), "" if reset else row.kind.note(value, parsed)
        if kept:
            cache[item] = found
    return found


def _want(row: InterfaceFile, value: Any, declared: str, reset: bool) -> Want:
    return Want(row, value, declared, None if value is None else row.kind.text(value), (), None, reset)


def _add(
    wants: dict[str, Want], turn: Turn, row: InterfaceFile, at: Callable[[str], str], reset: bool, facts: Facts
) -> None:
    """A translated limit, beside what is said of the same file already."""
    there = wants.get(turn.name)
    if turn.resolve is not None:
        if there is None:
            wants[turn.name] = Want(row, None, turn.declared, None, turn.needs, turn.resolve, False)
        return
    value = row.kind.parse(at(turn.declared), turn.value, facts)
    if there is not None:
        both = row.kind.join(there.value, value)
        if both is None:
            raise InputError(
                f"means {row.kind.show(value)} for {turn.name}, and {there.declared} says {row.kind.show(there.value)}",
                option=at(turn.declared),
                way_out="say it once",
            )
        value, reset = both, reset and there.reset
    wants[turn.name] = _want(row, value, there.declared if there else turn.declared, reset)
