#!/usr/bin/python
# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declare many control groups in one task"""

from __future__ import annotations

DOCUMENTATION = r"""
module: cgroup_tree
short_description: Declare many control groups in one task
version_added: 0.1.0
description:
  - Makes, changes and removes a whole tree of groups with their limits, settings and processes, in the orders that the kernel wants.
  - This is the main way to use the collection. One task with a thousand groups costs little more than the system calls.
  - One declaration means the same on a legacy, a hybrid and a unified host.
author:
  - The linux.isolation authors (@linux-isolation)
extends_documentation_fragment:
  - linux.isolation.attributes
  - linux.isolation.cgroup
  - linux.isolation.cgroup.groups
  - linux.isolation.cgroup.permits
  - linux.isolation.cgroup.shrink
  - linux.isolation.dialects
options:
  groups:
    description:
      - The groups, in any order. Parents that are missing are made.
      - The same group may be declared twice as long as nothing contradicts itself.
    type: list
    elements: dict
    required: true
  purge_below:
    description:
      - Remove the empty groups below this one that are not declared, from the leaves up. Never the root.
      - A group with processes is not removed, nor is what lies above it; a warning names it. A systemd unit, a container or a group that is
        delegated to a user stays as a whole while any group of it has processes.
      - Refused when it would take an empty group that belongs to a systemd unit or to a container, or that is delegated to a user.
    type: str
  purge_force:
    description: Permit O(purge_below) to remove more than half of the groups that are there.
    type: bool
    default: false
seealso:
  - module: linux.isolation.cgroup_group
  - module: linux.isolation.cgroup_limit
  - module: linux.isolation.cgroup_info
"""

EXAMPLES = r"""
- name: A tree of groups for batch work
  linux.isolation.cgroup_tree:
    groups:
      - name: batch
        controllers: [cpu, memory, pids]
        limits: {memory.max: 2G, cpu.max: 1.5, pids.max: 500}
      - name: batch/nightly
        limits: {memory.max: 400M, cpu.weight: 200}
        processes:
          - pid_file: /run/nightly.pid
      - name: batch/reports
        limits: {memory.max: 200M, pids.max: 50}

- name: Only these, whatever was below batch before
  linux.isolation.cgroup_tree:
    purge_below: batch
    groups:
      - name: batch/nightly
        limits: {memory.max: 400M}
      - name: batch/reports
        limits: {memory.max: 200M}

- name: Take all of it away and put its processes back into the root group
  linux.isolation.cgroup_tree:
    groups:
      - name: batch
        state: absent
        recursive: true
        on_processes: {move_to: /}
"""

RETURN = r"""
mode:
  description: The mode of the host - legacy, hybrid or unified.
  returned: success
  type: str
  sample: unified
actions:
  description: What was done, or would be done in check mode, in order. The first 200, unless O(return_actions=all).
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: create, remove, enable, disable, write, chown, move, kill, freeze or thaw.
      type: str
    target:
      description: The group.
      type: str
    path:
      description: The file or directory on the host.
      type: str
    before:
      description: The value before; null for what did not exist.
      type: raw
    after:
      description: The value after; null for what is removed.
      type: raw
  sample:
    - {action: write, target: batch, path: /sys/fs/cgroup/batch/pids.max, before: max, after: '500'}
actions_total:
  description: How many there are in all.
  returned: success
  type: int
  sample: 1
groups:
  description: The declared groups, parents first. The first 200, unless O(return_actions=all).
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The group.
      type: str
    state:
      description: present or absent.
      type: str
    paths:
      description: Where it exists.
      type: list
      elements: str
    limits:
      description: The interface files of this host that carry the declared limits, and what they hold. Keys have dots - use brackets.
      type: dict
  sample:
    - {name: batch, state: present, paths: [/sys/fs/cgroup/batch], limits: {pids.max: '500'}}
drifted:
  description: Paths that somebody else changed again while this task ran.
  returned: success
  type: list
  elements: str
failure:
  description: The error as data - kind, option, value, reason, way_out, and path and errno where the kernel refused.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import arguments
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.run import run_tree
from ansible_collections.linux.isolation.plugins.module_utils._convergence.answer import answer


def main() -> None:
    """Run as a module."""
    module = AnsibleModule(argument_spec=arguments.tree(), supports_check_mode=True)
    found = answer(lambda: run_tree(module.params, module.check_mode, module._diff))
    for warning in found.warnings:
        module.warn(warning)
    if found.failed:
        module.fail_json(**found.values)
    module.exit_json(**found.values)


if __name__ == "__main__":
    main()
