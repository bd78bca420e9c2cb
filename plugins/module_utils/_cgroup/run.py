# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of a converging cgroup module: options in, result out."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Dict, List, Mapping, Sequence, Tuple, cast

from .._convergence.converge import Outcome, converge
from .._convergence.errors import InputError, UnsupportedError
from .._convergence.plan import Change, cut, diff
from .._kernel import lock, machine
from . import hierarchies, names
from .apply import Cgroups
from .desired import Desired, Group, Policy
from .interface_files.entry import USUAL, Choices, Facts
from .parsing import Parser
from .picture import Picture

Result = Tuple[Dict[str, object], List[str]]
# How many actions and groups a task returns unless it asks for all of them.
RETURNED = 200
_POLICY = [field for field in Policy._fields if field not in ("purge_below", "check")]


def run_one(params: Mapping[str, object], check_mode: bool, diff_mode: bool) -> Result:
    """cgroup_group and cgroup_limit: the task's own options are the one group."""
    return _run([("", params)], params, check_mode, diff_mode)


def run_tree(params: Mapping[str, object], check_mode: bool, diff_mode: bool) -> Result:
    """cgroup_tree: each element of ``groups`` is one."""
    groups = cast(List[Mapping[str, object]], params["groups"])
    return _run([(f"groups[{number}]", item) for number, item in enumerate(groups)], params, check_mode, diff_mode)


def _run(
    items: Sequence[Tuple[str, Mapping[str, object]]], params: Mapping[str, object], check_mode: bool, diff_mode: bool
) -> Result:
    need_root()
    policy = _policy(params, check_mode)
    opened = hierarchies.observe()
    host = opened.host
    if host.mode in ("unknown", "none"):
        raise UnsupportedError(
            "has no cgroup hierarchy in a known mode: {}".format("; ".join(host.reasons)),
            option="this host",
            way_out="mount one, as systemd and OpenRC do at boot",
        )

    known: Dict[str, Tuple[str, ...]] = {}

    def has(controller: str) -> Tuple[str, ...]:
        if controller not in known:
            from .counted import counted

            known[controller] = counted(opened, controller)
        return known[controller]

    facts = Facts(machine.page_size(), machine.memory_total(), machine.cpus(), machine.block_device, has)
    desired = Parser(host, facts, policy, machine.has_systemd(), choices(params)).desired(items)
    domain = Cgroups(opened, desired)
    with contextlib.nullcontext() if check_mode else lock.held():
        outcome = converge(domain, check_mode)
        if not check_mode:
            domain.finish()
    return _result(params, host.mode, desired, domain.picture, outcome, diff_mode)


def need_root() -> None:
    """Refuse to go on where the kernel would refuse everything anyway."""
    if not sys.platform.startswith("linux"):
        raise UnsupportedError("is not Linux, and groups are a thing of its kernel", option="this host")
    if os.geteuid() != 0:
        raise UnsupportedError("needs root", option="this task", way_out="add become: true")


def _policy(params: Mapping[str, object], check_mode: bool) -> Policy:
    given = {field: params[field] for field in _POLICY if params.get(field) is not None}
    top = params.get("purge_below")
    below = None if top is None else names.parse("purge_below", top)
    if below == "":
        raise InputError("is the root: what is there belongs to others", option="purge_below", value="/")
    return Policy(purge_below=below, check=check_mode, **given)  # type: ignore[arg-type]  # the argument spec has typed them


def choices(params: Mapping[str, object]) -> Choices:
    """What the task's options say of limits that can mean several things on this host."""
    return Choices(*(str(params.get(field) or usual) for field, usual in zip(Choices._fields, USUAL)))


def _result(
    params: Mapping[str, object],
    mode: str,
    desired: Desired,
    picture: Picture | None,
    outcome: Outcome,
    diff_mode: bool,
) -> Result:
    most = None if params.get("return_actions") == "all" else RETURNED
    result: Dict[str, object] = {
        "changed": outcome.changed,
        "mode": mode,
        "actions": cut(outcome.changes, most),
        "actions_total": len(outcome.changes),
        "groups": _groups(desired, picture, outcome.changes, most),
        "drifted": list(outcome.drifted),
    }
    if diff_mode:
        result["diff"] = diff(outcome.changes)
    return result, list(outcome.warnings)


def _groups(
    desired: Desired, picture: Picture | None, changes: Sequence[Change], most: int | None
) -> List[Dict[str, object]]:
    # Of a file that is written twice the last change tells.
    after = {change.path: change.after for change in changes if change.action == "write"}
    found: List[Dict[str, object]] = []
    for group in desired.groups[:most]:
        entry: Dict[str, object] = {"name": names.shown(group.name), "state": "present" if group.present else "absent"}
        if picture is not None and group.present:
            host = picture.host
            entry["paths"] = [hierarchies.absolute(host.hierarchies[index], group.name) for index in group.indexes()]
            entry["limits"] = _limits(picture, group, after)
        found.append(entry)
    return found


def _limits(picture: Picture, group: Group, after: Mapping[str, object]) -> Dict[str, object]:
    """What the files of the declared limits hold: what was written last, or what was found there and stayed."""
    host = picture.host
    found: Dict[str, object] = {}
    for want in group.wants:
        file = want.file
        index = hierarchies.index_of(host, file.controller, group.option)
        path = hierarchies.absolute(host.hierarchies[index], group.name, file.name)
        text = picture.values.get((index, group.name), {}).get(file.name)
        if path in after:
            found[file.name] = after[path]
        elif text is not None:
            found[file.name] = file.kind.show(file.kind.read(text))
    return found
