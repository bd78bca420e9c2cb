# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits and weights of block devices: keys that are not written stay, and what puts a file back."""

from __future__ import annotations

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import MAX, Facts
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.kinds_device import (
    Latency,
    PerDevice,
    Throughput,
    Weights,
)
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError


def device(path: str) -> str:
    if path == "/dev/sda":
        return "8:0"
    raise InputError("does not exist here", value=path)


FACTS = Facts(4096, 2**30, 8, device)
IO_MAX, BPS, IOPS = Throughput("max"), PerDevice("0"), PerDevice("0", count=True)
WEIGHT, WEIGHT_DEVICE, BFQ = Weights(10000), Weights(1000, with_default=False), Weights(1000, forgets=True)
CFQ, LATENCY = Weights(1000, with_default=False, low=10, gone="0"), Latency()
M = 1024**2


def test_io_max_of_what_is_there() -> None:
    wanted = IO_MAX.parse("x", {"/dev/sda": {"rbps": "10M", "wiops": 100, "wbps": "max"}}, FACTS)
    assert wanted == {("8:0", "rbps"): 10 * M, ("8:0", "wiops"): 100, ("8:0", "wbps"): MAX}
    observed = IO_MAX.read("8:0 rbps=10485760 wbps=5 riops=7 wiops=max\n8:16 rbps=1 wbps=max riops=max wiops=max\n")
    assert not IO_MAX.holds(observed, wanted)
    assert IO_MAX.writes(observed, wanted) == ("8:0 wiops=100 wbps=max",)
    after = IO_MAX.predicted(observed, wanted)
    assert after == {("8:0", "rbps"): 10 * M, ("8:0", "riops"): 7, ("8:0", "wiops"): 100, ("8:16", "rbps"): 1}
    assert IO_MAX.holds(after, wanted)
    assert IO_MAX.text(wanted) is None
    assert IO_MAX.writes(None, wanted) == ("8:0 rbps=10485760 wiops=100 wbps=max",)


def test_io_max_as_the_kernel_spells_it() -> None:
    said = "8:0 rbps=10M wiops=100, 8:16 wbps=2\n8:32 rbps=max"
    wanted = IO_MAX.parse("x", said, FACTS)
    assert wanted[("8:16", "wbps")] == 2
    assert IO_MAX.show(wanted) == "8:0 rbps=10M wiops=100, 8:16 wbps=2, 8:32 rbps=max"


def test_max_takes_every_device_away() -> None:
    wanted = IO_MAX.parse("x", "max", FACTS)
    observed = IO_MAX.read("8:0 rbps=10485760 wbps=5 riops=7 wiops=max\n8:16 rbps=max wbps=max riops=1 wiops=max")
    assert IO_MAX.writes(observed, wanted) == ("8:0 rbps=max wbps=max riops=max", "8:16 riops=max")
    assert IO_MAX.predicted(observed, wanted) == {}
    assert IO_MAX.text(wanted) == ""
    assert IO_MAX.holds({}, wanted)
    assert IO_MAX.writes(None, wanted) == ()


def test_max_of_one_device() -> None:
    wanted = IO_MAX.parse("x", {"8:0": "max"}, FACTS)
    assert IO_MAX.writes({("8:0", "rbps"): 1, ("8:16", "rbps"): 1}, wanted) == ("8:0 rbps=max",)


def test_v1_throttles_write_0_for_none() -> None:
    assert BPS.parse("x", {"8:0": 0, "8:16": "max", "/dev/sda": "max"}, FACTS) == {("8:0", ""): MAX, ("8:16", ""): MAX}
    observed = BPS.read("8:0 1000\n8:16 2000")
    assert BPS.writes(observed, {("8:0", ""): MAX, ("8:16", ""): 5}) == ("8:0 0", "8:16 5")
    assert BPS.parse("x", "default" and "max", FACTS) == {("*", ""): MAX}


