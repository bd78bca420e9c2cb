# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as sentences and as data."""

from __future__ import annotations

import errno

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._convergence import errors
from ansible_collections.linux.isolation.plugins.module_utils._convergence.answer import Answer, answer
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    InputError,
    IsolationError,
    KernelError,
    RefusedError,
)

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, IsolationError) and kind is not KernelError
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "is wrong."),
        ({"option": "name"}, "name: is wrong."),
        ({"value": "x y"}, "'x y' is wrong."),
        ({"value": 5}, "5 is wrong."),
        ({"value": 0}, "0 is wrong."),
        ({"value": False}, "False is wrong."),
        ({"value": ""}, "'' is wrong."),
        ({"option": "name", "value": "x"}, "name: 'x' is wrong."),
        ({"way_out": "write it otherwise"}, "is wrong; write it otherwise."),
        ({"option": "groups[2].name", "value": "x", "way_out": "quote it"}, "groups[2].name: 'x' is wrong; quote it."),
    ],
)
def test_a_sentence(kind: type[IsolationError], given: dict[str, object], sentence: str) -> None:
    error = kind("is wrong", **given)  # type: ignore[arg-type]  # option and way_out are texts
    assert error.sentence() == sentence
    assert str(error) == sentence


@pytest.mark.parametrize(
    ("reason", "more"),
    [
        ("is wrong.", {}),
        ("is\nwrong", {}),
        ("is wrong", {"way_out": "ends in a full stop."}),
        ("is wrong", {"way_out": "see\r\nthere "}),
        ("is wrong", {"option": "a\nb"}),
        ("is wrong", {"value": "a\nb"}),
        ("is wrong ", {"value": ["a\nb"]}),
        ("is wrong", {"value": "\x1b[2J\x07"}),
        ("takes \x1b[31mcolour", {"way_out": "stop\x07"}),
    ],
)
def test_a_sentence_is_one_line_with_one_full_stop(reason: str, more: dict[str, str]) -> None:
    sentence = InputError(reason, **more).sentence()
    assert sentence.isprintable()
    assert sentence.endswith(".")
    assert not sentence.endswith("..")
    assert "  " not in sentence


def test_details_are_what_was_said() -> None:
    error = RefusedError("would hurt", option="frozen", value=True, way_out="leave it out")
    assert error.details() == {
        "kind": "RefusedError",
        "option": "frozen",
        "value": True,
        "reason": "would hurt",
        "way_out": "leave it out",
    }
    assert InputError("is wrong", value=0).details() == {"kind": "InputError", "value": 0, "reason": "is wrong"}
    assert InputError("is wrong", value=False).details()["value"] is False


def test_a_refusal_of_the_kernel_carries_path_value_and_reason() -> None:
    cause = OSError(errno.EBUSY, "Device or resource busy")
    error = KernelError("/sys/fs/cgroup/b/pids.max", cause, wrote="5", option="b", way_out="it is in use")
    assert error.sentence() == (
        "b: the kernel refused '5' for /sys/fs/cgroup/b/pids.max: Device or resource busy (EBUSY); it is in use."
    )
    assert error.details() == {
        "kind": "KernelError",
        "option": "b",
        "reason": "the kernel refused '5' for /sys/fs/cgroup/b/pids.max: Device or resource busy (EBUSY)",
        "way_out": "it is in use",
        "path": "/sys/fs/cgroup/b/pids.max",
        "errno": "EBUSY",
        "wrote": "5",
    }


def test_a_refusal_of_the_kernel_without_a_value() -> None:
    assert (
        KernelError("/b", OSError(errno.EPERM, "")).sentence()
        == "the kernel refused /b: Operation not permitted (EPERM)."
    )
    assert "wrote" not in KernelError("/b", OSError(errno.EPERM, "")).details()
    assert KernelError("/b", OSError(errno.EPERM, ""), wrote="").details()["wrote"] == ""


def test_a_refusal_without_a_known_number() -> None:
    assert "Unknown error 9999 (9999)" in KernelError("/b", OSError(9999, "")).sentence()
    assert KernelError("/b", OSError("odd")).details()["errno"] == "0"


def test_an_answer_is_values_and_warnings() -> None:
    assert answer(lambda: ({"changed": True}, ["look out"])) == Answer(False, {"changed": True}, ("look out",))


def test_an_error_is_an_answer() -> None:
    def run() -> tuple[dict[str, object], list[str]]:
        raise InputError("is wrong", option="name", value="x")

    assert answer(run) == Answer(
        True,
        {
            "msg": "name: 'x' is wrong.",
            "failure": {"kind": "InputError", "option": "name", "value": "x", "reason": "is wrong"},
        },
        (),
    )


def test_a_defect_is_no_answer() -> None:
    def run() -> tuple[dict[str, object], list[str]]:
        raise KeyError("a defect of ours, which wants its traceback")

    with pytest.raises(KeyError):
        answer(run)
