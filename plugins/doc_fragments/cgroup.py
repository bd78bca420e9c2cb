# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the converging cgroup modules have in common, told once."""

from __future__ import annotations

import re
import textwrap
from typing import ClassVar


def _of_each_group(*fragments: str) -> str:
    """The same options as suboptions of ``groups``, where O(frozen) is O(groups[].frozen)."""
    options = "".join(fragment.partition("options:\n")[2] for fragment in fragments)
    names = "|".join(re.findall(r"^  (\w+):", options, re.MULTILINE))
    options = re.sub(rf"O\(({names})\b", r"O(groups[].\1", options)
    return "options:\n  groups:\n    suboptions:\n" + textwrap.indent(options, "    ")


class ModuleDocFragment:
    """``linux.isolation.cgroup`` is for all of them; ``.name``, ``.limits`` and ``.group`` tell one group, ``.groups`` all
    of that for each element of a list; ``.permits`` and ``.shrink`` are for a whole task.

    Each module says itself what it requires. ansible-test reads what is assigned without a type, as literals.
    """

    DOCUMENTATION = r"""
options:
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
  - name: Control Group v2
    description: The kernel's documentation of the unified hierarchy.
    link: https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

    NAME = r"""
options:
  name:
    description:
      - The group, as a path below the hierarchy's root, such as V(batch) or V(batch/nightly).
      - V(/) is the root group. Its children can be given controllers, processes can be moved to it, and of limits it takes those that it
        alone has, C(io.cost.qos), C(io.cost.model) and C(cpuset.memory_pressure_enabled), which count for all of the host.
    type: str
    required: true
"""

    LIMITS = r"""
options:
  limits:
    description:
      - 'Interface files and what they shall hold, such as V({memory.max: 512M}).'
      - They are named as on cgroup v2; a v1 name is taken too. Each lands in whichever hierarchy the host has its controller in.
        What a host cannot express is an error that names the limit, the controller and the mode.
      - Sizes are bytes or V(512M), V(1.5GiB) (binary units, as in the kernel), V(50%) of the host's memory, or V(max).
      - C(cpu.max) is a number of CPUs (V(1.5)), V(150%) of one CPU, quota and period in microseconds (V("50000 100000")), or V(max).
      - 'Devices are V(/dev/sda) or the quoted V("8:0"); limits for devices are dictionaries, V({/dev/sda: {rbps: 10M}}).'
      - C(cpuset.cpus.partition) holds when the kernel shows it as valid; where it is not, the task fails with the kernel's reason.
      - C(notify_on_release) is set in each v1 hierarchy that the limits and the controllers beside it put the group in.
      - 'Of files that list RDMA devices (C(rdma.max)), resources (C(misc.max)), memory regions of devices (C(dmem.max)) or network
        interfaces (C(net_prio.ifpriomap)) those that are named are set, V({eth0: 5}); V(*) is everything that the host has.'
      - C(net_cls.classid) is a number or, in quotes, a class as C(tc) writes it, V("10:1").
      - V(default) puts a limit back to the kernel's own value, or to the parent's for files that inherit.
      - What is not named is not touched.
    type: dict
"""

    GROUP = r"""
options:
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
    description: With O(state=absent), and an error otherwise. Remove the groups below it too, instead of refusing.
    type: bool
    default: false
  on_processes:
    description:
      - With O(state=absent), and an error otherwise. What to do with the processes inside.
      - V(refuse) names them and fails.
      - V(kill) ends all of them.
      - 'V({move_to: GROUP}) moves them to a group that exists in the same hierarchies.'
    type: raw
    default: refuse
"""

    GROUPS: ClassVar[str] = _of_each_group(NAME, LIMITS, GROUP)

    PERMITS = r"""
options:
  from_systemd:
    description: Permit to take processes out of systemd units on the hierarchy that systemd tracks them by.
    type: bool
    default: false
  recreate:
    description: Permit to remove an empty group and to make it again where the kernel cannot change it in place.
    type: bool
    default: false
  unsafe_v1:
    description: Permit to delegate groups on v1, where the new owner can lift the limits of the groups below and rename them.
    type: bool
    default: false
"""

    SHRINK = r"""
options:
  shrink:
    description:
      - What to do when C(memory.max) is set below what is in use.
      - V(reclaim) reclaims memory first and fails, with the limit unchanged, where too little can be reclaimed.
      - On v2 it needs C(memory.reclaim), which came with Linux 5.19. On an older kernel a limit below what is in use is refused.
      - On v1 the kernel itself reclaims, and refuses where that is not enough.
      - V(immediate) sets it at once; the kernel may then kill processes. It also permits a limit of 0 for a group with processes.
    type: str
    choices: [reclaim, immediate]
    default: reclaim
"""
