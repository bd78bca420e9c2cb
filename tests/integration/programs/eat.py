# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Told a number of MiB, takes so much memory and touches each page; told "spare MiB", memory that the kernel may have back."""

import mmap
import os
import signal
import sys

signal.alarm(600)
MEBIBYTE = 1024 * 1024
kept = []
os.write(1, b"ready\n")
for line in sys.stdin:
    words = line.split()
    memory = mmap.mmap(-1, int(words[-1]) * MEBIBYTE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(0, len(memory), mmap.PAGESIZE):
        memory[page] = 1
    if words[0] == "spare":
        # The kernel takes these pages when it wants some, without any swap; until then they count.
        memory.madvise(mmap.MADV_FREE)
    kept.append(memory)
    os.write(1, b"done\n")
