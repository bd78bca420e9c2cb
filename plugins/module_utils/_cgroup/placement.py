# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes and their groups: looking, moving one, gathering a family that forks, emptying a group."""

from __future__ import annotations

import errno
import time
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from .._kernel import processes
from .._kernel.beneath import Root
from . import protection, selectors
from .desired import Group
from .hierarchies import V1_NAMES, Host
from .picture import Draft, Member

_V2_NAMES = {v1: v2 for v2, v1 in V1_NAMES.items()}
# systemd marks what it has delegated: trusted.delegate from 236, user.delegate from 251.
_DELEGATED = ("user.delegate", "trusted.delegate")


def members(draft: Draft, root: Root, name: str) -> Tuple[int, ...]:
    """The pids in one group, not below it; 0 stands for processes outside this pid namespace."""
    prefix = name + "/" if name else ""
    try:
        text = root.read(prefix + "cgroup.procs")
    except FileNotFoundError:
        return ()
    except OSError as error:
        # A threaded group lists threads alone; a group that was removed meanwhile has nobody.
        if error.errno == errno.ENODEV:
            return ()
        if error.errno != errno.EOPNOTSUPP:
            raise
        text = ""
    if not text.strip():
        text = _by_threads(root, prefix)
    pids = tuple(sorted({int(pid) for pid in text.split()}))
    for pid in pids:
        process = processes.read(pid) if pid and pid not in draft.processes else None
        if process is not None:
            draft.processes[pid] = Member(pid, process.start, process.comm, {}, {})
    return pids


def _by_threads(root: Root, prefix: str) -> str:
    """The pids of a v2 group that cgroup.procs is silent about: of a threaded one, and of processes whose first thread ended."""
    try:
        threads = root.read(prefix + "cgroup.threads").split()
    except OSError as error:
        # v1 has no such file and lists everybody in cgroup.procs.
        if error.errno not in (errno.ENOENT, errno.ENODEV):
            raise
        return ""
    own = (processes.process_of(int(thread)) if thread != "0" else 0 for thread in threads)
    return " ".join(str(pid) for pid in own if pid is not None)


class _Where:
    """Turns what /proc/PID/cgroup says into names by hierarchy index."""

    def __init__(self, host: Host) -> None:
        self._tops = [_parts(hierarchy.root) for hierarchy in host.hierarchies]
        self._unified = host.unified
        self._index: Dict[str, int] = dict(host.where)

    def names(self, groups: Dict[str, str]) -> Dict[int, str]:
        found: Dict[int, str] = {}
        for key, path in groups.items():
            index: Optional[int] = self._unified
            if key:
                known = (self._index.get(_V2_NAMES.get(controller, controller)) for controller in key.split(","))
                index = next((number for number in known if number is not None), None)
            if index is None:
                continue
            found[index] = _name(self._tops[index], _parts(path))
        return found


def _parts(path: str) -> List[str]:
    return [part for part in path.split("/") if part]


def _name(top: List[str], path: List[str]) -> str:
    """The name of a group on a mount that begins at ``top``; both as this process's cgroup namespace shows them.

    What is not below the mount is told as the kernel tells what is not below a namespace: /../batch lies beside the mount.
    No group that can be declared begins so.
    """
    common = 0
    while common < min(len(top), len(path)) and top[common] == path[common]:
        common += 1
    above, rest = top[common:], path[common:]
    if ".." in above:
        # The mount shows more than the namespace, whose own root has a name there that is not told here.
        return "/.."
    if above or ".." in rest:
        return "/" + "/".join([".."] * len(above) + rest)
    return "/".join(rest)


