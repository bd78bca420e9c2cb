# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of the machine, against what else tells them, and devices by path."""

from __future__ import annotations

import io
import os
import re
import stat
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError
from ansible_collections.linux.isolation.plugins.module_utils._kernel import machine

NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may make device nodes")


def test_the_page_and_the_memory() -> None:
    assert machine.page_size() in (4096, 16384, 65536)
    (line,) = (line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal:"))
    assert machine.memory_total() == int(line.split()[1]) * 1024


def test_the_cpus_that_are_online(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the host: neither those that this process may run on nor what Python is told to believe."""
    allowed = os.sched_getaffinity(0)
    monkeypatch.setattr(os, "cpu_count", lambda: 12345)
    os.sched_setaffinity(0, {min(allowed)})
    try:
        found = machine.cpus()
    finally:
        os.sched_setaffinity(0, allowed)
    ranges = re.findall(r"(\d+)(?:-(\d+))?", Path("/sys/devices/system/cpu/online").read_text())
    assert found == sum(int(last or first) - int(first) + 1 for first, last in ranges)


def test_the_boot_has_a_name() -> None:
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", machine.boot_id())
    assert machine.boot_id() == machine.boot_id()


def test_sizes_of_huge_pages_are_named_as_interface_files_name_them(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {"64kB": "64KB", "2048kB": "2MB", "524288kB": "512MB", "1048576kB": "1GB", "16777216kB": "16GB"}
    monkeypatch.setattr(os, "listdir", lambda path: [f"hugepages-{size}" for size in reversed(sizes)])
    assert machine.huge_pages() == tuple(sizes.values())


def test_a_kernel_without_huge_pages_or_rdma(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: str) -> list[str]:
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "listdir", missing)
    assert machine.huge_pages() == machine.rdma_devices() == ()


def test_systemd_is_told_as_sd_booted_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def isdir(path: str) -> bool:
        asked.append(path)
        return True

    monkeypatch.setattr(os.path, "isdir", isdir)
    assert machine.has_systemd()
    assert asked == ["/run/systemd/system"]


@NEEDS_ROOT
def test_a_disk_is_its_number(tmp_path: Path) -> None:
    node = tmp_path / "disk"
    # No kernel gives this number to anything, so it is no partition either.
    os.mknod(node, stat.S_IFBLK | 0o600, os.makedev(4000, 77))
    link = tmp_path / "by-label"
    link.symlink_to(node)
    assert machine.block_device(str(node)) == "4000:77"
    assert machine.block_device(str(link)) == "4000:77"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/dev/null", "is not a block device"),
        ("/dev", "is not a block device"),
        ("/no such place", "does not exist here"),
        ("/dev/null/below", "Not a directory"),
        ("/dev/sd\0a", "does not exist here"),
        ("/" + "x" * 5000, "File name too long"),
    ],
)
def test_what_is_no_disk(path: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        machine.block_device(path)
    assert says in caught.value.sentence()


def test_a_disk_is_the_whole_of_itself() -> None:
    for name in os.listdir("/sys/block"):
        number = Path(f"/sys/block/{name}/dev").read_text().strip()
        assert machine.whole_disk(number) == number
        for partition in Path(f"/sys/block/{name}").glob("*/partition"):
            assert machine.whole_disk((partition.parent / "dev").read_text().strip()) == number
    assert machine.whole_disk("4000:77") == "4000:77"


def test_a_partition_is_on_its_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = "/sys/devices/pci0000:00/ata1/block/sda"
    files = {"/sys/dev/block/8:3/partition", disk + "/dev"}

    def opened(path: str, **_: object) -> io.StringIO:
        assert path == disk + "/dev"
        return io.StringIO("8:0\n")

    monkeypatch.setattr(os.path, "exists", files.__contains__)
    monkeypatch.setattr(os.path, "realpath", {"/sys/dev/block/8:3": disk + "/sda3"}.get)
    monkeypatch.setattr(machine, "open", opened, raising=False)
    assert machine.whole_disk("8:3") == "8:0"
