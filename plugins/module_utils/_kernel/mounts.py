# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted where, and whether a mount point really shows that mount (proc_pid_mountinfo(5), statfs(2))."""

from __future__ import annotations

import ctypes
import os
import re
from typing import List, NamedTuple, Optional, Tuple

CGROUP_V1 = 0x27E0EB
CGROUP_V2 = 0x63677270
TMPFS = 0x01021994
SYSFS = 0x62656572

_libc = ctypes.CDLL(None, use_errno=True)


class Mount(NamedTuple):
    """One line of mountinfo; ``root`` is the directory of the file system that is seen at ``point``."""

    device: str
    root: str
    point: str
    options: Tuple[str, ...]
    kind: str
    super_options: Tuple[str, ...]


def parse(text: str) -> List[Mount]:
    """The lines of a mountinfo file, in its order (a later one lies on top of an earlier one)."""
    found = []
    # Not splitlines: a path may hold what Python takes for a line's end, and only \n is escaped.
    for line in text.split("\n"):
        left, separator, right = line.partition(" - ")
        fields, rest = left.split(" "), right.split(" ")
        if not separator or len(fields) < 6 or len(rest) < 3:
            continue
        found.append(
            Mount(
                fields[2],
                _unescape(fields[3]),
                _unescape(fields[4]),
                tuple(fields[5].split(",")),
                rest[0],
                tuple(rest[2].split(",")),
            )
        )
    return found


def _unescape(text: str) -> str:
    # The kernel writes blank, tab, newline and backslash as three octal digits.
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), text)


def mounts() -> List[Mount]:
    """This process's mounts."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape", newline="\n") as lines:
        return parse(lines.read())


def magic(descriptor: int) -> int:
    """The file system's magic number (f_type) of an open file."""
    # f_type is the first member: unsigned int on s390x, a long elsewhere. 256 bytes hold any layout of the structure.
    buffer = ctypes.create_string_buffer(256)
    if _libc.fstatfs(descriptor, buffer) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    kind = ctypes.c_uint32 if os.uname().machine == "s390x" else ctypes.c_ulong
    return int(kind.from_buffer(buffer).value) & 0xFFFFFFFF


def magic_at(path: str) -> Optional[int]:
    """The magic number at a path, None where nothing is."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return magic(descriptor)
    finally:
        os.close(descriptor)


def open_mount(mount: Mount, expected: int) -> Optional[int]:
    """A descriptor of the mount's directory, or None where another mount hides it."""
    try:
        descriptor = os.open(mount.point, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return None
    device = os.fstat(descriptor).st_dev
    shown = f"{os.major(device)}:{os.minor(device)}"
    if shown != mount.device or magic(descriptor) != expected:
        os.close(descriptor)
        return None
    return descriptor
