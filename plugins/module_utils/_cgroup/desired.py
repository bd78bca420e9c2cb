# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was declared, as values: options become Groups whose limits are already in the host's own files."""

from __future__ import annotations

from typing import Dict, FrozenSet, Hashable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._convergence.errors import InputError, RefusedError, UnsupportedError
from . import hierarchies, names
from .hierarchies import CORE, FREEZER, Host
from .interface_files.entry import Facts
from .limits import Want, controllers_of, resolve
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

    def indexes(self) -> Tuple[int, ...]:
        """The hierarchies that it exists in."""
        return tuple([index for index, _ in self.look])


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


class Desired(NamedTuple):
    """All groups of a task, parents before children, and its policy."""

    groups: Tuple[Group, ...]
    policy: Policy
    systemd: bool


class Parser:
    """Turns option dictionaries into Groups for one host. Equal limits are resolved once, however many groups share them."""

    def __init__(self, host: Host, facts: Facts, policy: Policy, systemd: bool) -> None:
        self._host = host
        self._facts = facts
        self._policy = policy
        self._systemd = systemd
        self._versions = host.versions()
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

                group = merged(twin, group, self._look)
            found[group.name] = group
        groups = sorted(found.values(), key=_depth_first)
        self._check_together(found, groups)
        return Desired(tuple(groups), self._policy, self._systemd)

    def _group(self, option: str, item: Mapping[str, object]) -> Group:
        own = option + "." if option else ""
        name = names.parse(own + "name", item.get("name"))
        present = item.get("state", "present") != "absent"
        more = [key for key in _MORE if item.get(key) is not None]
        limits = item.get("limits")
        if present and not more and limits:
            template = self._with_limits(own + "limits", limits)
            group = template._replace(name=name, option=option)
        else:
            group = self._whole(own, item, name, present, option)
        if not name:
            self._check_root(group, own)
        if self._systemd and names.systemd_unit(name):
            raise UnsupportedError(
                f"has {names.systemd_unit(name)}, a systemd unit, and systemd owns its units",
                option=own + "name",
                value=name,
                way_out="units are not handled yet: use a name that ends in none of .slice, .service and .scope",
            )
        return group

    def _with_limits(self, option: str, limits: object) -> Group:
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
        found = resolve(option, limits, self._versions, self._facts, self._host.mode, self._values)
        controllers = frozenset(want.file.controller for want in found.wants) | frozenset(controllers_of(limits))
        group = Group("", "", True, found.wants, controllers, warnings=found.warnings)
        group = group._replace(look=self._look(group, option))
        if key is not None:
            self._limits[key] = group
        return group

    def _whole(self, own: str, item: Mapping[str, object], name: str, present: bool, option: str) -> Group:
        if not present:
            return self._absent(own, item, name, option)
        limits = item.get("limits")
        group = self._with_limits(own + "limits", limits) if limits else Group("", "")
        needs = set(group.controllers)
        for controller in _strings(own + "controllers", item.get("controllers")):
            hierarchies.index_of(self._host, controller, own + "controllers")
            needs.add(controller)
        unwanted = frozenset(_strings(own + "controllers_absent", item.get("controllers_absent")))
        if unwanted & needs:
            raise InputError(
                "names {}, which this group needs".format(", ".join(sorted(unwanted & needs))),
                option=own + "controllers_absent",
                way_out="take it out of controllers, limits and frozen",
            )
        frozen = item.get("frozen")
        if frozen is not None:
            needs.add(FREEZER)
        kind = item.get("type")
        delegate = self._delegate(own, item)
        if kind is not None or (delegate is not None and not self._policy.unsafe_v1):
            self._need_v2(own + ("type" if kind is not None else "delegate"))
            needs.add(CORE)
        group = group._replace(
            name=name,
            option=option,
            controllers=frozenset(needs),
            unwanted=unwanted,
            type=None if kind is None else str(kind),
            delegate=delegate,
            frozen=None if frozen is None else bool(frozen),
            selectors=self._selectors(own, item),
        )
        if delegate is not None:
            self._check_delegate(own, group)
        return group._replace(look=self._look(group, own + "controllers"))

    def _selectors(self, own: str, item: Mapping[str, object]) -> Tuple[Selector, ...]:
        found = item.get("processes") or ()
        if not found:
            return ()
        from . import selectors

        assert isinstance(found, (list, tuple))
        return tuple(selectors.parse(f"{own}processes[{number}]", selector) for number, selector in enumerate(found))

    def _absent(self, own: str, item: Mapping[str, object], name: str, option: str) -> Group:
        for key in ("controllers", "limits", "type", "delegate", "frozen", "processes", "controllers_absent"):
            if item.get(key):
                raise InputError(
                    "says what a group shall have that shall be absent", option=own + key, way_out="leave it out"
                )
        look = []
        for index, hierarchy in enumerate(self._host.hierarchies):
            # Named hierarchies (name=systemd) are their owner's.
            if hierarchy.version == 2 or hierarchy.controllers:
                look.append((index, ()))
        return Group(
            name,
            option,
            False,
            look=tuple(look),
            recursive=bool(item.get("recursive")),
            on_processes=_on_processes(own + "on_processes", item.get("on_processes")),
        )

    def _look(self, group: Group, option: str) -> Tuple[Tuple[int, Tuple[str, ...]], ...]:
        files: Dict[int, List[str]] = {}
        for controller in sorted(group.controllers):
            files.setdefault(hierarchies.index_of(self._host, controller, option), [])
        if not files:
            files[hierarchies.index_of(self._host, CORE, option)] = []
        for want in group.wants:
            index = hierarchies.index_of(self._host, want.file.controller, option)
            own = files.setdefault(index, [])
            own.extend(name for name in (want.file.name,) + want.needs if name not in own)
        for index, own in files.items():
            hierarchy = self._host.hierarchies[index]
            if hierarchy.version == 1 and "cpuset" in hierarchy.controllers:
                # Nothing can be attached while one of them is empty.
                own.extend(name for name in ("cpuset.cpus", "cpuset.mems") if name not in own)
            if not hierarchy.writable:
                raise UnsupportedError(
                    "is on {}, which is {}".format(
                        hierarchy.point,
                        "a view from another cgroup namespace"
                        if hierarchy.root.startswith("/..")
                        else "mounted read only",
                    ),
                    option=group.option or option,
                    way_out="run the task where the hierarchy is mounted writable",
                )
        return tuple((index, tuple(own)) for index, own in sorted(files.items()))

    def _need_v2(self, option: str) -> None:
        if self._host.unified is None:
            raise UnsupportedError(
                f"exists on v2 alone and this {self._host.mode} host has no v2 hierarchy", option=option
            )

    def _delegate(self, own: str, item: Mapping[str, object]) -> Optional[Delegate]:
        found = item.get("delegate")
        if not isinstance(found, Mapping):
            return None
        from .owners import group_id, user_id

        owner, group = found.get("owner"), found.get("group")
        if owner is None and group is None:
            raise InputError("names neither owner nor group", option=own + "delegate", way_out="name one of them")
        return Delegate(
            -1 if owner is None else user_id(own + "delegate.owner", owner),
            -1 if group is None else group_id(own + "delegate.group", group),
        )

    def _check_delegate(self, own: str, group: Group) -> None:
        v1 = sorted(c for c in group.controllers if self._versions.get(c) == 1)
        if v1 and not self._policy.unsafe_v1:
            raise RefusedError(
                "would hand over {} on v1, where nothing keeps the new owner inside the limits".format(", ".join(v1)),
                option=own + "delegate",
                way_out="delegate on a v2 hierarchy, or set unsafe_v1: true",
            )

    def _check_root(self, group: Group, own: str) -> None:
        if not group.present:
            raise RefusedError("is the root group and cannot be removed", option=own + "name", value="/")
        if group.wants or group.frozen is not None or group.type or group.delegate or group.unwanted:
            raise RefusedError(
                "is the root group, which is only read, given controllers to its children and moved to",
                option=own + "name",
                value="/",
                way_out="declare limits and settings for a group below it",
            )

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
            destination = by_name.get(group.on_processes.destination) if group.on_processes.action == "move" else None
            if destination is not None and not destination.present:
                raise InputError(
                    "names a group that shall be absent too", option=group.option + ".on_processes.move_to"
                )


_MORE = ("controllers", "controllers_absent", "type", "delegate", "frozen", "processes")


def _depth_first(group: Group) -> Tuple[int, str]:
    return (group.name.count("/") + 1 if group.name else 0, group.name)


def _strings(option: str, found: object) -> List[str]:
    if found is None:
        return []
    if not isinstance(found, (list, tuple)) or not all(isinstance(item, str) for item in found):
        raise InputError("is not a list of names", option=option, value=str(found))
    return list(found)


def _on_processes(option: str, found: object) -> OnProcesses:
    if found in (None, "refuse"):
        return REFUSE
    if found == "kill":
        return OnProcesses("kill", "")
    if isinstance(found, Mapping) and set(found) == {"move_to"}:
        return OnProcesses("move", names.parse(option + ".move_to", found["move_to"]))
    raise InputError("is none of refuse, kill and {move_to: GROUP}", option=option, value=str(found))
