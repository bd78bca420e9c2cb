# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The io controller (cgroup-v2.rst, bfq-iosched.rst), and how it corresponds to v1's blkio."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping

from ..kinds_cost import MODEL, QOS
from ..kinds_device import DEFAULT, Latency, Throughput, Weights
from .blkio import (
    BFQ_CONFIG,
    CFQ,
    CFQ_DEVICE,
    FILES,
    PRIORITY,
    PRIORITY_CONFIG,
    THROTTLES,
    WEIGHT,
    WEIGHT_DEVICE,
)
from .entry import MAX, Choices, Family, InterfaceFile, Kind, Said, Turn

_BFQ, _COST, _PRIORITY = "io.bfq.weight", "io.weight", "io.prio.class"
_FORMULA = "by the formula 1 + (x - 10) * 9999 / 990, which is not exact"


def cost_of(weight: int) -> int:
    """io.weight, 1 to 10000, of a blkio.weight, 10 to 1000."""
    return 1 + (weight - 10) * 9999 // 990


def weight_of(cost: int) -> int:
    """The nearest blkio weight of an io.weight. What all groups have from the start stays that: 100 in both."""
    return 100 if cost == 100 else (2 * ((cost - 1) * 990 + 10 * 9999) + 9999) // (2 * 9999)


def translate(said: Mapping[str, Said], version: int, at: Callable[[str], str], choices: Choices) -> Iterator[Turn]:
    """io.max is v1's four throttles, io.bfq.weight its two files of bfq, io.prio.class the same file; all exact.

    io.cost has no like on v1, and io.weight becomes bfq's there by a formula. CFQ, which had blkio.weight, is gone: its
    weights are bfq's of the same numbers.
    """
    yield from _to_blkio(said) if version == 1 else _from_blkio(said)


def _to_blkio(said: Mapping[str, Said]) -> Iterator[Turn]:
    if "io.max" in said:
        parts: dict[str, dict[str, object]] = {}
        for (device, key), figure in said["io.max"].value.items():
            parts.setdefault(key, {})[device] = "max" if figure == MAX else figure
        for key, devices in parts.items():
            yield Turn(THROTTLES[key], devices, "io.max")
    if _BFQ in said:
        yield from _weights(_BFQ, _spelled(said[_BFQ]), "")
    if _COST in said:
        turned = {
            device: weight if weight == DEFAULT else weight_of(weight)
            for device, weight in _spelled(said[_COST]).items()
        }
        lossy = [f"{_COST}: {said[_COST].row.kind.show(said[_COST].value)} is {WEIGHT}: "]
        lossy.append(", ".join(f"{device} {weight}" for device, weight in turned.items()))
        lossy.append(f" on this host, {_FORMULA}, and counts where bfq schedules the disk")
        exact = all(weight in (100, DEFAULT) for weight in turned.values())
        yield from _weights(_COST, turned, "" if exact else "".join(lossy))
    if _PRIORITY in said:
        yield Turn("blkio.prio.class", said[_PRIORITY].value, _PRIORITY)


def _weights(declared: str, weights: dict[str, Any], warning: str) -> Iterator[Turn]:
    if DEFAULT in weights:
        yield Turn(WEIGHT, weights.pop(DEFAULT), declared, warning)
    if weights:
        yield Turn(WEIGHT_DEVICE, weights, declared, warning)


def _spelled(one: Said) -> dict[str, Any]:
    return {device: "default" if figure == MAX else figure for (device, _key), figure in one.value.items()}


def _from_blkio(said: Mapping[str, Said]) -> Iterator[Turn]:
    for key, there in THROTTLES.items():
        if there in said:
            figures = said[there].value.items()
            yield Turn("io.max", {device: {key: "max" if n == MAX else n} for (device, _key), n in figures}, there)
    if WEIGHT in said:
        yield Turn(_BFQ, {DEFAULT: said[WEIGHT].value}, WEIGHT)
    if WEIGHT_DEVICE in said:
        yield Turn(_BFQ, _spelled(said[WEIGHT_DEVICE]), WEIGHT_DEVICE)
    if CFQ in said:
        weight = said[CFQ].value
        # CFQ's groups began with 500, and bfq's begin with 100.
        weight, warning = (100, "") if weight == said[CFQ].row.default else (weight, _cfq(CFQ, weight))
        yield Turn(_BFQ, {DEFAULT: weight}, CFQ, warning)
    if CFQ_DEVICE in said:
        weights = _spelled(said[CFQ_DEVICE])
        first = next((weight for weight in weights.values() if weight != DEFAULT), None)
        yield Turn(_BFQ, weights, CFQ_DEVICE, "" if first is None else _cfq(CFQ_DEVICE, first))
    if "blkio.prio.class" in said:
        yield Turn(_PRIORITY, said["blkio.prio.class"].value, "blkio.prio.class")


def _cfq(name: str, weight: int) -> str:
    return (
        f"{name}: {weight} is {_BFQ}: {weight} on this host, where groups begin with 100 and not with 500, and counts where bfq "
        f"schedules the disk; where io.cost does, its like is {_COST}: {cost_of(weight)}, {_FORMULA}"
    )


def _v2(name: str, kind: Kind, default: object, since: str, **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 2, "io", kind, default, since=since, **more)


_WEIGHTS = {"default": 100, "*": "default"}
_NONE = "v1 has no target of latency: limit the other groups with io.max"
_NO_COST = "v1 has no io.cost"

FAMILY = Family(
    (
        *FILES,
        _v2("io.max", Throughput("max"), "max", "4.5", tried="guest", effective="device"),
        # It counts where io.cost is on for the disk.
        _v2(_COST, Weights(10000), _WEIGHTS, "4.5", tried="guest", config="CONFIG_BLK_CGROUP_IOCOST"),
        _v2(_BFQ, Weights(1000, forgets=True), _WEIGHTS, "4.12", tried="guest", config=BFQ_CONFIG),
        _v2("io.latency", Latency(), "max", "4.19", elsewhere=_NONE, config="CONFIG_BLK_CGROUP_IOLATENCY"),
        _v2(_PRIORITY, PRIORITY, "no-change", "5.14", root=True, config=PRIORITY_CONFIG),
        _v2(
            "io.cost.qos",
            QOS,
            {"*": {"enable": False, "ctrl": "auto"}},
            "5.4",
            tried="guest",
            elsewhere=_NO_COST,
            only_root=True,
        ),
        _v2("io.cost.model", MODEL, {"*": {"ctrl": "auto"}}, "5.4", tried="guest", elsewhere=_NO_COST, only_root=True),
    ),
    translate,
)
