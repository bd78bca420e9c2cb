# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that the demonstration limits: start it or stop it, and say which of the two was needed.

Usage: demo_process.py start|stop PID_FILE
"""

from __future__ import annotations

import os
import signal
import sys
import time

NAME = "isolation-demo-process"


def running(pid_file: str) -> int:
    """The pid in the file if it is still this program, else 0."""
    try:
        with open(pid_file, encoding="ascii") as text:
            pid = int(text.read())
        with open(f"/proc/{pid}/cmdline", "rb") as text:
            return pid if NAME.encode() in text.read() else 0
    except (OSError, ValueError):
        return 0


def start(pid_file: str) -> str:
    """Leave a process behind that belongs to no terminal and to no task."""
    if running(pid_file):
        return "already running"
    if os.fork() == 0:
        os.setsid()
        pid = os.fork()
        if pid:
            with open(pid_file, "w", encoding="ascii") as text:
                text.write(f"{pid}\n")
            os._exit(0)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.execvp("sleep", [NAME, "infinity"])
    os.wait()
    end = time.monotonic() + 10
    while not running(pid_file):
        if time.monotonic() > end:
            sys.exit("the demonstration's process did not start within 10 s")
        time.sleep(0.01)
    return "started"


def stop(pid_file: str) -> str:
    """End the process, if it is there, and wait until it is gone."""
    pid = running(pid_file)
    if pid:
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 10
        while running(pid_file):
            if time.monotonic() > end:
                sys.exit(f"process {pid} did not end within 10 s")
            time.sleep(0.01)
    if os.path.exists(pid_file):
        os.unlink(pid_file)
    return "stopped" if pid else "not there"


if __name__ == "__main__":
    verb, path = sys.argv[1:]
    sys.stdout.write({"start": start, "stop": stop}[verb](path) + "\n")
