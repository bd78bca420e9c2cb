# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files beneath a directory, on real directories: nothing leads out, by openat2(2) and on kernels without it."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._kernel import beneath
from ansible_collections.linux.isolation.plugins.module_utils._kernel.beneath import Root

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may hand files over")


def opened(path: Path | str) -> Root:
    return Root(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


@pytest.fixture(params=["openat2", "older kernel"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Root]:
    """A directory with a group, a file in it, and beside it what must never be reached."""
    (tmp_path / "top/batch/in").mkdir(parents=True)
    (tmp_path / "top/batch/pids.max").write_text("max\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_text("untouched")
    (tmp_path / "top/link").symlink_to(tmp_path / "outside")
    (tmp_path / "top/inner").symlink_to("batch")
    (tmp_path / "top/batch/file link").symlink_to("pids.max")
    found = opened(tmp_path / "top")
    if request.param == "older kernel":
        found._openat2 = False
    before = descriptors()
    yield found
    assert descriptors() == before
    found.close()


def descriptors() -> list[str]:
    """What this process has open; the one that lists them is gone again."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(name + " " + os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:
            pass
    return sorted(found)


# -- what it is for ----------------------------------------------------------------------------------------------


def test_a_file_is_read_and_written(root: Root, tmp_path: Path) -> None:
    assert root.read("batch/pids.max") == "max\n"
    root.write("batch/pids.max", "500")
    # Not cut: an interface file has no length, and O_TRUNC is one more thing to refuse.
    assert (tmp_path / "top/batch/pids.max").read_text() == "500\n"


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 4096, 65535, 65536, 65537, 300000])
def test_a_file_is_read_whole(root: Root, tmp_path: Path, size: int) -> None:
    text = "".join(chr(ord("a") + number % 26) for number in range(size))
    (tmp_path / "top/long").write_text(text)
    assert root.read("long") == text


def test_a_file_that_comes_in_pieces_is_read_whole(root: Root, tmp_path: Path) -> None:
    """seq_file returns a page of a long list at a time; a FIFO does so too."""
    path = tmp_path / "top/pieces"
    os.mkfifo(path)
    pieces = [b"1" * 4000 + b"\n", b"2" * 4000 + b"\n", b"3\n"]

    def feed() -> None:
        descriptor = os.open(path, os.O_WRONLY)
        for piece in pieces:
            os.write(descriptor, piece)
            while _waiting(descriptor):
                pass
        os.close(descriptor)

    feeder = threading.Thread(target=feed)
    feeder.start()
    found = root.read("pieces")
    feeder.join(10)
    assert not feeder.is_alive()
    assert found.encode() == b"".join(pieces)


def _waiting(descriptor: int) -> int:
    """Bytes in the pipe that nobody has read yet."""
    return int.from_bytes(fcntl.ioctl(descriptor, 0x541B, b"\0\0\0\0"), "little")


def test_bytes_that_are_no_text_come_through(root: Root, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path / "top") + b"/odd\xff"
    os.mkdir(name)
    descriptor = os.open(name + b"/file", os.O_WRONLY | os.O_CREAT)
    os.write(descriptor, b"\xfe")
    os.close(descriptor)
    assert "odd\udcff" in root.names("")
    assert root.read("odd\udcff/file") == "\udcfe"
    root.write("odd\udcff/file", "\udcfd")
    assert root.read("odd\udcff/file") == "\udcfd"


@pytest.mark.parametrize("text", ["", "5", "+cpu +memory", "1\n"])
def test_a_text_is_one_write_whatever_its_length(root: Root, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A file object of Python's makes no system call for an empty text, and two for a long one."""
    calls = []
    write = os.write

    def watched(descriptor: int, data: bytes) -> int:
        calls.append(data)
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        assert flags & os.O_ACCMODE == os.O_WRONLY
        # Without reclaim where it is set, from about Linux 6.16 on; and an interface file is there or it is not.
        assert not flags & (os.O_NONBLOCK | os.O_TRUNC | os.O_CREAT | os.O_APPEND)
        assert fcntl.fcntl(descriptor, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", watched)
    root.write("batch/pids.max", text)
    assert calls == [text.encode()]


def test_nothing_is_made_by_writing(root: Root, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        root.write("batch/no.such.file", "5")
    assert not (tmp_path / "top/batch/no.such.file").exists()


def test_a_directory_is_made_and_removed(root: Root, tmp_path: Path) -> None:
    number = root.mkdir("batch/in/deep")
    assert number == (tmp_path / "top/batch/in/deep").stat().st_ino
    assert stat.S_IMODE((tmp_path / "top/batch/in/deep").stat().st_mode) & ~0o755 == 0
    with pytest.raises(FileExistsError):
        root.mkdir("batch/in/deep")
    with pytest.raises(OSError, match="not empty") as caught:
        root.rmdir("batch/in")
    assert caught.value.errno == errno.ENOTEMPTY
    root.rmdir("batch/in/deep")
    root.mkdir("new")
    root.rmdir("new")
    with pytest.raises(FileNotFoundError):
        root.rmdir("new")
    with pytest.raises(FileNotFoundError):
        root.mkdir("no/such")
    assert sorted(path.name for path in (tmp_path / "top").iterdir()) == ["batch", "inner", "link"]


def test_names_and_files_are_sorted_and_hold_no_links(root: Root) -> None:
    root.mkdir("batch/also")
    assert root.names("batch") == ["also", "in"]
    assert root.names("") == ["batch"]
    assert root.files("batch") == ["pids.max"]
    for listed in (root.names, root.files):
        with pytest.raises(FileNotFoundError):
            listed("no/such")
        with pytest.raises(NotADirectoryError):
            listed("batch/pids.max")


def test_status_tells_whether_a_directory_is_there(root: Root, tmp_path: Path) -> None:
    for path, there in (("", tmp_path / "top"), ("batch/in", tmp_path / "top/batch/in")):
        found = root.status(path)
        assert found is not None
        assert found.st_ino == there.stat().st_ino
    assert root.status("no") is None
    assert root.status("no/such") is None


def test_file_status_tells_of_files_too(root: Root, tmp_path: Path) -> None:
    for path, there in (("", tmp_path / "top"), ("batch/pids.max", tmp_path / "top/batch/pids.max")):
        found = root.file_status(path)
        assert found is not None
        assert found.st_ino == there.stat().st_ino
    assert root.file_status("batch/no.such.file") is None
    assert root.file_status("no/such") is None


@NEEDS_ROOT
def test_a_file_is_handed_over(root: Root, tmp_path: Path) -> None:
    root.chown("batch/pids.max", 1000, -1)
    root.chown("batch", -1, 1000)
    root.chown("", 1001, 1001)
    owners = [
        (path.stat().st_uid, path.stat().st_gid) for path in (tmp_path / "top/batch/pids.max", tmp_path / "top/batch")
    ]
    assert owners == [(1000, 0), (0, 1000)]
    assert ((tmp_path / "top").stat().st_uid, (tmp_path / "top").stat().st_gid) == (1001, 1001)
    with pytest.raises(FileNotFoundError):
        root.chown("batch/no.such.file", 1000, 1000)


def test_an_attribute_is_bytes_or_nothing(root: Root, tmp_path: Path) -> None:
    assert root.attribute("batch", "user.delegate") is None
    os.setxattr(tmp_path / "top/batch", "user.delegate", b"1")
    assert root.attribute("batch", "user.delegate") == b"1"
    assert root.attribute("no", "user.delegate") is None


# -- nothing leads out -------------------------------------------------------------------------------------------

# Whatever a defect makes of them, they lead no further than to the test's own directory.
OUT = [
    "..",
    "../outside/file",
    "../outside",
    "batch/../../outside/file",
    "batch/in/../../../outside/file",
    "{outside}/file",
    "{outside}",
    "link",
    "link/file",
    "batch/../link/file",
    "inner/pids.max",
    "inner/in",
]
CALLS: dict[str, Callable[[Root, str], object]] = {
    "read": lambda root, path: root.read(path),
    "write": lambda root, path: root.write(path, "reached"),
    "mkdir": lambda root, path: root.mkdir(path + "/new"),
    "rmdir": lambda root, path: root.rmdir(path + "/x"),
    "names": lambda root, path: root.names(path),
    "files": lambda root, path: root.files(path),
    "status": lambda root, path: root.status(path),
    "file_status": lambda root, path: root.file_status(path + "/file"),
    "chown": lambda root, path: root.chown(path + "/file", os.geteuid(), os.getegid()),
    "attribute": lambda root, path: root.attribute(path, "user.delegate"),
}


@pytest.mark.parametrize("path", OUT)
@pytest.mark.parametrize("call", CALLS)
def test_no_path_leads_out(root: Root, tmp_path: Path, call: str, path: str) -> None:
    with pytest.raises(OSError, match=r".") as caught:
        CALLS[call](root, path.format(outside=tmp_path / "outside"))
    assert caught.value.errno in (errno.EXDEV, errno.ELOOP, errno.ENOTDIR)
    assert (tmp_path / "outside/file").read_text() == "untouched"
    assert [entry.name for entry in (tmp_path / "outside").iterdir()] == ["file"]


def test_a_link_at_the_end_is_not_followed(root: Root, tmp_path: Path) -> None:
    for call in (root.read, lambda path: root.write(path, "x")):
        with pytest.raises(OSError, match=r".") as caught:
            call("batch/file link")
        assert caught.value.errno == errno.ELOOP
    assert (tmp_path / "top/batch/pids.max").read_text() == "max\n"
    status = root.file_status("batch/file link")
    assert status is not None
    assert stat.S_ISLNK(status.st_mode)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("path", ["proc", "proc/self", "proc/sys", "proc/sys/kernel", "proc/no such"])
def test_no_mount_is_crossed(old: bool, path: str) -> None:
    root = opened("/")
    root._openat2 = not old
    try:
        for call in ("read", "names", "status", "file_status"):
            with pytest.raises(OSError, match=r".") as caught:
                CALLS[call](root, path)
            assert caught.value.errno == errno.EXDEV
    finally:
        root.close()


# -- kernels and filters without openat2 -------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_where_openat2_is_not_there_or_not_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    (tmp_path / "file").write_text("text")
    asked = []

    def refused(*arguments: object) -> int:
        asked.append(arguments[2])
        ctypes.set_errno(number)
        return -1

    monkeypatch.setattr(beneath, "_syscall", refused)
    root = opened(tmp_path)
    try:
        assert root.read("file") == "text"
        assert root.names("") == []
        assert asked == [b"file"], "asked once and never again"
    finally:
        root.close()


def test_another_refusal_of_openat2_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("text")

    def refused(*_: object) -> int:
        ctypes.set_errno(errno.EACCES)
        return -1

    monkeypatch.setattr(beneath, "_syscall", refused)
    root = opened(tmp_path)
    try:
        with pytest.raises(PermissionError) as caught:
            root.read("file")
        assert caught.value.filename == "file"
    finally:
        root.close()


def test_the_kernel_of_this_host_has_openat2(tmp_path: Path) -> None:
    """Or the tests above have tried one way twice."""
    root = opened(tmp_path)
    try:
        root.names("")
        assert root._openat2
    finally:
        root.close()
