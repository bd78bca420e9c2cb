# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files beneath one opened directory: every path is resolved by the kernel so that it cannot lead out of it."""

from __future__ import annotations

import ctypes
import errno
import os
from typing import List, Optional, Tuple

# openat2(2), the same number on every architecture but alpha; in the kernel since 5.6.
_OPENAT2 = 437
_NO_XDEV, _NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x01, 0x02, 0x04, 0x08

_READ = os.O_RDONLY | os.O_CLOEXEC
# Neither O_CREAT nor O_TRUNC: an interface file is there or it is not. Never O_NONBLOCK: from about Linux 6.16 it makes
# memory.max and memory.high skip the reclaim.
_WRITE = os.O_WRONLY | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

# Below this size a read is the whole file: the kernel's seq_file fills a page before it returns a part of a list.
_WHOLE = 2048


class _How(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def _how(flags: int) -> _How:
    return _How(flags, 0, _NO_XDEV | _NO_MAGICLINKS | _NO_SYMLINKS | _BENEATH)


# References that are made once: this is the hottest call of the collection.
_HOW = {flags: ctypes.byref(_how(flags)) for flags in (_READ, _WRITE, _DIRECTORY)}
_syscall = ctypes.CDLL(None, use_errno=True).syscall


def _encode(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _leads_out(path: str) -> OSError:
    return OSError(errno.EXDEV, os.strerror(errno.EXDEV), path)


class Root:
    """A directory that stays open. Paths are relative to it; "" is the directory itself. Raises OSError as it comes."""

    __slots__ = ("_device", "_openat2", "descriptor")

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._device = os.fstat(descriptor).st_dev
        self._openat2 = True

    def close(self) -> None:
        os.close(self.descriptor)

    def _open(self, path: str, flags: int) -> int:
        if self._openat2:
            descriptor: int = _syscall(_OPENAT2, self.descriptor, _encode(path or "."), _HOW[flags], 24)
            if descriptor >= 0:
                return descriptor
            number = ctypes.get_errno()
            # ENOSYS is an older kernel, EPERM a container's seccomp filter that does not know the call.
            if number not in (errno.ENOSYS, errno.EPERM):
                raise OSError(number, os.strerror(number), path)
            self._openat2 = False
        return self._open_by_parts(path, flags)

    def _open_by_parts(self, path: str, flags: int) -> int:
        # What openat2 does in one call: no way up, no link followed, no mount crossed.
        parts = path.split("/") if path else ["."]
        if ".." in parts or not parts[0]:
            raise _leads_out(path)
        above = self.descriptor
        for number, part in enumerate(parts):
            try:
                step = os.open(part, (_STEP if parts[number + 1 :] else flags) | os.O_NOFOLLOW, dir_fd=above)
            except OSError as error:
                raise OSError(error.errno, error.strerror, path) from None
            finally:
                if above != self.descriptor:
                    os.close(above)
            above = step
            if os.fstat(above).st_dev != self._device:
                os.close(above)
                raise _leads_out(path)
        return above

    def read(self, path: str) -> str:
        """The whole text of a file."""
        descriptor = self._open(path, _READ)
        try:
            data = os.read(descriptor, 65536)
            if len(data) >= _WHOLE:
                parts = [data]
                while parts[-1]:
                    parts.append(os.read(descriptor, 65536))
                data = b"".join(parts)
        finally:
            os.close(descriptor)
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data.decode("utf-8", "surrogateescape")

    def write(self, path: str, text: str) -> None:
        """One write(2), of the empty string too: the kernel takes what one call brings as one line."""
        descriptor = self._open(path, _WRITE)
        try:
            os.write(descriptor, text.encode("utf-8", "surrogateescape"))
        finally:
            os.close(descriptor)

    def _parent(self, path: str) -> Tuple[int, str, bool]:
        parent, slash, name = path.rpartition("/")
        if name == ".." or (slash and not parent):
            raise _leads_out(path)
        return (self._open(parent, _DIRECTORY), name, True) if parent else (self.descriptor, name, False)

    def mkdir(self, path: str) -> int:
        """Make one directory and return its inode number."""
        parent, name, opened = self._parent(path)
        try:
            os.mkdir(name, 0o755, dir_fd=parent)
            return os.stat(name, dir_fd=parent, follow_symlinks=False).st_ino
        finally:
            if opened:
                os.close(parent)

    def rmdir(self, path: str) -> None:
        """Remove one directory; a group's interface files do not count as content."""
        parent, name, opened = self._parent(path)
        try:
            os.rmdir(name, dir_fd=parent)
        finally:
            if opened:
                os.close(parent)

    def names(self, path: str) -> List[str]:
        """The subdirectories of a directory, sorted."""
        descriptor = self._open(path, _DIRECTORY)
        try:
            with os.scandir(descriptor) as entries:
                return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        finally:
            os.close(descriptor)

    def files(self, path: str) -> List[str]:
        """The files of a directory, sorted."""
        descriptor = self._open(path, _DIRECTORY)
        try:
            with os.scandir(descriptor) as entries:
                return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        finally:
            os.close(descriptor)

    def status(self, path: str) -> Optional[os.stat_result]:
        """stat(2) of a directory, None where there is none."""
        try:
            descriptor = self._open(path, _DIRECTORY)
        except FileNotFoundError:
            return None
        try:
            return os.fstat(descriptor)
        finally:
            os.close(descriptor)

    def file_status(self, path: str) -> Optional[os.stat_result]:
        """stat(2) of a file or directory without opening it for reading, None where there is none."""
        try:
            parent, name, opened = self._parent(path)
        except FileNotFoundError:
            return None
        try:
            return os.stat(name or ".", dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None
        finally:
            if opened:
                os.close(parent)

    def chown(self, path: str, user: int, group: int) -> None:
        """Hand one file or directory over; -1 leaves an id as it is."""
        parent, name, opened = self._parent(path)
        try:
            os.chown(name or ".", user, group, dir_fd=parent, follow_symlinks=False)
        finally:
            if opened:
                os.close(parent)

    def attribute(self, path: str, name: str) -> Optional[bytes]:
        """An extended attribute of a directory, None where it has none."""
        try:
            descriptor = self._open(path, _DIRECTORY)
        except FileNotFoundError:
            return None
        try:
            return os.getxattr(descriptor, name)
        except OSError as error:
            if error.errno in (errno.ENODATA, errno.EOPNOTSUPP):
                return None
            raise
        finally:
            os.close(descriptor)
