#!/usr/bin/python
# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at control groups, their limits and what is in them"""

from __future__ import annotations

DOCUMENTATION = r"""
module: cgroup_info
short_description: Look at control groups, their limits and what is in them
version_added: 0.1.0
description:
  - Tells in which mode a host has its control groups and why, which hierarchies are mounted, and where each controller lives.
  - Of the groups that are asked for it tells where they are, their limits, what they use, and which processes and groups are in them.
  - Without O(names), O(below) and O(pids) it looks at no group, so that a host with 20,000 of them does not answer with all.
  - A value has the same name and type on a legacy, a hybrid and a unified host wherever the kernel's own file has.
author:
  - The linux.isolation authors (@linux-isolation)
extends_documentation_fragment:
  - linux.isolation.attributes.info
options:
  names:
    description:
      - Groups, as paths below the hierarchy's root, such as V(batch) or V(batch/nightly). V(/) is the root group.
      - One that is not there is no error - RV(groups[].exists) tells.
    type: list
    elements: str
    aliases: [name]
  below:
    description:
      - A group whose subgroups are looked at. V(/) is the root group.
      - The group itself is looked at only where O(names) has it too.
    type: str
  depth:
    description:
      - How many levels below O(below) to look at. V(1), the direct subgroups, where it is left out.
      - Needs O(below).
    type: int
  max_items:
    description:
      - How many groups below O(below) to return, those nearest to it first, and how many processes and children of each group.
      - V(0) returns all.
    type: int
    default: 200
  pids:
    description:
      - Processes whose groups are looked at.
      - On v1 a process is in one group of each hierarchy, so that there can be several.
    type: list
    elements: int
  gather:
    description:
      - What to look at of each group. Where it is an empty list, that is only whether and where it exists and to whom it is delegated.
      - V(children) is the names of the groups right below.
      - V(limits) is every interface file that can be declared as a limit.
      - V(processes) is the processes in the group, not those in groups below it.
      - V(state) is whether it is populated and frozen, and its type.
      - V(usage) is what is in use.
    type: list
    elements: str
    choices: [children, limits, processes, state, usage]
    default: [children, limits, processes, state, usage]
notes:
  - Needs no root. What a user may not see is left out, with a warning and a sentence in RV(incomplete).
  - Every file is read once. What vanishes meanwhile is left out.
seealso:
  - module: linux.isolation.cgroup_group
  - module: linux.isolation.cgroup_limit
  - module: linux.isolation.cgroup_tree
  - name: Control Group v2
    description: The kernel's documentation of the unified hierarchy.
    link: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

EXAMPLES = r"""
- name: The mode of this host and where each controller lives
  linux.isolation.cgroup_info:
  register: host

- name: For example the memory controller's version
  ansible.builtin.debug:
    msg: "This host is {{ host.mode }}, and memory is on v{{ host.controllers.memory.version }}"
  when: "'memory' in host.controllers"

- name: A group to look at
  linux.isolation.cgroup_limit:
    name: batch
    create: true
    limits:
      memory.max: 512M
      pids.max: 500

- name: One group, whole
  linux.isolation.cgroup_info:
    name: batch
  register: found

- name: What it may use and what it uses, by the same names in every mode
  ansible.builtin.debug:
    msg: >-
      {{ found.groups[0].as_v2.usage['memory.current'] }} of {{ found.groups[0].as_v2.limits['memory.max'] }} bytes,
      {{ found.groups[0].usage['pids.current'] }} of {{ found.groups[0].limits['pids.max'] }} tasks

- name: The groups on the first two levels, and who is in them
  linux.isolation.cgroup_info:
    below: /
    depth: 2
    gather: [processes]

- name: The groups of a process and their limits
  linux.isolation.cgroup_info:
    pids: [1]
    gather: [limits]

- name: Take the group of this example away
  linux.isolation.cgroup_group:
    name: batch
    state: absent
"""

RETURN = r"""
mode:
  description: The mode of the host - legacy, hybrid, unified, none or unknown.
  returned: success
  type: str
  sample: hybrid
