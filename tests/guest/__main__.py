# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: tests/guest/run."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from . import kernel, packages
from .failures import NOT_STARTED, GuestError, Interrupted
from .machine import Job, Machine, run

_CHECKOUT = Path(__file__).resolve().parents[2]
_PYTEST = (".venv/bin/python", "-m", "pytest", "-q")
_SUITE = ("tests/integration", "tests/property")
# The variables of this process that the command is to see; all others belong to this host.
_KEPT = ("CI", "COLUMNS", "FORCE_COLOR", "LANG", "NO_COLOR", "PY_COLORS", "TZ")
_KEPT_PREFIXES = ("ANSIBLE_", "COVERAGE_", "HYPOTHESIS_", "ISOLATION_", "LC_", "PYTEST_")
# With a value: the default, its unit, what it is.
_OPTIONS: Mapping[str, tuple[float | int, str, str]] = {
    "--timeout": (1500.0, "S", "seconds for all of it"),
    "--boot-timeout": (300.0, "S", "seconds until the command begins"),
    "--memory": (2560, "MIB", "the guest's memory"),
    "--cpus": (2, "N", "the guest's processors"),
}


def main(arguments: Sequence[str]) -> int:
    """Runs what the arguments say and returns the exit status."""
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _interrupt)
    try:
        options, command = _parse(arguments)
        packages.install_missing()
        with packages.cache() as folder:
            busybox = packages.unpack(packages.newest("busybox-static"), folder) / "bin" / "busybox"
            machine = Machine(kernel.unpacked(folder), busybox, options.cpus, options.memory, options.console)
        return run(machine, Job(command, _CHECKOUT, _environment()), options.boot_timeout, options.timeout)
    except GuestError as error:
        if error.console:
            packages.say("the last lines of its console:")
            print(error.console, file=sys.stderr)
        packages.say(str(error))
        return error.status
    except Interrupted as interrupted:
        # Whoever waits for this process is to see what ended it.
        signal.signal(interrupted.signum, signal.SIG_DFL)
        os.kill(os.getpid(), interrupted.signum)
        return 128 + interrupted.signum
    except BrokenPipeError:
        return 128 + signal.SIGPIPE


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise Interrupted(signum)


def _parse(arguments: Sequence[str]) -> tuple[argparse.Namespace, Sequence[str]]:
    """The options, and the command to run."""
    parser = argparse.ArgumentParser(
        prog="tests/guest/run",
        usage="%(prog)s [OPTION...] [PYTEST-ARGUMENT...]\n       %(prog)s [OPTION...] -- COMMAND [ARGUMENT...]",
        description="Runs the integration tests, or a command, on a pure cgroup v2 kernel in a virtual machine.",
        epilog="The first argument that is none of these options and all that follow it are pytest's.",
        exit_on_error=False,
    )
    for name, (default, unit, what) in _OPTIONS.items():
        parser.add_argument(name, type=type(default), default=default, metavar=unit, help=f"{what} (%(default)s)")
    parser.add_argument("--console", action="store_true", help="show what the guest's kernel says")
    own = 0
    while own < len(arguments):
        name, equals, _ = arguments[own].partition("=")
        if name in _OPTIONS:
            own += 1 if equals else 2
        elif name in ("--console", "--help", "-h"):
            own += 1
        else:
            break
    try:
        options = parser.parse_args(arguments[:own])
    except argparse.ArgumentError as error:
        raise GuestError(NOT_STARTED, str(error)) from error
    rest = arguments[own:]
    if rest[:1] == ["--"]:
        return options, rest[1:]
    named = any((_CHECKOUT / argument.partition("::")[0]).exists() for argument in rest)
    return options, [*_PYTEST, *(() if named else _SUITE), *rest]


def _environment() -> dict[str, str]:
    """The command's whole environment."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    if sys.stdout.isatty():
        kept.setdefault("PY_COLORS", "1")
        kept.setdefault("COLUMNS", str(shutil.get_terminal_size().columns))
    folders = [
        str(_CHECKOUT / ".venv" / "bin"),
        "/usr/local/sbin",
        "/usr/local/bin",
        "/usr/sbin",
        "/usr/bin",
        "/sbin",
        "/bin",
    ]
    return {
        "LANG": "C.UTF-8",
        **kept,
        "HOME": "/run/guest/home",
        "ISOLATION_GUEST": "unified",
        "ISOLATION_REQUIRE_KERNEL": "1",
        "PATH": ":".join(folders),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
