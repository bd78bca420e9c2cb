# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to machines: up, reboot, power cut, snapshot, restore, down."""

from __future__ import annotations

import os
import re
import secrets
import time
from pathlib import Path
from typing import NamedTuple

from . import accelerator, configured, folders, keeper, keys, packages, sessions, snapshots, ssh
from .command import call
from .failures import WRONG_USE, LabError
from .images import Image
from .machine import Machine, all_of_them, find
from .modes import Settings
from .progress import say, step
from .qmp import Monitor

BOOT_SECONDS = 400.0
_RESTORE_SECONDS = 60.0
# For a boot where it is not known yet whether KVM works: it takes some five seconds where it does.
_PROOF_SECONDS = 40.0
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,40}")


class Order(NamedTuple):
    """A machine that is asked for."""

    image: Image
    settings: Settings
    name: str = ""
    memory: int = 768
    cpus: int = 2
    snapshot: str = ""
    cold: bool = False
    seconds: float = BOOT_SECONDS


def up(order: Order) -> Machine:
    """Brings up a machine: restored from a snapshot, or booted where there is none yet or it is to be cold.

    Raises:
        LabError: the image cannot be what is asked for, or it does not come up.
    """
    packages.need(packages.RUNNING)
    order.settings.check(order.image)
    sweep()
    name = order.name or f"{order.image.name}-{secrets.token_hex(3)}"
    if not _NAME.fullmatch(name):
        raise LabError(WRONG_USE, f"{name!r} is no name for a machine: small letters, digits, points and dashes")
    if order.snapshot:
        saved = snapshots.named(order.snapshot)
        return _restored(name, saved, order.image)
    base = configured.disks(order.image, order.settings)
    if order.cold:
        return _booted(name, order, base)
    kind = accelerator.chosen()
    key = f"{base.name}-{kind}-{order.memory}-{order.cpus}-{_qemu_version()}"
    target = folders.cache("booted") / key
    if not target.is_dir():
        with folders.locked(f"booted-{key}"):
            if not target.is_dir():
                machine = _booted(name, order, base)
                if machine.accelerator != kind:
                    return machine
                with step(f"{name}: the snapshot of the booted machine"):
                    snapshots.save(machine, target)
                return machine
    return _restored(name, target, order.image)


def reboot(name: str, seconds: float) -> Machine:
    """Lets the machine boot again, and waits for it."""
    machine = _running(name)
    with step(f"{name}: reboots"):
        # The connection ends with the machine's daemon: what it says of that does not matter.
        before = ssh.output(
            machine, "cat /proc/sys/kernel/random/boot_id; (sleep 0.2; reboot) >/dev/null 2>&1 </dev/null &"
        )
        begin = time.monotonic()
        machine = machine.saved(boot_id=_answer(machine, seconds, before.strip()))
        ssh.settle(machine, seconds - (time.monotonic() - begin))
        return machine


def cut(name: str) -> Machine:
    """Takes the power away: what the machine had not flushed to its disks is lost."""
    machine = _running(name)
    keeper.stop(machine, remove=False)
    return machine


def start(name: str, seconds: float) -> Machine:
    """Switches on a machine that was cut off or has switched itself off."""
    machine = find(name)
    if keeper.alive(machine):
        raise LabError(WRONG_USE, f"{name} is running")
    with step(f"{name}: boots"):
        return _started(machine, None, seconds, new=False)


def snapshot(name: str, saved: str) -> None:
    """Saves the machine as it is, under a name; it goes on."""
    with step(f"{name}: saves as {saved}"):
        snapshots.save_named(_running(name), saved)


def restore(name: str, saved: str) -> Machine:
    """The machine is as it was when it was saved under that name, by the same name, at the same port."""
    machine = find(name)
    source = snapshots.named(saved)
    was = snapshots.record(source)
    with step(f"{name}: back to {saved}"):
        keeper.stop(machine, remove=False)
        snapshots.lay_disks(source, Path(machine.disks))
        alike = {
            key: was[key]
            for key in ("image", "accelerator", "memory", "cpus", "key", "mode", "append", "openrc_controllers")
        }
        return _started(machine.saved(**alike), snapshots.state(source), _RESTORE_SECONDS, new=False)


