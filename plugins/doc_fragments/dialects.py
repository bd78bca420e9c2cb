# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a limit means where the other version of cgroups has several things that it could be."""

from __future__ import annotations


class ModuleDocFragment:
    """``linux.isolation.dialects`` is for a module that takes limits."""

    DOCUMENTATION = r"""
options:
  cpu_weight_formula:
    description:
      - How C(cpu.shares) becomes C(cpu.weight) where the host has the cpu controller on v2, and C(cpu.weight) C(cpu.shares) where it
        has it on v1. None of the three is exact, which a warning says. What is declared in the host's own unit is not touched.
      - V(quadratic) is that of runc since 1.3.2 and of crun since 1.23. Both defaults and both ends correspond.
      - V(linear) is that of runc before. Both ends correspond, and 1024 shares are a weight of 39.
      - V(proportional) is that of systemd. It is what the scheduler itself counts in, up to 102400 shares.
    type: str
    choices: [quadratic, linear, proportional]
    default: quadratic
  memory_soft_limit:
    description:
      - What C(memory.soft_limit_in_bytes) is where the host has the memory controller on v2, and what becomes it where it is on v1.
      - V(low) is C(memory.low). The kernel leaves the group that much while others have more than theirs.
      - V(high) is C(memory.high). The kernel slows the group down and reclaims what it has above that.
      - The two mean opposite things, so there is no default. Without a choice that file is an error on v2, and those two are on v1.
    type: str
    choices: [low, high]
"""
