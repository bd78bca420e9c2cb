# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does nothing until its standard input ends; as another user when a second argument names one by number."""

import os
import signal
import sys

signal.alarm(600)
if len(sys.argv) > 2:
    os.setuid(int(sys.argv[2]))
os.write(1, b"ready\n")
sys.stdin.read()
