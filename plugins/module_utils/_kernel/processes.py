# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes as /proc shows them (proc(5)), and signals that cannot hit a stranger (pidfd_open(2)).

Whatever can end at any moment answers None when it has. Text of a process is its own choice: decoded with
surrogateescape where it is compared, made harmless by ``printable`` where it is shown.
"""

from __future__ import annotations

import errno
import os
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

PROC = "/proc"

# Flags of field 9 of stat (include/linux/sched.h).
_EXITING, _FORKED, _KERNEL = 0x4, 0x40, 0x200000
_NO_SESSION = 0xFFFFFFFF
_UNITS = (".service", ".scope", ".mount", ".socket", ".swap")


class Process(NamedTuple):
    """One process, all threads of it. ``start`` in clock ticks since boot: with the pid it names a process for good.

    ``comm`` is harmless to show. ``kernel`` tells a kernel thread, ``forked`` a process that was forked and has not
    executed anything since, ``session`` is the POSIX session (setsid(2)), ``threads`` counts the dying ones too.
    """

    pid: int
    start: int
    parent: int
    comm: str
    kernel: bool = False
    state: str = "S"
    session: int = 0
    forked: bool = False
    threads: int = 1


def _read(path: str) -> Optional[bytes]:
    # Gone before the open (ENOENT), gone before the read (ESRCH), or not ours to see (EACCES, and EPERM by hidepid=1).
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        parts = [os.read(descriptor, 65536)]
        # A file of one line came whole; the others can come in pieces.
        while parts[-1] and not (len(parts) == 1 and path.endswith("/stat")):
            parts.append(os.read(descriptor, 65536))
        return b"".join(parts)
    except (ProcessLookupError, PermissionError):
        return None
    finally:
        os.close(descriptor)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def printable(text: str, most: int = 200) -> str:
    """Text for a person: escapes for what moves a terminal, breaks a line or is no UTF-8, and a bounded length."""
    if not text.isprintable():
        text = "".join(
            letter
            if letter.isprintable()
            else f"\\x{ord(letter) & 0xFF:02x}"
            if letter < "\x80" or "\udc80" <= letter <= "\udcff"
            else f"\\u{ord(letter):04x}"
            for letter in text
        )
    return text if len(text) <= most else text[: most - 3] + "..."


def _fields(path: str) -> Optional[Tuple[bytes, List[bytes], int]]:
    """comm, the fields behind it (field N of proc(5) at N - 3) and the flags of PATH/stat."""
    data = _read(path + "/stat")
    if not data:
        return None
    # comm is shown as it is: blanks, line breaks and parentheses included. No later field has a parenthesis.
    head, _bracket, tail = data.rpartition(b")")
    fields = tail.split()
    return head.partition(b"(")[2], fields, int(fields[6])


def read(pid: int) -> Optional[Process]:
    """The process, None when it is gone.

    A zombie is gone: it holds nothing but its number, no group lists it and no signal changes it. A process whose
    first thread has ended while others run on reads as a zombie too; it is alive, and told by its count of threads.
    """
    found = _fields(f"{PROC}/{pid}")
    if found is None:
        return None
    comm, fields, flags = found
    state, threads = fields[0].decode(), int(fields[17])
    if state in "ZX" and threads < 2:
        return None
    return Process(
        pid,
        int(fields[19]),
        int(fields[1]),
        printable(_text(comm)),
        bool(flags & _KERNEL),
        state,
        int(fields[3]),
        bool(flags & _FORKED),
        threads,
    )


def all_processes() -> List[Process]:
    """Every process that /proc shows now, in one pass; see ``blind_spot`` for those that it does not show."""
    found = [read(int(name)) for name in os.listdir(PROC) if name.isdigit()]
    return [process for process in found if process is not None]


def blind_spot() -> str:
    """Why /proc does not show every process by its own number; empty when it does."""
    try:
        if os.readlink(PROC + "/self") != str(os.getpid()):
            raise FileNotFoundError
    except OSError:
        return f"{PROC} is not mounted or shows another pid namespace"
    # hidepid=1 closes the files of other users' processes, 2 hides them; both spare the group of gid=, which is root's
    # where nothing else was said. 4 hides what the reader may not trace, which can be PID 1 even to root.
    if _read(PROC + "/1/stat") is None:
        return f"{PROC} is mounted with hidepid, which hides processes from this user"
    return ""


def ancestry(pid: int) -> Tuple[Process, ...]:
    """The process and its ancestors, nearest first. It ends where a parent is outside the pid namespace or hidden."""
    chain: List[Process] = []
    for _attempt in range(8):
        chain = []
        process = read(pid)
        while process is not None:
            chain.append(process)
            if not process.parent:
                return tuple(chain)
            process = read(process.parent)
        # A parent ended during the climb: its child has another one now.
    return tuple(chain)


def _status(pid: int, name: bytes) -> Optional[List[bytes]]:
    # Unlike stat, status escapes the line breaks of comm: a process cannot forge a line of it.
    for line in (_read(f"{PROC}/{pid}/status") or b"").split(b"\n"):
        if line.startswith(name):
            return line[len(name) :].split()
    return None


def command_line(pid: int) -> Optional[str]:
    """The arguments joined by blanks, as the process itself tells them; "" for kernel threads."""
    data = _read(f"{PROC}/{pid}/cmdline")
    return None if data is None else _text(data.rstrip(b"\0").replace(b"\0", b" "))


def executable(pid: int) -> Optional[str]:
    """The path of the program, also when the file was replaced or removed since; None for kernel threads."""
    try:
        path = os.readlink(f"{PROC}/{pid}/exe")
    except OSError:
        return None
    return path[: -len(" (deleted)")] if path.endswith(" (deleted)") else path


def user_ids(pid: int) -> Optional[Tuple[int, int]]:
    """The real and the effective user id."""
    found = _status(pid, b"Uid:")
    return None if found is None else (int(found[0]), int(found[1]))


def resident_bytes(pid: int) -> int:
    """Memory and swap that the process maps, shared pages included; 0 when gone and for kernel threads."""
    return sum(int((_status(pid, name) or [b"0"])[0]) * 1024 for name in (b"VmRSS:", b"VmSwap:"))


def process_of(thread: int) -> Optional[int]:
    """The process that a thread belongs to."""
    found = _status(thread, b"Tgid:")
    return None if found is None else int(found[0])


def session_id(pid: int) -> Optional[int]:
    """The login session that the audit subsystem counts; it outlives every fork and setsid. None for those in none."""
    data = (_read(f"{PROC}/{pid}/sessionid") or b"").strip()
    return None if not data or int(data) == _NO_SESSION else int(data)


def login_session(pid: int, among: Iterable[Process]) -> Tuple[Process, ...]:
    """Who shares the login session of ``pid``; nobody where there is none.

    In a container that was started from a login every process is in that session, PID 1 too: it tells nothing then.
    """
    own = session_id(pid)
    if own is None or own == session_id(1):
        return ()
    return tuple(process for process in among if session_id(process.pid) == own)


def threads(pid: int) -> Tuple[int, ...]:
    """Its thread ids; a dying one has no groups any more."""
    try:
        return tuple(sorted(int(name) for name in os.listdir(f"{PROC}/{pid}/task")))
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ()


def groups_of(pid: int, thread: Optional[int] = None) -> Optional[Dict[str, str]]:
    """The group in each hierarchy, below the root of the reader's cgroup namespace (/.. and so on outside of it).

    The key is "" for v2, the controllers as the kernel lists them ("cpu,cpuacct") for v1, or "name=systemd".
    Paths are shown by the kernel unescaped; a line break cannot be in one.
    """
    path = f"{PROC}/{pid}" if thread is None else f"{PROC}/{pid}/task/{thread}"
    data = _read(path + "/cgroup")
    found = _fields(path)
    if data is None or found is None:
        return None
    if found[2] & _EXITING:
        # A thread that ends is moved to the root of v1 hierarchies, and on v2 it stays where it died, with " (deleted)"
        # once that group is gone. Where it was the first thread, the others tell where the process is.
        if thread is None and int(found[1][17]) > 1:
            others = (groups_of(pid, other) for other in threads(pid) if other != pid)
            return next((groups for groups in others if groups is not None), None)
        return None
    groups = {}
    # Not splitlines: a group's name may hold what Python takes for a line's end, \r for one.
    for line in _text(data).split("\n")[:-1]:
        _number, controllers, group = line.split(":", 2)
        groups[controllers] = group
    return groups


def _units(path: str) -> List[str]:
    units: List[str] = []
    for part in path.strip("/").split("/"):
        # systemd puts a _ before a name that the kernel might take for an interface file.
        unit = part[1:] if part.startswith("_") else part
        if unit.endswith(".slice"):
            continue
        if unit.endswith(_UNITS):
            units.append(unit)
        # Below a unit the names belong to whom it was delegated to (a container has its own nginx.service);
        # a user's manager is the one delegate that is systemd itself.
        if not (unit.startswith("user@") and unit.endswith(".service")):
            break
    return units


def units_of(groups: Mapping[str, str]) -> Tuple[str, ...]:
    """The systemd units that hold a process with these groups: a user's manager before the unit inside it."""
    found = _units(groups.get("", "")) + _units(groups.get("name=systemd", ""))
    return tuple(dict.fromkeys(found))