reasons:
  description: What was seen that the mode is told by.
  returned: success
  type: list
  elements: str
  sample: [/sys/fs/cgroup is a tmpfs, cgroup2 is mounted at /sys/fs/cgroup/unified]
hierarchies:
  description: The mounted hierarchies. One that is mounted at several places is listed once, one that another mount hides is not.
  returned: success
  type: list
  elements: dict
  contains:
    version:
      description: 1 or 2.
      type: int
    mount_point:
      description: Where it is mounted.
      type: str
    mounted_root:
      description: The group that the mount shows as its root; C(/) is the hierarchy's own, or that of the task's cgroup namespace.
      type: str
    controllers:
      description: The controllers that groups in it can have, by their v2 names (C(io) is v1's C(blkio)).
      type: list
      elements: str
    name:
      description: The name of a v1 hierarchy such as C(systemd), else empty.
      type: str
    writable:
      description: Whether it is mounted to be written to.
      type: bool
    partial:
      description: Whether there are groups above its root, whose limits are out of sight.
      type: bool
  sample:
    - version: 1
      mount_point: /sys/fs/cgroup/memory
      mounted_root: /
      controllers: [memory]
      name: ''
      writable: true
      partial: false
controllers:
  description: Where each controller lives, by its v2 name.
  returned: success
  type: dict
  contains:
    version:
      description: 1 or 2.
      type: int
    mount_point:
      description: Where its hierarchy is mounted.
      type: str
    enabled:
      description: Whether groups below the root can have it as things are. On v2 the root passes it on (C(cgroup.subtree_control)); on v1 always.
      type: bool
  sample:
    memory: {version: 1, mount_point: /sys/fs/cgroup/memory, enabled: true}
    hugetlb: {version: 2, mount_point: /sys/fs/cgroup/unified, enabled: false}
groups:
  description: The groups that were asked for, each once - those of O(names), then those below O(below), then those of O(pids).
  returned: when O(names), O(below) or O(pids) is given
  type: list
  elements: dict
  contains:
    name:
      description: The group. Bytes that are no UTF-8 are shown with a backslash.
      type: str
    exists:
      description: Whether it is there, in any hierarchy. Null where this user may not know.
      type: bool
    paths:
      description: Where it exists.
      type: list
      elements: str
    controllers:
      description: The controllers that it has, by their v2 names.
      type: list
      elements: str
    complete:
      description: Whether all groups above it are in sight, so that no limit but those seen rules it.
      type: bool
    delegated_to:
      description:
        - Whose the group is, where that is not root - the numbers RV(groups[].delegated_to.owner) and RV(groups[].delegated_to.group),
          and RV(groups[].delegated_to.paths), where that is so.
        - Else null.
      type: dict
      contains:
        owner:
          description: The uid.
          type: int
        group:
          description: The gid.
          type: int
        paths:
          description: The directories that belong to these.
          type: list
          elements: str
    type:
      description: The type of a v2 group (C(cgroup.type)). Null for the root and where it is on v1 alone.
      type: str
    populated:
      description: Whether a process is in it or below it. Null where v1 does not tell, for groups that have others below them.
      type: bool
    frozen:
      description: Whether the processes in it and below it are stopped. Null where the kernel does not tell, as for the root.
      type: bool
    limits:
      description:
        - Every limit that the kernel shows for the group, by the name of its file. Keys have dots - use brackets.
        - Sizes and counts are numbers, V(max) is no limit, switches are true or false, C(cpu.max) is a list of quota and period,
          and limits for devices are dictionaries with an entry for each V(MAJOR:MINOR) that has one.
        - They can be declared again as they are, but for empty dictionaries.
      type: dict
    usage:
      description:
        - What the group and those below it use now, by the name of the kernel's file and in its unit.
        - A file with several figures (C(cpu.stat)) is a dictionary.
      type: dict
    as_v2:
      description:
        - The same by the names and in the units of v2, so that one expression works in every mode. On v2 equal to RV(groups[].limits) and RV(groups[].usage).
        - Holds only what corresponds exactly. What would take a formula, such as C(cpu.weight) for other C(cpu.shares) than 1024, is left out.
      type: dict
      contains:
        limits:
          description: Limits, as in RV(groups[].limits).
          type: dict
        usage:
          description: Usage, as in RV(groups[].usage).
          type: dict
    processes:
      description: The processes in the group itself, in any hierarchy, by their numbers. The first ones, as many as O(max_items) permits.
      type: list
      elements: dict
      contains:
        pid:
          description: The number of the process.
          type: int
        comm:
          description: Its name. Null where this user may not see it.
          type: str
        controllers:
          description: Those of the group's controllers that it is subject to here. On v1 it can be elsewhere in another hierarchy.
          type: list
          elements: str
    processes_total:
      description: How many there are.
      type: int
    children:
      description: The names of the groups right below, as O(names) takes them. The first ones, as many as O(max_items) permits.
      type: list
      elements: str
    children_total:
      description: How many there are.
      type: int
  sample:
    - name: batch
      exists: true
      paths: [/sys/fs/cgroup/memory/batch, /sys/fs/cgroup/pids/batch]
      controllers: [memory, pids]
      complete: true
      delegated_to:
      type:
      populated: true
      frozen:
      limits:
        memory.limit_in_bytes: 536870912
        memory.memsw.limit_in_bytes: max
        memory.soft_limit_in_bytes: max
        memory.swappiness: 60
        pids.max: 500
      usage:
        memory.usage_in_bytes: 1900544
        memory.max_usage_in_bytes: 2031616
        pids.current: 1
      as_v2:
        limits: {memory.max: 536870912, memory.swap.max: max, pids.max: 500}
        usage: {memory.current: 1900544, memory.peak: 2031616, pids.current: 1}
      processes:
        - {pid: 812, comm: nightly, controllers: [memory, pids]}
      processes_total: 1
      children: []
      children_total: 0
truncated:
  description: Whether there are more groups below O(below) than O(max_items) permitted to return.
  returned: when O(names), O(below) or O(pids) is given
  type: bool
processes:
  description: The processes of O(pids), in that order.
  returned: when O(pids) is given
  type: list
  elements: dict
  contains:
    pid:
      description: The number.
      type: int
    exists:
      description: Whether it runs. Null where this user may not know.
      type: bool
    comm:
      description: Its name.
      type: str
    groups:
      description: Its group in each mounted hierarchy.
      type: list
      elements: dict
      contains:
        name:
          description: The group. Null where it is outside of what is mounted.
          type: str
        version:
          description: The hierarchy's version.
          type: int
        mount_point:
          description: Where the hierarchy is mounted.
          type: str
        controllers:
          description: The hierarchy's controllers.
          type: list
          elements: str
  sample:
    - pid: 812
      exists: true
      comm: nightly
      groups:
        - {name: batch, version: 1, mount_point: /sys/fs/cgroup/memory, controllers: [memory]}
incomplete:
  description: What could not be seen, a sentence for each reason. Empty where nothing was hidden.
  returned: success
  type: list
  elements: str
  sample:
    - '/sys/fs/cgroup/user/memory.max and 3 more could not be read: Permission denied (EACCES)'
failure:
  description: The error as data - kind, option, value, reason and way_out.
  returned: failure
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.info import run
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.info_query import GATHER, MOST, USUAL
from ansible_collections.linux.isolation.plugins.module_utils._convergence.answer import answer


def main() -> None:
    """Run as a module."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "aliases": ["name"]},
            "below": {"type": "str"},
            "depth": {"type": "int"},
            "max_items": {"type": "int", "default": MOST},
            "pids": {"type": "list", "elements": "int"},
            "gather": {"type": "list", "elements": "str", "choices": list(GATHER), "default": list(USUAL)},
        },
        supports_check_mode=True,
    )
    found = answer(lambda: run(module.params))
    for warning in found.warnings:
        module.warn(warning)
    if found.failed:
        module.fail_json(**found.values)
    module.exit_json(**found.values)


if __name__ == "__main__":
    main()
