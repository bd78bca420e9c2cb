# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The net_cls controller of v1 (net_cls.rst): the class that traffic control and filters know a group's packets by."""

from __future__ import annotations

import re

from ..values import Number, wrong
from .entry import INHERIT, Facts, Family, InterfaceFile, Value

_HANDLE = re.compile(r"(?:0x)?([0-9a-f]{1,4}):(?:0x)?([0-9a-f]{0,4})")
_HEX = re.compile(r"0x([0-9a-f]{1,8})")
_MOST = 2**32 - 1


class ClassId(Number):
    """A class as the 32 bits that the kernel shows in decimal: 0xAAAABBBB, or AAAA:BBBB as tc(8) writes it."""

    def parse(self, option: str, value: object, facts: Facts) -> int:
        if not isinstance(value, str):
            return super().parse(option, value, facts)
        said = value.strip().lower()
        handle, digits = _HANDLE.fullmatch(said), _HEX.fullmatch(said)
        if handle:
            return int(handle.group(1), 16) << 16 | int(handle.group(2) or "0", 16)
        if digits:
            return int(digits.group(1), 16)
        if ":" in said or said[:2] == "0x":
            reason = "is no class of tc(8): two hexadecimal numbers of up to four digits"
            raise wrong(option, value, reason, 'write "10:1", "0x100001" or 1048577')
        return super().parse(option, value, facts)

    def note(self, declared: object, wanted: Value) -> str:
        # As a string it is what it says.
        if isinstance(declared, str) or not 60 <= wanted < 1 << 16:
            return ""
        return (
            "net_cls.classid: {} is a class without a major number (YAML reads an unquoted {}:{} as {}): write it in quotes"
        ).format(declared, *divmod(wanted, 60), declared)

    def show(self, value: Value) -> str:
        return f"{value >> 16:x}:{value & 0xFFFF:x}" if value >> 16 else str(value)


FAMILY = Family(
    (
        InterfaceFile(
            "net_cls.classid",
            1,
            "net_cls",
            ClassId(0, _MOST),
            INHERIT,
            since="2.6.29",
            tried="real",
            root=True,
            elsewhere="mount that v1 hierarchy where the kernel has it, or match the path of a v2 group instead: nftables "
            "socket cgroupv2, iptables -m cgroup --path, or a BPF program",
        ),
    )
)
