# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dictionary of limits from one dialect into the other, with no host to ask: what the filters do."""

from __future__ import annotations

from typing import Dict, Mapping, NamedTuple, Tuple

from .._convergence.errors import InputError, IsolationError
from . import docker_names, limits, runtime_names
from .interface_files import table
from .interface_files.entry import MAX, Choices, Facts, Kind, Want
from .kinds_device import EACH
from .values import UNLIMITED, word, wrong

_SOFT = "memory.soft_limit_in_bytes"
_WEIGHTS = ("blkio.bfq.weight", "blkio.bfq.weight_device")


def _no_device(path: str) -> str:
    reason = "is a path on a host, and no host is known here"
    raise InputError(reason, value=path, way_out='write "MAJOR:MINOR", as in "8:0"')


# Pages of one byte cut nothing; the host that gets the limits does.
_NOWHERE = Facts(1, 0, 0, _no_device)


class Converted(NamedTuple):
    """Limits for a playbook, and what was lost on the way."""

    limits: Dict[str, object]
    warnings: Tuple[str, ...]


def converted(said: object, version: int, choices: Choices, io_weight: str = "io.bfq.weight") -> Converted:
    """Limits as ``version`` names them. ``said`` holds interface files, docker's options, OCI's resources, or all of them.

    ``io_weight`` is v2's file for the weight of a container. InputError and UnsupportedError in one sentence.
    """
    if not isinstance(said, Mapping):
        raise wrong("limits", said, "is not a dictionary", "write names and values")
    named, origin = _named(said)
    if _SOFT in named and _SOFT in origin and not choices.memory_soft_limit:
        choices = choices._replace(memory_soft_limit="low")  # as runtimes have it
    if version == 2 and io_weight == "io.weight":
        _weigh(named, origin)
    if version == 2 and "memory.oom_control" in origin and word(named["memory.oom_control"]) in ("false", "0"):
        del named["memory.oom_control"]  # v2 knows nothing else
    _check_sizes(named, origin)
    versions = dict.fromkeys(table.CONTROLLERS.values(), version)
    if version == 1:
        del versions[""]
    try:
        found = limits.resolve("limits", named, versions, _NOWHERE, "", {}, choices)
        return Converted({want.file.name: _spelled(want) for want in found.wants}, found.warnings)
    except IsolationError as error:
        error.option = _own(error.option, origin)
        raise


def _named(said: Mapping[object, object]) -> Tuple[Dict[str, object], Dict[str, str]]:
    """Everything by the names of interface files, and what the user wrote it under where that is another name."""
    named: Dict[str, object] = {}
    origin: Dict[str, str] = {}
    for name, value in said.items():
        at = f"limits['{name}']"
        if not isinstance(name, str):
            raise wrong("limits", name, "is not the name of a limit")
        part = name if runtime_names.is_part(name, value) else ""
        if part:
            new = runtime_names.limits_of(at, part, value)
        elif docker_names.name_of(name):
            new = docker_names.limits_of(at, docker_names.name_of(name), value)
        elif "." in name:
            new = {name: value}
        else:
            raise InputError(
                "is no interface file, no option of docker run and no member of OCI's linux.resources that is known",
                option="limits",
                value=name if len(name) <= 80 else name[:77] + "...",
                way_out="write names like memory.max, --memory or memory.limit",
            )
        for limit, one in new.items():
            if named.setdefault(limit, one) != one:
                raise InputError(f"is said otherwise by {origin.get(limit, limit)}", option=at, way_out="say it once")
            if limit != name:
                origin[limit] = at + runtime_names.member_of(part, limit)
    return named, origin


def _own(option: str, origin: Mapping[str, str]) -> str:
    """An option by the name that the user gave it."""
    for limit, at in origin.items():
        if option == limit:
            return at
        if option.startswith(f"limits['{limit}']"):
            return at + option[len(f"limits['{limit}']") :]
    return option


def _check_sizes(named: Mapping[str, object], origin: Mapping[str, str]) -> None:
    for limit, value in named.items():
        if limit.startswith("memory.") and isinstance(value, str) and value.strip().endswith("%"):
            reason = "is a share of a host's memory, and no host is known here"
            way_out = "write it like 512M, or declare it as it is to the modules"
            raise wrong(origin.get(limit, f"limits['{limit}']"), value, reason, way_out)


def _weigh(named: Dict[str, object], origin: Dict[str, str]) -> None:
    """A container's weight as io.weight, by the formula of the runtimes."""
    weights: Dict[str, object] = {}
    for limit in _WEIGHTS:
        if limit not in origin or limit not in named:
            continue
        at, value = origin.pop(limit), named.pop(limit)
        for device, weight in value.items() if isinstance(value, Mapping) else [("default", value)]:
            weights[device] = io_weight_of(at, weight)
        origin["io.weight"] = at
    if weights:
        if "io.weight" in named:
            raise InputError("cannot be said beside io.weight", option=origin["io.weight"], way_out="say it once")
        named["io.weight"] = weights


def io_weight_of(option: str, weight: object) -> int:
    """v2's io.weight (1 to 10000) for a container's weight of block I/O (10 to 1000)."""
    text = str(weight).strip()
    if not (text.isdigit() and text.isascii() and len(text) < 5 and 10 <= int(text) <= 1000):
        raise wrong(option, weight, "is not a weight of block I/O", "write a whole number from 10 to 1000")
    return 1 + (int(text) - 10) * 9999 // 990


def _spelled(want: Want) -> object:
    """A value for a playbook."""
    # Of a file with many lines the reset of one, as of the weight of all other devices, is not the reset of all.
    whole = not isinstance(want.value, Mapping) or any(device == EACH for device, _key in want.value)
    if want.reset and whole:
        return "default"
    # Of what the rest hangs on nothing is known but the kernel's defaults.
    value = want.value if want.resolve is None else want.resolve({})
    return _shown(want.file.kind, value)


def _shown(kind: Kind, value: object) -> object:
    if isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return "max" if value >= UNLIMITED else value
    if isinstance(value, Mapping):
        devices: Dict[str, object] = {}
        for (device, key), figure in value.items():
            amount = "max" if figure == MAX else figure
            if key:
                own = devices.setdefault(device, {})
                if isinstance(own, dict):
                    own[key] = amount
            else:
                devices[device] = amount
        return devices
    return kind.show(value)
