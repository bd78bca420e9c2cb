# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom a change must not hit, so that the host stays reachable, and the rules that refuse the change."""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from .._convergence.errors import RefusedError

# What is done to the processes themselves. It is never done to PID 1, whatever is allowed.
_VERBS = ("move", "freeze", "kill")
_EFFECTS = {
    "pids.max": "set pids.max below the number of tasks in {}, which could start none any more and holds {}",
    "memory.max": "set memory.max below what {} uses, which provokes the OOM killer and holds {}",
    "devices": "deny devices by default to {}, which holds {}",
}


class Protected(NamedTuple):
    """pid -> why, in words that follow "process 12, ".

    ``anchored`` are those of them that can have brought this task about: PID 1, this process, its ancestors, and of
    its session who began no later than the first ancestor in it. The rest of ``pids`` came into the session afterwards,
    and may be a daemon that an earlier task has started.
    """

    pids: Mapping[int, str]
    anchored: Mapping[int, str] = {}


class Holder(NamedTuple):
    """A protected process, why it is one, and the group that it is in."""

    pid: int
    why: str
    group: str = ""

    def words(self) -> str:
        """The process for a sentence."""
        return self.why if self.pid == 1 else f"process {self.pid}, {self.why}"


def observe(whole_session: bool = True) -> Protected:
    """Look who is protected now. Raises UnsupportedError where /proc hides some of them.

    PID 1, this process, its ancestors, all of its login session, and the ancestors of those: an asynchronous task was
    given to PID 1, and the daemon that accepts connections is above the session's processes only.

    Without ``whole_session`` the answer's ``pids`` are its ``anchored`` alone.
    """
    import os

    from .._convergence.errors import UnsupportedError
    from .._kernel import processes

    blind = processes.blind_spot()
    if blind:
        raise UnsupportedError("cannot tell which processes keep the host reachable: " + blind)
    own = os.getpid()
    chain = processes.ancestry(own)
    why: Dict[int, str] = {}

    def protect(found: Iterable[processes.Process], reason: str) -> None:
        for process in found:
            for number, above in enumerate(processes.ancestry(process.pid)):
                words = reason if not number else f"an ancestor of process {process.pid}, {reason}"
                why.setdefault(above.pid, f"{words} ({above.comm})")

    first = processes.read(1)
    if first is not None:
        why[1] = f"PID 1 ({first.comm})"
    for process in chain:
        words = "this task itself" if process.pid == own else "an ancestor of this task"
        why.setdefault(process.pid, f"{words} ({process.comm})")
    # A shell's background job was given to PID 1 too, and its session still names the shell. Leaders of the sessions of
    # ancestors are those of their terminals: a terminal controls one session, and nothing else ties a process to it.
    leaders = [processes.read(process.session) for process in chain if process.session > 1]
    protect([leader for leader in leaders if leader is not None], "the leader of a session that this task runs in")

    everyone = [process for process in processes.all_processes() if not process.kernel]
    fellows: Sequence[processes.Process] = processes.login_session(own, everyone)
    words = f"of the login session {processes.session_id(own)} that this task runs in"
    sessions = bool(fellows)
    if not sessions:
        # Neither the kernel nor PAM counts sessions (a container, OpenRC without PAM). The group in which a service
        # manager keeps what one service or login has started survives re-parenting as well; it serves for nothing when
        # PID 1 is in it too.
        ties = _kept(processes.groups_of(own)) - _kept(processes.groups_of(1))
        fellows = [process for process in everyone if ties & _kept(processes.groups_of(process.pid))] if ties else ()
        words = "kept by the service manager in the group of this task"
    pids = {process.pid for process in fellows}
    since = min((process.start for process in chain if process.pid in pids), default=0)
    protect([process for process in fellows if process.start <= since], words)
    anchored = dict(why)
    if whole_session and sessions:
        protect(fellows, words)
    return Protected(why, anchored)


def _kept(groups: Optional[Mapping[str, str]]) -> set[Tuple[str, str]]:
    # v2 and named hierarchies: those are the ones that service managers track services with.
    return {(key, path) for key, path in (groups or {}).items() if not key or key.startswith("name=")}


def among(protected: Protected, pids: Iterable[int]) -> Tuple[Holder, ...]:
    """The protected ones of some processes, for moving them."""
    return tuple(Holder(pid, protected.pids[pid]) for pid in sorted(set(pids)) if pid in protected.pids)


def holders(protected: Protected, groups: Mapping[int, Union[str, Tuple[str, ...]]], group: str) -> Tuple[Holder, ...]:
    """The protected processes in a group or below it. ``groups``: pid -> its group in the hierarchy in question, or all
    of them where its threads are in several; paths with or without a leading slash, "" and "/" for the root."""
    top = _parts(group)
    found: List[Holder] = []
    for pid in sorted(protected.pids):
        paths = groups.get(pid, ())
        for path in (paths,) if isinstance(paths, str) else paths:
            # By whole names: batch2 is not below batch. A path outside the namespace (/../x) begins with no group.
            if _parts(path)[: len(top)] == top:
                found.append(Holder(pid, protected.pids[pid], path.strip("/")))
                break
    return tuple(found)


def _parts(path: str) -> List[str]:
    return [part for part in path.split("/") if part]


def squeezes(wanted: Optional[int], usage: Optional[int]) -> bool:
    """Whether a limit (None for max) is below the usage; no where there is none, for a group that is yet to be made."""
    return wanted is not None and usage is not None and wanted < usage


def refuse(action: str, group: str, held: Sequence[Holder], allow_lockout: bool = False, option: str = "") -> None:
    """Raise RefusedError when ``action`` on ``group`` would hit one of the holders.

    ``action``: move (``group`` is the destination), freeze, kill, pids.max, memory.max, devices; a limit only when it
    squeezes. ``allow_lockout`` permits all but moving, freezing and killing PID 1.
    """
    final = tuple(holder for holder in held if holder.pid == 1 and action in _VERBS)
    if not held or (allow_lockout and not final):
        return
    shown = final if allow_lockout else held
    words = "; ".join(holder.words() for holder in shown[:3])
    if len(shown) > 3:
        words += f"; and {len(shown) - 3} more"
    place = "the group " + group.strip("/") if group.strip("/") else "the root group"
    if action == "move":
        reason = f"would move into {place} {words}"
    elif action in _VERBS:
        reason = f"would {action} {place}, which holds {words}"
    else:
        reason = "would " + _EFFECTS.get(action, "set " + action + " of {}, which holds {}").format(place, words)
    raise RefusedError(
        reason,
        option=option,
        way_out="nothing permits that to PID 1: leave it out"
        if final
        else "the host could become unreachable; allow_lockout: true permits it",
    )
