# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host has that limits are counted for: sizes of huge pages, RDMA devices, resources, regions, interfaces."""

from __future__ import annotations

from typing import Tuple

from .._kernel import machine
from .hierarchies import Roots

# A file of the hierarchy's root that begins each line with one of them; the second where only a part of it is mounted.
_LISTS = {
    "misc": ("misc.capacity", "misc.max"),
    "dmem": ("dmem.capacity", "dmem.max"),
    # All of the first network namespace, whichever one this process is in.
    "net_prio": ("net_prio.ifpriomap",),
}


def counted(opened: Roots, controller: str) -> Tuple[str, ...]:
    """The names that limits of a controller can be declared for on this host."""
    if controller == "hugetlb":
        return machine.huge_pages()
    if controller == "rdma":
        return machine.rdma_devices()
    for file in _LISTS[controller]:
        try:
            text = opened.roots[opened.host.where[controller]].read(file)
        except FileNotFoundError:
            continue
        return tuple(line.split()[0] for line in text.splitlines())
    return ()
