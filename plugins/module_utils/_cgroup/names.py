# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a group may be called: a path below the root, checked part by part."""

from __future__ import annotations

import re
from typing import Iterator

from .._convergence.errors import InputError

ROOT = ""
# The empty group that keeps controllers from systemd (plan_hold.py).
HOLD = "linux-isolation-hold"

# A part that begins so would collide with an interface file of the group above it. All controllers of both versions,
# whatever this kernel has: a name that is good on one host is good on the next.
_RESERVED = re.compile(
    r"(?:cgroup|cpu|cpuacct|cpuset|io|memory|pids|hugetlb|rdma|misc|dmem|blkio|devices|freezer|net_cls|net_prio"
    r"|perf_event|debug)\."
)
# The usual name, recognised in one go: the rest of the rules can only refuse what this does not match.
_PLAIN = re.compile(
    r"(?!.*(?:^|/)(?:\.|cgroup|cpu|io|mem|pids|huge|rdma|misc|dmem|blk|dev|free|net|perf|deb|task|noti|rele))[\w@:+,=./-]{1,250}\Z",
    re.A,
)
# Core files of v1 groups.
_FILES = ("tasks", "notify_on_release", "release_agent")
_SYSTEMD = re.compile(r"\.(?:slice|service|scope|mount|socket|swap)\Z")
_ESCAPE = re.compile(r"\\(?!x[0-9a-fA-F]{2})")


def parse(option: str, value: object) -> str:
    """The canonical name: no slash at either end, "" for the root group ("/"). Raises InputError."""
    if not isinstance(value, str):
        raise InputError(
            "is not a name", option=option, value=value, way_out="write a string, quoted if YAML reads it as a number"
        )
    if _PLAIN.match(value) and value[0] != "/" and value[-1] != "/" and "//" not in value:
        return value
    if value == "/":
        return ROOT
    if value.startswith("/"):
        raise InputError(
            "begins with /", option=option, value=value, way_out="names are below the hierarchy's root: leave it out"
        )
    name = value[:-1] if value.endswith("/") else value
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise InputError("is not UTF-8", option=option, value=value.encode("utf-8", "replace").decode()) from None
    if size > 4095:
        raise InputError(
            f"has {size} bytes", option=option, value=value[:40] + "...", way_out="a path has 4095 at most"
        )
    for part in name.split("/"):
        _check_part(option, value, part)
    return name


def _check_part(option: str, value: str, part: str) -> None:
    why = ""
    if not part:
        why = "is empty" if not value else "has an empty part"
    elif part in (".", ".."):
        why = f"has the part {part!r}, which would lead elsewhere"
    elif len(part.encode("utf-8")) > 255:
        why = "has a part of more than 255 bytes"
    elif any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in part):
        why = "has a control character"
    elif part in _FILES or _RESERVED.match(part):
        why = f"has the part {part!r}, which is or begins like an interface file"
    elif _ESCAPE.search(part):
        why = "has a backslash that is not one of systemd's \\xNN"
    if why:
        raise InputError(why, option=option, value=value, way_out="choose another name")


def parents(name: str) -> Iterator[str]:
    """The groups above one, from the top: a/b/c has a and a/b. The root is not among them."""
    position = name.find("/")
    while position > 0:
        yield name[:position]
        position = name.find("/", position + 1)


def parent(name: str) -> str:
    """The group right above; the root's own parent is the root."""
    return name.rpartition("/")[0]


def below(name: str, ancestor: str) -> bool:
    """Whether a group is another one or lies below it, by whole parts."""
    return not ancestor or name == ancestor or name.startswith(ancestor + "/")


def shown(name: str) -> str:
    """The name for a sentence: the root is /."""
    return name or "/"


def systemd_unit(name: str) -> str:
    """The first part that is a systemd unit, "" where none is."""
    for part in name.split("/"):
        if _SYSTEMD.search(part):
            return part
    return ""
