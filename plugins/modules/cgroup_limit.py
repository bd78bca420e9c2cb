#!/usr/bin/python
# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declare the limits of one control group"""

from __future__ import annotations

DOCUMENTATION = r"""
module: cgroup_limit
short_description: Declare the limits of one control group
version_added: 0.1.0
description:
  - Compares what is wanted with the interface files of a group and writes only what differs.
  - Values are compared in the unit of the host after the rounding of its kernel, so that a second run never writes.
  - One declaration means the same on a legacy, a hybrid and a unified host.
author:
  - The linux.isolation authors (@linux-isolation)
extends_documentation_fragment:
  - linux.isolation.attributes
options:
  name:
    description:
      - The group, as a path below the hierarchy's root, such as V(batch) or V(batch/nightly).
      - V(/) is the root group, which can be told no limits, but whose children can be given controllers and which processes can be moved to.
    type: str
    required: true
  limits:
    description:
      - 'Interface files and what they shall hold, such as V({memory.max: 512M}).'
      - They are named as on cgroup v2; a v1 name is taken too. Each lands in whichever hierarchy the host has its controller in.
        What a host cannot express is an error that names the limit, the controller and the mode.
      - Sizes are bytes or V(512M), V(1.5GiB) (binary units, as in the kernel), V(50%) of the host's memory, or V(max).
      - C(cpu.max) is a number of CPUs (V(1.5)), V(150%) of one CPU, quota and period in microseconds (V("50000 100000")), or V(max).
      - 'Devices are V(/dev/sda) or the quoted V("8:0"); limits for devices are dictionaries, V({/dev/sda: {rbps: 10M}}).'
      - 'Of files that list RDMA devices (C(rdma.max)), resources (C(misc.max)), memory regions of devices (C(dmem.max)) or network
        interfaces (C(net_prio.ifpriomap)) those that are named are set, V({eth0: 5}); V(*) is everything that the host has.'
      - 'C(net_cls.classid) is a number or, in quotes, a class as C(tc) writes it, V("10:1").'
      - V(default) puts a limit back to the kernel's own value, or to the parent's for files that inherit.
      - What is not named is not touched.
    type: dict
    required: true
  create:
    description: Make the group, and those above it, when it is missing. Otherwise a missing group is an error.
    type: bool
    default: false
  shrink:
    description:
      - What to do when C(memory.max) is set below what is in use.
      - V(reclaim) reclaims memory first and fails, with nothing changed, where too little can be reclaimed.
      - V(immediate) sets it at once; the kernel may then kill processes. It also permits a limit of 0 for a group with processes.
    type: str
    choices: [reclaim, immediate]
    default: reclaim
  fill_parents:
    description:
      - On v1 nothing can be attached to a group whose C(cpuset.cpus) or C(cpuset.mems) is empty.
        Groups that this task makes get what their parents have.
      - With V(true) empty ones that were there before are filled in the same way, instead of being an error.
    type: bool
    default: false
  allow_lockout:
    description:
      - Permit changes that could make the host unreachable - to freeze, kill, move or starve a process that this task depends on.
      - PID 1 is never moved, frozen or killed.
    type: bool
    default: false
  return_actions:
    description: How many of the actions and groups to return - the first 200 of each or all.
    type: str
    choices: [some, all]
    default: some
notes:
  - Needs root on the target.
seealso:
  - module: linux.isolation.cgroup_group
  - module: linux.isolation.cgroup_tree
  - module: linux.isolation.cgroup_info
  - name: Control Group v2
    description: The kernel's documentation of the unified hierarchy.
    link: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

EXAMPLES = r"""
- name: Half a gigabyte of memory, one and a half CPUs, 500 tasks
  linux.isolation.cgroup_limit:
    name: batch
    create: true
    limits:
      memory.max: 512M
      cpu.max: 1.5
      pids.max: 500
  register: batch

- name: What the host's own files hold now
  ansible.builtin.debug:
    msg: "{{ batch.groups[0].limits['pids.max'] }}"

- name: Back to the kernel's own limit of tasks
  linux.isolation.cgroup_limit:
    name: batch
    limits:
      pids.max: default

- name: Take the group of this example away
  linux.isolation.cgroup_group:
    name: batch
    state: absent
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
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.run import run_one
from ansible_collections.linux.isolation.plugins.module_utils._convergence.answer import answer


def main() -> None:
    """Run as a module."""
    module = AnsibleModule(argument_spec=arguments.limit(), supports_check_mode=True)
    found = answer(lambda: run_one(module.params, module.check_mode, module._diff))
    for warning in found.warnings:
        module.warn(warning)
    if found.failed:
        module.fail_json(**found.values)
    module.exit_json(**found.values)


if __name__ == "__main__":
    main()
