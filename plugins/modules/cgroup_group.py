#!/usr/bin/python
# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Declare one control group"""

from __future__ import annotations

DOCUMENTATION = r"""
module: cgroup_group
short_description: Declare one control group
version_added: 0.1.0
description:
  - Makes, changes and removes one group - its controllers, type, owner, whether it is frozen, and which processes are in it.
  - One declaration means the same on a legacy, a hybrid and a unified host.
  - Parents that are missing are made.
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
  state:
    description:
      - Whether the group shall be there.
      - V(absent) removes it from every hierarchy but the named ones (C(name=systemd)).
    type: str
    choices: [present, absent]
    default: present
  controllers:
    description:
      - The controllers that the group shall have at least, added to those that limits and O(frozen) imply.
      - On v1 it exists in the hierarchies of exactly these; on v2 they are enabled from the root down, for its siblings as well.
      - A group without any exists on v2 alone.
      - They are V(cpu), V(cpuacct), V(cpuset), V(devices), V(dmem), V(freezer), V(hugetlb), V(io), V(memory), V(misc), V(net_cls), V(net_prio),
        V(perf_event), V(pids) and V(rdma), as far as the host has them.
    type: list
    elements: str
  controllers_absent:
    description:
      - The controllers that the group shall not have. On v2 its siblings lose them too.
      - Refused while a sibling passes them on or a group below uses them.
    type: list
    elements: str
  type:
    description:
      - V(threaded) lets the threads of one process be in different groups (v2 alone). The kernel never undoes it.
      - V(domain) is what a group is otherwise; a threaded group becomes one again only by O(recreate).
    type: str
    choices: [domain, threaded]
  delegate:
    description:
      - Hand the group over to a user, who can then make groups below it.
      - On v2 these are the directory and exactly the files that the kernel lists in C(/sys/kernel/cgroup/delegate).
      - Refused on v1, where nothing keeps the new owner inside the limits, unless O(unsafe_v1) is set.
    type: dict
    suboptions:
      owner:
        description: The user, by name or uid.
        type: str
      group:
        description: The user group, by name or gid.
        type: str
  frozen:
    description:
      - Whether all processes in the group and below it are stopped. Returns when the kernel says that they are.
      - Left out, nothing is frozen or thawed.
    type: bool
  processes:
    description:
      - Processes that shall be in the group, or below it, in every hierarchy that it exists in.
      - The keys of one selector must all fit; a process is taken when any selector fits.
      - This places the processes that are there now. It is no rule for processes to come.
      - Memory does not follow - what a process has stays charged to the group that it came from.
    type: list
    elements: dict
    suboptions:
      pid:
        description: The number of a process. It must be there when the task starts.
        type: int
      pid_file:
        description: A file whose first line is the number of a process. A file that is not there selects nothing.
        type: path
      systemd_unit:
        description: The whole name of a unit; takes the processes that systemd keeps in it.
        type: str
      exe:
        description: The absolute path of the program.
        type: path
      cmdline:
        description: A regular expression that is searched in the arguments, joined by blanks.
        type: str
      user:
        description: The real user, by name or uid.
        type: str
      descendants:
        description: Take the children of what fits too, and their children.
        type: bool
        default: false
      required:
        description: Make it an error when nothing fits, instead of a warning.
        type: bool
        default: false
  recursive:
    description: With O(state=absent), remove the groups below it too, instead of refusing.
    type: bool
    default: false
  on_processes:
    description:
      - With O(state=absent), what to do with the processes inside.
      - V(refuse) names them and fails.
      - V(kill) ends all of them.
      - 'V({move_to: GROUP}) moves them to a group that exists in the same hierarchies.'
    type: raw
    default: refuse
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
  from_systemd:
    description: Permit to take processes out of systemd units on the hierarchy that systemd tracks them by.
    type: bool
    default: false
  recreate:
    description: Permit to remove an empty group and to make it again where the kernel cannot change it in place.
    type: bool
    default: false
  unsafe_v1:
    description: Permit O(delegate) on v1, where the new owner can lift the limits of the groups below and rename them.
    type: bool
    default: false
notes:
  - Needs root on the target.
seealso:
  - module: linux.isolation.cgroup_limit
  - module: linux.isolation.cgroup_tree
  - module: linux.isolation.cgroup_info
  - name: Control Group v2
    description: The kernel's documentation of the unified hierarchy.
    link: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

EXAMPLES = r"""
- name: A group whose processes can be counted and limited
  linux.isolation.cgroup_group:
    name: batch
    controllers: [cpu, memory, pids]

- name: The nightly job and its children run in it
  linux.isolation.cgroup_group:
    name: batch
    processes:
      - pid_file: /run/nightly.pid
        descendants: true

- name: Stop all of it for a moment
  linux.isolation.cgroup_group:
    name: batch
    frozen: true

- name: And let it go on
  linux.isolation.cgroup_group:
    name: batch
    frozen: false

- name: Take it away and put its processes back into the root group
  linux.isolation.cgroup_group:
    name: batch
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
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.run import run_one
from ansible_collections.linux.isolation.plugins.module_utils._convergence.answer import answer


def main() -> None:
    """Run as a module."""
    module = AnsibleModule(argument_spec=arguments.group(), supports_check_mode=True)
    found = answer(lambda: run_one(module.params, module.check_mode, module._diff))
    for warning in found.warnings:
        module.warn(warning)
    if found.failed:
        module.fail_json(**found.values)
    module.exit_json(**found.values)


if __name__ == "__main__":
    main()