def _member(
    where: _Where, process: processes.Process, host: Host, roots: Sequence[Root], dear: bool
) -> Optional[Member]:
    groups = processes.groups_of(process.pid)
    if groups is None:
        return None
    names = where.names(groups)
    elsewhere: Dict[int, Tuple[str, ...]] = {}
    if process.threads > 1:
        for thread in processes.threads(process.pid):
            for index, name in where.names(processes.groups_of(process.pid, thread) or {}).items():
                if name != names.get(index) and name not in elsewhere.get(index, ()):
                    elsewhere[index] = elsewhere.get(index, ()) + (name,)
    unit = processes.unit_of(groups) or ""
    return Member(
        process.pid,
        process.start,
        process.comm,
        names,
        elsewhere,
        unit,
        bool(unit) and _is_delegated(host, roots, names, unit),
        processes.resident_bytes(process.pid) if dear else 0,
    )


def _is_delegated(host: Host, roots: Sequence[Root], names: Dict[int, str], unit: str) -> bool:
    if host.unified is None:
        return False
    name = names.get(host.unified, "")
    if name.startswith("/"):
        # Outside of what is mounted here nothing can be asked.
        return False
    head, found, _rest = ("/" + name + "/").partition("/" + unit + "/")
    path = (head + found).strip("/")
    return bool(found) and any(roots[host.unified].attribute(path, name) == b"1" for name in _DELEGATED)


def observe(
    draft: Draft, roots: Sequence[Root], groups: Sequence[Group], known: Optional[Mapping[int, int]] = None
) -> None:
    """Which processes the selectors mean and where those are.

    ``known``: the start times of what an earlier look found, by pid. At the first look, without it, what is missing is
    an error; later it has ended.
    """
    first = known is None
    wanted = [group for group in groups if group.selectors]
    look = selectors.observe([selector for group in wanted for selector in group.selectors])
    if first:
        draft.notes.extend(look.warnings)
    where = _Where(draft.host)
    resolved = list(look.selectors)
    for group in wanted:
        own, resolved = resolved[: len(group.selectors)], resolved[len(group.selectors) :]
        matched = selectors.match(own, look.candidates, look.lineage, first)
        draft.notes.extend(matched.warnings)
        memory = draft.host.where.get("memory") in group.indexes()
        pids = []
        numbered = {selector.pid for selector in own if selector.pid}
        for process in matched.processes:
            if known is not None and process.pid in numbered and known.get(process.pid) != process.start:
                # The number was given to another process since the first look.
                continue
            member = _member(where, process, draft.host, roots, memory)
            if member is not None:
                draft.processes[process.pid] = member
                pids.append(process.pid)
        draft.matched[group.name] = tuple(pids)


def observe_protected(draft: Draft, roots: Sequence[Root]) -> None:
    """Who must not be hit, and in which groups those are."""
    found = protection.observe()
    draft.protected = found.pids
    # A play may place a daemon that it has just started, although the two share a login session.
    draft.anchored = found.anchored
    where = _Where(draft.host)
    for pid in draft.protected:
        process = processes.read(pid)
        known = draft.processes.get(pid)
        if process is not None and (known is None or not known.groups):
            member = _member(where, process, draft.host, roots, False)
            if member is not None:
                draft.processes[pid] = member


def move(root: Root, name: str, pid: int, start: int, bound: float) -> None:
    """Move one process with all of its threads; a process that ended meanwhile is fine. Raises OSError."""
    process = processes.read(pid)
    if process is None or process.start != start:
        return
    path = (name + "/" if name else "") + "cgroup.procs"
    end = time.monotonic() + bound
    while True:
        try:
            root.write(path, str(pid))
            return
        except ProcessLookupError:
            return
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() >= end:
                raise
        time.sleep(0.005)


def empty(
    host: Host, roots: Sequence[Root], indexes: Sequence[int], name: str, protected: Mapping[int, str], option: str
) -> None:
    """End every process in a group and below it, in each of these hierarchies."""
    from . import termination

    index = host.where.get("freezer")
    freezer = None
    if index is not None and index in indexes:
        freezer = termination.Freezer(roots[index], name)
    for number in indexes:
        termination.empty(roots[number], name, freezer, protected, option)
