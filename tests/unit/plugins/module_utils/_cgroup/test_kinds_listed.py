# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that list everything of a kind: what is not declared stays, each is said once, and what the host lacks is refused."""

from __future__ import annotations

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files import dmem, misc, net_prio, rdma
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import MAX, Facts
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.kinds_listed import Listed
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import (
    InputError,
    IsolationError,
    UnsupportedError,
)

HAVE = {"rdma": ("mlx4_0", "rxe0"), "misc": (), "dmem": ("vram0",), "net_prio": tuple(f"eth{n}" for n in range(30))}
FACTS = Facts(4096, 2**30, 8, str, HAVE.__getitem__)
UNSEEN = Facts(4096, 2**30, 8, str)
RDMA, MISC, DMEM, PRIORITIES = (family.FAMILY.files[-1].kind for family in (rdma, misc, dmem, net_prio))


def test_spellings_of_one_meaning() -> None:
    wanted = {("mlx4_0", "hca_handle"): 2, ("mlx4_0", "hca_object"): MAX, ("rxe0", "hca_handle"): 3}
    for said in (
        {"mlx4_0": {"hca_handle": 2, "hca_object": "max"}, "rxe0": {"hca_handle": "3"}},
        {"mlx4_0": "hca_handle=2 hca_object=max", "rxe0": "hca_handle=3"},
        "mlx4_0 hca_handle=2 hca_object=max, rxe0 hca_handle=3",
        "mlx4_0  hca_handle=2 hca_object=max \n rxe0 hca_handle=3\n",
    ):
        assert RDMA.parse("x", said, FACTS) == wanted
    assert RDMA.parse("x", RDMA.show(wanted), FACTS) == wanted


def test_each_is_everything_that_the_host_has() -> None:
    each = dict.fromkeys([(device, key) for device in HAVE["rdma"] for key in ("hca_handle", "hca_object")], MAX)
    assert RDMA.parse("x", "max", FACTS) == RDMA.parse("x", {"*": "max"}, FACTS) == each
    assert RDMA.parse("x", {"rxe0": {"hca_handle": 1}, "*": {"hca_handle": 7}}, FACTS) == {
        ("mlx4_0", "hca_handle"): 7,
        ("rxe0", "hca_handle"): 1,
    }
    assert MISC.parse("x", "max", FACTS) == {}


def test_where_nobody_has_looked_every_name_is_taken() -> None:
    assert MISC.parse("x", {"sev": 5}, UNSEEN) == {("sev", ""): 5}
    assert MISC.parse("x", "max", UNSEEN) == {("*", ""): MAX}
    assert MISC.parse("x", MISC.show({("*", ""): MAX}), UNSEEN) == {("*", ""): MAX}


@pytest.mark.parametrize(
    ("kind", "said", "sentence"),
    [
        (RDMA, {"mlx5_0": {"hca_handle": 1}}, "x: 'mlx5_0' is no RDMA device of this host; there is mlx4_0, rxe0."),
        (MISC, {"sev": 1}, "x: 'sev' is no resource of this host; there is none."),
        (DMEM, {"vram1": 1}, "x: 'vram1' is no region of this host; there is vram0."),
        (
            PRIORITIES,
            {"lo": 1},
            "x: 'lo' is no network interface of this host; there is {} and 10 more.".format(
                ", ".join(f"eth{n}" for n in range(20))
            ),
        ),
    ],
)
def test_what_the_host_lacks(kind: Listed, said: object, sentence: str) -> None:
    with pytest.raises(UnsupportedError) as caught:
        kind.parse("x", said, FACTS)
    assert caught.value.sentence() == sentence


