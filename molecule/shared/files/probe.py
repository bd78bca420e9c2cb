# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at a machine's control groups, and tries what a process in one of them may do. Needs nothing but Python 3.8.

look GROUP            what the kernel shows of the group and those below it
fill FILE BYTES       makes a file to read from, and says which whole disk it is on
start NAME...         processes that count until they end by themselves after an hour; the pid is in NAME.pid beside this file
stop                  ends all of these that are left
counts NAME...        how far these processes counted, and how far a second later
eat GROUP MIB         a process in the group takes so much memory; the signal that ended it
huge GROUP NUMBER     one takes so many huge pages of 2 MiB; the signal that ended it
fork GROUP NUMBER     one has so many children at once; how many there were, and the error that stopped it
read GROUP FILE BYTES one reads a file or a disk past the kernel's cache; the seconds that it took
burn GROUP SECONDS    one computes until the group is throttled, and no longer than this

Every verb but "start" and "stop" says its answer as one JSON object; those with a process also what it left in the kernel's counters.
"""

from __future__ import annotations

import errno
import json
import mmap
import os
import re
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
MEBIBYTE = 1 << 20
# As v1 calls them in the options of a mount, where other options stand as well.
V1_CONTROLLERS = ("blkio", "cpu", "cpuacct", "cpuset", "debug", "devices", "freezer", "hugetlb") + (
    "memory",
    "misc",
    "net_cls",
    "net_prio",
    "perf_event",
    "pids",
    "rdma",
)
# The kernel's counters, whichever a group has.
COUNTERS = ("cpu.stat", "memory.events", "memory.oom_control", "pids.events")
HOUR = 3600


class Hierarchy:
    """One mounted hierarchy: 1 or 2, where, and its controllers (v1's blkio as io)."""

    def __init__(self, version: int, mount: str, controllers: list[str]) -> None:
        self.version, self.mount, self.controllers = version, mount, controllers


def hierarchies() -> list[Hierarchy]:
    """Those that have controllers, and v2 in any case; each once."""
    found: dict[tuple[int, str], Hierarchy] = {}
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        for line in lines:
            left, _, right = line.partition(" - ")
            kind, _, options = right.split(" ")[:3]
            mount = left.split(" ")[4]
            if kind == "cgroup2":
                with open(mount + "/cgroup.controllers", encoding="ascii") as text:
                    one = Hierarchy(2, mount, text.read().split())
            elif kind == "cgroup":
                said = options.strip().split(",")
                one = Hierarchy(1, mount, [name.replace("blkio", "io") for name in V1_CONTROLLERS if name in said])
                if not one.controllers:
                    continue
            else:
                continue
            found.setdefault((one.version, ",".join(one.controllers)), one)
    return list(found.values())


def mode(there: list[Hierarchy]) -> str:
    """What the host booted with, as the kernel shows it."""
    if all(one.version == 2 for one in there):
        return "unified"
    return "hybrid" if any(one.version == 2 for one in there) else "legacy"


def memory_mount(there: list[Hierarchy]) -> str:
    """Where the memory controller is."""
    return next(one.mount for one in there if "memory" in one.controllers)


def lives(there: list[Hierarchy], version: int) -> list[str]:
    """The controllers, and what else has limits, on this version."""
    found = {controller for one in there if one.version == version for controller in one.controllers}
    if version == 2 and any(one.version == 2 for one in there):
        found.add("core")
    if "memory" in found:
        swap = "/proc/swaps" if version == 2 else memory_mount(there) + "/memory.memsw.limit_in_bytes"
        found.update(["memory.swap"] if os.path.exists(swap) else [])
    return sorted(found)


def init() -> str:
    """Which program process 1 is, with its version where it is one of the two that the tests know."""
    with open("/proc/1/comm", encoding="utf-8") as text:
        name = text.read().strip()
    for program, known, tool in (("systemd", "systemd", "systemctl"), ("openrc", "init", "openrc")):
        if name == known and os.path.isdir("/run/" + program):
            said = subprocess.run([tool, "--version"], stdout=subprocess.PIPE, check=True).stdout.decode()
            version = re.search(r"[0-9]+(?:\.[0-9]+)*", said)
            return (program + " " + version.group()) if version else program
    return "other"


def fill(path: str, size: int) -> dict[str, Any]:
    """A file whose bytes are on the disk; "" for the disk where the file is on none, as in memory."""
    with open(path, "wb") as file:
        file.write(os.urandom(size))
        os.fsync(file.fileno())
    number = os.stat(path).st_dev
    place = os.path.realpath(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}")
    if os.path.exists(place + "/partition"):
        place = os.path.dirname(place)
    device = "/dev/" + os.path.basename(place)
    return {"disk": device if os.path.exists(place) and os.path.exists(device) else ""}


def text_of(path: str) -> str:
    """What a file of the kernel holds; in brackets why it cannot be read: some can only be written."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return " ".join(file.read().split())
    except OSError as error:
        return "({})".format(errno.errorcode.get(error.errno or 0, "?"))


def look(top: str) -> dict[str, Any]:
    """The machine, and all files of the groups, by version."""
    there = hierarchies()
    groups: dict[str, dict[str, Any]] = {}
    for one in there:
        for folder, folders, files in os.walk(os.path.join(one.mount, top)):
            folders.sort()
            group = groups.setdefault(os.path.relpath(folder, one.mount), {"1": {}, "2": {}, "members": {}})
            group[str(one.version)].update((name, text_of(os.path.join(folder, name))) for name in files)
            group["members"][one.mount] = text_of(os.path.join(folder, "cgroup.procs")).split()
    return {
        "kernel": os.uname().release,
        "init": init(),
        "mode": mode(there),
        "v1": lives(there, 1),
        "v2": lives(there, 2),
        "huge_pages": text_of("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"),
        "disks": {name: text_of(f"/sys/block/{name}/dev") for name in os.listdir("/sys/block")},
        "groups": groups,
    }


def start(name: str) -> None:
    """Leave a process behind that belongs to no terminal and to no task."""
    path = os.path.join(HERE, name)
    with open(path + ".count", "wb") as file:
        file.write(bytes(8))
    if os.fork():
        os.wait()
        return
    os.setsid()
    pid = os.fork()
    if pid:
        with open(path + ".pid", "w", encoding="ascii") as file_of_pid:
            file_of_pid.write(f"{pid}\n")
        os._exit(0)
    signal.alarm(HOUR)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    with open(path + ".count", "r+b") as file:
        memory = mmap.mmap(file.fileno(), 8)
    number = 0
    while True:
        number += 1
        memory[:] = struct.pack("q", number)
        time.sleep(0.05)


def stop() -> None:
    """End what was started. A number can be another process's by now, which is left alone."""
    for name in os.listdir(HERE):
        if not name.endswith(".pid"):
            continue
        with open(os.path.join(HERE, name), encoding="ascii") as file:
            pid = int(file.read())
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as words:
                if os.path.join(HERE, "probe.py").encode() in words.read():
                    os.kill(pid, signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue


def counts(names: list[str]) -> dict[str, Any]:
    """Each process's count, twice, and the processors that the kernel lets it run on."""
    found: dict[str, Any] = {name: {"counts": []} for name in names}
    for look_again in (False, True):
        if look_again:
            # Long enough for some counts of a process that runs, on a slow machine too.
            time.sleep(1)
        for name in names:
            with open(os.path.join(HERE, name + ".count"), "rb") as file:
                found[name]["counts"].append(struct.unpack("q", file.read(8))[0])
    for name in names:
        with open(os.path.join(HERE, name + ".pid"), encoding="ascii") as pid:
            found[name]["pid"] = pid.read().strip()
        with open("/proc/{}/status".format(found[name]["pid"]), encoding="ascii", errors="replace") as lines:
            found[name]["cpus"] = next(line.split()[1] for line in lines if line.startswith("Cpus_allowed_list"))
    return found


def counters(there: list[Hierarchy], group: str) -> dict[str, dict[str, int]]:
    """The figures of the group, by file."""
    found: dict[str, dict[str, int]] = {}
    for one in there:
        for name in COUNTERS:
            path = os.path.join(one.mount, group, name)
            if os.path.exists(path):
                words = text_of(path).split()
                # v1 and v2 can both have a cpu.stat of the group, with figures of their own.
                found.setdefault(name, {}).update((key, int(figure)) for key, figure in zip(words[::2], words[1::2]))
    return found


def inside(group: str, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a process finds that goes into the group, wherever that exists, and then does it."""
    there = hierarchies()
    before = counters(there, group)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        signal.alarm(120)
        for one in there:
            if os.path.isdir(os.path.join(one.mount, group)):
                with open(os.path.join(one.mount, group, "cgroup.procs"), "w", encoding="ascii") as file:
                    file.write("0")
        os.write(writing, json.dumps(do()).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    grown = {
        f"{name} {key}": figure - before[name][key]
        for name, figures in counters(there, group).items()
        for key, figure in figures.items()
    }
    return {"answer": json.loads(said) if said else None, "signal": status & 0x7F, "grown": grown}


def eat(mebibytes: int) -> dict[str, Any]:
    """Takes memory, and touches each page."""
    memory = mmap.mmap(-1, mebibytes * MEBIBYTE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for page in range(0, len(memory), mmap.PAGESIZE):
        memory[page] = 1
    return {"touched": mebibytes}


def huge(number: int) -> dict[str, Any]:
    """Takes huge pages. What the group may not have is a bus error, and not a refusal."""
    # MAP_HUGETLB and MAP_HUGE_2MB of linux/mman.h, which Python does not know.
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40000 | 21 << 26
    memory = mmap.mmap(-1, number * 2 * MEBIBYTE, flags)
    for page in range(number):
        memory[page * 2 * MEBIBYTE] = 1
    return {"touched": number}


def fork(number: int) -> dict[str, Any]:
    """Has children."""
    children: list[int] = []
    stopped = "none"
    while len(children) < number and stopped == "none":
        try:
            child = os.fork()
        except OSError as error:
            stopped = errno.errorcode[error.errno or 0]
            break
        if not child:
            signal.pause()
        children.append(child)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return {"children": len(children), "error": stopped}


def read(path: str, size: int) -> dict[str, Any]:
    """Reads what is on the disk, and not in memory."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, 1 << 16)
    begin = time.monotonic()
    for offset in range(0, size, len(buffer)):
        os.preadv(descriptor, [buffer], offset)
    return {"seconds": time.monotonic() - begin}


def burn(group: str, seconds: float) -> dict[str, Any]:
    """Computes. On a busy machine it takes a while until it gets more of a processor than the group may have."""
    there = hierarchies()
    before = counters(there, group)["cpu.stat"]["nr_throttled"]
    end = time.monotonic() + seconds
    while time.monotonic() < end and counters(there, group)["cpu.stat"]["nr_throttled"] == before:
        pause = time.monotonic() + 0.1
        while time.monotonic() < pause:
            pass
    return {}


def main(arguments: list[str]) -> None:
    """The verbs."""
    verb, rest = arguments[0], arguments[1:]
    if verb == "start":
        for name in rest:
            start(name)
        return
    if verb == "stop":
        stop()
        return
    verbs: dict[str, Callable[[], dict[str, Any]]] = {
        "look": lambda: look(rest[0]),
        "fill": lambda: fill(rest[0], int(rest[1])),
        "counts": lambda: counts(rest),
        "eat": lambda: inside(rest[0], lambda: eat(int(rest[1]))),
        "huge": lambda: inside(rest[0], lambda: huge(int(rest[1]))),
        "fork": lambda: inside(rest[0], lambda: fork(int(rest[1]))),
        "read": lambda: inside(rest[0], lambda: read(rest[1], int(rest[2]))),
        "burn": lambda: inside(rest[0], lambda: burn(rest[0], float(rest[1]))),
    }
    print(json.dumps(verbs[verb]()))


if __name__ == "__main__":
    main(sys.argv[1:])
