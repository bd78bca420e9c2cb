# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was declared, as values: options become Groups whose limits are already in the host's own files."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Dict, FrozenSet, Hashable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._convergence.errors import InputError, UnsupportedError
from . import hierarchies, names
from .hierarchies import CORE, CORE_V1, Host
from .interface_files.entry import USUAL, Choices, Facts
from .limits import Want, controllers_of, resolve
from .names import HOLD

if TYPE_CHECKING:
    # What a task does not use is not compiled on the target.
    from .selectors import Selector


class Delegate(NamedTuple):
    """To whom a group is handed over, as numeric ids; -1 where only the other one was declared."""

    user: int
    group: int


class OnProcesses(NamedTuple):
    """What to do with the processes of a group that shall go: ``refuse``, ``kill`` or ``move`` to a group."""

    action: str
    destination: str


REFUSE = OnProcesses("refuse", "")


class Group(NamedTuple):
    """One declared group. ``look`` lists, for each hierarchy that it exists in, the files that matter there."""

    name: str
    option: str
    present: bool = True
    wants: Tuple[Want, ...] = ()
    controllers: FrozenSet[str] = frozenset()
    look: Tuple[Tuple[int, Tuple[str, ...]], ...] = ()
    unwanted: FrozenSet[str] = frozenset()
    type: Optional[str] = None
    delegate: Optional[Delegate] = None
    frozen: Optional[bool] = None
    selectors: Tuple[Selector, ...] = ()
    recursive: bool = False
    on_processes: OnProcesses = REFUSE
    warnings: Tuple[str, ...] = ()
    # For each hierarchy of ``look`` what its files show when all limits hold; ``plain``: there is nothing but limits.
    expect: Tuple[Mapping[str, Optional[str]], ...] = ()
    plain: bool = False
    # The limits as they were written: two declarations of one group are resolved again as one.
    said: Mapping[str, object] = MappingProxyType({})

    def indexes(self) -> Tuple[int, ...]:
        """The hierarchies that it exists in."""
        return tuple([index for index, _files in self.look])


class Policy(NamedTuple):
    """What a task permits, and what it does beyond single groups."""

    create: bool = True
    fill_parents: bool = False
    shrink: str = "reclaim"
    allow_lockout: bool = False
    from_systemd: bool = False
    recreate: bool = False
    unsafe_v1: bool = False
    purge_below: Optional[str] = None
    purge_force: bool = False
    # Check mode: what an earlier task would have made is not there yet.
    check: bool = False


class Desired(NamedTuple):
    """All groups of a task, parents before children, and its policy."""

    groups: Tuple[Group, ...]
    policy: Policy
    systemd: bool


class Parser:
    """Turns option dictionaries into Groups for one host. Equal limits are resolved once, however many groups share them."""

    def __init__(self, host: Host, facts: Facts, policy: Policy, systemd: bool, choices: Choices = USUAL) -> None:
        self.host = host
        self.facts = facts
        self.policy = policy
        self._choices = choices
        self._systemd = systemd
        self.versions = host.versions()
        self._values: Dict[Hashable, object] = {}
        self._limits: Dict[Hashable, Group] = {}

    def desired(self, items: Sequence[Tuple[str, Mapping[str, object]]]) -> Desired:
        """(option, dictionary) pairs as a Desired; raises on the first contradiction."""
        found: Dict[str, Group] = {}
        for option, item in items:
            group = self._group(option, item)
            twin = found.get(group.name)
            if twin is not None:
                from .merging import merged

                group = merged(twin, group, self)
            found[group.name] = group
        groups = sorted(found.values(), key=_depth_first)
        self._check_together(found, groups)
        return Desired(tuple(groups), self.policy, self._systemd)

    def _group(self, option: str, item: Mapping[str, object]) -> Group:
        own = option + "." if option else ""
        name = names.parse(own + "name", item.get("name"))
        present = item.get("state", "present") != "absent"
        more = [key for key in _MORE if item.get(key) is not None]
        limits = item.get("limits")
        if present and name and limits and not more:
            template = self.with_limits(own + "limits", limits)
            group = template._replace(name=name, option=option)
            if not group.plain:
                group = self.placed(group, own + "limits")
        else:
            from .declaring import whole

            group = whole(self, own, item, name, option)
        self.check_name(own + "name", name)
        return group

    def check_name(self, option: str, name: str) -> None:
        """Refuse what is systemd's on a systemd host, and the hold."""
        unit = names.systemd_unit(name) if self._systemd else ""
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
        found = resolve(option, limits, self.versions, self.facts, self.host.mode, self._values, self._choices)
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
            from .declaring import in_each

            group = in_each(self, group, option)
        look = self.look(group, option)
        texts: Dict[int, Dict[str, Optional[str]]] = {index: {} for index, _files in look}
        for want in group.wants:
            index = hierarchies.index_of(self.host, want.file.controller, option)
            texts[index][want.file.name] = None if want.needs else want.text
        return group._replace(look=look, expect=tuple(texts[index] for index, _files in look), plain=False)

    def look(self, group: Group, option: str) -> Tuple[Tuple[int, Tuple[str, ...]], ...]:
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

    def _check_together(self, by_name: Mapping[str, Group], groups: Sequence[Group]) -> None:
        for group in groups:
            for above in names.parents(group.name) if group.present else ():
                parent = by_name.get(above)
                if parent is not None and not parent.present:
                    raise InputError(
                        f"is wanted absent and {group.name} below it present",
                        option=parent.option or "name",
                        value=above,
                        way_out="decide for one",
                    )
            if group.on_processes.action == "move":
                self._check_destination(group, groups)

    def _check_destination(self, group: Group, groups: Sequence[Group]) -> None:
        destination = group.on_processes.destination
        for other in groups:
            if not other.present and other is not group and names.below(destination, other.name):
                raise InputError(
                    f"is or lies below {other.name}, which shall be absent too",
                    option=(group.option + "." if group.option else "") + "on_processes.move_to",
                    value=destination,
                    way_out="name a group that stays",
                )


_MORE = ("controllers", "controllers_absent", "type", "delegate", "frozen", "processes")


def _depth_first(group: Group) -> Tuple[int, str]:
    return (group.name.count("/") + 1 if group.name else 0, group.name)
