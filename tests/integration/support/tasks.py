# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One module run in a forked child: its argument specification and its domain, without the start of Ansible."""

from __future__ import annotations

import os
import pickle
import select
import signal
import struct
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import arguments
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.run import run_one, run_tree
from ansible_collections.linux.isolation.plugins.module_utils._convergence.answer import answer

from .waiting import BOUND, until

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


class Task:
    """A task that runs beside the test. ``enter`` is called in the child first: to go into a group or a namespace."""

    def __init__(self, module: str, params: Mapping[str, Any], check: bool = False, enter: Enter | None = None) -> None:
        self._told, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                found = _perform(module, params, check, enter)
                data = pickle.dumps(found)
                # With its length: a child of the task that lives on may hold the pipe open.
                _write(write, struct.pack("q", len(data)) + data)
            finally:
                os._exit(0)
        os.close(write)

    def answer(self, bound: float = BOUND) -> Answer:
        """Wait for the end; a traceback and a task that never ends fail the test."""
        try:
            return self.told(bound)
        finally:
            self.close()

    def told(self, bound: float = BOUND) -> Answer:
        """Wait for the answer alone."""
        found = self._read(8, bound)
        assert found, "the task died before it could answer"
        answered = pickle.loads(self._read(struct.unpack("q", found)[0], bound))
        assert isinstance(answered, Answer), "no sentence but a traceback:\n" + str(answered)
        return answered

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
            assert ready, f"the task did not end within {bound:g} s"
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
        until(lambda: os.waitpid(self.pid, os.WNOHANG)[0], "the end of the task")


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def run(module: str, params: Mapping[str, Any], check: bool = False, enter: Enter | None = None) -> Answer:
    """A whole task: group, limit or tree. The diff is always made."""
    return Task(module, params, check, enter).answer()


def _perform(module: str, params: Mapping[str, Any], check: bool, enter: Enter | None) -> Answer | str:
    try:
        if enter is not None:
            enter()
        specification, entry = MODULES[module]
        checked = ArgumentSpecValidator(specification()).validate(dict(params))
        if checked.error_messages:
            return Answer(True, {"msg": ". ".join(checked.error_messages)}, ())
        return Answer(*answer(lambda: entry(checked.validated_parameters, check, True)))
    except BaseException:  # noqa: BLE001  # told to the test, which fails with it
        return traceback.format_exc()
