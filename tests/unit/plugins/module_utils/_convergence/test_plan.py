# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes as actions and as Ansible's diff."""

from __future__ import annotations

from ansible_collections.linux.isolation.plugins.module_utils._convergence.plan import Change, Plan, cut, diff


def write(target: str, file: str, before: object, after: object) -> Change:
    return Change("write", target, f"/sys/fs/cgroup/{target}/{file}", before, after, ("write", 0, target))


def test_an_action_is_what_a_person_may_see() -> None:
    assert write("batch", "pids.max", "max", "5").as_action() == {
        "action": "write",
        "target": "batch",
        "path": "/sys/fs/cgroup/batch/pids.max",
        "before": "max",
        "after": "5",
    }


def test_a_diff_has_one_entry_a_target_and_only_what_differs() -> None:
    changes = [
        Change("create", "batch", "/sys/fs/cgroup/batch", None, "group"),
        write("other", "pids.max", "max", "7"),
        write("batch", "pids.max", None, "5"),
    ]
    assert diff(changes) == [
        {
            "before_header": "batch",
            "after_header": "batch",
            "before": "",
            "after": "/sys/fs/cgroup/batch: group\n/sys/fs/cgroup/batch/pids.max: 5\n",
        },
        {
            "before_header": "other",
            "after_header": "other",
            "before": "/sys/fs/cgroup/other/pids.max: max\n",
            "after": "/sys/fs/cgroup/other/pids.max: 7\n",
        },
    ]


def test_a_value_that_was_empty_is_not_one_that_was_missing() -> None:
    (found,) = diff([write("batch", "cpuset.cpus", "", "0-1")])
    assert found["before"] == "/sys/fs/cgroup/batch/cpuset.cpus: \n"


def test_a_path_that_is_written_twice_is_one_line() -> None:
    (found,) = diff([write("batch", "cpuset.cpus", "0-1", "0-3"), write("batch", "cpuset.cpus", "0-3", "2-3")])
    assert found["before"] == "/sys/fs/cgroup/batch/cpuset.cpus: 0-1\n"
    assert found["after"] == "/sys/fs/cgroup/batch/cpuset.cpus: 2-3\n"


def test_each_move_is_a_line_of_its_own() -> None:
    path = "/sys/fs/cgroup/batch/cgroup.procs"
    moves = [Change("move", "batch", path, f"{pid} in /", str(pid), ("move",), True) for pid in (7, 8)]
    (found,) = diff(moves)
    assert found["before"] == f"{path}: 7 in /\n{path}: 8 in /\n"
    assert found["after"] == f"{path}: 7\n{path}: 8\n"


def test_what_is_removed_is_there_before_alone() -> None:
    (found,) = diff([Change("remove", "batch", "/sys/fs/cgroup/batch", "group", None)])
    assert (found["before"], found["after"]) == ("/sys/fs/cgroup/batch: group\n", "")


def test_a_name_may_look_like_the_mark_of_a_move() -> None:
    change = Change("move", "a #1", "/sys/fs/cgroup/a #1/cgroup.procs", "7 in /", "7", ("move",), True)
    (found,) = diff([change, write("a #1", "pids.max", "max", "5")])
    assert found["before"] == "/sys/fs/cgroup/a #1/cgroup.procs: 7 in /\n/sys/fs/cgroup/a #1/pids.max: max\n"


def test_cut_keeps_the_first() -> None:
    changes = [write("batch", f"file{number}", 0, number) for number in range(5)]
    assert [action["path"] for action in cut(changes, 2)] == [change.path for change in changes[:2]]
    assert len(cut(changes, None)) == 5
    assert cut(changes, 0) == []


def test_a_plan_is_empty_unless_said_otherwise() -> None:
    assert Plan() == Plan((), ())