def down(name: str) -> None:
    """Ends the machine and removes all that is left of it."""
    keeper.stop(find(name), remove=True)


def sweep() -> None:
    """Removes what is left of machines whose keepers were killed, which only a session's could not outlive."""
    for machine in all_of_them():
        if machine.session and not keeper.alive(machine):
            try:
                with sessions.watched(machine.session):
                    pass
            except LabError:
                keeper.forget(machine)


def _booted(name: str, order: Order, base: Path) -> Machine:
    """Boots a machine from its disks, emulated where it does not boot otherwise."""
    kind = accelerator.chosen()
    if kind != "kvm" or accelerator.proven():
        return _boot(name, order, base, kind, order.seconds)
    try:
        machine = _boot(name, order, base, kind, _PROOF_SECONDS)
    except LabError as error:
        say(f"{name}: did not boot with KVM, so the machines are emulated: {error}")
        accelerator.settle("tcg")
        return _boot(name, order, base, "tcg", order.seconds)
    accelerator.settle("kvm")
    return machine


def _boot(name: str, order: Order, base: Path, kind: str, seconds: float) -> Machine:
    machine = _new(name, order.image, base).saved(
        accelerator=kind,
        memory=order.memory,
        cpus=order.cpus,
        mode=order.settings.mode,
        append=order.settings.append,
        openrc_controllers=order.settings.openrc_controllers,
    )
    with step(f"{name}: boots"):
        return _started(machine, None, seconds, new=True)


def _restored(name: str, saved: Path, image: Image) -> Machine:
    """Restores a machine from a snapshot."""
    was = snapshots.record(saved)
    if was["image"] != image.name:
        raise LabError(WRONG_USE, f"the snapshot {saved.name} is one of {was['image']}, not of {image.name}")
    machine = _new(name, image, saved)
    alike = {key: was[key] for key in ("accelerator", "memory", "cpus", "key", "mode", "append", "openrc_controllers")}
    with step(f"{name}: restored"):
        return _started(machine.saved(**alike), snapshots.state(saved), _RESTORE_SECONDS, new=True)


def _new(name: str, image: Image, source: Path) -> Machine:
    """Writes down a machine whose disks begin as those in SOURCE."""
    folder = folders.state() / name
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError as error:
        raise LabError(WRONG_USE, f"there is a machine {name} already") from error
    disks = folders.cache("machines") / f"{name}-{secrets.token_hex(4)}"
    machine = Machine(
        name=name,
        image=image.name,
        accelerator="tcg",
        memory=0,
        cpus=0,
        identity_file=str(keys.identity()),
        key=source.name,
        disks=str(disks),
        session=sessions.current(),
    ).saved()
    snapshots.lay_disks(source, disks)
    return machine


def _started(machine: Machine, state: Path | None, seconds: float, *, new: bool) -> Machine:
    """Switches a machine on and waits until it answers; one that does not is switched off, and a new one removed."""
    starter = keeper.start(machine, state, new=new)
    try:
        # The keeper has its lock before QEMU has its socket.
        with Monitor(machine.monitor) as monitor:
            if state is not None:
                monitor.wait_for_migration()
                # It was stopped when it was saved, and remembers that.
                monitor.do("cont")
            machine = machine.saved(port=monitor.port())
        machine.known_hosts.write_text(f"[{machine.address}]:{machine.port} {keys.host()}\n", encoding="ascii")
        begin = time.monotonic()
        machine = machine.saved(boot_id=_answer(machine, seconds))
        if state is None:
            ssh.settle(machine, seconds - (time.monotonic() - begin))
    except BaseException:
        os.close(starter)
        keeper.stop(machine, remove=new)
        raise
    keeper.up(starter)
    return machine


def _answer(machine: Machine, seconds: float, unlike: str = "") -> str:
    return ssh.wait(machine, seconds, lambda: keeper.check(machine), unlike)


def _running(name: str) -> Machine:
    machine = find(name)
    keeper.check(machine)
    return machine


def _qemu_version() -> str:
    first = call("qemu-system-x86_64", "--version").splitlines()[0]
    return first.split()[3]
