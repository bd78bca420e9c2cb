# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel counts for a group: usage, statistics, events and pressure, as numbers; and v1's by v2's names."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, Tuple

Values = Dict[str, object]

# Of which parts of the answer a file is one, by what its name ends with. A kernel of tomorrow has more files than one of
# today, and calls them alike.
_ENDINGS: Mapping[str, Tuple[str, ...]] = {
    ".current": ("usage",),
    ".peak": ("usage",),
    ".usage_in_bytes": ("usage",),
    ".max_usage_in_bytes": ("usage",),
    ".stat": ("stat",),
    ".stat.local": ("stat",),
    ".numa_stat": ("stat",),
    ".events": ("events",),
    ".events.local": ("events",),
    ".failcnt": ("events",),
    ".pressure": ("pressure",),
}
_ENDING = re.compile(r".*?(" + "|".join(re.escape(ending) for ending in _ENDINGS) + r")\Z")
_NAMED: Mapping[str, Tuple[str, ...]] = {
    # Time on the CPU and traffic are used up: they are usage as much as statistics.
    "cpu.stat": ("stat", "usage"),
    "io.stat": ("stat", "usage"),
    "cpuacct.usage": ("stat", "usage"),
    "cpuacct.usage_sys": ("stat",),
    "cpuacct.usage_user": ("stat",),
    "blkio.throttle.io_service_bytes_recursive": ("stat", "usage"),
    "blkio.throttle.io_serviced_recursive": ("stat", "usage"),
    "memory.oom_control": ("events",),
    "misc.capacity": ("stat",),
    "dmem.capacity": ("stat",),
    "cgroup.events": ("events", "state"),
    "cgroup.pressure": (),  # a switch, and in the table
}
# What v1's block I/O counts, for each policy and scheduler.
_BLKIO = re.compile(
    r"blkio\..*(io_service_bytes|io_serviced|io_service_time|io_wait_time|io_merged|io_queued|time|sectors)(_recursive)?\Z"
)
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,9})?\Z")


def parts_of(file: str) -> Tuple[str, ...]:
    """The parts of the answer that a file belongs to; none for all that counts nothing."""
    named = _NAMED.get(file)
    if named is not None:
        return named
    # Obsolete on today's kernels: kernel memory is counted in with the rest.
    if file.startswith("memory.kmem."):
        return ()
    found = _ENDING.match(file)
    if found:
        return _ENDINGS[found.group(1)]
    return ("stat",) if _BLKIO.match(file) else ()


def _number(text: str) -> object:
    """An int, a float, the kernel's word max, or None for what is none of these."""
    if text.isdigit() and text.isascii():
        return int(text)
    found = _NUMBER.match(text)
    if not found:
        return "max" if text == "max" else None
    return float(text) if found.group(1) else int(text)


def figures(text: str) -> object:
    """A number where the file is one, else a dictionary of what its lines say.

    ``usage_usec 5`` is a number for its key; ``8:0 rbytes=5 rios=1`` and ``8:0 Read 5`` are dictionaries for theirs, as is
    ``anon=5 N0=5``, where the sum goes by the key and stands as ``total`` beside its parts. Words that are no numbers are
    left out.
    """
    whole = _number(text)
    if whole is not None:
        return whole
    found: Dict[str, Any] = {}
    for line in text.split("\n"):
        words = line.split()
        if not words:
            continue
        key, equals, total = words[0].partition("=")
        rest = [f"total={total}"] * bool(equals) + words[1:]
        if len(rest) == 1 and "=" not in rest[0]:
            single = _number(rest[0])
            if single is not None:
                found[key] = single
            continue
        inner = _pairs(rest)
        if inner or not rest:
            found[key] = {**found[key], **inner} if isinstance(found.get(key), dict) else inner
    return found


def _pairs(words: List[str]) -> Values:
    pairs = [word.partition("=")[::2] for word in words]
    if len(words) == 2 and "=" not in words[0] + words[1] and not words[0].isdigit():
        pairs = [(words[0], words[1])]
    numbers = ((key, _number(text)) for key, text in pairs)
    return {key: number for key, number in numbers if number is not None}


