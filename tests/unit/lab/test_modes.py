# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a machine is told of its mode: each init its own words, and a refusal where there are none."""

from __future__ import annotations

import pytest

from ansible_collections.linux.isolation.tests.lab.failures import WRONG_USE, LabError
from ansible_collections.linux.isolation.tests.lab.images import IMAGES
from ansible_collections.linux.isolation.tests.lab.modes import MODES, Settings

FORCE = "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"


def test_both_arguments_are_always_passed_for_the_old_modes() -> None:
    hybrid = Settings("hybrid").arguments(IMAGES["bookworm"]).split()
    legacy = Settings("legacy").arguments(IMAGES["bookworm"]).split()
    assert hybrid == ["systemd.unified_cgroup_hierarchy=0", "systemd.legacy_systemd_cgroup_controller=0"]
    assert legacy == ["systemd.unified_cgroup_hierarchy=0", "systemd.legacy_systemd_cgroup_controller=1"]


@pytest.mark.parametrize("mode", ["hybrid", "legacy"])
def test_systemd_257_has_to_be_forced_and_252_does_not_know_it(mode: str) -> None:
    assert FORCE in Settings(mode).arguments(IMAGES["trixie"]).split()
    assert FORCE not in Settings(mode).arguments(IMAGES["bookworm"]).split()


def test_unified_is_not_forced() -> None:
    assert Settings("unified").arguments(IMAGES["trixie"]) == "systemd.unified_cgroup_hierarchy=1"


def test_further_arguments_follow_the_modes() -> None:
    assert Settings("unified", "psi=0 quiet").arguments(IMAGES["bookworm"]).split()[1:] == ["psi=0", "quiet"]
    assert Settings(None, "psi=0").arguments(IMAGES["bookworm"]) == "psi=0"
    assert Settings().arguments(IMAGES["bookworm"]) == ""


@pytest.mark.parametrize("mode", MODES)
def test_openrc_reads_its_own_file_and_the_kernel_is_told_nothing(mode: str) -> None:
    settings = Settings(mode, openrc_controllers="memory pids io")
    image = IMAGES["bookworm-openrc"]
    settings.check(image)
    assert settings.arguments(image) == ""
    assert settings.rc_conf(image) == [f'rc_cgroup_mode="{mode}"', 'rc_cgroup_controllers="memory pids io"']


def test_no_mode_leaves_openrc_as_it_is() -> None:
    assert Settings().rc_conf(IMAGES["bookworm-openrc"]) == []
    assert Settings("hybrid").rc_conf(IMAGES["bookworm"]) == []


@pytest.mark.parametrize(
    ("image", "settings"),
    [
        ("sid", Settings("legacy")),
        ("sid", Settings("hybrid")),
        ("bookworm", Settings("mixed")),
        ("bookworm", Settings(openrc_controllers="memory")),
        ("bookworm-openrc", Settings(openrc_controllers='memory"')),
        ("bookworm", Settings(append='psi="0"')),
        ("bookworm", Settings(append="psi=0\nquiet")),
    ],
)
def test_what_an_image_cannot_do_is_refused(image: str, settings: Settings) -> None:
    with pytest.raises(LabError) as refusal:
        settings.check(IMAGES[image])
    assert refusal.value.status == WRONG_USE


@pytest.mark.parametrize("image", ["sid", "trixie", "bookworm", "bullseye"])
def test_every_systemd_can_be_unified(image: str) -> None:
    Settings("unified").check(IMAGES[image])
