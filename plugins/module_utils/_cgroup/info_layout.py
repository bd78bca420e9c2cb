# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of the files of a group are read for what is to be told of it."""

from __future__ import annotations

from typing import FrozenSet, List, NamedTuple, Optional, Tuple

from . import hierarchies, info_figures
from .hierarchies import Hierarchy, Host, file_path
from .info_values import Rows


class Layout(NamedTuple):
    """The files that groups with the same controllers have in one hierarchy, by the names that they have there.

    ``figures`` are counted by the kernel, each file with the parts of the answer that it is for. ``both`` are figures that
    are limits as well.
    """

    limits: Tuple[Rows, ...]
    figures: Tuple[Tuple[str, Tuple[str, ...]], ...]
    there: FrozenSet[str]
    both: FrozenSet[str]


def planned(
    host: Host, index: int, controllers: FrozenSet[str], there: FrozenSet[str], gather: FrozenSet[str]
) -> Layout:
    """What to read of a group that has these controllers and these files."""
    hierarchy, limits = host.hierarchies[index], []
    if "limits" in gather or "effective" in gather:
        own = sorted(controllers) + ([hierarchies.CORE] if hierarchy.version == 2 else [])
        for controller in own:
            # The frozen state is no limit.
            rows = None if controller == hierarchies.FREEZER else _rows(hierarchy, controller, there)
            if rows is not None:
                limits.append(rows)
    figures: List[Tuple[str, Tuple[str, ...]]] = []
    for file in sorted(there):
        parts = tuple(part for part in info_figures.parts_of(file) if part in gather)
        if parts and not _beside_v1(host, index, controllers, file):
            figures.append((file, parts))
    both = {file for rows in limits for file in rows.files} & {file for file, _parts in figures}
    return Layout(tuple(limits), tuple(figures), there, frozenset(both))


def _rows(hierarchy: Hierarchy, controller: str, there: FrozenSet[str]) -> Optional[Rows]:
    from .interface_files import table

    rows = {
        file_path(hierarchy, "", row.name): row for row in table.shown(controller, hierarchy.version, there).values()
    }
    files = tuple(file for file in rows if file in there)
    if not files:
        return None
    told = []
    for file in files:
        row = rows[file]
        if row.effective == "kernel":
            beside = file_path(hierarchy, "", told_by(row.name, row.version))
            if beside in there:
                told.append((row.name, beside))
    return Rows(controller, files, tuple(rows[file] for file in files), {}, tuple(told))


def told_by(limit: str, version: int) -> str:
    """The file in which the kernel shows what is effective of a limit of the kind ``kernel``."""
    if version == 2:
        return limit + ".effective"
    controller, _dot, rest = limit.partition(".")
    return controller + ".effective_" + rest


def _beside_v1(host: Host, index: int, controllers: FrozenSet[str], file: str) -> bool:
    """Whether a file of v2 tells of nothing: every v2 group has a cpu.stat, whose name v1's has where the CPU is on v1."""
    if host.hierarchies[index].version == 1 or not file.startswith("cpu.stat") or "cpu" in controllers:
        return False
    return host.where.get("cpu", index) != index or "cpuacct" in host.where
