# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Has as many further threads as it is told; says the thread ids."""

import os
import signal
import sys
import threading

signal.alarm(600)
over = threading.Event()
threads = [threading.Thread(target=over.wait, daemon=True) for _ in range(int(sys.argv[1]))]
for thread in threads:
    thread.start()
os.write(1, (" ".join(str(thread.native_id) for thread in threads) + "\n").encode())
sys.stdin.read()