@pytest.mark.parametrize(
    ("kind", "said", "reason"),
    [
        (RDMA, {}, "names no RDMA device"),
        (RDMA, [], "names no RDMA device"),
        (RDMA, 5, "names no RDMA device"),
        (RDMA, "", "names no RDMA device"),
        (RDMA, "rxe0", "is not a line for each RDMA device"),
        (RDMA, "rxe0 hca_handle=1, rxe0 hca_handle=2", "is not a line for each RDMA device"),
        (RDMA, "rxe0 hca_handle=1 hca_handle=2", "is not key=number, each once"),
        (RDMA, {"rxe0": "hca_handle"}, "is not key=number, each once"),
        (RDMA, {"rxe0": {}}, "is not key: number"),
        (RDMA, {"rxe0": 5}, "is not key: number"),
        (RDMA, {"rxe0": {"memory": 5}}, "is nothing that is counted there"),
        (RDMA, {"rxe0": {"hca_handle": 2**31 - 1}}, "is out of range"),
        (RDMA, {"rxe0": {"hca_handle": "1K"}}, "is not a whole number"),
        (RDMA, {5: {"hca_handle": 1}}, "is no RDMA device's name"),
        (RDMA, {"a b": {"hca_handle": 1}}, "is no RDMA device's name"),
        (RDMA, {"": {"hca_handle": 1}}, "is no RDMA device's name"),
        (RDMA, {"rxe0,": {"hca_handle": 1}}, "is no RDMA device's name"),
        (PRIORITIES, "max", "is not a line for each network interface"),
        (PRIORITIES, {"eth0": "max"}, "is not a number"),
        (PRIORITIES, {"eth0": -1}, "is out of range"),
        (PRIORITIES, {"eth0": 2**32}, "is out of range"),
        (PRIORITIES, {"eth0": "010"}, "begins with a zero"),
        (DMEM, {"vram0": "1X"}, "is not a size in bytes"),
    ],
)
def test_what_cannot_be_meant(kind: Listed, said: object, reason: str) -> None:
    with pytest.raises(InputError) as caught:
        kind.parse("x", said, FACTS)
    assert caught.value.reason.startswith(reason)
    assert caught.value.way_out


def test_a_region_is_counted_in_bytes_that_no_page_cuts() -> None:
    assert DMEM.parse("x", {"vram0": "1.5M"}, FACTS) == {("vram0", ""): 1572864}
    assert DMEM.parse("x", {"vram0": 1001}, FACTS) == {("vram0", ""): 1001}
    assert DMEM.show({("vram0", ""): 2**30, ("vram1", ""): MAX}) == "vram0 1G, vram1 max"
    assert DMEM.writes(None, {("vram0", ""): 2**30, ("vram1", ""): MAX}) == ("vram0 1073741824", "vram1 max")


def test_only_what_differs_is_written_and_the_rest_stays() -> None:
    observed = RDMA.read("mlx4_0 hca_handle=2 hca_object=2000 \nrxe0 hca_handle=3 hca_object=max \n")
    wanted = RDMA.parse("x", {"mlx4_0": {"hca_handle": 5, "hca_object": 2000}, "rxe0": {"hca_object": "max"}}, FACTS)
    assert not RDMA.holds(observed, wanted)
    assert RDMA.writes(observed, wanted) == ("mlx4_0 hca_handle=5",)
    after = RDMA.predicted(observed, wanted)
    assert RDMA.holds(after, wanted)
    assert after["rxe0", "hca_handle"] == 3
    assert RDMA.writes(after, wanted) == ()
    assert RDMA.text(wanted) is None


def test_what_is_not_there_any_more_does_not_hold() -> None:
    assert not MISC.holds(MISC.read(""), {("sev", ""): MAX})


def test_directions() -> None:
    observed = MISC.read("sev 5\nsev_es 5")
    assert MISC.direction(observed, {("sev", ""): 6}) == "rise"
    assert MISC.direction(observed, {("sev", ""): 4}) == "fall"
    assert MISC.direction(observed, {("sev", ""): 4, ("sev_es", ""): MAX}) == "both"
    assert MISC.direction({}, {("sev", ""): 4}) == "rise"
    assert MISC.direction({("*", ""): MAX}, {("sev", ""): 4}) == "fall"


def test_two_declarations_are_joined_where_they_agree() -> None:
    assert MISC.join({("a", ""): 1}, {("b", ""): 2, ("a", ""): 1}) == {("a", ""): 1, ("b", ""): 2}
    assert MISC.join({("a", ""): 1}, {("a", ""): 2}) is None


@pytest.mark.parametrize("text", ["sev", "sev x", "sev 5\nsev_es"])
def test_a_text_that_no_kernel_shows(text: str) -> None:
    with pytest.raises(IsolationError):
        MISC.read(text)
