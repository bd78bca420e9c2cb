# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of the kernel's control groups: what it rounds, clamps, refuses and forgets, without a kernel.

``kernel`` is the file system and the machine below it, ``v1`` and ``v2`` the core of each version, the other files one
controller each, ``host`` puts hierarchies together to what a run of a module sees. The model itself is held against the
real kernel by tests/integration/test_model_agrees.py.
"""
