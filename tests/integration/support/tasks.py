# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module run in a forked child: its argument specification and its domain, without the start of Ansible."""

from __future__ import annotations

import importlib
import os
import pickle
import pkgutil
import select
import signal
import struct
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar, cast

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.linux.isolation.plugins.module_utils import _cgroup, _convergence, _kernel
from ansible_collections.linux.isolation.plugins.module_utils._cgroup import arguments
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.run import run_one, run_tree
from ansible_collections.linux.isolation.plugins.module_utils._convergence.answer import answer

from .waiting import BOUND, until

# What a task imports only when it needs it is imported here, once: each child would do it again.
for _package in (_cgroup, _convergence, _kernel):
    for _module in pkgutil.walk_packages(_package.__path__, _package.__name__ + "."):
        importlib.import_module(_module.name)

Found = TypeVar("Found")

MODULES = {"group": (arguments.group, run_one), "limit": (arguments.limit, run_one), "tree": (arguments.tree, run_tree)}
Enter = Callable[[], object]


class Answer(NamedTuple):
    """What a task gave back."""

    failed: bool
    values: dict[str, Any]
    warnings: tuple[str, ...]

    @property
    def changed(self) -> bool:
        return bool(self.values["changed"])

    @property
    def actions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.values["actions"]
        return found

    @property
    def sentence(self) -> str:
        return str(self.values["msg"])

    def verbs(self) -> list[str]:
        """What was done, in order."""
        return [action["action"] for action in self.actions]


class Child(Generic[Found]):
    """A function that runs in a forked child, beside the test."""

    def __init__(self, function: Callable[[], Found]) -> None:
        self._told, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                data = pickle.dumps(_outcome(function))
                # With its length: a child of the child that lives on may hold the pipe open.
                _write(write, struct.pack("q", len(data)) + data)
            finally:
                os._exit(0)
        os.close(write)

    def answer(self, bound: float = BOUND) -> Found:
        """Wait for the end; a traceback and a function that never ends fail the test."""
        try:
            return self.told(bound)
        finally:
            self.close()

    def told(self, bound: float = BOUND) -> Found:
        """Wait for the answer alone."""
        found = self._read(8, bound)
        assert found, "the child died before it could answer"
        failure, answered = pickle.loads(self._read(struct.unpack("q", found)[0], bound))
        assert not failure, "no sentence but a traceback:\n" + failure
        return cast(Found, answered)

    def died(self, bound: float = BOUND) -> bool:
        """Wait for the end; whether it came before the answer."""
        try:
            return not self._read(8, bound)
        finally:
            self.close()

    def _read(self, size: int, bound: float) -> bytes:
        found = b""
        end = time.monotonic() + bound
        while len(found) < size:
            ready, _, _ = select.select([self._told], [], [], max(end - time.monotonic(), 0))
            assert ready, f"the child did not end within {bound:g} s"
            more = os.read(self._told, size - len(found))
            if not more:
                break
            found += more
        return found

    def close(self) -> None:
        """Reap it, killed where it did not end."""
        os.close(self._told)
        os.kill(self.pid, signal.SIGKILL)
        # A frozen one is the test's to thaw.
        until(lambda: os.waitpid(self.pid, os.WNOHANG)[0], "the end of the child")


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _outcome(function: Callable[[], Found]) -> tuple[str, Found | None]:
    try:
        return "", function()
    except BaseException:  # noqa: BLE001  # told to the test, which fails with it
        return traceback.format_exc(), None


class Task(Child[Answer]):
    """A task that runs beside the test. ``enter`` is called in the child first: to go into a group or a namespace."""

    def __init__(self, module: str, params: Mapping[str, Any], check: bool = False, enter: Enter | None = None) -> None:
        def function() -> Answer:
            if enter is not None:
                enter()
            return perform(module, params, check)

        super().__init__(function)


def run(module: str, params: Mapping[str, Any], check: bool = False, enter: Enter | None = None) -> Answer:
    """A whole task: group, limit or tree. The diff is always made."""
    return Task(module, params, check, enter).answer()


def perform(module: str, params: Mapping[str, Any], check: bool = False) -> Answer:
    """The same in this process, which keeps the descriptors that it opens: for children alone."""
    specification, entry = MODULES[module]
    checked = ArgumentSpecValidator(specification()).validate(dict(params))
    if checked.error_messages:
        return Answer(True, {"msg": ". ".join(checked.error_messages)}, ())
    return Answer(*answer(lambda: entry(checked.validated_parameters, check, True)))
