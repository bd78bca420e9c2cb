# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong other than the command itself, each with the exit status that tells it apart."""

from __future__ import annotations

# The tests' own statuses are small and a shell's begin at 126: these lie between.
NO_ANSWER = 122
PANIC = 123
TIMEOUT = 124
NOT_STARTED = 125


class GuestError(Exception):
    """The runner or the guest failed, not the command.

    ``status`` is the exit status, ``console`` the end of what the kernel said, if there was a kernel.
    """

    def __init__(self, status: int, message: str, console: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.console = console


class Interrupted(BaseException):
    """A signal asks the runner to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum
