# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A row of the table of interface files, what is asked of its kind of value, and what a controller brings."""

from __future__ import annotations

from typing import Any, Callable, Iterable, Mapping, NamedTuple

from ..._convergence.errors import UnsupportedError

Value = Any  # the canonical form of a kind: an int, a bool, a str, a tuple or a dict that nobody changes
MAX = 2**63 - 1  # the canonical "no limit"


class _Inherit:
    """The default of a file that a new group takes from its parent."""

    def __repr__(self) -> str:
        return "INHERIT"


INHERIT = _Inherit()


class Facts(NamedTuple):
    """What values depend on, handed in by the caller."""

    page_size: int  # bytes
    memory_total: int  # bytes
    cpus: int  # online, 0 where that is not known
    device: Callable[[str], str]  # "/dev/sda" -> "8:0", a whole disk; raises InputError
    # What this host has that a controller counts by: hugetlb's sizes of pages, rdma's devices. None: nobody has looked.
    has: Callable[[str], tuple[str, ...]] | None = None


class Choices(NamedTuple):
    """What the user chose where a limit of one version can mean several things in the other."""

    cpu_weight_formula: str = "quadratic"  # or linear, proportional: between cpu.shares and cpu.weight
    memory_soft_limit: str = ""  # low or high: what memory.soft_limit_in_bytes is on v2; '' is not said


USUAL = Choices()


class Kind:
    """One type of value. Instances are shared and hold no state; texts are without the trailing newline."""

    def parse(self, option: str, value: object, facts: Facts) -> Value:
        """What a person wrote, canonical and rounded as the kernel rounds; InputError names ``option``."""
        raise NotImplementedError

    def read(self, text: str) -> Value:
        """What the kernel shows, canonical; UnsupportedError for what no known kernel shows."""
        raise NotImplementedError

    def text(self, wanted: Value) -> str | None:
        """Exactly what the kernel shows when ``wanted`` holds; None where that depends on what else is set."""
        return str(wanted)

    def writes(self, observed: Value | None, wanted: Value) -> tuple[str, ...]:
        """One text a write(2), only what differs; ``observed`` None is a group that does not exist yet."""
        if observed is not None and self.holds(observed, wanted):
            return ()
        return (self.written(wanted),)

    def written(self, wanted: Value) -> str:
        """The one text that sets ``wanted``."""
        return self.text(wanted) or ""

    def holds(self, observed: Value, wanted: Value) -> bool:
        """Whether nothing is left to write."""
        return bool(observed == wanted)

    def direction(self, observed: Value, wanted: Value) -> str:
        """``rise`` (the group is to get more), ``fall``, or ``both`` where it cannot be said."""
        return "rise" if wanted >= observed else "fall"

    def late(self, observed: Value | None, wanted: Value) -> bool:
        """Whether it is written when all lists and limits of all groups are as wanted: what the kernel checks against them."""
        return False

    def union(self, one: Value, other: Value) -> Value | None:
        """What a change in the direction ``both`` passes through; None where it goes straight."""
        return None

    def show(self, value: Value) -> str:
        """For people; ``parse`` takes it back."""
        return str(value)

    def predicted(self, observed: Value | None, wanted: Value) -> Value:
        """What reads back after the writes."""
        return wanted

    def note(self, declared: object, wanted: Value) -> str:
        """A warning about what ``parse`` had to change, or nothing."""
        return ""

    def join(self, one: Value, other: Value) -> Value | None:
        """Both of two declarations as one, None where they contradict each other."""
        return one if one == other else None


class InterfaceFile(NamedTuple):
    """One writable file. ``default`` is in the user's spelling, INHERIT, or None (cannot be put back)."""

    name: str
    version: int
    controller: str  # '' for the core files; v1's blkio is 'io'
    kind: Kind
    default: object | None
    rise: int = 0  # order among the files of one group when the value rises, lower first
    fall: int = 0
    since: str = ""  # the first kernel with it
    tried: str = "documented"  # or real (v1 here), guest (v2)
    pair: str = ""  # the file it is tied to: on EINVAL that one goes first
    root: bool = False  # is in the root group too
    elsewhere: str = ""  # what to do on a host of the other version where nothing corresponds
    always: bool = False  # is the controller itself: no kernel has the one without the other
    # How far the groups above bind this one, which is what "effective" means for the file: "own" (they do not), "least"
    # (the least of the group and all above it), "ratio" (cpu.max: the least share of a CPU), "device" (the least for each
    # device and key), "kernel" (it shows that itself, in *.effective), "shared" (a protection: siblings share what the
    # parent has, so there is no figure to work out).
    effective: str = "own"
    divided: bool = False  # all groups right below one divide what it has: who gets less goes before who gets more
    config: str = ""  # the option that a kernel is built with to have it, where most are built without
    only_root: bool = False  # is in the root group alone, and set for all of the host
    forgets: str = ""  # the file of the same group whose figures are gone when this one is written

    def needs(self) -> str:
        """What a kernel without the file may lack, for a way out."""
        return f"it came with Linux {self.since} and " + (
            f"needs {self.config}" if self.config else "may need a configuration option"
        )


class Said(NamedTuple):
    """One declared limit, parsed in its own dialect. ``reset``: it was declared as ``default``."""

    row: InterfaceFile
    value: Value
    reset: bool = False


class Turn(NamedTuple):
    """What a limit of the other version becomes: a file of this version, its value in the user's spelling."""

    name: str
    value: object
    declared: str
    warning: str = ""
    needs: tuple[str, ...] = ()
    resolve: Callable[[Mapping[str, str]], Value] | None = None


class Want(NamedTuple):
    """One file of this host and what it is to hold.

    With ``needs`` the value is None until ``resolve`` gets the texts that the needed files of the same group hold;
    one that is missing there counts as the default.
    ``reset``: ``default`` was declared; where the file's default is INHERIT the value is None: take the parent's.
    """

    file: InterfaceFile
    value: Value
    declared: str
    text: str | None
    needs: tuple[str, ...]
    resolve: Callable[[Mapping[str, str]], Value] | None
    reset: bool


class Family(NamedTuple):
    """What a controller brings: its files of both versions, the way between them, and what contradicts itself.

    ``translate(said, version, at, choices)`` gives the Turns of all that is foreign to ``version`` and can be said in it;
    ``check(wants, at)`` raises InputError. ``at(name)`` is the option that a limit stands under, for errors.
    ``named(name)``: where the names in ``files`` are patterns (hugetlb.SIZE.max), the row of one file; None for no file.
    """

    files: tuple[InterfaceFile, ...]
    translate: Callable[[Mapping[str, Said], int, Callable[[str], str], Choices], Iterable[Turn]] | None = None
    check: Callable[[Mapping[str, Want], Callable[[str], str]], None] | None = None
    named: Callable[[str], InterfaceFile | None] | None = None


def unreadable(text: str) -> UnsupportedError:
    """For ``read``: a text that no kernel known here shows."""
    shown = text if len(text) < 80 else text[:77] + "..."
    return UnsupportedError("is what the kernel shows, and no form known here", value=shown)