def test_operations_are_counted_in_32_bits() -> None:
    assert IOPS.parse("x", {"8:0": 2**32}, FACTS) == {("8:0", ""): MAX}
    assert IO_MAX.parse("x", {"8:0": {"riops": 2**32 - 1, "rbps": 2**32}}, FACTS) == {
        ("8:0", "riops"): MAX,
        ("8:0", "rbps"): 2**32,
    }


def test_weights() -> None:
    assert WEIGHT.parse("x", 200, FACTS) == WEIGHT.parse("x", "200", FACTS) == {("default", ""): 200}
    wanted = WEIGHT.parse("x", {"default": 200, "/dev/sda": 300, "8:16": "default"}, FACTS)
    observed = WEIGHT.read("default 100\n8:16 50\n")
    assert WEIGHT.writes(observed, wanted) == ("200", "8:0 300", "8:16 default")
    assert WEIGHT.predicted(observed, wanted) == {("default", ""): 200, ("8:0", ""): 300}
    assert WEIGHT.show(wanted) == "default 200, 8:0 300, 8:16 default"
    assert WEIGHT.read("100") == {("default", ""): 100}  # io.bfq.weight before 5.4
    back = WEIGHT.parse("x", {"default": 100, "*": "default"}, FACTS)
    assert WEIGHT.writes(observed, back) == ("8:16 default",)
    assert WEIGHT.text(wanted) is None


def test_with_a_new_weight_for_all_others_bfq_forgets_those_of_devices() -> None:
    observed = BFQ.read("default 100\n8:0 200\n8:16 300\n")
    said = BFQ.parse("x", {"default": 400, "8:0": 200}, FACTS)
    assert BFQ.writes(observed, said) == ("400", "8:0 200", "8:16 300")
    assert BFQ.predicted(observed, said) == {("default", ""): 400, ("8:0", ""): 200, ("8:16", ""): 300}
    assert BFQ.writes(observed, BFQ.parse("x", {"default": 400, "8:16": "default"}, FACTS)) == ("400", "8:0 200")
    assert BFQ.writes(observed, BFQ.parse("x", {"8:0": 300}, FACTS)) == ("8:0 300",)
    assert BFQ.writes(None, said) == ("400", "8:0 200")
    # io.cost does not.
    assert WEIGHT.writes(observed, said) == ("400",)


def test_cfq_took_0_for_a_weight_that_goes() -> None:
    wanted = CFQ.parse("x", {"8:0": "default", "8:16": 10}, FACTS)
    assert CFQ.writes({("8:0", ""): 500}, wanted) == ("8:0 0", "8:16 10")
    assert CFQ.show(wanted) == "8:0 default, 8:16 10"
    with pytest.raises(InputError):
        CFQ.parse("x", {"8:0": 9}, FACTS)


def test_targets_of_latency() -> None:
    wanted = LATENCY.parse("x", {"/dev/sda": 75000, "8:16": {"target": "5000"}, "8:32": "max"}, FACTS)
    assert wanted == {("8:0", "target"): 75000, ("8:16", "target"): 5000, ("8:32", "target"): MAX}
    assert wanted == LATENCY.parse("x", "8:0 75000, 8:16 target=5000, 8:32 max", FACTS)
    observed = LATENCY.read("8:16 target=5000\n8:32 target=7\n")
    assert LATENCY.writes(observed, wanted) == ("8:0 target=75000", "8:32 target=max")
    assert LATENCY.predicted(observed, wanted) == {("8:0", "target"): 75000, ("8:16", "target"): 5000}
    assert LATENCY.show(wanted) == "8:0 target=75000, 8:16 target=5000, 8:32 target=max"
    assert LATENCY.writes(observed, LATENCY.parse("x", "max", FACTS)) == ("8:16 target=max", "8:32 target=max")
    with pytest.raises(InputError):
        LATENCY.parse("x", {"8:0": 0}, FACTS)


