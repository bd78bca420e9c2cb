# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of one Molecule scenario: what is started, and what is read of what it left."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
# What runs leave: logs, and the answers of the tests.
RESULTS = CHECKOUT / ".ansible" / "molecule"
# For a run, in seconds. On a slow machine one takes three minutes.
BOUND = 900.0


class Job(NamedTuple):
    """A scenario to run: a title of its own, what Molecule is told, and a folder of collections in place of the checkout's."""

    scenario: str
    title: str
    command: str = "test"
    collections: Path | None = None


class Machine(NamedTuple):
    """One machine of a scenario, as the tests found it."""

    name: str
    kernel: str
    init: str
    mode: str
    passed: int


class Outcome(NamedTuple):
    """What came of a run: the step that failed and the tests that did, if any."""

    job: Job
    seconds: float
    failed_in: str
    failures: frozenset[str]
    machines: tuple[Machine, ...]
    log: Path


def images(scenario: str) -> Mapping[str, str]:
    """The image of each machine of the lab that a scenario has; none for this host."""
    text = (CHECKOUT / "molecule" / scenario / "inventory" / "hosts.yml").read_text(encoding="utf-8")
    hosts = yaml.safe_load(text)["all"]["hosts"]
    return {name: said["lab_up"][0] for name, said in hosts.items() if "lab_up" in said}


def scenarios() -> list[str]:
    """All of them."""
    return sorted(path.parents[1].name for path in (CHECKOUT / "molecule").glob("*/inventory/hosts.yml"))


class Run:
    """A job under way."""

    def __init__(self, job: Job) -> None:
        self.job = job
        name = re.sub("[^a-z_]+", "-", job.title)
        RESULTS.mkdir(parents=True, exist_ok=True)
        self._log, self._answers = RESULTS / f"{name}.log", RESULTS / f"{name}.xml"
        self._answers.unlink(missing_ok=True)
        environment = {
            **os.environ,
            "PATH": f"{CHECKOUT / '.venv' / 'bin'}:{os.environ.get('PATH', os.defpath)}",
            "LC_ALL": "C.UTF-8",
            "NO_COLOR": "1",
            "MOLECULE_COMMAND_BORDERS": "false",
            # Of this run alone: another one of the same scenario can be under way.
            "MOLECULE_EPHEMERAL_DIRECTORY": str(RESULTS / f"{name}.{os.getpid()}"),
            "PYTEST_ADDOPTS": f"--junitxml={self._answers} -o junit_family=xunit1",
        }
        if job.collections is not None:
            environment["ANSIBLE_COLLECTIONS_PATH"] = str(job.collections)
        arguments = ["molecule", job.command, "--scenario-name", job.scenario]
        self._begin = time.monotonic()
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                arguments + (["--destroy=always"] if job.command == "test" else []),
                cwd=CHECKOUT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def outcome(self) -> Outcome | None:
        """What came of it; None while it goes on. One that takes too long is ended."""
        seconds = time.monotonic() - self._begin
        if self._process.poll() is None:
            if seconds < BOUND:
                return None
            self.end()
        failed_in = self._failed_in() if self._process.returncode else ""
        failures, machines = self._said()
        return Outcome(self.job, seconds, failed_in, failures, machines, self._log)

    def end(self) -> None:
        """Ends Molecule and what it started. The machines are the lab's to end."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def wait(self) -> None:
        """Until it ended by itself."""
        self._process.wait(BOUND)

    def _failed_in(self) -> str:
        """The first step that Molecule called failed."""
        text = self._log.read_text(encoding="utf-8", errors="replace")
        # Its account at the end says nothing of a step that failed after its playbook passed.
        found = re.findall(r"\[\S+ > (\w+)\] \S*Executed: Failed", text)
        return found[0] if found else "the start" if self._process.returncode > 0 else "time"

    def _said(self) -> tuple[frozenset[str], tuple[Machine, ...]]:
        """The tests that failed, and what they said of each machine."""
        if not self._answers.exists():
            return frozenset(), ()
        failures = set()
        machines: dict[str, dict[str, str]] = {}
        passed: dict[str, int] = {}
        for case in ElementTree.parse(self._answers).iter("testcase"):
            test, _, machine = case.get("name", "").rstrip("]").partition("[ansible://")
            tags = {child.tag for child in case}
            if tags & {"failure", "error"}:
                failures.add(test)
            elif "skipped" not in tags:
                passed[machine] = passed.get(machine, 0) + 1
            said = {each.get("name", ""): each.get("value", "") for each in case.iter("property")}
            if "kernel" in said:
                machines[machine] = said
        return frozenset(failures), tuple(
            Machine(name, said["kernel"], said["init"], said["mode"], passed.get(name, 0))
            for name, said in sorted(machines.items())
        )
