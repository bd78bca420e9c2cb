# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cgroup_info could not see, as sentences, and names as text that can be shown."""

from __future__ import annotations

import errno
import os
from typing import Dict, List


class Notes:
    """What could not be seen, told once for each reason however many files it struck."""

    def __init__(self) -> None:
        self._first: Dict[str, str] = {}
        self._count: Dict[str, int] = {}

    def add(self, where: str, what: str) -> None:
        """``where`` is a path or a group, ``what`` a clause that is the same for all that it is true of."""
        self._first.setdefault(what, where)
        self._count[what] = self._count.get(what, 0) + 1

    def unread(self, path: str, error: OSError) -> None:
        """A file that the kernel refused to show."""
        name = errno.errorcode.get(error.errno or 0, str(error.errno))
        self.add(path, f"could not be read: {os.strerror(error.errno or 0)} ({name})")

    def sentences(self) -> List[str]:
        """One for each reason, with the first place and the number of the others."""
        found = []
        for what, where in self._first.items():
            more = self._count[what] - 1
            found.append(where + (f" and {more} more" if more else "") + " " + what)
        return found


def shown(name: str) -> str:
    """A name as valid text: what others called their groups need not be UTF-8."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return name.encode("utf-8", "backslashreplace").decode("utf-8")
    return name