def test_v1_weights_of_devices_have_their_default_in_another_file() -> None:
    assert WEIGHT_DEVICE.read("default 300\n8:0 40") == {("8:0", ""): 40}
    assert WEIGHT_DEVICE.parse("x", {"8:0": 40}, FACTS) == {("8:0", ""): 40}
    with pytest.raises(InputError):
        WEIGHT_DEVICE.parse("x", {"default": 40}, FACTS)


@pytest.mark.parametrize(
    ("kind", "said", "sentence"),
    [
        (
            IO_MAX,
            {480: {"rbps": 1}},
            'x: 480 is a number where a device is meant (YAML reads an unquoted 8:0 as 480); write it in quotes: "8:0".',
        ),
        (
            IO_MAX,
            {"496": {"rbps": 1}},
            "x: '496' is a number where a device is meant (YAML reads an unquoted 8:0 as 480); write it in quotes: \"8:16\".",
        ),
        (IO_MAX, {"sda": {"rbps": 1}}, "x: 'sda' is no device; write /dev/sda or, in quotes, \"8:0\"."),
        (IO_MAX, {"/dev/none": {"rbps": 1}}, "x: '/dev/none' does not exist here."),
        (IO_MAX, {"8:0": {"bps": 1}}, "x: 'bps' is nothing to limit a device by; there are rbps, wbps, riops, wiops."),
        (
            IO_MAX,
            {"8:0": {"rbps": 0}},
            "x['8:0']['rbps']: 0 is no limit that the kernel takes; write at least 2, or max.",
        ),
        (
            IO_MAX,
            {"8:0": {"wiops": "1K"}},
            "x['8:0']['wiops']: '1K' is not a whole number; write a whole number from 2 to 9223372036854775807, or max.",
        ),
        (
            IO_MAX,
            {"8:0": 10},
            'x: 10 is not what to limit a device by; write {"/dev/sda": {rbps: 10M, wiops: 100}}.',
        ),
        (IO_MAX, {}, 'x: {} names no device; write {"/dev/sda": {rbps: 10M, wiops: 100}}.'),
        (IO_MAX, 5, 'x: 5 names no device; write {"/dev/sda": {rbps: 10M, wiops: 100}}.'),
        (
            IO_MAX,
            {"8:0": {"rbps": 3}, "/dev/sda": {"rbps": 2}},
            "x['/dev/sda']: 2 is said of 8:0 before, otherwise; say it once.",
        ),
        (
            IO_MAX,
            {"*": {"rbps": 5}},
            "x['*']: 5 cannot be set there; write the device, as in {\"/dev/sda\": {rbps: 10M, wiops: 100}}.",
        ),
        (WEIGHT, {"8:0": 10001}, "x['8:0']: 10001 is out of range; write a whole number from 1 to 10000."),
        (
            WEIGHT,
            True,
            "x['default']: True is a truth value where a number is meant (YAML reads on, off, yes, no as such); "
            "write a whole number from 1 to 10000.",
        ),
        (
            WEIGHT,
            {"default": "default"},
            "x['default']: 'default' cannot be set there; write the device, as in {default: 100, \"8:0\": 200}.",
        ),
    ],
)
def test_what_is_refused_says_what_to_write(kind: PerDevice, said: object, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        kind.parse("x", said, FACTS)
    assert caught.value.sentence() == sentence


def test_direction() -> None:
    observed = {("8:0", "rbps"): 10, ("8:0", "wbps"): 10}
    assert IO_MAX.direction(observed, {("8:0", "rbps"): 20}) == "rise"
    assert IO_MAX.direction(observed, {("8:0", "riops"): 20}) == "fall"
    assert IO_MAX.direction(observed, {("8:0", "rbps"): 20, ("8:0", "wbps"): 5}) == "both"


def test_two_declarations_of_one_file() -> None:
    one, other = {("8:0", "rbps"): 10}, {("8:0", "wbps"): 10}
    assert IO_MAX.join(one, other) == {**one, **other}
    assert IO_MAX.join(one, {("8:0", "rbps"): 11}) is None