def unit_of(groups: Mapping[str, str]) -> Optional[str]:
    """The innermost systemd unit (never a slice), by v2 or else by name=systemd. None without systemd."""
    found = _units(groups.get("", "")) or _units(groups.get("name=systemd", ""))
    return found[-1] if found else None


def pid_file(path: str) -> Optional[str]:
    """The first line of a file, None where there is no such file. Raises OSError for what cannot be read."""
    try:
        # A FIFO would block the open for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        return _text(os.read(descriptor, 4096)).partition("\n")[0].strip()
    finally:
        os.close(descriptor)


_LIBRARY: List[Any] = []


def _system_call(number: int, *arguments: object) -> int:
    # Python before 3.9 has no functions for these. Every machine but alpha and mips has them under one number, and
    # there this one opens nothing.
    import ctypes

    if not _LIBRARY:
        _LIBRARY.append(ctypes.CDLL(None, use_errno=True))
    found: int = _LIBRARY[0].syscall(number, *arguments)
    if found < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return found


def _pidfd_open(pid: int) -> int:
    if hasattr(os, "pidfd_open"):
        call: Any = os.pidfd_open
        return int(call(pid))
    return _system_call(434, pid, 0)


def _pidfd_signal(descriptor: int, number: int) -> None:
    import signal

    if hasattr(signal, "pidfd_send_signal"):
        call: Any = signal.pidfd_send_signal
        call(descriptor, number)
    else:
        _system_call(424, descriptor, number, None, 0)


