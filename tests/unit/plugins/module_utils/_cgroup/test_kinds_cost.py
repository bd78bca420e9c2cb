# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parameters of io.cost: those that are not said stay, and with ctrl=auto the kernel has its own again."""

from __future__ import annotations

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import Facts
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.kinds_cost import MODEL, QOS, Cost
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError

FACTS = Facts(4096, 2**30, 8, lambda path: "8:0")
AUTO = "8:0 enable=0 ctrl=auto rpct=0.00 rlat=250000 wpct=0.00 wlat=250000 min=1.00 max=10000.00\n"
USER = "8:0 enable=1 ctrl=user rpct=95.50 rlat=10000 wpct=0.00 wlat=20000 min=50.00 max=150.00\n"


def test_only_what_differs_is_written() -> None:
    wanted = QOS.parse("x", {"/dev/sda": {"enable": True, "rpct": 95.5, "max": "150%"}}, FACTS)
    assert wanted == {
        ("8:0", "enable"): "1",
        ("8:0", "ctrl"): "user",
        ("8:0", "rpct"): "95.50",
        ("8:0", "max"): "150.00",
    }
    assert QOS.writes(QOS.read(AUTO), wanted) == ("8:0 enable=1 ctrl=user rpct=95.50 max=150.00",)
    assert QOS.writes(None, wanted) == ("8:0 enable=1 ctrl=user rpct=95.50 max=150.00",)
    assert QOS.holds(QOS.read(USER), wanted)
    assert QOS.writes(QOS.read(USER), wanted) == ()
    assert QOS.predicted(QOS.read(USER), wanted) == QOS.read(USER)


def test_the_kernels_own_spelling_is_taken() -> None:
    assert QOS.parse("x", USER.strip(), FACTS) == QOS.read(USER)
    assert QOS.parse("x", QOS.show(QOS.read(USER)), FACTS) == QOS.read(USER)
    assert QOS.text(QOS.read(USER)) is None


def test_a_device_that_was_never_told_of_has_it_off() -> None:
    off = QOS.parse("x", {"8:0": {"enable": False, "ctrl": "auto"}}, FACTS)
    assert QOS.holds({}, off)
    assert QOS.holds(QOS.read(AUTO), off)
    assert QOS.writes(QOS.read(USER), off) == ("8:0 enable=0 ctrl=auto",)
    assert QOS.predicted(QOS.read(USER), off) == {("8:0", "enable"): "0", ("8:0", "ctrl"): "auto"}
    assert not QOS.holds({}, QOS.parse("x", {"8:0": {"enable": True}}, FACTS))


def test_every_device_that_is_shown_is_put_back() -> None:
    back = QOS.parse("x", {"*": {"enable": False, "ctrl": "auto"}}, FACTS)
    both = QOS.read(USER + AUTO.replace("8:0", "8:16") + USER.replace("8:0", "8:32"))
    assert QOS.writes(both, back) == ("8:0 enable=0 ctrl=auto", "8:32 enable=0 ctrl=auto")
    assert QOS.holds({}, back)


def test_a_model_is_numbers() -> None:
    wanted = MODEL.parse("x", "8:0 rbps=1000000 ctrl=user model=linear", FACTS)
    assert MODEL.writes({}, wanted) == ("8:0 ctrl=user rbps=1000000",)
    assert MODEL.holds(MODEL.read("8:0 ctrl=user model=linear rbps=1000000 rseqiops=100"), wanted)


def test_two_declarations_of_one_file() -> None:
    one, other = QOS.parse("x", {"8:0": {"enable": True}}, FACTS), QOS.parse("x", {"8:0": {"min": 50}}, FACTS)
    assert QOS.join(one, other) == {**one, **other}
    assert QOS.join(other, QOS.parse("x", {"8:0": {"min": 60}}, FACTS)) is None


@pytest.mark.parametrize(
    ("kind", "said", "piece"),
    [
        (QOS, {"8:0": {"rpct": 100.01}}, "x['8:0']['rpct']: 100.01 is out of range"),
        (QOS, {"8:0": {"min": 0.5}}, "write a percentage from 1 to 10000"),
        (QOS, {"8:0": {"rlat": -1}}, "x['8:0']['rlat']: -1 is out of range"),
        (QOS, {"8:0": {"ctrl": "auto", "rlat": 5}}, "leaves the parameters to the kernel"),
        (QOS, {"8:0": {"ctrl": "manual"}}, "write auto or user"),
        (QOS, {"8:0": {"enable": "perhaps"}}, "is neither true nor false"),
        (QOS, {"8:0": {"rbps": 5}}, "there are enable, ctrl, rlat"),
        (QOS, {"8:0": {}}, "is no parameter of io.cost"),
        (QOS, {"8:0": {5: 5}}, "x['8:0']: 5 is no parameter of io.cost"),
        (QOS, {10**5000: {"enable": True}}, "'(a number too long to show)' is no device"),
        (QOS, {"8:0": {10**5000: True}}, "'(a number too long to show)' is no parameter"),
        (QOS, {"8:0": 5}, "is no parameter of io.cost"),
        (QOS, {}, "names no device"),
        (QOS, "8:0", "is not key=value for each device"),
        (QOS, "", "names no device"),
        (QOS, {"8:0": {"enable": True}, "/dev/sda": {"enable": False}}, "say it once"),
        (MODEL, {"8:0": {"model": "cubic"}}, "write linear"),
        (MODEL, {"sda": {"ctrl": "auto"}}, "is no device"),
    ],
)
def test_what_cannot_be_meant(kind: Cost, said: object, piece: str) -> None:
    with pytest.raises(InputError) as caught:
        kind.parse("x", said, FACTS)
    assert piece in caught.value.sentence()
