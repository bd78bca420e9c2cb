# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example of the modules' documentation, in order, in the oldest Python of this machine that a target may have."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.linux.isolation.tests.integration.support.host import Host
from ansible_collections.linux.isolation.tests.integration.support.playbook import ROOT, Step, play
from ansible_collections.linux.isolation.tests.integration.support.programs import Program, Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import MODULES as MODULES_HERE
from ansible_collections.linux.isolation.tests.integration.support.tasks import run

MODULES = sorted(path.stem for path in (ROOT / "plugins/modules").glob("cgroup_*.py"))
CONVERGING = [module for module in MODULES if module.removeprefix("cgroup_") in MODULES_HERE]
# The targets' Python.
OLDEST = (3, 8)


def examples(module: str) -> list[dict[str, Any]]:
    """The tasks of a module's EXAMPLES, which ansible-doc shows; read as text, as ansible-doc does."""
    text = (ROOT / "plugins/modules" / (module + ".py")).read_text(encoding="utf-8")
    found: list[dict[str, Any]] = yaml.safe_load(text.split('EXAMPLES = r"""')[1].split('"""')[0])
    return found


def pythons() -> dict[str, tuple[int, ...]]:
    """Interpreters of this machine that can be a target's, with their versions."""
    own = Path(pwd.getpwuid(os.getuid()).pw_dir, ".pyenv")
    places = [Path("/usr/bin"), Path("/usr/local/bin")]
    places += sorted(Path(os.environ.get("PYENV_ROOT", str(own))).glob("versions/*/bin"))
    found = {}
    for path in (place / "python3" for place in places):
        if not path.exists():
            continue
        command = [str(path), "-ISc", "import sys; print(*sys.version_info[:3])"]
        shown = subprocess.run(command, capture_output=True, check=True)
        version = tuple(int(part) for part in shown.stdout.split())
        if version >= OLDEST:
            found[str(path)] = version
    return found


def oldest_python() -> str:
    found = pythons()
    return min(found, key=lambda path: found[path], default=sys.executable)


def renamed(value: Any, words: dict[str, str]) -> Any:
    """The same data with the group and the file of the examples called as the test calls them."""
    if isinstance(value, dict):
        return {key: item if key == "register" else renamed(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [renamed(item, words) for item in value]
    if isinstance(value, str):
        head, slash, tail = value.partition("/")
        return words.get(value) or (words[head] + slash + tail if head in words else value)
    return value


class Words:
    """What the examples presuppose, and how it is called here."""

    def __init__(self, sandbox: Sandbox, folder: Path, nightly: Program) -> None:
        path = folder / "nightly.pid"
        path.write_text(f"{nightly.pid}\n")
        self.meant = {"batch": sandbox.name, "/run/nightly.pid": str(path)}

    def tasks(self, module: str) -> list[dict[str, Any]]:
        return [renamed(task, self.meant) for task in examples(module)]


@pytest.fixture(scope="module")
def steps(host: Host, wide_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Step]]:
    folder = tmp_path_factory.mktemp("examples")
    programs = Programs()
    try:
        nightly = programs.start("idle")
        words = Words(wide_sandbox, folder, nightly)
        tasks = [
            {**task, "name": f"{module} {number}"}
            for module in MODULES
            for number, task in enumerate(words.tasks(module))
        ]
        yield play(tasks, folder, variables={"ansible_python_interpreter": oldest_python()})
        assert nightly.alive()
    finally:
        wide_sandbox.clean()
        programs.end()


def test_every_example_runs(steps: dict[str, Step]) -> None:
    assert len(steps) == sum(len(examples(module)) for module in MODULES)
    assert {name: step.result.get("msg") for name, step in steps.items() if step.failed} == {}


def test_the_examples_take_away_what_they_made(steps: dict[str, Step], wide_sandbox: Sandbox) -> None:
    assert any(step.result.get("actions") for step in steps.values())
    assert wide_sandbox.places() == []


@pytest.mark.parametrize("module", CONVERGING)
def test_an_example_changes_nothing_when_it_runs_again(
    module: str, sandbox: Sandbox, programs: Programs, tmp_path: Path
) -> None:
    # In this process: what ansible-playbook adds was tried above.
    words = Words(sandbox, tmp_path, programs.start("idle"))
    for task in words.tasks(module):
        for key, params in task.items():
            kind = key.removeprefix("linux.isolation.cgroup_")
            if kind in MODULES_HERE:
                first, second = run(kind, params), run(kind, params)
                assert not first.failed, first.sentence
                assert (second.failed, second.values.get("actions")) == (False, []), task["name"]
    assert sandbox.places() == []


@pytest.mark.parametrize("module", MODULES)
def test_a_module_runs_from_its_payload(module: str, steps: dict[str, Step]) -> None:
    own = [step for name, step in steps.items() if name.startswith(module + " ")]
    assert own
    assert not any("MODULE FAILURE" in str(step.result) or "Traceback" in str(step.result) for step in own)
