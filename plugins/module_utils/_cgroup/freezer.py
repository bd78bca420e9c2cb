# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freeze and thaw one group and wait until the kernel says so (cgroup-v2.rst, cgroup.freeze; freezer-subsystem.rst)."""

from __future__ import annotations

import time

from .._convergence.errors import TimedOutError
from .._kernel.beneath import Root

_PAUSE = 0.005


def is_frozen(version: int, own: str, effective: str) -> bool:
    """Whether a group is asked to freeze itself: by freezer.self_freezing (v1) or cgroup.freeze (v2)."""
    return own == "1" if version == 2 else effective == "1"


def set_frozen(root: Root, version: int, name: str, frozen: bool, bound: float) -> None:
    """Returns when the group is as asked; TimedOutError after ``bound`` seconds, thawed again where it could not freeze."""
    try:
        _ask(root, version, name, frozen)
        _wait(root, version, name, frozen, bound)
    except BaseException as error:
        # Half of a group frozen is worse than none of it, whatever kept the other half from it: a signal too.
        if frozen:
            thawed = _thawed_again(root, version, name)
            if isinstance(error, TimedOutError):
                error.reason += thawed
        raise


def _thawed_again(root: Root, version: int, name: str) -> str:
    """What came of it, to be told after what went wrong first, which it must not hide."""
    try:
        _ask(root, version, name, False)
    except OSError as error:
        return f" and could not be thawed again: {error.strerror}"
    return " and was thawed again"


def _wait(root: Root, version: int, name: str, frozen: bool, bound: float) -> None:
    end = time.monotonic() + bound
    while not _settled(root, version, name, frozen):
        if time.monotonic() >= end:
            raise TimedOutError(
                "did not become {} within {:g} s".format("frozen" if frozen else "thawed", bound),
                option=name + ": frozen",
                way_out="a process in uninterruptible sleep (state D) holds it up: look for it with ps",
            )
        time.sleep(_PAUSE)
        if frozen and version == 1:
            # A v1 group can stay in FREEZING when it is asked once: a task that was forked meanwhile is caught by asking again.
            _ask(root, version, name, True)


def _ask(root: Root, version: int, name: str, frozen: bool) -> None:
    if version == 2:
        root.write(name + "/cgroup.freeze", "1" if frozen else "0")
    else:
        root.write(name + "/freezer.state", "FROZEN" if frozen else "THAWED")


def _settled(root: Root, version: int, name: str, frozen: bool) -> bool:
    if version == 2:
        if "frozen 1" in root.read(name + "/cgroup.events").splitlines():
            return frozen or _above(root, version, name)
        return not frozen
    state = root.read(name + "/freezer.state").strip()
    if state == "FROZEN":
        return frozen or _above(root, version, name)
    return not frozen and state == "THAWED"


def _above(root: Root, version: int, name: str) -> bool:
    # A group below a frozen one stays frozen, whatever it asks for itself.
    if version == 1:
        return root.read(name + "/freezer.parent_freezing").strip() == "1"
    parent = name.rpartition("/")[0]
    return bool(parent) and "frozen 1" in root.read(parent + "/cgroup.events").splitlines()
