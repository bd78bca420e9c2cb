# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a declaration means on one host: the files that hold its limits, the hierarchies it exists in, the names it may have."""

from __future__ import annotations

from typing import Dict, Hashable, List, Mapping, Optional, Tuple

from .._convergence.errors import InputError, UnsupportedError
from . import hierarchies, names
from .desired import Group, Policy
from .hierarchies import CORE, CORE_V1, Host
from .interface_files.entry import Choices, Facts
from .limits import controllers_of, resolve
from .names import HOLD


class Resolver:
    """Gives the Groups of one task what depends on the host. Equal limits are resolved once, however many groups share them."""

    def __init__(self, host: Host, facts: Facts, policy: Policy, systemd: bool, choices: Choices) -> None:
        self.host = host
        self.policy = policy
        self.systemd = systemd
        self.versions = host.versions()
        self._facts = facts
        self._choices = choices
        self._values: Dict[Hashable, object] = {}
        self._limits: Dict[Hashable, Group] = {}

    def check_name(self, option: str, name: str) -> None:
        """Refuse what is systemd's on a systemd host, and the hold."""
        unit = names.systemd_unit(name) if self.systemd else ""
        if unit:
            raise UnsupportedError(
                f"has {unit}, a systemd unit, and systemd owns its units",
                option=option,
                value=name,
                way_out="units are not handled yet: use a name that does not end in .slice, .service, .scope or the like",
            )
        if names.below(name, HOLD):
            raise InputError(
                "is the group that keeps controllers from systemd, and nothing else may be in it",
                option=option,
                value=name,
                way_out="choose another name",
            )

    def with_limits(self, option: str, limits: object) -> Group:
        """A nameless group of these limits alone."""
        if not isinstance(limits, Mapping):
            raise InputError("is not a dictionary", option=option, value=limits, way_out="write interface file: value")
        # 1, 1.0 and True are the same key of a dictionary and not the same declaration: the types keep them apart.
        key: Optional[Hashable] = (tuple(limits.items()), tuple(map(type, limits.values())))
        try:
            cached = self._limits.get(key)
        except TypeError:
            # A value that is a list or a dictionary: resolved anew for each group.
            cached = key = None
        if cached is not None:
            return cached
        found = resolve(option, limits, self.versions, self._facts, self.host.mode, self._values, self._choices)
        controllers = frozenset(want.file.controller for want in found.wants) | frozenset(controllers_of(limits))
        group = Group("", "", True, found.wants, controllers - {CORE_V1}, warnings=found.warnings, said=limits)
        if CORE_V1 not in controllers:
            group = self.placed(group, option)._replace(plain=True)
        if key is not None:
            self._limits[key] = group
        return group

    def placed(self, group: Group, option: str) -> Group:
        """The group with the hierarchies that it exists in; UnsupportedError where there is none."""
        if any(want.file.controller == CORE_V1 for want in group.wants):
            from .each_hierarchy import in_each

            group = in_each(self.host, group, option)
        look = self._look(group, option)
        texts: Dict[int, Dict[str, Optional[str]]] = {index: {} for index, _files in look}
        for want in group.wants:
            index = hierarchies.index_of(self.host, want.file.controller, option)
            texts[index][want.file.name] = None if want.needs else want.text
        return group._replace(look=look, expect=tuple(texts[index] for index, _files in look), plain=False)

    def _look(self, group: Group, option: str) -> Tuple[Tuple[int, Tuple[str, ...]], ...]:
        """The hierarchies that a group exists in and the files that matter there; UnsupportedError where there is none."""
        files: Dict[int, List[str]] = {}
        for controller in sorted(group.controllers):
            files.setdefault(hierarchies.index_of(self.host, controller, option), [])
        if not files and not group.wants:
            files[hierarchies.index_of(self.host, CORE, option)] = []
        for want in group.wants:
            index = hierarchies.index_of(self.host, want.file.controller, option)
            own = files.setdefault(index, [])
            own.extend(name for name in (want.file.name, want.file.forgets) + want.needs if name and name not in own)
        for index, own in files.items():
            hierarchy = self.host.hierarchies[index]
            if hierarchy.version == 1 and "cpuset" in hierarchy.controllers:
                # Nothing can be attached while one of them is empty.
                own.extend(name for name in ("cpuset.cpus", "cpuset.mems") if name not in own)
            hierarchies.need_writable(hierarchy, group.option or option)
        return tuple((index, tuple(own)) for index, own in sorted(files.items()))
