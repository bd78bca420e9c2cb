# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes are meant: declared selectors as values, and matching as a function of values."""

from __future__ import annotations

import re
from typing import AbstractSet, Dict, FrozenSet, List, Mapping, NamedTuple, Optional, Pattern, Sequence, Tuple

from .._convergence.errors import InputError
from .._kernel.processes import Process, printable

KEYS = ("pid", "pid_file", "systemd_unit", "exe", "cmdline", "user")
FLAGS = ("descendants", "required")
_UNIT = re.compile(r"[A-Za-z0-9:_.\\@-]+\.(service|scope|mount|socket|swap)\Z")


class Selector(NamedTuple):
    """One declared item; what was left out is None. ``option`` is what the user wrote it under.

    ``user`` is a name or decimal digits, ``cmdline`` is searched in the arguments joined by blanks, ``exe`` is the path
    of the program, ``descendants`` takes the children of what matched along, and theirs, ``required`` makes matching
    nothing an error.
    """

    option: str
    pid: Optional[int] = None
    pid_file: Optional[str] = None
    systemd_unit: Optional[str] = None
    exe: Optional[str] = None
    cmdline: Optional[Pattern[str]] = None
    user: Optional[str] = None
    descendants: bool = False
    required: bool = False

    def explicit(self) -> bool:
        """Whether it names its processes; the others describe them, and this task itself may fit a description."""
        return (self.pid, self.pid_file, self.systemd_unit) != (None, None, None)

    def words(self) -> str:
        """The keys and values for a sentence."""
        shown = []
        for key in KEYS:
            value = getattr(self, key)
            if value not in (None, 0):
                shown.append("{} {}".format(key, printable(getattr(value, "pattern", str(value)))))
        return ", ".join(shown)


class Candidate(NamedTuple):
    """A process with what the selectors in question ask for; the rest is left at its default."""

    process: Process
    exe: Optional[str] = None
    cmdline: Optional[str] = None
    user: Optional[int] = None
    units: Tuple[str, ...] = ()


class Look(NamedTuple):
    """What was seen: selectors whose names became numbers, all processes, and the pids of this task and above it."""

    selectors: Tuple[Selector, ...]
    candidates: Tuple[Candidate, ...]
    lineage: FrozenSet[int]
    warnings: Tuple[str, ...] = ()


class Matched(NamedTuple):
    """Selected processes, oldest first, with the option that selected each; ``warnings`` for those that found none."""

    processes: Tuple[Process, ...]
    options: Mapping[int, str]
    warnings: Tuple[str, ...] = ()


def parse(option: str, item: object) -> Selector:
    """One item of ``processes`` as a Selector; InputError for what cannot be meant. Null is the same as left out."""
    if not isinstance(item, Mapping):
        raise InputError("is no selector", option=option, value=str(item), way_out="write {pid: 123} for a pid")
    given = {key: value for key, value in item.items() if value is not None}
    for key in given:
        if key not in KEYS and key not in FLAGS:
            raise InputError(
                "is unknown", option=option, value=str(key), way_out="known are " + ", ".join(KEYS + FLAGS)
            )
    for key in FLAGS:
        if not isinstance(given.get(key, False), bool):
            raise InputError("is neither true nor false", option=option + "." + key, value=str(given[key]))
    if not any(key in given for key in KEYS):
        raise InputError("selects no process", option=option, way_out="give one of " + ", ".join(KEYS))
    for key in KEYS[1:5]:
        value = given.get(key, "-")
        if not isinstance(value, str) or not value or "\0" in value:
            raise InputError("is not a text that can be looked for", option=option + "." + key, value=str(value))
    for key in ("pid_file", "exe"):
        if not given.get(key, "/").startswith("/"):
            raise InputError("is not an absolute path", option=option + "." + key, value=given[key])
    if "pid" in given:
        given["pid"] = _pid(option + ".pid", given["pid"])
    if "user" in given:
        given["user"] = _user(option + ".user", given["user"])
    if "systemd_unit" in given:
        _check_unit(option + ".systemd_unit", given["systemd_unit"])
    if "cmdline" in given:
        try:
            given["cmdline"] = re.compile(given["cmdline"])
        except (re.error, OverflowError, RecursionError) as error:
            reason = f"is no regular expression: {error}"
            raise InputError(reason, option=option + ".cmdline", value=given["cmdline"]) from None
    return Selector(option, **given)


