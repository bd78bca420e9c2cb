# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running tasks through ansible-playbook: one start for many tasks, with each result and the files of the kernel after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[3]
_PLUGINS = Path(__file__).resolve().parents[1] / "callback_plugins"
_SECONDS = 900


class Step(NamedTuple):
    """One task as it ended. ``files``: the text of each file that was looked at, None where it was not there."""

    result: dict[str, Any]
    failed: bool
    files: dict[str, str | None]

    @property
    def changed(self) -> bool:
        return bool(self.result["changed"])


def play(
    tasks: Sequence[Mapping[str, Any]],
    folder: Path,
    look: Sequence[Path] = (),
    tamper: Mapping[str, Mapping[str, str]] | None = None,
    variables: Mapping[str, Any] | None = None,
) -> dict[str, Step]:
    """Run the tasks in order, past failures, and return them by their names.

    ``tamper``: name of a task -> what somebody writes into files right after it.
    """
    name_of = [task["name"] for task in tasks]
    assert len(set(name_of)) == len(name_of), "two tasks of one name"
    book, record = folder / "playbook.yml", folder / "record.jsonl"
    whole = {
        "hosts": "localhost",
        "gather_facts": False,
        "ignore_errors": True,
        "vars": dict(variables or {}),
        "tasks": list(tasks),
    }
    # JSON is YAML.
    book.write_text(json.dumps([whole]))
    environment = dict(
        os.environ,
        ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"),
        ANSIBLE_CALLBACK_PLUGINS=str(_PLUGINS),
        ANSIBLE_CALLBACKS_ENABLED="isolation_record",
        ANSIBLE_PIPELINING="true",
        ANSIBLE_LOCAL_TEMP=str(folder / "local"),
        ANSIBLE_REMOTE_TEMP=str(folder / "remote"),
        ISOLATION_RECORD=str(record),
        ISOLATION_LOOK=json.dumps([str(path) for path in look]),
        ISOLATION_TAMPER=json.dumps(tamper or {}),
        LC_ALL="C.UTF-8",
    )
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(book)]
    done = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    found = {}
    for line in record.read_text().splitlines() if record.exists() else ():
        step = json.loads(line)
        name = step.pop("task")
        found[name] = Step(**step)
    missing = [name for name in name_of if name not in found]
    assert not missing, f"{missing} did not run:\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return found
