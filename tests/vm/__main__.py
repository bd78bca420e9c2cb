# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: tests/vm/run [--table] [--broken] [SCENARIO...]

Runs Molecule scenarios, as many side by side as there is room for machines; all of them where none is named. --broken runs each once
more for each of its defects, with a copy of the collection that has it planted, and wants it to fail there. --table writes what came
of the whole ones to docs/reference/machines.md.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from .defects import BY_SCENARIO, DEFECTS, plant
from .machines_page import PAGE, page
from .scenario import CHECKOUT, Job, Outcome, Run, images, scenarios

# At once: one for each of two processors. This host counts as one too.
ROOM = 2
_PAUSE = 0.2
_SHOWN_LINES = 60


def main(arguments: Sequence[str]) -> int:
    """Runs what the arguments say; returns 0 where all came as wanted."""
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _stop)
    parser = ArgumentParser("tests/vm/run", description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--broken", action="store_true", help="with each defect too")
    parser.add_argument("--table", action="store_true", help="write docs/reference/machines.md")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO")
    said = parser.parse_args(arguments)
    if unknown := set(said.scenarios) - set(scenarios()):
        parser.error(f"there is no scenario {', '.join(unknown)}: there are {', '.join(scenarios())}")
    names = said.scenarios or scenarios()
    # Those with most machines first: they leave the least room.
    names.sort(key=lambda name: -len(images(name)))
    whole: list[Outcome] = []
    good = True
    with tempfile.TemporaryDirectory(prefix="isolation-defects-") as folder:
        broken = list(_broken(names, Path(folder))) if said.broken else []
        try:
            for outcome in _run([*(Job(name, name) for name in names), *broken]):
                wanted = _wanted(outcome)
                good = good and wanted
                _tell(outcome, wanted)
                if outcome.job.title == outcome.job.scenario:
                    whole.append(outcome)
        except KeyboardInterrupt:
            return 130
    if said.table:
        PAGE.write_text(page(sorted(whole, key=lambda outcome: outcome.job.scenario)), encoding="utf-8")
    return 0 if good else 1


def _stop(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _broken(names: Iterable[str], folder: Path) -> Iterator[Job]:
    """One job for each defect of each scenario; on this host with another one that cleans up, by the whole collection."""
    for name in names:
        for defect in BY_SCENARIO[name]:
            # No colon in the path: a list of paths is parted by them.
            place = plant(CHECKOUT, folder / name / defect, DEFECTS[defect])
            yield Job(name, f"{name}: {defect}", collections=place)
            if not images(name):
                yield Job(name, f"{name}: after {defect}", command="destroy")


def _run(jobs: Sequence[Job]) -> Iterator[Outcome]:
    """All jobs, in this order as far as there is room; no scenario beside itself. None goes on when this ends."""
    waiting, running = list(jobs), list[Run]()
    try:
        while waiting or running:
            for run in tuple(running):
                outcome = run.outcome()
                if outcome is not None:
                    running.remove(run)
                    yield outcome
            busy = {run.job.scenario for run in running}
            for job in tuple(waiting):
                taken = sum(_room(name) for name in busy)
                if job.scenario not in busy and taken + _room(job.scenario) <= ROOM:
                    waiting.remove(job)
                    running.append(Run(job))
                    busy.add(job.scenario)
            time.sleep(_PAUSE)
    finally:
        for run in running:
            run.end()
            if not images(run.job.scenario):
                # The lab ends its machines; this host has to be tidied up.
                Run(Job(run.job.scenario, f"{run.job.scenario}: cut short", command="destroy")).wait()


def _room(scenario: str) -> int:
    return max(len(images(scenario)), 1)


def _defect(job: Job) -> str:
    return job.title.partition(": ")[2] if job.collections else ""


def _wanted(outcome: Outcome) -> bool:
    """Whether it passed, or failed where its defect is seen."""
    name = _defect(outcome.job)
    if not name:
        return not outcome.failed_in
    defect = DEFECTS[name]
    return outcome.failed_in == defect.step and (not defect.test or defect.test in outcome.failures)


def _tell(outcome: Outcome, wanted: bool) -> None:
    """One line, and the end of the log where it is not as wanted."""
    result = f"failed in {outcome.failed_in}" if outcome.failed_in else "passed"
    tests = " ".join(sorted(outcome.failures)) or ", ".join(
        f"{one.name} ({one.init}, {one.kernel}, {one.mode}) {one.passed}" for one in outcome.machines
    )
    print(
        f"{outcome.job.title}: {result}{'' if wanted else ', NOT AS WANTED'}, {outcome.seconds:.0f} s: {tests}",
        flush=True,
    )
    if not wanted:
        lines = outcome.log.read_text(encoding="utf-8", errors="replace").splitlines()
        print("\n".join(["", f"The end of {outcome.log}:", *lines[-_SHOWN_LINES:]]), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
