# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and groups by name or number, as chown(1) takes them."""

from __future__ import annotations

import grp
import pwd

from .._convergence.errors import InputError


def user_id(option: str, owner: object) -> int:
    """The uid of a user name or number; raises InputError for one that this host does not know."""
    number = _number(option, owner)
    if number is not None:
        return number
    try:
        return pwd.getpwnam(str(owner)).pw_uid
    except (KeyError, ValueError):  # ValueError: a null byte
        raise InputError("is no user of this host", option=option, value=owner, way_out="write its uid") from None


def group_id(option: str, group: object) -> int:
    """The gid of a group name or number; raises InputError for one that this host does not know."""
    number = _number(option, group)
    if number is not None:
        return number
    try:
        return grp.getgrnam(str(group)).gr_gid
    except (KeyError, ValueError):
        raise InputError("is no user group of this host", option=option, value=group, way_out="write its gid") from None


def _number(option: str, value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise InputError("is neither a name nor a number", option=option, value=value)
    text = str(value)
    if not (text.isascii() and text.isdigit()):
        return None
    # 2**32 - 1 is (uid_t)-1, which chown(2) takes as "leave it".
    if int(text) >= 2**32 - 1:
        raise InputError("is out of range", option=option, value=value)
    return int(text)
