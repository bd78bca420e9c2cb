# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs on hosts out of files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.apply import Cgroups
from ansible_collections.linux.isolation.plugins.module_utils._convergence.converge import Outcome, converge

from . import cases
from .files import Files
from .host import Described


class Hosts:
    """Makes hosts, and runs tasks on them."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._made = 0

    def make(self, host: str, **given: Any) -> Described:
        self._made += 1
        return Described({"host": host, **given}, self._place / str(self._made))

    def domain(self, host: Described, module: str, options: Mapping[str, Any]) -> Cgroups:
        return Cgroups(host.opened, cases.desired(host, module, options))

    def run(self, host: Described, module: str, **options: Any) -> Outcome:
        with host.entered():
            domain = self.domain(host, module, options)
            found = converge(domain, check_mode=False)
            domain.finish()
            return found


def tree(host: Described, where: str) -> Files:
    """One of its hierarchies, by its label or by a controller."""
    return host.files[host.index(where)]