def _pid(option: str, value: object) -> int:
    text = str(value)
    # Not int(): it takes True, 1.5, 1_0 and other scripts' digits.
    if isinstance(value, bool) or not re.match(r"0*[1-9][0-9]{0,9}\Z", text):
        raise InputError("is not the number of a process", option=option, value=value, way_out="write a number above 0")
    return int(text)


def _user(option: str, value: object) -> str:
    text = str(value)
    if (
        isinstance(value, (bool, float))
        or not isinstance(value, (int, str))
        or not text
        or text[0] == "-"
        or "\0" in text
    ):
        raise InputError("is no user", option=option, value=text, way_out="write a name or a uid")
    return text


def _check_unit(option: str, unit: str) -> None:
    if unit.endswith(".slice"):
        raise InputError(
            "is a slice, which has no processes of its own", option=option, value=unit, way_out="name a unit in it"
        )
    if not _UNIT.match(unit) or not unit.isascii():
        raise InputError(
            "is not the whole name of a unit with processes", option=option, value=unit, way_out="write nginx.service"
        )


def observe(selectors: Sequence[Selector]) -> Look:
    """Read what these selectors ask for, of every process. Errors: InputError for an unknown user or a bad pid_file."""
    import os

    from .._convergence.errors import UnsupportedError
    from .._kernel import processes

    blind = processes.blind_spot()
    if blind:
        raise UnsupportedError(
            "processes cannot be selected: " + blind, option=selectors[0].option if selectors else ""
        )
    warnings: List[str] = []
    resolved = tuple(_resolve(selector, warnings) for selector in selectors)
    asked = {key for selector in selectors for key in KEYS if getattr(selector, key) is not None}
    pids = {selector.pid for selector in resolved if selector.pid}
    if asked <= {"pid", "pid_file"} and not any(selector.descendants for selector in selectors):
        found = [process for process in map(processes.read, pids) if process is not None]
    else:
        found = processes.all_processes()
    candidates = []
    for process in found:
        if process.kernel:
            candidates.append(Candidate(process))
            continue
        pid = process.pid
        ids = processes.user_ids(pid) if "user" in asked else None
        groups = processes.groups_of(pid) if "systemd_unit" in asked else None
        candidates.append(
            Candidate(
                process,
                processes.executable(pid) if "exe" in asked else None,
                processes.command_line(pid) if "cmdline" in asked else None,
                ids[0] if ids else None,
                processes.units_of(groups) if groups else (),
            )
        )
    lineage = frozenset(process.pid for process in processes.ancestry(os.getpid()))
    return Look(resolved, tuple(candidates), lineage, tuple(warnings))


def _resolve(selector: Selector, warnings: List[str]) -> Selector:
    """Names as numbers: the user by the host's name service, the pid by its file, the program by its links."""
    if selector.user is not None and not (selector.user.isascii() and selector.user.isdigit()):
        import pwd

        try:
            selector = selector._replace(user=str(pwd.getpwnam(selector.user).pw_uid))
        except KeyError:
            raise InputError("is no user of this host", option=selector.option + ".user", value=selector.user) from None
    if selector.exe is not None:
        import os

        # /proc tells where the links end: /bin/sh is /usr/bin/dash.
        selector = selector._replace(exe=os.path.realpath(selector.exe))
    if selector.pid_file is not None:
        pid = _pid_of(selector.option + ".pid_file", selector.pid_file)
        reason = "does not exist" if pid is None else "" if selector.pid in (None, pid) else f"names {pid}"
        if reason:
            warnings.append(f"{selector.option}: {printable(selector.pid_file)} {reason}, so it selects nothing")
        # No process has the number 0.
        selector = selector._replace(pid=0 if reason else pid)
    return selector


def _pid_of(option: str, path: str) -> Optional[int]:
    # Nothing here compares the file's age with the process's: the clock of a machine without a battery is set after the
    # first daemons have started. A second key (exe, user) proves that the number still means the daemon, and keeps
    # a file that others may write to from naming any process they like.
    from .._kernel import processes

    try:
        line = processes.pid_file(path)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", option=option, value=path) from None
    if line is None:
        return None
    if not line:
        raise InputError(
            "is empty",
            option=option,
            value=path,
            way_out="its daemon is still starting or has failed: look there first",
        )
    if not re.match(r"0*[1-9][0-9]{0,9}\Z", line):
        reason = f"holds {printable(repr(line), 40)} where the number of a process belongs"
        raise InputError(reason, option=option, value=path)
    return int(line)


