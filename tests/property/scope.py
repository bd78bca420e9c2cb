# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task may touch: a rule for each call that is there to change something, told from its options alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.linux.isolation.tests.model.machine import Call

_CPUSET = ("cpuset.cpus", "cpuset.mems", "cpus", "mems")
_ENDING = ("cgroup.kill", "freezer.state", "cgroup.freeze")


def trespasses(options: Mapping[str, Any], calls: Sequence[Call]) -> list[str]:
    """The calls that no option of the task asks for."""
    return [str(call) for call in calls if call.verb != "journal" and not _Task(options).permits(call, calls)]


class _Task:
    def __init__(self, options: Mapping[str, Any]) -> None:
        items = [{**item, "name": str(item["name"]).strip("/")} for item in options["groups"]]
        self.present = {item["name"]: item for item in items if item.get("state") != "absent"}
        self.absent = [item for item in items if item.get("state") == "absent"]
        self.purge = options.get("purge_below")
        self.above = {above for name in self.present for above in _above(name)}

    def permits(self, call: Call, calls: Sequence[Call]) -> bool:
        if call.verb == "kill":
            return any(item.get("on_processes") == "kill" for item in self.absent)
        if call.point.endswith("systemd"):
            # A named hierarchy is its owner's.
            return False
        if call.verb == "mkdir":
            return call.path in self.present or call.path in self.above
        if call.verb == "rmdir":
            return self.removes(call, calls)
        group, _, file = call.path.rpartition("/")
        if call.verb == "chown":
            return any(bool(self.present.get(name, {}).get("delegate")) for name in (call.path, group))
        return self.writes(group, file, call.text)

    def removes(self, call: Call, calls: Sequence[Call]) -> bool:
        own = self.present.get(call.path, {})
        return (
            any(_below(call.path, item["name"]) for item in self.absent)
            or (self.purge is not None and _below(call.path, self.purge) and call.path != self.purge)
            or bool(own.get("controllers_absent"))
            or own.get("type") == "domain"
            or any(made.verb == "mkdir" and made.point == call.point and made.path == call.path for made in calls)
        )

    def writes(self, group: str, file: str, text: str) -> bool:
        if group in self.present and group:
            return True
        if file == "cgroup.subtree_control":
            return group in self.above or group in self.present
        if file in _CPUSET:
            return group in self.above
        if file == "cgroup.procs":
            to = [
                item["on_processes"].get("move_to", "").strip("/")
                for item in self.absent
                if isinstance(item.get("on_processes"), dict)
            ]
            return group in to or bool(self.present.get(group, {}).get("processes"))
        return file in _ENDING and any(_below(group, item["name"]) for item in self.absent)


def _above(name: str) -> Iterator[str]:
    """All groups above one, the root among them."""
    while name:
        name = name.rpartition("/")[0]
        yield name


def _below(name: str, above: str) -> bool:
    return name == above or name.startswith(above + "/")
