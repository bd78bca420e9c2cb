# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands and files on a machine, by ssh."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Sequence

from .command import TIED
from .failures import FAILED, TIMEOUT, LabError
from .machine import Machine

_ANSWER_SECONDS = 30.0
# The daemon answers before the rest is there. Whether a unit has failed is the tests' to say.
_SETTLED = """
until grep -q ^/dev/vdb /proc/swaps; do sleep 0.2; done
[ ! -d /run/systemd/system ] || systemctl is-system-running --wait >/dev/null || :
"""


def command(machine: Machine, remote: Sequence[str]) -> list[str]:
    """The ssh that runs a command there, as a shell on the machine understands it."""
    return [
        *("ssh", "-F", "none", "-i", machine.identity_file, "-p", str(machine.port)),
        *("-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "LogLevel=ERROR"),
        *("-o", f"UserKnownHostsFile={machine.known_hosts}", "-o", "GlobalKnownHostsFile=none"),
        *("-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=8"),
        f"{machine.user}@{machine.address}",
        *remote,
    ]


def output(machine: Machine, remote: str, seconds: float = _ANSWER_SECONDS) -> str:
    """Runs a command on the machine.

    Returns: what it prints.

    Raises:
        LabError: it fails or takes longer.
    """
    try:
        done = subprocess.run(
            [*TIED, *command(machine, [remote])],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(TIMEOUT, f"{machine.name} did not answer in {seconds:.0f} s") from error
    if done.returncode:
        raise LabError(FAILED, f"{machine.name}: {remote} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def wait(machine: Machine, seconds: float, alive: Callable[[], None], unlike: str = "") -> str:
    """Waits until the machine answers with a boot's id, another one than UNLIKE, and sets its clock.

    ALIVE raises where waiting is vain. Returns: the id.

    Raises:
        LabError: it does not answer in time.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        alive()
        if _greets(machine):
            try:
                boot_id = output(
                    machine, f"date -u -s @{time.time():.3f} >/dev/null; cat /proc/sys/kernel/random/boot_id"
                )
            except LabError:
                # It is going down, or not up yet.
                boot_id = ""
            if boot_id.strip() not in ("", unlike):
                return boot_id.strip()
        time.sleep(0.3)
    raise LabError(TIMEOUT, f"{machine.name} did not answer by ssh in {seconds:.0f} s", machine.last_words())


def settle(machine: Machine, seconds: float) -> None:
    """Waits until a machine that has just booted has nothing left to start.

    Raises:
        LabError: it takes longer, or has no swap at the end.
    """
    output(machine, _SETTLED, seconds)


def _greets(machine: Machine) -> bool:
    """Whether the daemon is there: cheaper to ask than by a whole ssh."""
    try:
        with socket.create_connection((machine.address, machine.port), 5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
