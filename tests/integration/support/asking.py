# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking cgroup_info, here or in a child that may go where no way leads back from, about groups made as a playbook does."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable
from typing import Any

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import info
from ansible_collections.linux.isolation.plugins.module_utils._convergence.answer import answer

from . import tasks
from .sandbox import Sandbox


def ask(**params: Any) -> dict[str, Any]:
    """The values of the module, which never fails here and has no secrets: each warning is in them or about them."""
    found = answer(lambda: info.run(params))
    assert not found.failed, found.values
    assert set(found.values["incomplete"]) <= set(found.warnings)
    return found.values


def group(name: str, **params: Any) -> dict[str, Any]:
    (found,) = ask(names=[name], **params)["groups"]
    assert isinstance(found, dict)
    return found


def apart(look: Callable[[], Any], seconds: int = 60) -> Any:
    """What ``look`` returns in a child, which may go where no way leads back from."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        try:
            found: tuple[bool, Any] = (True, look())
        except BaseException:  # noqa: BLE001  # told to the test, which fails with it
            found = (False, traceback.format_exc())
        os.write(tell, pickle.dumps(found))
        os._exit(0)
    os.close(tell)
    try:
        with os.fdopen(told, "rb") as pipe:
            well, found_there = pickle.loads(pipe.read())
    finally:
        os.waitpid(child, 0)
    assert well, found_there
    return found_there


def made(sandbox: Sandbox, *parts: str, limits: dict[str, Any] | None = None, **more: Any) -> str:
    """A group made as a playbook makes it, whichever version the controllers are on."""
    name = sandbox.below(*parts) if parts else sandbox.name
    done = tasks.run("tree", {"groups": [{"name": name, "limits": limits or {}, **more}]})
    assert not done.failed, done.values
    return name
