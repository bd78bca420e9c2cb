# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one family of errors: each is a value that renders itself as one sentence."""

from __future__ import annotations

import errno as errno_names
import os
from typing import Dict, Optional


class IsolationError(Exception):
    """Something that ends the task, told as option, value, reason and way out.

    ``option`` is what the user wrote it under (``groups[2].limits['memory.max']``), ``value`` what stood there,
    ``reason`` a clause without a full stop, ``way_out`` what to do instead. All but the reason may be empty.
    """

    def __init__(self, reason: str, *, option: str = "", value: object = None, way_out: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.option = option
        self.value = value
        self.way_out = way_out

    def sentence(self) -> str:
        """One sentence for a person, without a traceback and without a line break."""
        head = self.option
        if self.value is not None:
            shown = repr(self.value) if isinstance(self.value, str) else str(self.value)
            head = (head + ": " if head else "") + shown
        text = (head + (" " if self.value is not None else ": ") if head else "") + self.reason
        if self.way_out:
            text += "; " + self.way_out
        # What a kernel, a file or a user wrote in between breaks no line and moves no terminal.
        plain = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in " ".join(text.split()))
        return plain.rstrip(".") + "."

    def details(self) -> Dict[str, object]:
        """The same as data, for playbooks that want to react."""
        found = {"kind": type(self).__name__, "option": self.option, "value": self.value}
        found.update(reason=self.reason, way_out=self.way_out)
        return {key: value for key, value in found.items() if value not in (None, "")}

    def __str__(self) -> str:
        return self.sentence()


class InputError(IsolationError):
    """What was declared cannot be meant: a wrong name, type, range or a contradiction."""


class UnsupportedError(IsolationError):
    """This host cannot do it: a missing controller, kernel feature or privilege, or the wrong mode."""


class RefusedError(IsolationError):
    """It could be done and would do harm; the way out names the option that permits it."""


class ConflictError(IsolationError):
    """What is there stands in the way: processes in an inner group, an undeclared child, a foreign mount."""


class TimedOutError(IsolationError):
    """A bounded wait ended: the lock, a freeze, a family that forks without end."""


class UnsettledError(IsolationError):
    """Everything was written and reading again shows something else."""


class KernelError(IsolationError):
    """The kernel refused one call. Carries the path, the value that was written and errno."""

    def __init__(
        self, path: str, error: OSError, *, wrote: Optional[str] = None, option: str = "", way_out: str = ""
    ) -> None:
        number = error.errno or 0
        name = errno_names.errorcode.get(number, str(number))
        doing = f"refused {wrote!r} for" if wrote is not None else "refused"
        reason = f"the kernel {doing} {path}: {os.strerror(number)} ({name})"
        super().__init__(reason, option=option, way_out=way_out)
        self.path = path
        self.wrote = wrote
        self.errno = number

    def details(self) -> Dict[str, object]:
        found = super().details()
        found.update(path=self.path, errno=errno_names.errorcode.get(self.errno, str(self.errno)))
        if self.wrote is not None:
            found["wrote"] = self.wrote
        return found
