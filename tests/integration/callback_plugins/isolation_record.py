# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes each task's result, and what the kernel's files hold right after it, as a line of JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: isolation_record
type: aggregate
short_description: Record results for the integration tests
description:
  - Writes to the file that ISOLATION_RECORD names, and looks at the files of ISOLATION_LOOK.
  - ISOLATION_TAMPER holds what somebody else writes into files after a task.
"""


def text(path: str) -> str | None:
    """What a file holds; of a directory that is there nothing."""
    try:
        return "" if os.path.isdir(path) else Path(path).read_text()
    except FileNotFoundError:
        return None


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "isolation_record"
    CALLBACK_NEEDS_ENABLED = True

    def _record(self, result: Any, failed: bool) -> None:
        line = {
            "task": result.task_name,
            "result": result.result,
            "failed": failed,
            "files": {path: text(path) for path in json.loads(os.environ["ISOLATION_LOOK"])},
        }
        with open(os.environ["ISOLATION_RECORD"], "a", encoding="utf-8") as record:
            record.write(json.dumps(line, default=str) + "\n")
        for path, written in json.loads(os.environ["ISOLATION_TAMPER"]).get(result.task_name, {}).items():
            # Without O_CREAT: it is there or it is not.
            with open(os.open(path, os.O_WRONLY), "w") as file:
                file.write(written)

    def v2_runner_on_ok(self, result: Any) -> None:
        self._record(result, False)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._record(result, True)
