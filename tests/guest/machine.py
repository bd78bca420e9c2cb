# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The virtual machine: one qemu process that leaves nothing on this host, whatever ends it."""

from __future__ import annotations

import secrets
import selectors
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from . import snapshot
from .failures import NO_ANSWER, PANIC, TIMEOUT, GuestError
from .initramfs import archive
from .kernel import Kernel
from .stream import Stream

# Loaded before anything else runs: the devices, the host's files, and a scheduler of block devices that knows weights.
_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "9pnet_virtio", "9p", "squashfs", "overlay", "bfq")
# /dev/vda is the guest's swap, /dev/vdb is free for tests. Sparse: only what is written takes space. /dev/vdc is the snapshot.
_EMPTY_DISKS_MIB = (512, 256)
_ARGUMENTS = (
    "console=ttyS0 quiet",
    # qemu is told to end where the machine would start again.
    "panic=-1 oops=panic",
    "cgroup_no_v1=all psi=1 hugepages=8",
    # Nobody attacks this kernel, and each of these costs emulated instructions.
    "mitigations=off audit=0 apparmor=0 selinux=0 init_on_alloc=0 randomize_kstack_offset=off",
    # Moving a process to another group waits for RCU.
    "rcupdate.rcu_expedited=1",
)
_KEPT_BYTES = 65536
_SHOWN_LINES = 25
_HERE = Path(__file__).resolve().parent


class Job(NamedTuple):
    """What to run in the guest: a command, the folder it starts in, its whole environment."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]


class Machine(NamedTuple):
    """The machine: its kernel, a static busybox, its size, and whether its console is shown."""

    kernel: Kernel
    busybox: Path
    cpus: int
    memory_mib: int
    verbose: bool


def run(machine: Machine, job: Job, boot_seconds: float, seconds: float) -> int:
    """Boots the machine, runs the job in it with its output on this process's, and ends the machine.

    It may take BOOT_SECONDS until the job begins and SECONDS in all.

    Returns: the job's exit status, 128 and the signal's number where a signal ended it.

    Raises:
        GuestError: the machine does not boot, panics, ends by itself or takes too long.
    """
    mark = secrets.token_hex(8)
    begin = time.monotonic()
    with ExitStack() as stack:
        initramfs, *disks = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(4))
        for disk, mebibytes in zip(disks, _EMPTY_DISKS_MIB, strict=False):
            disk.truncate(mebibytes << 20)
        trees = snapshot.write(disks[-1], job.folder)
        initramfs.write(archive(_first_files(machine, job, mark, trees)))
        initramfs.flush()
        lines = {name: stack.enter_context(_line()) for name in ("console", "stdout", "stderr")}
        theirs = {name: pair[1].fileno() for name, pair in lines.items()}
        command = _qemu(machine, initramfs.fileno(), [disk.fileno() for disk in disks], theirs)
        files = (initramfs.fileno(), *(disk.fileno() for disk in disks), *theirs.values())
        stack.enter_context(_process(command, files, theirs["console"]))
        for _, end in lines.values():
            end.close()
        watch = _Watch({name: pair[0] for name, pair in lines.items()}, mark, machine.verbose)
        return watch.status(begin + boot_seconds, begin + seconds)


def _first_files(machine: Machine, job: Job, mark: str, trees: Iterable[Path]) -> dict[str, bytes]:
    modules = machine.kernel.load_order(_MODULES)
    command = shlex.join(["env", "-i", *(f"{name}={value}" for name, value in job.environment.items()), *job.command])
    description = f"""\
