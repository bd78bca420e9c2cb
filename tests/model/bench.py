# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the code of the collection runs on a host of the model instead of this one, from a module's options on."""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from unittest import mock

from ansible_collections.linux.isolation.plugins.module_utils import _cgroup, _convergence, _kernel
from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies, run
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError, IsolationError
from ansible_collections.linux.isolation.plugins.module_utils._kernel import journal, lock, machine, processes, text

from .host import Host, Table
from .machine import Call, Died

MEMORY = 8 * 2**30
DEVICES = {"/dev/sda": "8:0", "/dev/sdb": "8:16"}
DELEGATED = {"/sys/kernel/cgroup/delegate": "cgroup.procs\ncgroup.threads\ncgroup.subtree_control\n"}
# What an argument specification fills in.
GROUP: Mapping[str, object] = {
    **dict.fromkeys(("limits", "controllers", "controllers_absent", "type", "delegate", "frozen", "processes")),
    "state": "present",
    "recursive": False,
    "on_processes": "refuse",
}
TASK: Mapping[str, object] = {
    "purge_below": None,
    "purge_force": False,
    "shrink": "reclaim",
    "return_actions": "all",
    **dict.fromkeys(("fill_parents", "allow_lockout", "from_systemd", "recreate", "unsafe_v1"), False),
}


class Result(NamedTuple):
    """How a run ended: with what it returns, with the error that it raised, or in its middle."""

    values: dict[str, Any]
    error: IsolationError | None
    died: bool
    calls: Sequence[Call]

    @property
    def actions(self) -> list[dict[str, Any]]:
        """What it did, or in check mode would do."""
        found = self.values["actions"]
        assert isinstance(found, list)
        return found


class Bench:
    """Holds the host that the code is to see now."""

    host: Host

    def tree(self, host: Host, task: Mapping[str, object], check: bool = False, fuse: int | None = None) -> Result:
        """Run cgroup_tree with these options. ``fuse``: so many changing calls are granted before the run dies."""
        groups = task["groups"]
        assert isinstance(groups, list)
        params = {**TASK, **task, "groups": [{**GROUP, **group} for group in groups]}
        self.host = host
        log = host.machine.log = []
        host.machine.fuse = fuse
        values: dict[str, Any] = {}
        error = None
        died = False
        try:
            values, _ = run.run_tree(params, check, True)
        except IsolationError as found:
            error = found
        except Died:
            died = True
        host.machine.fuse, host.machine.dead = None, False
        return Result(values, error, died, log)

    # -- what stands in for this host ----------------------------------------------------------------------------

    def _journal_write(self, paths: Sequence[str]) -> None:
        self.host.machine.called("journal", "", "")
        self.host.unfinished = frozenset(paths)

    def _journal_clear(self) -> None:
        self.host.unfinished = frozenset()

    def replacements(self) -> Iterator[tuple[object, str, object]]:
        """(module, name, what stands there)."""
        yield run, "need_root", lambda: None
        yield hierarchies, "observe", lambda: self.host.opened()
        yield text, "read_text", DELEGATED.get
        yield lock, "held", contextlib.nullcontext
        yield journal, "read", lambda: self.host.unfinished
        yield journal, "write", self._journal_write
        yield journal, "clear", self._journal_clear
        yield machine, "page_size", lambda: self.host.machine.page
        yield machine, "memory_total", lambda: MEMORY
        yield machine, "cpus", lambda: len(self.host.machine.cpus)
        yield machine, "has_systemd", lambda: False
        yield machine, "block_device", _device
        for name in ("read", "all_processes", "blind_spot", "ancestry", "resident_bytes", "process_of", "threads"):
            yield processes, name, self._of_table(name)
        for name in ("session_id", "login_session", "groups_of"):
            yield processes, name, self._of_table(name)
        yield processes, "Handle", self._of_table("handle")
        for module in _modules():
            if isinstance(getattr(module, "time", None), types.ModuleType):
                yield module, "time", self

    def _of_table(self, name: str) -> Callable[..., object]:
        def call(*arguments: object) -> object:
            found: object = getattr(Table(self.host.machine), name)(*arguments)
            return found

        return call

    # As the module ``time``:
    def monotonic(self) -> float:
        return self.host.machine.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self.host.machine.clock.sleep(seconds)


def _device(path: str) -> str:
    if path not in DEVICES:
        raise InputError("does not exist here", value=path)
    return DEVICES[path]


def _modules() -> list[types.ModuleType]:
    """All of the core, imported: a module that is imported later would see this host's clock."""
    found = []
    for package in (_cgroup, _convergence, _kernel):
        for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            found.append(importlib.import_module(info.name))
    return found


@contextlib.contextmanager
def installed() -> Iterator[Bench]:
    """Everything of the core that asks this host asks the bench's while it lasts."""
    bench = Bench()
    with contextlib.ExitStack() as stack:
        for module, name, replacement in bench.replacements():
            stack.enter_context(mock.patch.object(module, name, replacement))
        yield bench


def own_pid() -> int:
    """The process that the code under test takes for itself."""
    return os.getpid()
