# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: tests/lab/run."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from . import build, keeper, lifecycle, sessions, ssh
from .failures import Interrupted, LabError
from .images import IMAGES, image
from .machine import Machine, all_of_them, find
from .modes import MODES, Settings
from .progress import say


def main(arguments: Sequence[str]) -> int:
    """Runs what the arguments say and returns the exit status."""
    if arguments[:1] == ["_keep"]:
        name, starter, state, new = arguments[1:]
        return keeper.keep(name, int(starter), Path(state) if state else None, new=bool(new))
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _interrupt)
    try:
        options = _parser().parse_args(arguments)
        run: Callable[[argparse.Namespace], int] = options.run
        return run(options)
    except LabError as error:
        if error.console:
            say("the last that was said:")
            print(error.console, file=sys.stderr)
        say(str(error))
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/lab/run", description="A lab of real machines, from power-on.")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")

    def verb(name: str, run: Callable[[argparse.Namespace], int], what: str) -> argparse.ArgumentParser:
        added = verbs.add_parser(name, help=what, description=what)
        added.set_defaults(run=run)
        return added

    verb("images", _images, "the images that can be built")
    building = verb("build", _build, "build what is missing of the images, the standard ones where none is named")
    building.add_argument("images", nargs="*", metavar="IMAGE")

    up = verb("up", _up, "bring up a machine")
    up.add_argument("image", metavar="IMAGE")
    up.add_argument("--name", default="", help="how it is called (the image's name and a random number)")
    up.add_argument("--mode", "--openrc-mode", choices=MODES, help="the cgroup mode it boots into (its own default)")
    up.add_argument("--append", default="", metavar="ARGS", help="more arguments for its kernel")
    up.add_argument("--openrc-controllers", metavar="NAMES", help="OpenRC's rc_cgroup_controllers")
    up.add_argument("--memory", type=int, default=768, metavar="MIB")
    up.add_argument("--cpus", type=int, default=2, metavar="N")
    how = up.add_mutually_exclusive_group()
    how.add_argument("--from", dest="snapshot", default="", metavar="SNAPSHOT", help="as it was saved under this name")
    how.add_argument("--cold", action="store_true", help="from power-on, not from the snapshot of a booted machine")
    up.add_argument(
        "--timeout", type=float, default=lifecycle.BOOT_SECONDS, metavar="S", help="for a boot (%(default)s)"
    )
    up.add_argument("--json", action="store_true", help="print its record")

    reach = verb("ssh", _ssh, "run a command on a machine, or a shell")
    reach.add_argument("name", metavar="NAME")
    reach.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")

    rebooting = verb("reboot", _reboot, "boot a machine again and wait for it")
    rebooting.add_argument("name", metavar="NAME")
    cutting = verb("cut", _cut, "take a machine's power away")
    cutting.add_argument("name", metavar="NAME")
    cutting.add_argument("--start", action="store_true", help="and give it back")
    starting = verb("start", _start, "switch a machine on that is off")
    starting.add_argument("name", metavar="NAME")
    for added in (rebooting, cutting, starting):
        added.add_argument("--timeout", type=float, default=lifecycle.BOOT_SECONDS, metavar="S", help="(%(default)s)")

    for name, run, what in (
        ("snapshot", _snapshot, "save a machine as it is"),
        ("restore", _restore, "a machine is as it was saved"),
    ):
        added = verb(name, run, what)
        added.add_argument("name", metavar="NAME")
        added.add_argument("snapshot", metavar="SNAPSHOT")

    down = verb("down", _down, "end machines, and remove all that is left of them")
    down.add_argument("names", nargs="*", metavar="NAME")
    down.add_argument("--all", action="store_true")

    listing = verb("list", _list, "the machines")
    listing.add_argument("--json", action="store_true")
    console = verb("console", _console, "what a machine said on its serial line")
    console.add_argument("name", metavar="NAME")

    session = verb("session", _session, "run a command; the machines brought up below it go with it, however it ends")
    session.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND")
    return parser


def _images(options: argparse.Namespace) -> int:
    for known in IMAGES.values():
        cached = "built" if build.folder(known).is_dir() else "-"
        print(f"{known.name:18} {known.suite:9} {known.init:8} {known.loader:13} {cached}")
    return 0


def _build(options: argparse.Namespace) -> int:
    build.build([image(name) for name in options.images] or [known for known in IMAGES.values() if known.standard])
    return 0


def _up(options: argparse.Namespace) -> int:
    settings = Settings(options.mode, options.append, options.openrc_controllers)
    order = lifecycle.Order(
        *(image(options.image), settings, options.name, options.memory, options.cpus),
        *(options.snapshot, options.cold, options.timeout),
    )
    _tell(lifecycle.up(order), options.json)
    return 0


def _tell(machine: Machine, as_json: bool) -> None:
    print(json.dumps(machine.shown()) if as_json else machine.name, flush=True)


def _ssh(options: argparse.Namespace) -> int:
    machine = find(options.name)
    keeper.check(machine)
    return subprocess.run(ssh.command(machine, options.command), check=False).returncode


def _reboot(options: argparse.Namespace) -> int:
    lifecycle.reboot(options.name, options.timeout)
    return 0


def _cut(options: argparse.Namespace) -> int:
    lifecycle.cut(options.name)
    return _start(options) if options.start else 0


def _start(options: argparse.Namespace) -> int:
    lifecycle.start(options.name, options.timeout)
    return 0


def _snapshot(options: argparse.Namespace) -> int:
    lifecycle.snapshot(options.name, options.snapshot)
    return 0


def _restore(options: argparse.Namespace) -> int:
    lifecycle.restore(options.name, options.snapshot)
    return 0


def _down(options: argparse.Namespace) -> int:
    for name in [machine.name for machine in all_of_them()] if options.all else options.names:
        lifecycle.down(name)
    return 0


def _list(options: argparse.Namespace) -> int:
    lifecycle.sweep()
    machines = [(machine, "on" if keeper.alive(machine) else "off") for machine in all_of_them()]
    if options.json:
        print(json.dumps([{**machine.shown(), "power": power} for machine, power in machines]))
        return 0
    for machine, power in machines:
        print(
            f"{machine.name:28} {machine.image:18} {machine.mode or '-':8} {power:4} {machine.address}:{machine.port}"
        )
    return 0


def _console(options: argparse.Namespace) -> int:
    sys.stdout.buffer.write(find(options.name).console.read_bytes())
    return 0


def _session(options: argparse.Namespace) -> int:
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    status = sessions.run(command)
    for machine in all_of_them():
        if machine.session == sessions.own():
            lifecycle.down(machine.name)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
