# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core of v2: one hierarchy, controllers that groups pass on, threaded groups, and the rules between them."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar

from .cpu import CpuV2
from .cpuset import CpusetV2
from .io import IoV2
from .kernel import Controller, File, Group, Hierarchy
from .machine import Machine
from .memory import MemoryV2
from .pids import Pids
from .texts import integer, refuse

# Controllers that another one needs: it is made along with it and hidden.
_NEEDS = {"io": "memory"}
# Names that subtree_control knows although no v1 or v2 root has to have them.
_NAMES = frozenset(("cpu", "cpuset", "io", "memory", "pids", "hugetlb", "perf_event"))
_MOST = 2**31 - 1


class Hugetlb(Controller):
    """Here for the rules of subtree_control: a domain controller without a limit that a test sets."""

    name = "hugetlb"


CONTROLLERS: Mapping[str, type[Controller]] = MappingProxyType(
    {kind.name: kind for kind in (CpuV2, CpusetV2, IoV2, MemoryV2, Pids, Hugetlb)}
)


def _most(what: str) -> File:
    return File(lambda self: self.show_most(what), lambda self, text: self.store_most(what, text))


class GroupV2(Group):
    """``passes`` are the controllers that it passes on; ``threaded`` is for good."""

    hierarchy: HierarchyV2
    parent: GroupV2 | None
    children: dict[str, GroupV2]  # type: ignore[assignment]  # only its own kind is ever put there

    def __init__(self, hierarchy: HierarchyV2, parent: GroupV2 | None, name: str) -> None:
        self.passes: frozenset[str] = frozenset()
        self.threaded = False
        self.freeze = 0
        self.since = hierarchy.machine.clock.now
        self.most = {"depth": _MOST, "descendants": _MOST}
        self.pressure = 1
        super().__init__(hierarchy, parent, name)

    # -- controllers ---------------------------------------------------------------------------------------------

    def available(self) -> frozenset[str]:
        """The controllers that it may pass on, and whose files it has."""
        found = self.hierarchy.controllers if self.parent is None else self.parent.passes
        # Below a root that passes on others too, a threaded group has those that know threads.
        return frozenset(name for name in found if not _domain_controller(name)) if self.threaded else found

    def visible(self) -> Iterator[Controller]:
        shown = self.available()
        return (controller for name, controller in self.controllers.items() if name in shown)

    def bring(self) -> None:
        """Make and drop what the group above now passes on; what is only needed by another one is reset."""
        shown = self.available()
        due = shown | {_NEEDS[name] for name in shown & _NEEDS.keys() if _NEEDS[name] in self.hierarchy.controllers}
        for name in sorted(due & CONTROLLERS.keys() - self.controllers.keys()):
            self.controllers[name] = CONTROLLERS[name](self)
        for name in sorted(self.controllers.keys() - due):
            del self.controllers[name]
        for name in self.controllers.keys() - shown:
            self.controllers[name].reset()
        for child in self.children.values():
            child.bring()

    def _store_passes(self, text: str) -> None:
        asked: dict[str, bool] = {}
        for word in text.split():
            if word[1:] not in _NAMES | self.hierarchy.controllers or word[0] not in "+-":
                refuse(errno.EINVAL)
            asked[word[1:]] = word[0] == "+"
        plus = {name for name, on in asked.items() if on and name not in self.passes}
        minus = {name for name, on in asked.items() if not on and name in self.passes}
        for name in sorted(plus | minus):
            if name in plus and name not in self.available():
                refuse(errno.ENOENT)
            if name in minus and any(name in child.passes for child in self.children.values()):
                refuse(errno.EBUSY)
        if plus:
            self._vet(plus)
        self.pass_on(self.passes - minus | plus)

    def pass_on(self, passes: frozenset[str]) -> None:
        """Set them, without a look."""
        self.passes = passes
        for child in self.children.values():
            child.bring()

    def _vet(self, plus: set[str]) -> None:
        if not self.domain().valid_domain():
            refuse(errno.EOPNOTSUPP)
        if self.parent is None:
            return
        if any(_domain_controller(name) for name in plus):
            if self.thread_root() or self.threaded:
                refuse(errno.EOPNOTSUPP)
        elif self.threaded or self.may_be_thread_root():
            return
        if self.processes:
            refuse(errno.EBUSY)

    # -- domains and threads -------------------------------------------------------------------------------------

    def domain(self) -> GroupV2:
        """The nearest group, itself included, that is not threaded."""
        return self.parent.domain() if self.threaded and self.parent is not None else self

    def thread_root(self) -> bool:
        """Whether it is a domain with threaded groups below it, or is used as one."""
        if self.threaded:
            return False
        inner = bool(self.processes) and any(not _domain_controller(name) for name in self.passes)
        return any(child.threaded for child in self.children.values()) or inner

    def may_be_thread_root(self) -> bool:
        """Whether threaded groups may be made below it."""
        if self.parent is None:
            return True
        domains = any(child.populated() for child in self.children.values() if not child.threaded)
        return not self.threaded and not domains and not any(_domain_controller(name) for name in self.passes)

    def valid_domain(self) -> bool:
        """Whether processes can be in it as a domain: not so below threaded groups and thread roots."""
        if self.threaded:
            return False
        group = self.parent
        while group is not None:
            if group.threaded or (group.parent is not None and group.thread_root()):
                return False
            group = group.parent
        return True

    def kind(self) -> str:
        """The text of cgroup.type."""
        if self.threaded:
            return "threaded"
        if not self.valid_domain():
            return "domain invalid"
        return "domain threaded" if self.thread_root() else "domain"

    def _store_type(self, text: str) -> None:
        if text.strip() != "threaded" or self.parent is None:
            refuse(errno.EINVAL)
        if self.threaded:
            return
        if self.populated() or any(_domain_controller(name) for name in self.passes):
            refuse(errno.EOPNOTSUPP)
        domain = self.parent.domain()
        if not domain.valid_domain() or not domain.may_be_thread_root():
            refuse(errno.EOPNOTSUPP)
        self.threaded = True
        self.bring()

    # -- processes -----------------------------------------------------------------------------------------------

    def admit(self) -> None:
        if not self.domain().valid_domain():
            refuse(errno.EOPNOTSUPP)
        if not self.may_be_thread_root() and not self.threaded and self.passes:
            refuse(errno.EBUSY)
        super().admit()

    def _show_procs(self) -> str:
        if self.threaded:
            refuse(errno.EOPNOTSUPP)
        pids = set(self.processes)
        for child in self.children.values():
            pids |= {
                pid
                for group in child.family()
                if isinstance(group, GroupV2) and group.threaded
                for pid in group.processes
            }
        return "".join(f"{pid}\n" for pid in sorted(pids))

    def _store_kill(self, text: str) -> None:
        number = integer(text.strip())
        if number != 1:
            refuse(errno.ERANGE)
        if self.threaded:
            refuse(errno.EOPNOTSUPP)
        for pid in [pid for group in self.family() for pid in group.processes]:
            self.hierarchy.machine.kill(pid)

    # -- the rest of the core ------------------------------------------------------------------------------------

    def frozen(self) -> bool:
        """Whether it stands still, by its own freeze or by one above it."""
        asked = [group for group in (self, *self.ancestors()) if isinstance(group, GroupV2) and group.freeze]
        machine = self.hierarchy.machine
        since = max((group.since for group in asked), default=0.0)
        return bool(asked) and (not self.populated() or machine.clock.now >= since + machine.freezing)

    def _store_freeze(self, text: str) -> None:
        number = integer(text.strip())
        if number not in (0, 1):
            refuse(errno.ERANGE)
        if number and not self.freeze:
            self.since = self.hierarchy.machine.clock.now
        self.freeze = number

    def _show_events(self) -> str:
        return f"populated {int(self.populated())}\nfrozen {int(self.frozen())}\n"

    def show_most(self, what: str) -> str:
        """The most groups below, by depth or in all."""
        return "max\n" if self.most[what] == _MOST else f"{self.most[what]}\n"

    def store_most(self, what: str, text: str) -> None:
        """max or a number."""
        text = text.strip()
        number = _MOST if text == "max" else integer(text)
        if number < 0:
            refuse(errno.ERANGE)
        self.most[what] = number

    def _store_pressure(self, text: str) -> None:
        number = integer(text.strip())
        if number not in (0, 1):
            refuse(errno.ERANGE)
        self.pressure = number

    def full(self) -> bool:
        """Whether a limit of groups, here or above, leaves no room for one more right below."""
        group: GroupV2 | None = self
        level = 0
        while group is not None:
            if sum(1 for _ in group.family()) - 1 >= group.most["descendants"] or level >= group.most["depth"]:
                return True
            group, level = group.parent, level + 1
        return False

    def invalid(self) -> Iterator[str]:
        yield from super().invalid()
        if self.processes and self.parent is not None and any(_domain_controller(name) for name in self.passes):
            yield f"{self.path}: holds processes and passes controllers on"
        if not self.passes <= self.available():
            yield f"{self.path}: passes on what it has not"
        if self.processes and self.kind() == "domain invalid":
            yield f"{self.path}: holds processes in no domain"

    core: ClassVar[Mapping[str, File]] = {
        "cgroup.procs": File(_show_procs, Group.store_procs),
        "cgroup.threads": File(Group.show_procs, Group.store_procs),
        "cgroup.controllers": File(lambda self: _line(self.available())),
        "cgroup.subtree_control": File(lambda self: _line(self.passes), _store_passes),
        "cgroup.type": File(lambda self: self.kind() + "\n", _store_type, root=False),
        "cgroup.freeze": File(lambda self: f"{self.freeze}\n", _store_freeze, root=False),
        "cgroup.events": File(_show_events, root=False),
        "cgroup.kill": File(None, _store_kill, root=False),
        "cgroup.pressure": File(lambda self: f"{self.pressure}\n", _store_pressure),
        "cgroup.max.depth": _most("depth"),
        "cgroup.max.descendants": _most("descendants"),
    }


def _domain_controller(name: str) -> bool:
    kind = CONTROLLERS.get(name)
    return kind is None or not kind.threaded


def _line(names: frozenset[str]) -> str:
    order = ("cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma", "misc")
    found = sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))
    return " ".join(found) + "\n" if found else ""


class HierarchyV2(Hierarchy):
    """The one hierarchy of v2, with the controllers that no hierarchy of v1 has."""

    version = 2

    def __init__(self, machine: Machine, point: str, controllers: frozenset[str]) -> None:
        super().__init__(machine, point, controllers)

    def make(self, parent: Group | None, name: str) -> Group:
        assert parent is None or isinstance(parent, GroupV2)
        if parent is not None and parent.full() and not self.machine.lenient:
            refuse(errno.EAGAIN)
        group = GroupV2(self, parent, name)
        group.bring()
        return group
