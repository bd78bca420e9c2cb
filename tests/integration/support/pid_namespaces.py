# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks in a pid namespace of their own: there PID 1 is the test's, and processes outside have no number."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .tasks import Answer

_INSIDE = """
import json
from pathlib import Path
from ansible_collections.linux.isolation.tests.integration.support.tasks import run
from ansible_collections.linux.isolation.tests.integration.support.host import write
for place in {places!r}:
    write(Path(place, "cgroup.procs"), "0")
found = [run(module, params)[:2] for module, params in {tasks!r}]
print(json.dumps(found))
"""


def in_a_pid_namespace(places: Sequence[Path], tasks: Sequence[tuple[str, dict[str, Any]]]) -> list[Answer]:
    """Run tasks where PID 1 is a process of the test's own that is in the groups: children of it run them."""
    code = _INSIDE.format(places=[str(place) for place in places], tasks=tasks)
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-c", code]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return [Answer(failed, values, ()) for failed, values in json.loads(done.stdout)]
