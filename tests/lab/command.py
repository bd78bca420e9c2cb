# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs this host's commands: each with a bound, and none that outlives the lab."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from .failures import FAILED, TIMEOUT, LabError

# A user's PATH may lack the folders of the administrator's commands.
PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
_SHOWN_LINES = 20
# In a mount and a process namespace of its own: whatever it mounted and started goes with it, also when it is killed.
CONTAINED = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL", "--mount-proc")
# The kernel ends what this begins when the process that began it is gone.
TIED = ("setpriv", "--pdeathsig", "KILL")


class CommandError(LabError):
    """A command failed: its whole output is kept for who knows what to look for in it."""

    def __init__(self, message: str, output: str) -> None:
        super().__init__(FAILED, message)
        self.output = output


def call(
    *command: str,
    seconds: float = 60,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = TIED,
    given: bytes | None = None,
) -> str:
    """Runs a command to its end.

    Returns: its standard output.

    Raises:
        LabError: it fails, or takes longer than SECONDS.
    """
    with subprocess.Popen(
        [*prefix, *command],
        cwd=folder,
        env={
            **os.environ,
            "PATH": PATH,
            "LC_ALL": "C.UTF-8",
            "DEBIAN_FRONTEND": "noninteractive",
            **(environment or {}),
        },
        stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # a terminal's Ctrl-C is for the lab
    ) as process:
        try:
            output, errors = process.communicate(given, timeout=seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                raise LabError(TIMEOUT, f"{command[0]} took longer than {seconds:.0f} s and was ended") from error
            raise
    if process.returncode:
        said = (errors + output).decode(errors="replace")
        last = "\n".join(said.strip().splitlines()[-_SHOWN_LINES:])
        raise CommandError(f"{' '.join(command)[:200]} failed with {process.returncode}: {last}", said)
    return output.decode(errors="replace")
