# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans as data: the files beside this one, and what the real core makes of each case in them.

A case says what is there (``given``, see host.py), what a user writes (``declared``, one task with its options) and
what has to come of it: ``plan``, the changes in order as "ACTION TARGET PATH: BEFORE -> AFTER" with paths below
/sys/fs/cgroup and - for nothing; or ``error``, its kind and pieces of its sentence. ``writes`` are the calls in
order that the changes amount to, where they say more than the plan; ``warnings`` are pieces of one warning each, and
none may be left over; ``proves`` names the order or the trap that the case is for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import arguments, run
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.apply import Cgroups
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.desired import Desired
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.parsing import Parser
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import IsolationError
from ansible_collections.linux.isolation.plugins.module_utils._convergence.plan import Change

from .files import FOLDER, TOP
from .host import FACTS, Described

_SPECS = {"cgroup_group": arguments.group, "cgroup_limit": arguments.limit, "cgroup_tree": arguments.tree}
_KEYS = {"name", "why", "proves", "given", "declared", "plan", "error", "writes", "warnings", "check_mode"}
_NO_PLANS = ("hosts.yml", "fresh.yml")


class Case(NamedTuple):
    """One case of one file."""

    file: str
    name: str
    given: Mapping[str, Any]
    declared: Mapping[str, Mapping[str, Any]]
    plan: list[str] | None
    error: list[str]
    writes: list[str] | None
    warnings: list[str]
    proves: list[str]
    check_mode: bool


class Found(NamedTuple):
    """What the core made of a case."""

    plan: list[str]
    writes: list[str]
    warnings: list[str]
    error: IsolationError | None


def every() -> Iterator[Case]:
    """All cases of all files."""
    for path in sorted(FOLDER.glob("*.yml")):
        if path.name in _NO_PLANS:
            continue
        for told in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield _case(path.stem, told)


def _case(file: str, told: Mapping[str, Any]) -> Case:
    where = f"{file}: {told['name']}"
    assert set(told) <= _KEYS, f"{where}: unknown keys {sorted(set(told) - _KEYS)}"
    assert ("plan" in told) != ("error" in told), f"{where}: either a plan or an error"
    assert len(told["declared"]) == 1, f"{where}: one task"
    return Case(
        file,
        told["name"],
        told["given"],
        told["declared"],
        told.get("plan"),
        told.get("error", []),
        told.get("writes"),
        told.get("warnings", []),
        told.get("proves", []),
        told.get("check_mode", False),
    )


def parameters(module: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What Ansible makes of a task's options before a module sees them."""
    validated = ArgumentSpecValidator(_SPECS[module]()).validate(options)
    assert not validated.error_messages, validated.error_messages
    found: dict[str, Any] = validated.validated_parameters
    return found


def desired(host: Described, module: str, options: Mapping[str, Any], check_mode: bool = False) -> Desired:
    """The task's options as the core understands them."""
    params = parameters(module, options)
    groups = params.get("groups")
    items = [("", params)] if groups is None else [(f"groups[{number}]", item) for number, item in enumerate(groups)]
    policy = run._policy(params, check_mode)
    return Parser(host.host, FACTS, policy, host.systemd, run.choices(params)).desired(items)


def found(case: Case, place: Path) -> Found:
    """Parse, observe and plan on the host of the case; with ``writes`` do the changes too, one by one."""
    host = Described(case.given, place)
    ((module, options),) = case.declared.items()
    with host.entered():
        try:
            domain = Cgroups(host.opened, desired(host, module, options, case.check_mode))
            plan = domain.plan(domain.observe())
        except IsolationError as error:
            return Found([], [], [], error)
        if case.writes is not None:
            domain.begin(plan.changes)
            for change in plan.changes:
                domain.apply(change)
    return Found([line(change) for change in plan.changes], host.log, list(plan.warnings), None)


def line(change: Change) -> str:
    """A change as plans write it."""
    path = change.path.removeprefix(TOP + "/")
    return f"{change.action} {change.target} {path}: {_shown(change.before)} -> {_shown(change.after)}"


def _shown(value: object) -> str:
    return "-" if value is None else "''" if value == "" else str(value)
