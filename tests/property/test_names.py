# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of groups, lines of mountinfo and the hosts that mounts make: read and written back, refused, never a traceback."""

from __future__ import annotations

import re

from hypothesis import assume, example, given
from hypothesis import strategies as st

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import hierarchies, names
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError
from ansible_collections.linux.isolation.plugins.module_utils._kernel import mounts
from ansible_collections.linux.isolation.plugins.module_utils._kernel.mounts import Mount

# -- names of groups --------------------------------------------------------------------------------------------------

CONTROLLERS = (
    *("cpu", "cpuacct", "cpuset", "io", "memory", "pids", "hugetlb", "rdma", "misc", "dmem"),
    *("blkio", "devices", "freezer", "net_cls", "net_prio", "perf_event", "debug"),
)
V1_FILES = ("tasks", "notify_on_release", "release_agent")

awkward = st.sampled_from(
    [
        *(
            "",
            ".",
            "..",
            "...",
            "cgroup.procs",
            "cgroup",
            "xcgroup.",
            "cpu",
            "tasks",
            "task",
            "release_agent",
            "a.slice",
        ),
        *(name + "." for name in CONTROLLERS),
        *("\\x2d", "a\\x2db", "\\x2", "\\", "\\X2d", "\x7f", "\x00", "\n", "\x85", "\u2028", "ä", "€" * 85, "€" * 86),
        *("a" * 255, "a" * 256, "\ud800", " ", "a b", "memory", "memory_x", "perf_event", ".hidden"),
    ]
)
parts = st.one_of(
    awkward, st.text("abc.-_@\\x2é", max_size=6), st.text(max_size=6), st.builds("{}{}".format, awkward, awkward)
)
said = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "", "", "/"]),
    st.lists(parts, max_size=4).map("/".join),
    st.sampled_from(["", "", "/"]),
)


def allowed(part: str) -> bool:
    """The rule of names, part by part, as the documentation has it."""
    return (
        1 <= len(part.encode("utf-8", "surrogatepass")) <= 255
        and part not in (".", "..", *V1_FILES)
        and not any(ord(letter) < 32 or 127 <= ord(letter) < 160 or 0xD800 <= ord(letter) < 0xE000 for letter in part)
        and not part.startswith(tuple(controller + "." for controller in ("cgroup", *CONTROLLERS)))
        and all(re.match(r"x[0-9a-fA-F]{2}", rest) for rest in part.split("\\")[1:])
    )


@given(value=st.one_of(said, st.lists(st.just("a" * 200), min_size=19, max_size=22).map("/".join)))
@example("/")
@example("")
@example("a/" + "b" * 255 + "/")
def test_a_name_is_taken_by_the_rule_and_nothing_else(value: str) -> None:
    bare = value.removesuffix("/")
    good = value == "/" or (
        all(allowed(part) for part in bare.split("/")) and len(bare.encode("utf-8", "replace")) < 4096
    )
    try:
        name = names.parse("groups[0].name", value)
    except InputError as error:
        assert not good, value
        sentence = error.sentence()
        assert "\n" not in sentence
        assert "groups[0].name" in sentence
        return
    assert good, value
    assert name == bare
    assert names.parse("again", names.shown(name)) == name


@given(value=said)
def test_names_are_below_their_parents_and_nothing_else(value: str) -> None:
    try:
        name = names.parse("name", value)
    except InputError:
        assume(False)
    above = list(names.parents(name))
    split = name.split("/")
    assert above == ["/".join(split[:count]) for count in range(1, len(split))]
    assert names.parent(name) == (above[-1] if above else "")
    for other in (*above, name, "", name + "x", name + "/x", split[0] + "x"):
        whole = name.split("/") if name else []
        assert names.below(name, other) == (whole[: len(other.split("/"))] == other.split("/") if other else True)


# -- mountinfo --------------------------------------------------------------------------------------------------------


def shown(path: str) -> str:
    """A path as the kernel writes it."""
    return "".join(f"\\{ord(letter):03o}" if letter in " \t\n\\#" else letter for letter in path)


def line(mount: Mount, optional: str) -> str:
    fields = ["31", "23", mount.device, shown(mount.root), shown(mount.point), ",".join(mount.options)]
    return " ".join([*fields, *optional.split(), "-", mount.kind, "none", ",".join(mount.super_options)])


paths = st.builds("/{}".format, st.text(st.characters(exclude_characters="\x00", codec="utf-8"), max_size=12))
words = st.lists(
    st.sampled_from(
        ["rw", "ro", "relatime", "cpu", "memory", "blkio", "name=systemd", "noprefix", "nsdelegate", "name="]
    ),
    min_size=1,
    max_size=4,
    unique=True,
).map(tuple)
mount_points = st.one_of(
    paths, st.sampled_from(["/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/systemd"])
)
mounted = st.builds(
    Mount,
    st.builds("{}:{}".format, st.integers(0, 255), st.integers(0, 2**20)),
    st.one_of(paths, st.sampled_from(["/", "/..", "/../x", "/user.slice"])),
    mount_points,
    words,
    st.sampled_from(["cgroup", "cgroup2", "tmpfs", "ext4"]),
    words,
)


@given(
    found=st.lists(st.tuples(mounted, st.sampled_from(["", "shared:9", "shared:9 master:1", "unbindable"])), max_size=5)
)
def test_mounts_are_read_as_they_were_written(found: list[tuple[Mount, str]]) -> None:
    text = "".join(line(mount, optional) + "\n" for mount, optional in found)
    assert mounts.parse(text) == [mount for mount, _ in found]


@given(text=st.one_of(st.text(), st.text(" -\\,:/0179\nabc", max_size=60)))
def test_any_text_is_mounts_or_none(text: str) -> None:
    for mount in mounts.parse(text):
        assert mount.device
        assert mount.kind


magics = st.sampled_from([None, mounts.CGROUP_V1, mounts.CGROUP_V2, mounts.TMPFS, mounts.SYSFS, 0xEF53])
available = st.lists(st.sampled_from(["cpu", "memory", "io", "pids", "", "later"]), unique=True).map(tuple)
candidates = st.builds(hierarchies.Candidate, mounted, available)


@given(magic=magics, found=st.lists(candidates, max_size=6))
def test_any_mounts_make_a_host(magic: int | None, found: list[hierarchies.Candidate]) -> None:
    host = hierarchies.describe(magic, found)
    assert host.mode in ("legacy", "hybrid", "unified", "none", "unknown")
    assert host.reasons
    points = {candidate.mount.point for candidate in found}
    assert {hierarchy.point for hierarchy in host.hierarchies} <= points
    assert bool(host.hierarchies) == bool(found)
    for controller, index in host.where.items():
        assert controller in host.hierarchies[index].controllers
    assert set(host.where) == {name for hierarchy in host.hierarchies for name in hierarchy.controllers}
    versions = [hierarchy.version for hierarchy in host.hierarchies]
    assert (host.unified is not None) == (2 in versions)
    assert host.unified is None or versions[host.unified] == 2
    # Written to only where the kernel would let it, and never out of the part of the hierarchy that is shown.
    for hierarchy in host.hierarchies:
        if hierarchy.writable:
            assert not hierarchy.root.startswith("/..")
            assert any(one.mount.point == hierarchy.point and "rw" in one.mount.options for one in found)
