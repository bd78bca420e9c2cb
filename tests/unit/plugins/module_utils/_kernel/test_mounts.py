# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""mountinfo as text, and mounts that are what it says."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._kernel import mounts
from ansible_collections.linux.isolation.plugins.module_utils._kernel.mounts import Mount

PROC_MAGIC = 0x9FA0


def test_a_line() -> None:
    line = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - cgroup2 /dev/root rw,nsdelegate\n"
    assert mounts.parse(line) == [
        Mount("98:0", "/mnt1", "/mnt2", ("rw", "noatime"), "cgroup2", ("rw", "nsdelegate")),
    ]


def test_a_line_without_optional_fields_and_one_without_a_source() -> None:
    text = "31 23 0:28 / /a rw - tmpfs tmpfs rw,mode=755\n32 23 0:29 / /b ro - cgroup  rw,memory\n"
    assert [(mount.point, mount.kind, mount.super_options) for mount in mounts.parse(text)] == [
        ("/a", "tmpfs", ("rw", "mode=755")),
        ("/b", "cgroup", ("rw", "memory")),
    ]


@pytest.mark.parametrize(
    ("escaped", "path"),
    [
        (r"/a\040b", "/a b"),
        (r"/a\011b", "/a\tb"),
        (r"/a\012b", "/a\nb"),
        (r"/a\134b", "/a\\b"),
        (r"/a\134040b", "/a\\040b"),
        (r"/\040-\040/x", "/ - /x"),
        (r"/a\9b", "/a\\9b"),
        ("/é", "/é"),
        ("/a\udcffb", "/a\udcffb"),
    ],
)
def test_octal_escapes(escaped: str, path: str) -> None:
    (mount,) = mounts.parse(f"36 35 98:0 {escaped} {escaped} rw - cgroup2 none rw\n")
    assert (mount.root, mount.point) == (path, path)


@pytest.mark.parametrize("letter", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028"])
def test_what_python_takes_for_the_end_of_a_line_is_none(letter: str) -> None:
    (mount,) = mounts.parse(f"36 35 98:0 / /a{letter}b rw - cgroup2 none rw\n")
    assert mount.point == f"/a{letter}b"


@pytest.mark.parametrize(
    "line", ["", "\n", "36 35 98:0 / /a rw", "36 35 - cgroup2 none rw", "36 35 98:0 / /a rw - cgroup2"]
)
def test_a_line_that_is_none_is_left_out(line: str) -> None:
    assert mounts.parse(line) == []


def test_the_order_is_kept_for_a_later_mount_lies_on_top() -> None:
    text = "".join(f"{number} 1 0:{number} / /same rw - cgroup none rw\n" for number in (7, 3, 5))
    assert [mount.device for mount in mounts.parse(text)] == ["0:7", "0:3", "0:5"]


def test_this_process_has_mounts() -> None:
    found = mounts.mounts()
    assert len(found) == len(Path("/proc/self/mountinfo").read_bytes().splitlines())
    assert "proc" in {mount.kind for mount in found if mount.point == "/proc"}


def proc_mount(**changed: str) -> Mount:
    device = os.stat("/proc").st_dev
    mount = Mount(f"{os.major(device)}:{os.minor(device)}", "/", "/proc", ("rw",), "proc", ("rw",))
    return mount._replace(**changed)  # type: ignore[arg-type]  # texts, all of them


def test_a_mount_is_opened_where_it_is_seen() -> None:
    descriptor = mounts.open_mount(proc_mount(), PROC_MAGIC)
    assert descriptor is not None
    try:
        assert os.readlink(f"/proc/self/fd/{descriptor}") == "/proc"
        assert fcntl.fcntl(descriptor, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
        assert mounts.magic(descriptor) == PROC_MAGIC
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("mount", "magic"),
    [
        (proc_mount(), mounts.CGROUP_V2),
        (proc_mount(device="0:0"), PROC_MAGIC),
        (proc_mount(point="/"), PROC_MAGIC),
        (proc_mount(point="/proc/version"), PROC_MAGIC),
        (proc_mount(point="/no such place"), PROC_MAGIC),
    ],
)
def test_a_mount_that_is_hidden_is_not_opened(mount: Mount, magic: int) -> None:
    before = len(os.listdir("/proc/self/fd"))
    assert mounts.open_mount(mount, magic) is None
    assert len(os.listdir("/proc/self/fd")) == before


def test_magic_at_a_path() -> None:
    assert mounts.magic_at("/proc") == PROC_MAGIC
    assert mounts.magic_at("/no such place") is None


def test_magic_of_what_is_not_open() -> None:
    with pytest.raises(OSError, match="Bad file descriptor"):
        mounts.magic(10**6)
