# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each image's disks: divided without overlap, with what its firmware and its boot loader look for."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.linux.isolation.tests.lab import disk, loaders, rootfs
from ansible_collections.linux.isolation.tests.lab.images import IMAGES
from ansible_collections.linux.isolation.tests.lab.machine import Machine
from ansible_collections.linux.isolation.tests.lab.packages import building

ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
SECTORS = disk.DISK_MIB << 11


@pytest.mark.skipif(not shutil.which("sfdisk"), reason="sfdisk reads the tables")
@pytest.mark.parametrize("name", ["bookworm", "bookworm-extlinux", "bookworm-uefi"])
def test_the_first_partition_is_where_the_roots_files_are_written(name: str, tmp_path: Path) -> None:
    layout = disk.layout(IMAGES[name])
    table = _divided(layout.table, tmp_path / "disk")
    root = table["partitions"][0]
    assert root["node"].endswith("1")
    assert root["start"] == layout.first << 11
    assert root["size"] == layout.size << 11


@pytest.mark.skipif(not shutil.which("sfdisk"), reason="sfdisk reads the tables")
def test_the_esp_is_the_second_partition_and_lies_before_the_root(tmp_path: Path) -> None:
    table = _divided(disk.layout(IMAGES["bookworm-uefi"]).table, tmp_path / "disk")
    root, esp = table["partitions"]
    assert table["label"] == "gpt"
    assert (esp["type"], esp["start"], esp["size"]) == (ESP, loaders.ESP_FIRST_MIB << 11, loaders.ESP_MIB << 11)
    assert esp["start"] + esp["size"] <= root["start"]
    assert root["start"] + root["size"] <= SECTORS - 34


@pytest.mark.parametrize("name", IMAGES)
def test_what_an_image_is_made_of_is_there(name: str) -> None:
    assert [path for path in rootfs.sources(IMAGES[name]) if not path.is_file()] == []


@pytest.mark.parametrize("name", IMAGES)
def test_only_uefi_needs_more_of_the_host_and_has_a_flash_memory(name: str, tmp_path: Path) -> None:
    uefi = name == "bookworm-uefi"
    assert ("mcopy" in building([IMAGES[name]])) == uefi
    machine = Machine(name, name, "tcg", 768, 2, str(tmp_path / "key"), "", str(tmp_path))
    attached = {option.split(",file=")[1].split(",")[0] for option in machine.qemu(None) if ",file=" in option}
    assert attached == {f"{tmp_path}/{part}.qcow2" for part in disk.names(IMAGES[name])}
    flash = list(_flash(machine))
    assert [("readonly=on" in option, "cache.writeback=off" in option) for option in flash] == (
        [(True, False), (False, True)] if uefi else []
    )


def _flash(machine: Machine) -> Iterator[str]:
    return (option for option in machine.qemu(None) if "if=pflash" in option)


def _divided(table: str, target: Path) -> dict[str, Any]:
    """The table as sfdisk writes and reads it."""
    with open(target, "wb") as made:
        made.truncate(disk.DISK_MIB << 20)
    subprocess.run(["sfdisk", "--quiet", str(target)], input=table.encode(), check=True)
    read = subprocess.run(["sfdisk", "--json", str(target)], capture_output=True, check=True).stdout
    found: dict[str, Any] = json.loads(read)["partitiontable"]
    return found
