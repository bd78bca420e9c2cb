# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen of the host in one look: the picture's draft, and of each group whether it is there, asked once."""

from __future__ import annotations

import errno

from .._convergence.errors import KernelError
from . import names
from .hierarchies import Roots, file_path
from .picture import Draft, Place


class Sight:
    """One look, from its first file to its last. Reads only; what vanishes while it looks is not there."""

    def __init__(self, opened: Roots) -> None:
        self.host = opened.host
        self.roots = opened.roots
        self.draft = Draft(opened.host)

    def path(self, index: int, name: str, file: str) -> str:
        """Where a file is below the root of its hierarchy."""
        return file_path(self.host.hierarchies[index], name, file)

    def vanished(self, index: int, path: str, error: OSError) -> None:
        """Return where a group or file went away while it was looked at; a KernelError for every other refusal."""
        if error.errno not in (errno.ENOENT, errno.ENODEV):
            raise KernelError(self.host.hierarchies[index].point + "/" + path, error) from None

    def existence(self, place: Place) -> bool:
        """Whether a group is there; asked once for each."""
        index, name = place
        draft = self.draft
        if not name or place in draft.present or place in draft.values:
            return True
        if place in draft.gone:
            return False
        above = names.parent(name)
        try:
            there = (not above or self.existence((index, above))) and self.roots[index].status(name) is not None
        except OSError as error:
            self.vanished(index, name, error)
            there = False
        if not there:
            draft.gone.add(place)
            return False
        draft.present.add(place)
        return True
