# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long properties are tried: the same examples every time, or a campaign of new ones with --hypothesis-profile=long."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline: machines that run tests are busy. No new examples: a defect that is found on somebody else's change is no help.
settings.register_profile(
    "steady", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "long", deadline=None, max_examples=3000, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("steady")
