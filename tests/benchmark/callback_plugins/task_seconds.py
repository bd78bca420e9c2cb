# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the seconds that each task took, one JSON line a task, to the file in TASK_SECONDS."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: task_seconds
type: aggregate
short_description: Seconds a task
description: For the benchmark.
options: {}
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "task_seconds"

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._begin = time.perf_counter()

    def _write(self, result: Any, ok: bool) -> None:
        line = {"task": result._task.name, "seconds": time.perf_counter() - self._begin, "ok": ok}
        line["changed"] = bool(result._result.get("changed"))
        line["msg"] = str(result._result.get("msg", ""))[:300]
        with open(os.environ["TASK_SECONDS"], "a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write(result, True)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write(result, False)
