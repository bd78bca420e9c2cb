# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cgroup modes as a machine is told of them: kernel arguments for systemd, rc.conf for OpenRC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .failures import WRONG_USE, LabError
from .images import Image

MODES = ("unified", "hybrid", "legacy")
# What a bare `=0` means depends on how systemd was built: both are always passed.
_SYSTEMD: Mapping[str, str] = {
    "unified": "systemd.unified_cgroup_hierarchy=1",
    "hybrid": "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=0",
    "legacy": "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1",
}
_FORCE = "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"


class Settings(NamedTuple):
    """What one machine boots with and another of the same image does not."""

    mode: str | None = None
    append: str = ""
    openrc_controllers: str | None = None

    def check(self, image: Image) -> None:
        """Refuses what the image cannot do.

        Raises:
            LabError: it cannot.
        """
        if self.mode is not None and self.mode not in MODES:
            raise LabError(WRONG_USE, f"there is no mode {self.mode}: there are {', '.join(MODES)}")
        if self.mode not in (None, "unified") and image.systemd >= 258:
            raise LabError(WRONG_USE, f"{image.name} has systemd {image.systemd}, which knows the unified mode alone")
        if self.openrc_controllers is not None and image.init != "openrc":
            raise LabError(WRONG_USE, f"{image.name} has no OpenRC whose controllers could be named")
        # They are written between quotes, on one line.
        for text in (self.append, self.openrc_controllers or ""):
            if not text.isprintable() or not text.isascii() or set(text) & set("\"'\\$`"):
                raise LabError(WRONG_USE, f"{text!r} has a character that a shell or GRUB would take for its own")

    def arguments(self, image: Image) -> str:
        """The kernel's arguments."""
        words = []
        if image.init == "systemd" and self.mode is not None:
            words.append(_SYSTEMD[self.mode])
            # 256 freezes without it, 257 stays unified.
            if self.mode != "unified" and image.systemd >= 256:
                words.append(_FORCE)
        return " ".join([*words, self.append]).strip()

    def rc_conf(self, image: Image) -> list[str]:
        """The lines of OpenRC's configuration."""
        if image.init != "openrc":
            return []
        lines = []
        if self.mode is not None:
            lines.append(f'rc_cgroup_mode="{self.mode}"')
        if self.openrc_controllers is not None:
            lines.append(f'rc_cgroup_controllers="{self.openrc_controllers}"')
        return lines
