# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong, each with the exit status that tells it apart."""

from __future__ import annotations

FAILED = 1
WRONG_USE = 2
NO_MIRROR = 75
TIMEOUT = 124
NOT_STARTED = 125


class LabError(Exception):
    """The lab cannot do what was asked.

    ``status`` is the exit status, ``console`` the end of what a machine said on its serial line, if there was a machine.
    """

    def __init__(self, status: int, message: str, console: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.console = console


class Interrupted(BaseException):
    """A signal asks this process to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum
