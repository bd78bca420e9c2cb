# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freezing and thawing, with a kernel that takes its time."""

from __future__ import annotations

import errno
import os

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.freezer import is_frozen, set_frozen
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import TimedOutError
from ansible_collections.linux.isolation.tests.unit.plans.files import Files
from ansible_collections.linux.isolation.tests.unit.plans.host import described


class Slow(Files):
    """Asked often enough, it is frozen or thawed: ``asks`` counts the writes, ``looks`` the reads that it takes."""

    asks, looks = 1, 0

    def write(self, path: str, text: str) -> None:
        if self.refusals.get(path):
            super().write(path, text)
        self.log.append(text)
        self.asks -= 1

    def read(self, path: str) -> str:
        if path.endswith(("freezer.state", "cgroup.events")):
            self.looks -= 1
            if self.asks <= 0 and self.looks <= 0:
                frozen = self.log[-1] in ("FROZEN", "1")
                self.texts["batch/freezer.state"] = "FROZEN" if frozen else "THAWED"
                self.texts["batch/cgroup.events"] = f"populated 1\nfrozen {int(frozen)}"
            elif self.hierarchy.version == 1:
                self.texts["batch/freezer.state"] = "FREEZING"
        return super().read(path)


def slow(host: str, asks: int = 1, looks: int = 0) -> Slow:
    found = described(host)
    (index,) = (i for i, h in enumerate(found.hierarchies) if "freezer" in h.controllers or host == "unified")
    files = Slow(found.hierarchies[index], [])
    files.make("batch")
    files.asks, files.looks = asks, looks
    files.log.clear()
    return files


@pytest.mark.parametrize(
    ("version", "own", "effective", "frozen"),
    [
        (1, "FROZEN", "1", True),
        (1, "FREEZING", "1", True),
        (1, "FROZEN", "0", False),  # a group above is
        (1, "THAWED", "0", False),
        (2, "1", "frozen 0", True),
        (2, "0", "frozen 1", False),  # a group above is
        (2, "0", "frozen 0", False),
    ],
)
def test_a_group_is_frozen_when_it_was_asked_itself(version: int, own: str, effective: str, frozen: bool) -> None:
    assert is_frozen(version, own, effective) is frozen


@pytest.mark.parametrize("looks", [0, 3])
@pytest.mark.parametrize("frozen", [True, False])
def test_v2_is_asked_once_and_waited_for(frozen: bool, looks: int) -> None:
    files = slow("unified", looks=looks)
    if not frozen:
        files.texts["batch/cgroup.events"] = "populated 1\nfrozen 1"
    set_frozen(files, 2, "batch", frozen, 30.0)
    assert files.log == ["1" if frozen else "0"]


def test_v1_is_asked_again_while_it_stays_in_freezing() -> None:
    files = slow("legacy", asks=3)
    set_frozen(files, 1, "batch", True, 30.0)
    assert files.log == ["FROZEN", "FROZEN", "FROZEN"]


def test_v1_thaws() -> None:
    files = slow("legacy", looks=3)
    set_frozen(files, 1, "batch", False, 30.0)
    assert files.log[0] == "THAWED"
    assert set(files.log) == {"THAWED"}


@pytest.mark.parametrize(("host", "version", "thawed"), [("legacy", 1, "THAWED"), ("unified", 2, "0")])
def test_a_group_that_cannot_be_frozen_is_thawed_again(host: str, version: int, thawed: str) -> None:
    files = slow(host, asks=10**9, looks=10**9)
    with pytest.raises(TimedOutError) as caught:
        set_frozen(files, version, "batch", True, 0.02)
    assert files.log[-1] == thawed
    assert caught.value.sentence() == (
        "batch: frozen: did not become frozen within 0.02 s and was thawed again; "
        "a process in uninterruptible sleep (state D) holds it up: look for it with ps."
    )


def test_a_group_that_can_neither_be_frozen_nor_thawed_is_told_as_such() -> None:
    class Stuck(Slow):
        def write(self, path: str, text: str) -> None:
            if text == "0":
                raise OSError(errno.EPERM, os.strerror(errno.EPERM))
            super().write(path, text)

    files = slow("unified", asks=10**9, looks=10**9)
    files.__class__ = Stuck
    with pytest.raises(TimedOutError, match=r"within 0\.02 s and could not be thawed again: Operation not permitted;"):
        set_frozen(files, 2, "batch", True, 0.02)


def test_a_group_that_cannot_be_thawed_is_an_error_too() -> None:
    files = slow("unified", asks=10**9, looks=10**9)
    files.texts["batch/cgroup.events"] = "populated 1\nfrozen 1"
    with pytest.raises(TimedOutError, match=r"did not become thawed within 0\.02 s;"):
        set_frozen(files, 2, "batch", False, 0.02)
    assert files.log == ["0"]


@pytest.mark.parametrize("kind", [OSError(errno.EIO, os.strerror(errno.EIO)), KeyboardInterrupt()])
def test_whatever_ends_the_wait_the_group_is_thawed(kind: BaseException) -> None:
    class Broken(Slow):
        def read(self, path: str) -> str:
            raise kind

    files = slow("legacy", asks=10**9)
    files.__class__ = Broken
    with pytest.raises(type(kind)):
        set_frozen(files, 1, "batch", True, 30.0)
    assert files.log == ["FROZEN", "THAWED"]


def test_v1_below_a_frozen_group_is_as_thawed_as_it_can_be() -> None:
    files = Files(slow("legacy").hierarchy, [])
    files.make("batch")
    files.fill("batch", {"freezer.parent_freezing": 1})

    class Held(Files):
        def write(self, path: str, text: str) -> None:
            self.log.append(text)

    files.fill("batch", {"freezer.state": "FROZEN"})
    files.__class__ = Held
    set_frozen(files, 1, "batch", False, 0.02)
    assert files.log == ["THAWED"]


def test_v2_below_a_frozen_group_is_as_thawed_as_it_can_be() -> None:
    class Held(Files):
        def write(self, path: str, text: str) -> None:
            self.log.append(text)

    files = Held(slow("unified").hierarchy, [])
    for name in ("top", "top/batch"):
        files.make(name)
        files.fill(name, {"cgroup.events": "populated 1\nfrozen 1"})
    files.log.clear()
    set_frozen(files, 2, "top/batch", False, 0.02)
    assert files.log == ["0"]
