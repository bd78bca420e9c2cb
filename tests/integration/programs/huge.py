# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Told a number of bytes, takes so much memory in huge pages and touches its first byte; told 0, gives all back."""

import mmap
import os
import signal
import sys

signal.alarm(600)
_MAP_HUGETLB = 0x40000
kept = []
os.write(1, b"ready\n")
for line in sys.stdin:
    size = int(line)
    try:
        if size:
            flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_HUGETLB
            kept.append(mmap.mmap(-1, size, flags))
            kept[-1][0] = 1
        else:
            while kept:
                kept.pop().close()
        os.write(1, b"done\n")
    except OSError as error:
        os.write(1, os.strerror(error.errno or 0).encode() + b"\n")
