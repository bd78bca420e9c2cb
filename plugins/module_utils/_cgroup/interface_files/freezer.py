# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frozen state (freezer-subsystem.rst, cgroup-v2.rst): set by the option ``frozen``, not as a limit."""

from __future__ import annotations

from ..values import Switch
from .entry import Family, InterfaceFile, Value


class State(Switch):
    """v1's freezer.state; between the two it is ``freezing``, which neither holds."""

    def read(self, text: str) -> Value:
        return "freezing" if text.strip() == "FREEZING" else super().read(text)

    def show(self, value: Value) -> str:
        return value if value == "freezing" else super().show(value)


FAMILY = Family(
    (
        InterfaceFile("freezer.state", 1, "freezer", State("FROZEN", "THAWED"), False, since="2.6.28", tried="real"),
        InterfaceFile("cgroup.freeze", 2, "freezer", Switch(), False, since="5.2", tried="real"),
    )
)