def match(
    selectors: Sequence[Selector],
    processes: Sequence[Candidate],
    lineage: AbstractSet[int] = frozenset(),
    first: bool = False,
) -> Matched:
    """The processes that any selector takes: all of its keys fit, or an ancestor's do and it has ``descendants``.

    Kernel threads are never taken. What describes processes (exe, cmdline, user) leaves out ``lineage``, which is
    this task and its ancestors, PID 1, and copies that an ancestor has forked of itself, as ansible-playbook does:
    a description fits Ansible itself too easily. At the ``first`` look a pid that is not there is an InputError, and so
    is a ``required`` selector that takes nothing; later both are processes that ended.
    """
    by_pid = {candidate.process.pid: candidate for candidate in processes}
    spared = _spared(by_pid, lineage)
    children: Dict[int, List[int]] = {}
    for candidate in processes:
        children.setdefault(candidate.process.parent, []).append(candidate.process.pid)
    options: Dict[int, str] = {}
    warnings: List[str] = []
    for selector in selectors:
        if first and selector.pid:
            _demand(selector, by_pid.get(selector.pid))
        taken = [pid for pid, candidate in by_pid.items() if _fits(selector, candidate)]
        if not selector.explicit():
            taken = [pid for pid in taken if pid not in spared]
        if selector.descendants:
            taken = _with_descendants(taken, children, frozenset() if selector.explicit() else spared)
        taken = [pid for pid in taken if not by_pid[pid].process.kernel]
        for pid in taken:
            options.setdefault(pid, selector.option)
        if first and not taken:
            if selector.required:
                raise InputError(
                    f"selects no process and is required ({selector.words()})",
                    option=selector.option,
                    way_out="start it first, or leave out required",
                )
            # Of a pid_file without a pid there is a warning already.
            if selector.pid != 0:
                warnings.append(f"{selector.option}: no process has {selector.words()}")
    chosen = sorted((by_pid[pid].process for pid in options), key=lambda process: (process.start, process.pid))
    return Matched(tuple(chosen), options, tuple(warnings))


def _fits(selector: Selector, candidate: Candidate) -> bool:
    return (
        not candidate.process.kernel
        and selector.pid in (None, candidate.process.pid)
        and selector.exe in (None, candidate.exe)
        and (selector.user is None or str(candidate.user) == str(int(selector.user)))
        and (selector.systemd_unit is None or selector.systemd_unit in candidate.units)
        and (selector.cmdline is None or selector.cmdline.search(candidate.cmdline or "") is not None)
    )


def _with_descendants(
    taken: Sequence[int], children: Mapping[int, Sequence[int]], spared: AbstractSet[int]
) -> List[int]:
    found = dict.fromkeys(taken)
    waiting = list(taken)
    while waiting:
        new = [pid for pid in children.get(waiting.pop(), ()) if pid not in found and pid not in spared]
        found.update(dict.fromkeys(new))
        waiting.extend(new)
    return list(found)


def _spared(by_pid: Mapping[int, Candidate], lineage: AbstractSet[int]) -> FrozenSet[int]:
    # The copies have their parent's name: what a daemon has forked is given to PID 1 too, and that is no copy of it.
    copies = [
        pid
        for pid, candidate in by_pid.items()
        if candidate.process.forked
        and candidate.process.parent in lineage
        and candidate.process.parent in by_pid
        and by_pid[candidate.process.parent].process.comm == candidate.process.comm
    ]
    return frozenset(copies) | lineage | {1}


def _demand(selector: Selector, candidate: Optional[Candidate]) -> None:
    option, value, where = selector.option + ".pid", str(selector.pid), ""
    if selector.pid_file is not None:
        option, value = selector.option + ".pid_file", selector.pid_file
        where = f"names {selector.pid}, which "
    if candidate is None:
        way_out = "the file is stale: start its daemon" if where else "see ps, or select it by pid_file or exe"
        raise InputError(f"{where}is no running process", option=option, value=value, way_out=way_out)
    if candidate.process.kernel:
        reason = f"{where}is the kernel thread {candidate.process.comm}, and those are never moved"
        raise InputError(reason, option=option, value=value, way_out="leave it out")
