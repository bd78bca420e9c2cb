# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The io controller (cgroup-v2.rst, bfq-iosched.rst), and how it corresponds to v1's blkio."""

from __future__ import annotations

from typing import Any, Callable, Iterator, Mapping

from ..kinds_device import DEFAULT, Throughput, Weights
from .blkio import FILES, THROTTLES, WEIGHT, WEIGHT_DEVICE
from .entry import MAX, Family, InterfaceFile, Said, Turn

_BFQ = "io.bfq.weight"


def translate(said: Mapping[str, Said], version: int, at: Callable[[str], str]) -> Iterator[Turn]:
    """io.max is v1's four throttles, io.bfq.weight its two files of bfq; all exact."""
    if version == 1:
        if "io.max" in said:
            parts: dict[str, dict[str, object]] = {}
            for (device, key), figure in said["io.max"].value.items():
                parts.setdefault(key, {})[device] = "max" if figure == MAX else figure
            for key, devices in parts.items():
                yield Turn(THROTTLES[key], devices, "io.max")
        if _BFQ in said:
            weights = {
                device: "default" if figure == MAX else figure for (device, _key), figure in said[_BFQ].value.items()
            }
            if DEFAULT in weights:
                yield Turn(WEIGHT, weights.pop(DEFAULT), _BFQ)
            if weights:
                yield Turn(WEIGHT_DEVICE, weights, _BFQ)
        return
    for key, there in THROTTLES.items():
        if there in said:
            figures = said[there].value.items()
            yield Turn("io.max", {device: {key: "max" if n == MAX else n} for (device, _key), n in figures}, there)
    if WEIGHT in said:
        yield Turn(_BFQ, {DEFAULT: said[WEIGHT].value}, WEIGHT)
    if WEIGHT_DEVICE in said:
        figures = said[WEIGHT_DEVICE].value.items()
        yield Turn(_BFQ, {device: "default" if n == MAX else n for (device, _key), n in figures}, WEIGHT_DEVICE)


def _v2(name: str, kind: Throughput | Weights, default: object, since: str, **more: Any) -> InterfaceFile:
    return InterfaceFile(name, 2, "io", kind, default, since=since, tried="guest", **more)


_WEIGHTS = {"default": 100, "*": "default"}

FAMILY = Family(
    (
        *FILES,
        _v2("io.max", Throughput("max"), "max", "4.5", effective="device"),
        _v2(
            "io.weight",
            Weights(10000),
            _WEIGHTS,
            "4.5",
            elsewhere="declare io.bfq.weight, where bfq schedules the disk",
        ),
        _v2(_BFQ, Weights(1000), _WEIGHTS, "4.12"),
    ),
    translate,
)
