# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of the machine that values are measured against, and devices by path."""

from __future__ import annotations

import os
import stat
from typing import List, Tuple

from .._convergence.errors import InputError


def page_size() -> int:
    """Bytes a page."""
    return os.sysconf("SC_PAGE_SIZE")


def memory_total() -> int:
    """Bytes of memory that the kernel manages."""
    return os.sysconf("SC_PHYS_PAGES") * page_size()


def cpus() -> int:
    """CPUs of the host that are online, whichever of them this process may run on."""
    # Not os.cpu_count(): since Python 3.13 an environment variable can answer for it.
    return os.sysconf("SC_NPROCESSORS_ONLN")


def huge_pages() -> Tuple[str, ...]:
    """The sizes of huge pages that this kernel has, smallest first, as interface files name them: 64KB, 2MB, 1GB."""
    # hugepages-2048kB
    sizes = sorted(int(name[len("hugepages-") : -len("kB")]) for name in _listed("/sys/kernel/mm/hugepages"))
    return tuple(
        f"{size >> 20}GB" if size >> 20 else f"{size >> 10}MB" if size >> 10 else f"{size}KB" for size in sizes
    )


def rdma_devices() -> Tuple[str, ...]:
    """The RDMA devices of this host."""
    return tuple(sorted(_listed("/sys/class/infiniband")))


def _listed(path: str) -> List[str]:
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []


def has_systemd() -> bool:
    """Whether PID 1 is systemd: the test of sd_booted(3)."""
    return os.path.isdir("/run/systemd/system")


def boot_id() -> str:
    """The kernel's random name of this boot (random(4))."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as text:
        return text.read().strip()


def block_device(path: str) -> str:
    """MAJOR:MINOR of the disk at a path, the whole disk for a partition: throttling knows no partitions."""
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        # ValueError: a null byte.
        why = getattr(error, "strerror", error)
        raise InputError(f"does not exist here: {why}", value=path, way_out="see lsblk") from None
    if not stat.S_ISBLK(found.st_mode):
        raise InputError("is not a block device", value=path, way_out="see lsblk")
    number = f"{os.major(found.st_rdev)}:{os.minor(found.st_rdev)}"
    return whole_disk(number)


def whole_disk(number: str) -> str:
    """The disk that a MAJOR:MINOR belongs to: itself, unless it is a partition."""
    sysfs = "/sys/dev/block/" + number
    if not os.path.exists(sysfs + "/partition"):
        return number
    # The link's target ends in DISK/PARTITION.
    with open(os.path.join(os.path.dirname(os.path.realpath(sysfs)), "dev"), encoding="ascii") as text:
        return text.read().strip()
