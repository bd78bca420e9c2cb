# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that takes what cgroup_tree takes and returns at once: what is left is Ansible itself."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    selector = {key: {"type": "str"} for key in ("pid", "pid_file", "systemd_unit", "exe", "cmdline", "user")}
    switches = {key: {"type": "bool", "default": False} for key in ("descendants", "required")}
    item = {
        "name": {"type": "str", "required": True},
        "limits": {"type": "dict"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "controllers": {"type": "list", "elements": "str"},
        "controllers_absent": {"type": "list", "elements": "str"},
        "type": {"type": "str", "choices": ["domain", "threaded"]},
        "delegate": {"type": "dict", "options": {"owner": {"type": "str"}, "group": {"type": "str"}}},
        "frozen": {"type": "bool"},
        "processes": {"type": "list", "elements": "dict", "options": {**selector, **switches}},
        "recursive": {"type": "bool", "default": False},
        "on_processes": {"type": "raw", "default": "refuse"},
    }
    module = AnsibleModule(
        argument_spec={"groups": {"type": "list", "elements": "dict", "required": True, "options": item}},
        supports_check_mode=True,
    )
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