class Handle:
    """One process held fast: a signal reaches it or nobody. With ``start`` it is the process that began then, or gone.

    Rests on a pidfd. Where there is none (before Linux 5.3, a seccomp filter, no descriptor left) the start time is
    compared before each kill(2), which leaves a gap of microseconds.
    """

    __slots__ = ("_descriptor", "_start", "pid")

    def __init__(self, pid: int, start: Optional[int] = None) -> None:
        if pid < 1:
            # For kill(2) 0 and below are whole process groups.
            raise ValueError(f"{pid} is no process id")
        self.pid = pid
        self._descriptor = -1
        self._start = start
        try:
            self._descriptor = _pidfd_open(pid)
        except OSError as error:
            if error.errno in (errno.ESRCH, errno.EINVAL, errno.ENOENT):
                # No process, or the number of a thread.
                self._start = -1
                return
        if self._descriptor < 0 or start is not None:
            process = read(pid)
            if process is None or start not in (None, process.start):
                self.close()
                self._start = -1
            else:
                self._start = process.start

    def _is_same(self) -> bool:
        process = None if self._start == -1 else read(self.pid)
        return process is not None and process.start == self._start

    def signal(self, number: int) -> bool:
        """Send it; False when the process is gone. A zombie may still take it, to no effect. Raises PermissionError."""
        try:
            if self._descriptor >= 0:
                _pidfd_signal(self._descriptor, number)
            elif self._is_same():
                os.kill(self.pid, number)
            else:
                return False
        except ProcessLookupError:
            return False
        return True

    def alive(self) -> bool:
        """Whether a thread of it still runs; a zombie does not."""
        if self._descriptor < 0:
            return self._is_same()
        import select

        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        """Let go of it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
