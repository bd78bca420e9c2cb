# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first files of the guest: an archive in the kernel's cpio format, made in memory."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import PurePosixPath

_LAST = "TRAILER!!!"


def archive(files: Mapping[str, bytes]) -> bytes:
    """An uncompressed initramfs of these files, each executable and root's, and of the folders they are in.

    The format is that of Documentation/driver-api/early-userspace/buffer-format.rst, "070701".
    """
    folders = {str(folder) for path in files for folder in PurePosixPath(path).parents if folder.name}
    parts = [_entry(path, stat.S_IFDIR | 0o755, b"") for path in sorted(folders)]
    parts += [_entry(path, stat.S_IFREG | 0o755, data) for path, data in files.items()]
    return b"".join([*parts, _entry(_LAST, 0, b"")])


def _entry(path: str, mode: int, data: bytes) -> bytes:
    name = path.encode() + b"\0"
    # inode, mode, uid, gid, links, mtime, size, major and minor of the file and of its device, name's size, checksum
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields)
    return _padded(header + name) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
