#!/usr/bin/python
# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Look at control groups, what limits them, what they use and what is in them"""

from __future__ import annotations

DOCUMENTATION = r"""
module: cgroup_info
short_description: Look at control groups, what limits them, what they use and what is in them
version_added: 0.1.0
description:
  - Tells in which mode a host has its control groups and why, which hierarchies are mounted, and where each controller lives.
  - Of the groups that are asked for it tells where they are, their limits and what these come to with the groups above,
    what they use, what happened to them, and which processes, threads and groups are in them.
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
      - V(devices) is the rules for devices, of groups on v1. On v2 they are a BPF program, of which no file tells anything.
      - V(effective) is what the limits come to with those of the groups above, and which group sets them.
      - V(events) is what happened to the group, such as kills, refused forks, and limits that were hit.
      - V(limits) is every interface file that can be declared as a limit.
      - V(pressure) is how long processes of the group waited for the CPU, memory and I/O. v1 does not tell that.
      - V(processes) is the processes in the group, not those in groups below it.
      - V(state) is whether it is populated and frozen, and its type.
      - V(stat) is all other figures that the kernel counts, for example memory by its kind. They are many, and take the kernel some time.
      - V(threads) is the threads in the group. Of a threaded group V(processes) tells them too.
      - V(usage) is what is in use, and the time on the CPU and the traffic that was used up.
    type: list
    elements: str
    choices: [children, devices, effective, events, limits, pressure, processes, state, stat, threads, usage]
    default: [children, effective, events, limits, pressure, processes, state, usage]
notes:
  - Needs no root. What a user may not see is left out, with a warning and a sentence in RV(incomplete).
  - Every file is read once. What vanishes meanwhile is left out.
  - Of groups above those asked for, only the limits that bind what is below them are read.
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

- name: What limits it in the end, and which group to change for more
  ansible.builtin.debug:
    msg: "{{ limit.value }} bytes, set by {{ limit.set_by or 'nobody' }}{{ '' if limit.complete else ', as far as can be seen' }}"
  vars:
    limit: "{{ found.groups[0].as_v2.effective['memory.max'] }}"

- name: Whether the kernel killed in it, and how much of its memory is no file
  linux.isolation.cgroup_info:
    name: batch
    gather: [events, stat]
  register: counted

- name: By the names of v2, which are the same in every mode
  ansible.builtin.debug:
    msg: >-
      {{ counted.groups[0].as_v2.events['memory.events.local'].oom_kill }} kills,
      {{ counted.groups[0].as_v2.stat['memory.stat'].anon }} bytes
  when: "'memory.events.local' in counted.groups[0].as_v2.events"

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
    flags:
      description:
        - The mount options of v2 that change what limits and delegation mean. With C(memory_recursiveprot) what C(memory.min)
          and C(memory.low) protect is for the groups below too where these declare nothing; with C(nsdelegate) a cgroup namespace
          is a boundary of delegation.
      type: list
      elements: str
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
      flags: []
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
    effective:
      description:
        - For each of RV(groups[].limits) what it comes to with the groups above - a dictionary of V(value), V(set_by) and V(complete).
        - V(value) is spelled as in RV(groups[].limits).
        - V(set_by) is the group that sets it, the nearest where several say the same, and null where none does. It is the one to change.
        - V(complete) is false where a group above that could bind is out of sight, or could not be read. V(value) then counts in
          those that are in sight, and the truth can be less.
        - Memory, pids and huge pages - the least of the group and all above it. On v1 that is so of memory too, but where
          C(memory.use_hierarchy) is 0, as it can be before Linux 5.11.
        - C(cpu.max) - the least share of a CPU, with its own period. So too v1's C(cpu.cfs_quota_us) and C(cpu.cfs_period_us).
        - C(io.max), C(rdma.max) and C(misc.max) - the least for each device and key. V(set_by) is a dictionary of the same shape.
          v1's throttles of block I/O bind their own group alone.
        - C(cpuset.cpus) and C(cpuset.mems) - what the kernel says that the group has. This holds whatever is out of sight.
        - C(memory.min) and C(memory.low) - as they are declared. How much of it a group gets depends on its siblings, on the groups
          above and on C(memory_recursiveprot) in RV(hierarchies[].flags), so that there is no figure to tell.
        - All others, such as weights and switches - as they are in the group itself.
      type: dict
    usage:
      description:
        - What the group and those below it use now, by the name of the kernel's file and in its unit. Time on the CPU and
          traffic of disks are counted from the beginning.
        - A file with several figures (C(cpu.stat)) is a dictionary, one with figures for each device (C(io.stat)) a dictionary of such.
      type: dict
    events:
      description:
        - What happened, by the name of the kernel's file - all C(*.events), v1's C(*.failcnt) and C(memory.oom_control). Those with
          C(local) in their name leave out the groups below, as those of v1 do.
      type: dict
    stat:
      description:
        - All that the kernel counts in C(*.stat) and C(*.numa_stat), C(cpu.stat) and C(io.stat) included, and in v1's files
          of C(cpuacct) and C(blkio). Numbers, in dictionaries for each key, device or node of memory.
      type: dict
    pressure:
      description:
        - The pressure stall information of v2, by the name of the kernel's file. Empty on v1, and where the kernel does not tell it.
        - For some and for all processes (V(some), V(full)) the share of time in the last 10, 60 and 300 seconds in per cent, and the total in microseconds.
      type: dict
    as_v2:
      description:
        - The same by the names and in the units of v2, so that one expression works in every mode. On v2 equal to what it stands for.
        - Holds only what corresponds exactly. What would take a formula, such as C(cpu.weight) for other C(cpu.shares) than 1024, is left out.
        - C(io.stat) is made of v1's counts of throttling, C(memory.stat) of v1's totals.
      type: dict
      contains:
        limits:
          description: Limits, as in RV(groups[].limits).
          type: dict
        effective:
          description: What they come to, as in RV(groups[].effective). Memory and swap together is told as swap only where one group sets both.
          type: dict
        usage:
          description: Usage, as in RV(groups[].usage).
          type: dict
        stat:
          description: Figures, as in RV(groups[].stat).
          type: dict
        events:
          description: Events, as in RV(groups[].events).
          type: dict
    devices:
      description:
        - The rules for devices that hold in the group. Null where it has none that a file shows, as on v2.
        - A group that may use all devices but some shows V(a), V(*:*) and V(rwm) whatever it is denied.
      type: list
      elements: dict
      contains:
        type:
          description: V(a) for all, V(b) for block devices, V(c) for character devices.
          type: str
        device:
          description: V(MAJOR:MINOR), with C(*) for any.
          type: str
        access:
          description: What is allowed of reading (V(r)), writing (V(w)) and making device files (V(m)).
          type: str
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
    threads:
      description:
        - The threads in the group itself, in any hierarchy, by their numbers. The first ones, as many as O(max_items) permits.
        - There where O(gather) has V(threads), and with its V(processes) for threaded groups.
      type: list
      elements: dict
      contains:
        tid:
          description: The number of the thread.
          type: int
        pid:
          description: That of its process. Null where this user may not see it.
          type: int
        comm:
          description: Its name. Null where this user may not see it.
          type: str
        controllers:
          description: Those of the group's controllers that it is subject to here.
          type: list
          elements: str
    threads_total:
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
    - name: services/batch
      exists: true
      paths: [/sys/fs/cgroup/memory/services/batch, /sys/fs/cgroup/pids/services/batch]
      controllers: [memory, pids]
      complete: true
      delegated_to:
      type:
      populated: true
      frozen:
      limits:
        memory.limit_in_bytes: max
        memory.memsw.limit_in_bytes: max
        memory.soft_limit_in_bytes: max
        memory.swappiness: 60
        pids.max: 500
      effective:
        memory.limit_in_bytes: {value: 536870912, set_by: services, complete: true}
        memory.memsw.limit_in_bytes: {value: max, set_by: null, complete: true}
        memory.soft_limit_in_bytes: {value: max, set_by: null, complete: true}
        memory.swappiness: {value: 60, set_by: services/batch, complete: true}
        pids.max: {value: 500, set_by: services/batch, complete: true}
      usage:
        memory.usage_in_bytes: 1900544
        memory.max_usage_in_bytes: 2031616
        pids.current: 1
      events:
        memory.failcnt: 0
        memory.oom_control: {oom_kill_disable: 0, under_oom: 0, oom_kill: 0}
        pids.events: {max: 0}
      pressure: {}
      as_v2:
        limits: {memory.max: max, memory.swap.max: max, pids.max: 500}
        effective:
          memory.max: {value: 536870912, set_by: services, complete: true}
          memory.swap.max: {value: max, set_by: null, complete: true}
          pids.max: {value: 500, set_by: services/batch, complete: true}
        usage: {memory.current: 1900544, memory.peak: 2031616, pids.current: 1}
        events:
          memory.events.local: {oom_kill: 0}
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
