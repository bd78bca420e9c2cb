# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of control groups from one dialect into the other: ``to_cgroup_v2`` and ``to_cgroup_v1``."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.dialects import converted
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import Choices
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import IsolationError

_FORMULAS = ("quadratic", "linear", "proportional")
_SOFT = (None, "low", "high")
_WEIGHTS = ("io.bfq.weight", "io.weight")


def to_cgroup_v2(
    limits: object,
    cpu_weight_formula: str = "quadratic",
    memory_soft_limit: str | None = None,
    io_weight_file: str = "io.bfq.weight",
) -> dict[str, object]:
    """The limits by the names of cgroup v2."""
    _check("io_weight_file", io_weight_file, _WEIGHTS)
    return _converted(limits, 2, cpu_weight_formula, memory_soft_limit, io_weight_file)


def to_cgroup_v1(
    limits: object, cpu_weight_formula: str = "quadratic", memory_soft_limit: str | None = None
) -> dict[str, object]:
    """The limits by the names of cgroup v1."""
    return _converted(limits, 1, cpu_weight_formula, memory_soft_limit, "")


def _check(option: str, value: object, known: tuple[str | None, ...]) -> None:
    if value not in known:
        shown = ", ".join(str(one) for one in known if one)
        raise AnsibleFilterError(f"{option}: {value!r} is none of {shown}.")


def _converted(limits: object, version: int, formula: str, soft: str | None, io_weight: str) -> dict[str, object]:
    _check("cpu_weight_formula", formula, _FORMULAS)
    _check("memory_soft_limit", soft, _SOFT)
    try:
        found = converted(limits, version, Choices(formula, soft or ""), io_weight)
    except IsolationError as error:
        raise AnsibleFilterError(error.sentence()) from None
    for warning in found.warnings:
        Display().warning(warning)
    return found.limits


class FilterModule:
    """The filters of this file."""

    def filters(self) -> Mapping[str, Callable[..., object]]:
        """By name."""
        return {"to_cgroup_v2": to_cgroup_v2, "to_cgroup_v1": to_cgroup_v1}