# v1 file -> v2 file that counts the same in the same unit.
_SAME_USAGE = {
    "memory.usage_in_bytes": "memory.current",
    "memory.max_usage_in_bytes": "memory.peak",
    "pids.current": "pids.current",
    "pids.peak": "pids.peak",
    "rdma.current": "rdma.current",
    "misc.current": "misc.current",
    "misc.peak": "misc.peak",
}
_HUGETLB = re.compile(r"(hugetlb\.[^.]+(?:\.rsvd)?)\.usage_in_bytes\Z")
# v1 file -> v2 file, and v1's keys -> v2's with what to divide by: nanoseconds there, microseconds here.
_SAME_KEYS: Mapping[str, Tuple[str, Mapping[str, Tuple[str, int]]]] = {
    "cpu.stat": (
        "cpu.stat",
        {
            "nr_periods": ("nr_periods", 1),
            "nr_throttled": ("nr_throttled", 1),
            "throttled_time": ("throttled_usec", 1000),
            "nr_bursts": ("nr_bursts", 1),
            "burst_time": ("burst_usec", 1000),
        },
    ),
    "cpu.stat.local": ("cpu.stat.local", {"throttled_time": ("throttled_usec", 1000)}),
    # Those that count the group and all below it, as v2's do.
    "memory.stat": (
        "memory.stat",
        {
            "total_cache": ("file", 1),
            "total_rss": ("anon", 1),
            "total_rss_huge": ("anon_thp", 1),
            "total_shmem": ("shmem", 1),
            "total_mapped_file": ("file_mapped", 1),
            "total_dirty": ("file_dirty", 1),
            "total_writeback": ("file_writeback", 1),
            "total_swapcached": ("swapcached", 1),
            "total_workingset_refault_anon": ("workingset_refault_anon", 1),
            "total_workingset_refault_file": ("workingset_refault_file", 1),
            "total_pgfault": ("pgfault", 1),
            "total_pgmajfault": ("pgmajfault", 1),
            "total_inactive_anon": ("inactive_anon", 1),
            "total_active_anon": ("active_anon", 1),
            "total_inactive_file": ("inactive_file", 1),
            "total_active_file": ("active_file", 1),
            "total_unevictable": ("unevictable", 1),
        },
    ),
    # v1 counts a group's own kills alone.
    "memory.oom_control": ("memory.events.local", {"oom_kill": ("oom_kill", 1)}),
}
_IO_STAT = (
    ("blkio.throttle.io_service_bytes_recursive", {"Read": "rbytes", "Write": "wbytes", "Discard": "dbytes"}),
    ("blkio.throttle.io_serviced_recursive", {"Read": "rios", "Write": "wios", "Discard": "dios"}),
)


def as_v2(counted: Mapping[str, Any], version: int) -> Values:
    """The figures of one version's files by v2's names and in v2's units, where these count the same."""
    if version == 2:
        return dict(counted)
    found: Dict[str, Any] = {}
    for file, figure in counted.items():
        hugetlb = _HUGETLB.match(file)
        if hugetlb:
            found[hugetlb.group(1) + ".current"] = figure
        elif file in _SAME_USAGE:
            found[_SAME_USAGE[file]] = figure
        elif file in _SAME_KEYS:
            there, keys = _SAME_KEYS[file]
            same = {keys[key][0]: number // keys[key][1] for key, number in figure.items() if key in keys}
            if same:
                # cpu and cpuacct, which are mounted together at times, are one file of v2.
                found[there] = {**found.get(there, {}), **same}
        elif file == "cpuacct.usage":
            found["cpu.stat"] = {**found.get("cpu.stat", {}), "usage_usec": figure // 1000}
    if any(file in counted for file, _keys in _IO_STAT):
        found["io.stat"] = _io_stat(counted)
    return found


def _io_stat(counted: Mapping[str, Any]) -> Dict[str, Dict[str, int]]:
    devices: Dict[str, Dict[str, int]] = {}
    for file, keys in _IO_STAT:
        for device, counts in counted.get(file, {}).items():
            # Beside the devices stands the sum of them.
            if isinstance(counts, dict):
                devices.setdefault(device, {}).update({keys[key]: n for key, n in counts.items() if key in keys})
    return devices