mark={mark}
verbose={"yes" if machine.verbose else "no"}
job() {{
    cd {shlex.quote(str(job.folder))} || exit
    exec {command}
}}
"""
    return {
        "init": (_HERE / "init").read_bytes(),
        "busybox": machine.busybox.read_bytes(),
        "job": description.encode(),
        "trees": "".join(f"{tree}\n" for tree in trees).encode(),
        "modules/order": "".join(f"{module.name}\n" for module in modules).encode(),
        "modules/folder": str(machine.kernel.modules).encode(),
        **{f"modules/{module.name}": module.read_bytes() for module in modules},
    }


def _qemu(machine: Machine, initramfs: int, disks: Sequence[int], lines: Mapping[str, int]) -> list[str]:
    command = [
        # Also where this process is killed outright, qemu ends.
        *("setpriv", "--pdeathsig", "KILL"),
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        # Always emulated: where /dev/kvm is there it may still not work, as in some clouds' machines.
        *("-machine", "q35", "-accel", "tcg,thread=multi,tb-size=1024"),
        # Few features: the C library then picks the plain code that is cheap to emulate.
        *("-cpu", "qemu64,+rdrand", "-smp", str(machine.cpus), "-m", str(machine.memory_mib)),
        *("-kernel", str(machine.kernel.image), "-initrd", f"/proc/self/fd/{initramfs}"),
        *("-append", " ".join(_ARGUMENTS)),
        *("-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap"),
        *("-device", "virtio-9p-pci,fsdev=host,mount_tag=host"),
        *("-device", "virtio-serial-pci"),
    ]
    for name, line in lines.items():
        command += ["-chardev", f"socket,id={name},fd={line}"]
    command += ["-serial", "chardev:console"]
    for name in ("stdout", "stderr"):
        command += ["-device", f"virtserialport,chardev={name},name={name}"]
    for number, disk in enumerate(disks):
        name = f"disk{number}"
        command += ["-drive", f"if=none,id={name},format=raw,cache=unsafe,file=/proc/self/fd/{disk}"]
        command += ["-device", f"virtio-blk-pci,drive={name}"]
    return command


@contextmanager
def _line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection between this process and qemu: the end of each."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@contextmanager
def _process(command: Sequence[str], files: Sequence[int], messages: int) -> Iterator[None]:
    """Runs a command for as long as the context lasts. It keeps these files, and has no terminal and no signals of ours."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages, pass_fds=files, start_new_session=True
    ) as process:
        try:
            yield
        finally:
            process.kill()


class _Watch:
    """Carries the guest's output to this process's, until the job's status is there."""

    def __init__(self, lines: Mapping[str, socket.socket], mark: str, verbose: bool) -> None:
        marked = f"\0{mark}\0".encode()
        self._streams = {
            lines["stdout"]: Stream(sys.stdout.fileno(), marked),
            lines["stderr"]: Stream(sys.stderr.fileno(), marked),
        }
        self._console = lines["console"]
        self._verbose = verbose
        self._said = b""

    def status(self, boot_deadline: float, deadline: float) -> int:
        """The job's status, when both of its streams are through.

        Raises:
            GuestError: the machine ended before, or it is later than the job may begin or end.
        """
        with selectors.DefaultSelector() as selector:
            for line in (self._console, *self._streams):
                selector.register(line, selectors.EVENT_READ, data=line)
            while selector.get_map():
                statuses = [stream.status for stream in self._streams.values()]
                if statuses[0] is not None and None not in statuses:
                    return statuses[0]
                begun = any(stream.begun for stream in self._streams.values())
                left = (deadline if begun else min(boot_deadline, deadline)) - time.monotonic()
                if left <= 0:
                    what = "the command ran out of time" if begun else "the guest did not boot in time"
                    raise GuestError(TIMEOUT if begun else NO_ANSWER, what, self._last_words())
                for key, _ in selector.select(left):
                    if not self._carried(key.data):
                        selector.unregister(key.fileobj)
        if b"Kernel panic" in self._said:
            raise GuestError(PANIC, "the guest's kernel panicked", self._last_words())
        raise GuestError(NO_ANSWER, "the guest ended before the command did", self._last_words())

    def _carried(self, line: socket.socket) -> bool:
        """Takes what is there; false at the end."""
        try:
            data = line.recv(65536)
        except ConnectionResetError:
            return False
        if line is not self._console:
            self._streams[line].feed(data)
            return bool(data)
        self._said = (self._said + data)[-_KEPT_BYTES:]
        if self._verbose:
            sys.stderr.write(data.decode(errors="replace"))
            sys.stderr.flush()
        return bool(data)

    def _last_words(self) -> str:
        lines = self._said.decode(errors="replace").replace("\r", "").splitlines()
        return "\n".join(lines[-_SHOWN_LINES:])
