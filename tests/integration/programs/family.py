# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A family that forks until it has as many members as it is told: deep as well as wide, with a pause between two births."""

import os
import signal
import sys
import time

size, pause = int(sys.argv[1]), float(sys.argv[2])


def stay() -> None:
    while True:
        signal.pause()


signal.alarm(600)
os.write(1, b"ready\n")
sys.stdin.readline()
for number in range(1, size):
    time.sleep(pause)
    child = os.fork()
    signal.alarm(600)  # a child inherits none
    # In turns the child stays and its parent goes on, or the other way round.
    if (child == 0) == bool(number % 2):
        stay()
os.write(1, b"complete\n")
stay()
