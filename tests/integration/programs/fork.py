# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Told a number, tries to have so many children at once, says "COUNT ERROR" and ends them."""

import errno
import os
import signal
import sys

signal.alarm(600)
os.write(1, b"ready\n")
for line in sys.stdin:
    children = []
    error = "none"
    for _ in range(int(line)):
        try:
            child = os.fork()
        except OSError as found:
            error = errno.errorcode[found.errno or 0]
            break
        if not child:
            signal.pause()
        children.append(child)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    os.write(1, f"{len(children)} {error}\n".encode())
