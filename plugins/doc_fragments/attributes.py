# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module of the collection promises."""

from __future__ import annotations


class ModuleDocFragment:
    """``linux.isolation.attributes`` is for a module that converges, ``linux.isolation.attributes.info`` for one that reads.

    A module that keeps a promise only in part repeats the attribute with its own ``support`` and ``details``.
    ansible-test reads the texts as literals: that is why both hold what they share.
    """

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description:
      - Runs everything but the writing, and lists the same changes as the real run.
      - Takes no lock and makes no file.
    support: full
  diff_mode:
    description: Shows what is there before and after, in the terms of the declaration, and only what differs.
    support: full
  idempotent:
    description: Run again with nothing changed in between, it reports no change and writes nothing.
    support: full
  platform:
    description: The operating systems whose kernel it works with.
    platforms: linux
    support: full
  action_group:
    description: Use C(group/linux.isolation.all) in C(module_defaults) to set options for all modules of the collection.
    membership:
      - linux.isolation.all
    support: full
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    description: Reads only, so check mode returns what any run returns.
    support: full
  diff_mode:
    description: Changes nothing, so there is no before and after.
    support: N/A
  idempotent:
    description: Never reports a change.
    support: full
  platform:
    description: The operating systems whose kernel it works with.
    platforms: linux
    support: full
  action_group:
    description: Use C(group/linux.isolation.all) in C(module_defaults) to set options for all modules of the collection.
    membership:
      - linux.isolation.all
    support: full
"""
