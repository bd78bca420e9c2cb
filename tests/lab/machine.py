# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine: what is written down of it while it is there, and the QEMU that it is."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from . import disk, folders
from .failures import WRONG_USE, LabError
from .images import image

_RECORD = "machine.json"
_SHOWN_LINES = 25
# The code that the emulator turns the guest's instructions into, in MiB.
_TRANSLATED = 512


@dataclass(frozen=True)
class Machine:
    """A machine's record, in the file machine.json of its folder."""

    name: str
    image: str
    accelerator: str
    memory: int
    cpus: int
    identity_file: str
    # Of the disks with its settings that it began from, and of its own.
    key: str
    disks: str
    mode: str | None = None
    append: str = ""
    openrc_controllers: str | None = None
    session: str = ""
    address: str = "127.0.0.1"
    # 0: QEMU is to find a free one.
    port: int = 0
    user: str = "root"
    boot_id: str = ""

    @property
    def folder(self) -> Path:
        """Where its record, its monitor and its console are."""
        return folders.state() / self.name

    @property
    def monitor(self) -> Path:
        """QEMU's own socket."""
        return self.folder / "qmp"

    @property
    def console(self) -> Path:
        """What it says on its serial line."""
        return self.folder / "console"

    @property
    def known_hosts(self) -> Path:
        """The lab's key, under this machine's address."""
        return self.folder / "known_hosts"

    def saved(self, **changes: Any) -> Machine:
        """The machine with these changes, written down."""
        changed = replace(self, **changes)
        unfinished = self.folder / f"{_RECORD}.new"
        unfinished.write_text(json.dumps(asdict(changed)), encoding="utf-8")
        unfinished.rename(self.folder / _RECORD)
        return changed

    def shown(self) -> dict[str, object]:
        """What is told of it to programs."""
        shown = asdict(self)
        shown.update(known_hosts=str(self.known_hosts), console=str(self.console))
        return shown

    def last_words(self) -> str:
        """The end of its console."""
        if not self.console.exists():
            return ""
        text = self.console.read_bytes()[-16384:].decode(errors="replace")
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", text)
        return "\n".join(plain.splitlines()[-_SHOWN_LINES:])

    def qemu(self, state: Path | None) -> Sequence[str]:
        """The command that is this machine, switched on, or with the STATE that was saved of one like it."""
        uefi = image(self.image).uefi
        fast = f"tcg,thread=multi,tb-size={_TRANSLATED}"
        command = [
            *("qemu-system-x86_64", "-name", self.name, "-nodefaults", "-no-user-config", "-display", "none"),
            *("-machine", "q35", "-accel", "kvm" if self.accelerator == "kvm" else fast),
            # Few features where they are emulated: the C library then picks the plain code that is cheap.
            *("-cpu", "host" if self.accelerator == "kvm" else "qemu64,+rdrand"),
            *("-smp", str(self.cpus), "-m", str(self.memory), "-rtc", "base=utc,clock=host"),
            *("-chardev", f"file,id=console,path={self.console},append=on", "-serial", "chardev:console"),
            *("-qmp", f"unix:{self.monitor},server=on,wait=off"),
            # Nothing leaves the machine, not to this host either, and the one way in is ssh.
            *("-netdev", f"user,id=net,restrict=on,hostfwd=tcp:{self.address}:{self.port}-:22"),
            *("-device", "virtio-net-pci,netdev=net,mac=52:54:00:00:00:0f,romfile="),
            *("-device", "virtio-rng-pci"),
        ]
        for name in disk.NAMES:
            # A power cut is the death of QEMU, not of this host: what reached this host's memory is as good as written.
            path = f"{self.disks}/{name}.qcow2"
            command += ["-drive", f"if=none,id={name},format=qcow2,cache=unsafe,discard=unmap,file={path}"]
            # OVMF then tries nothing else, such as the network.
            first = ",bootindex=0" if uefi and name == disk.NAMES[0] else ""
            command += ["-device", f"virtio-blk-pci,drive={name}{first}"]
        if uefi:
            command += self._flash()
        if state is not None:
            command += ["-incoming", f"exec:cat '{state}'"]
        return command

    def _flash(self) -> Sequence[str]:
        """The memory of the firmware. What is written there is there at once: no guest says when it has to be."""
        code, variables = (f"if=pflash,format=qcow2,file={self.disks}/{name}.qcow2" for name in disk.FIRMWARE)
        at_once = "cache.writeback=off,cache.no-flush=on"
        return ("-drive", f"{code},unit=0,readonly=on", "-drive", f"{variables},unit=1,{at_once}")


def find(name: str) -> Machine:
    """The machine of this name.

    Raises:
        LabError: there is none.
    """
    record = folders.state() / name / _RECORD
    if not record.is_file():
        raise LabError(WRONG_USE, f"there is no machine {name}: `list` says which there are")
    return Machine(**json.loads(record.read_text(encoding="utf-8")))


def all_of_them() -> list[Machine]:
    """All machines that are written down."""
    found = []
    for record in sorted(folders.state().glob(f"*/{_RECORD}")):
        try:
            found.append(find(record.parent.name))
        except (LabError, FileNotFoundError):
            # It went meanwhile.
            continue
    return found
