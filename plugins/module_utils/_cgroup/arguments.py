# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The argument specifications that the converging cgroup modules share."""

from __future__ import annotations

from typing import Any, Dict

Spec = Dict[str, Dict[str, Any]]

_SELECTOR: Spec = {
    "pid": {"type": "int"},
    "pid_file": {"type": "path"},
    "systemd_unit": {"type": "str"},
    "exe": {"type": "path"},
    "cmdline": {"type": "str"},
    "user": {"type": "str"},
    "descendants": {"type": "bool", "default": False},
    "required": {"type": "bool", "default": False},
}

NAME: Spec = {"name": {"type": "str", "required": True}}
LIMITS: Spec = {"limits": {"type": "dict"}}
# What one group can be told, apart from its limits.
GROUP: Spec = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "controllers": {"type": "list", "elements": "str"},
    "controllers_absent": {"type": "list", "elements": "str"},
    "type": {"type": "str", "choices": ["domain", "threaded"]},
    "delegate": {"type": "dict", "options": {"owner": {"type": "str"}, "group": {"type": "str"}}},
    "frozen": {"type": "bool"},
    "processes": {"type": "list", "elements": "dict", "options": _SELECTOR},
    "recursive": {"type": "bool", "default": False},
    "on_processes": {"type": "raw", "default": "refuse"},
}
# What a task permits.
PERMITS: Spec = {
    "fill_parents": {"type": "bool", "default": False},
    "allow_lockout": {"type": "bool", "default": False},
    "return_actions": {"type": "str", "choices": ["some", "all"], "default": "some"},
}
GROUP_PERMITS: Spec = {
    "from_systemd": {"type": "bool", "default": False},
    "recreate": {"type": "bool", "default": False},
    "unsafe_v1": {"type": "bool", "default": False},
}
SHRINK: Spec = {"shrink": {"type": "str", "choices": ["reclaim", "immediate"], "default": "reclaim"}}
# What a limit means where the other version has several things that it could be.
DIALECTS: Spec = {
    "cpu_weight_formula": {
        "type": "str",
        "choices": ["quadratic", "linear", "proportional"],
        "default": "quadratic",
    },
    "memory_soft_limit": {"type": "str", "choices": ["low", "high"]},
}
CREATE: Spec = {"create": {"type": "bool", "default": False}}
PURGE: Spec = {"purge_below": {"type": "str"}, "purge_force": {"type": "bool", "default": False}}


def together(*parts: Spec) -> Spec:
    """One specification of several."""
    found: Spec = {}
    for part in parts:
        found.update(part)
    return found


def group() -> Spec:
    """Of cgroup_group."""
    return together(NAME, GROUP, PERMITS, GROUP_PERMITS)


def limit() -> Spec:
    """Of cgroup_limit."""
    return together(NAME, {"limits": {"type": "dict", "required": True}}, DIALECTS, CREATE, SHRINK, PERMITS)


def tree() -> Spec:
    """Of cgroup_tree."""
    item = together(NAME, LIMITS, GROUP)
    groups: Spec = {"groups": {"type": "list", "elements": "dict", "required": True, "options": item}}
    return together(groups, DIALECTS, PURGE, SHRINK, PERMITS, GROUP_PERMITS)
