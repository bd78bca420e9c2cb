# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts in a file that the test maps too: where the count stands still, no instruction of this process runs."""

import mmap
import os
import signal
import struct
import sys
import time

signal.alarm(600)
path, pause = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.001
with open(path, "r+b") as file:
    memory = mmap.mmap(file.fileno(), 8)
os.write(1, b"ready\n")
count = 0
while True:
    count += 1
    memory[:] = struct.pack("q", count)
    if pause:
        time.sleep(pause)
