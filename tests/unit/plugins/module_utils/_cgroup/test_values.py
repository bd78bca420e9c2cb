# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers, sizes and switches: what people write, what the kernel shows, what is refused and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._cgroup import values
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.cpuset import Ranges
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.interface_files.entry import MAX, Facts, Kind
from ansible_collections.linux.isolation.plugins.module_utils._cgroup.kinds_cpu import Bandwidth
from ansible_collections.linux.isolation.plugins.module_utils._convergence.errors import InputError, UnsupportedError

G = 1024**3
NO_LIMIT = 9223372036854771712  # what v1 shows on pages of 4 KiB
FACTS = Facts(4096, 16 * G, 8, lambda path: "8:0")
BYTES, LEGACY, COUNT = values.Bytes(), values.Bytes(legacy=True), values.Number(0, 4194304, "max")
SWITCH, CPUS, LIST = values.Switch(), Bandwidth(), Ranges()


@pytest.mark.parametrize(
    ("kind", "said", "canonical", "text"),
    [
        (BYTES, "512M", 512 * 1024**2, "536870912"),
        (BYTES, "512m", 512 * 1024**2, "536870912"),
        (BYTES, " 1.5GiB ", 3 * G // 2, "1610612736"),
        (BYTES, "1.5 GB", 3 * G // 2, "1610612736"),
        (BYTES, "1Ki", 0, None),
        (BYTES, "8KB", 8192, "8192"),
        (BYTES, 8192, 8192, "8192"),
        (BYTES, "8192", 8192, "8192"),
        (BYTES, 8192.0, 8192, "8192"),
        (BYTES, 8191, 4096, "4096"),
        (BYTES, "4.3K", 4096, "4096"),
        (BYTES, "50%", 8 * G, "8589934592"),
        (BYTES, "0.5%", 16 * G // 200 // 4096 * 4096, "85897216"),
        (BYTES, 0, 0, "0"),
        (BYTES, "max", MAX, "max"),
        (BYTES, "MAX", MAX, "max"),
        (BYTES, "9223372036854771712", MAX, "max"),
        (BYTES, "8E", MAX, "max"),
        (LEGACY, "max", NO_LIMIT, "9223372036854771712"),
        (LEGACY, -1, NO_LIMIT, "9223372036854771712"),
        (LEGACY, "-1", NO_LIMIT, "9223372036854771712"),
        (LEGACY, "1G", G, "1073741824"),
        (COUNT, 100, 100, "100"),
        (COUNT, "100", 100, "100"),
        (COUNT, 100.0, 100, "100"),
        (COUNT, "max", MAX, "max"),
        (COUNT, 0, 0, "0"),
        (SWITCH, True, True, "1"),
        (SWITCH, "yes", True, "1"),
        (SWITCH, "On", True, "1"),
        (SWITCH, 1, True, "1"),
        (SWITCH, 1.0, True, "1"),
        (SWITCH, "0", False, "0"),
        (SWITCH, "False", False, "0"),
        (CPUS, 1.5, (150000, 100000), "150000 100000"),
        (CPUS, "1.5", (150000, 100000), "150000 100000"),
        (CPUS, "150%", (150000, 100000), "150000 100000"),
        (CPUS, "1600%", (1600000, 100000), "1600000 100000"),
        (CPUS, 8, (800000, 100000), "800000 100000"),
        (CPUS, 0.1, (10000, 100000), "10000 100000"),
        (CPUS, "50000 100000", (50000, 100000), "50000 100000"),
        (CPUS, "50000  20000", (50000, 20000), "50000 20000"),
        (CPUS, [50000, "100000"], (50000, 100000), "50000 100000"),
        (CPUS, "max", (MAX, 100000), "max 100000"),
        (CPUS, "max 50000", (MAX, 50000), "max 50000"),
        (CPUS, ["max", 50000], (MAX, 50000), "max 50000"),
        (CPUS, 0.01, (1000, 100000), "1000 100000"),
        (CPUS, 0.005, (1000, 200000), "1000 200000"),
        (CPUS, "0.3%", (1000, 333333), "1000 333333"),
        (CPUS, "500 100000", (1000, 200000), "1000 200000"),
        (CPUS, "0.001", (1000, 1000000), "1000 1000000"),
        (LIST, "0-2,4", "0-2,4", "0-2,4"),
        (LIST, [0, 1, 2], "0-2", "0-2"),
        (LIST, 0, "0", "0"),
        (LIST, "3,1,2 , 0", "0-3", "0-3"),
        (LIST, ["0-3", 2, "7"], "0-3,7", "0-3,7"),
        (LIST, "0-1,5-9,2-4", "0-9", "0-9"),
        (LIST, "00-03", "0-3", "0-3"),
        (LIST, "", "", ""),
        (LIST, [], "", ""),
        (LIST, "8191", "8191", "8191"),
    ],
)
def test_what_people_write(kind: Kind, said: object, canonical: Any, text: str | None) -> None:
    if text is None:
        with pytest.raises(InputError, match="less than one page"):
            kind.parse("limits['x']", said, FACTS)
        return
    assert kind.parse("limits['x']", said, FACTS) == canonical
    assert kind.text(canonical) == text
    assert kind.holds(kind.read(text + "\n"), canonical)
    assert kind.writes(kind.read(text), canonical) == ()


@pytest.mark.parametrize(
    ("kind", "said", "sentence"),
    [
        (BYTES, "5x", "x: '5x' is not a size in bytes; write it like 512M, 1.5GiB, 50% or max."),
        (BYTES, "1.5", "x: '1.5' is not a size in bytes; write it like 512M, 1.5GiB, 50% or max."),
        (BYTES, "5ib", "x: '5ib' is not a size in bytes; write it like 512M, 1.5GiB, 50% or max."),
        (BYTES, "512 megabytes", "x: '512 megabytes' is not a number; write it like 512M, 1.5GiB, 50% or max."),
        (BYTES, -1, "x: -1 is negative; write it like 512M, 1.5GiB, 50% or max."),
        (BYTES, 512, "x: 512 is less than one page of memory (4096 bytes); give it a unit, as in 512M."),
        (
            BYTES,
            "0100000",
            "x: '0100000' begins with a zero, which some read as octal; write it like 512M, 1.5GiB, 50% or max.",
        ),
        (
            BYTES,
            False,
            "x: False is a truth value where a number is meant (YAML reads on, off, yes, no as such); "
            "write it like 512M, 1.5GiB, 50% or max.",
        ),
        (BYTES, None, "x: 'null' is not a number; write it like 512M, 1.5GiB, 50% or max."),
        (BYTES, [1], "x: [1] is not a number; write it like 512M, 1.5GiB, 50% or max."),
        (BYTES, "17E", "x: '17E' is more bytes than the kernel can count; write it like 512M, 1.5GiB, 50% or max."),
        (BYTES, float("nan"), "x: 'nan' is not a number; write it like 512M, 1.5GiB, 50% or max."),
        (COUNT, 4194305, "x: 4194305 is out of range; write a whole number from 0 to 4194304, or max."),
        (COUNT, -1, "x: -1 is out of range; write a whole number from 0 to 4194304, or max."),
        (COUNT, "1K", "x: '1K' is not a whole number; write a whole number from 0 to 4194304, or max."),
        (COUNT, 1.5, "x: 1.5 is not a whole number; write a whole number from 0 to 4194304, or max."),
        (SWITCH, 2, "x: 2 is neither true nor false; write true or false."),
        (SWITCH, "maybe", "x: 'maybe' is neither true nor false; write true or false."),
        (
            CPUS,
            50000,
            'x: 50000 is a number of CPUs, and this host has 8; write 8 or less, or "50000 100000" if microseconds are meant.',
        ),
        (
            CPUS,
            "9",
            "x: '9' is a number of CPUs, and this host has 8; write 8 or less, or \"9 100000\" if microseconds are meant.",
        ),
        (CPUS, 0, "x: 0 is less than the kernel gives; write 0.001 (of a CPU) or more."),
        (CPUS, "0.0009", "x: '0.0009' is less than the kernel gives; write 0.001 (of a CPU) or more."),
        (
            CPUS,
            "50000 999",
            "x: '999' is out of range; write a whole number from 1000 to 1000000 (microseconds of period).",
        ),
        (
            CPUS,
            "17592186044416 1000000",
            "x: '17592186044416' is out of range; write a whole number from 0 to 17592186044415, or max.",
        ),
        (LIST, "0,", "x: '0,' is not a list of numbers and ranges; write \"0-2,4\" or [0, 1, 2, 4]."),
        (LIST, "0-6:2/3", "x: '0-6:2/3' is not a list of numbers and ranges; write \"0-2,4\" or [0, 1, 2, 4]."),
        (LIST, "3-1", "x: '3-1' has a range that ends before it begins; write the lower number first."),
        (LIST, True, 'x: True is not a list of numbers and ranges; write "0-2,4" or [0, 1, 2, 4].'),
        (LIST, [0, -1], 'x: [0, -1] is not a list of numbers and ranges; write "0-2,4" or [0, 1, 2, 4].'),
    ],
)
def test_what_is_refused_says_what_to_write(kind: Kind, said: object, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        kind.parse("x", said, FACTS)
    assert caught.value.sentence().replace("x: nan", "x: 'nan'") == sentence


@pytest.mark.parametrize(
    "said",
    [10**5000, "9" * 5000, -(10**5000), [10**5000], {"a": "b" * 5000}, "5" * 60],
    ids=["int", "str", "negative", "list", "dict", "sixty"],
)
@pytest.mark.parametrize("kind", [BYTES, LEGACY, COUNT, SWITCH, CPUS, LIST])
def test_what_is_too_long_is_refused_shortly(kind: Kind, said: object) -> None:
    with pytest.raises(InputError) as caught:
        kind.parse("x", said, FACTS)
    assert len(caught.value.sentence()) < 300


def test_a_short_quota_lengthens_the_period_and_says_so() -> None:
    assert CPUS.note(0.005, (1000, 200000)) == (
        "cpu.max: 0.005 is a quota below 1 ms, which the kernel refuses: it is set as 1000 us of a longer period of 200000 us"
    )
    assert CPUS.note("500 100000", (1000, 200000))
    assert CPUS.note("1000 200000", (1000, 200000)) == ""
    assert CPUS.note([1000, 200000], (1000, 200000)) == ""
    assert CPUS.note(0.01, (1000, 100000)) == ""
    assert CPUS.note(1.5, (150000, 100000)) == ""


def test_no_limit_is_one_whatever_the_page_size() -> None:
    other = FACTS._replace(page_size=65536)
    wanted = LEGACY.parse("x", "max", other)
    assert LEGACY.text(wanted) == "9223372036854710272"
    assert LEGACY.holds(LEGACY.read("9223372036854771712"), wanted)
    assert LEGACY.writes(4096, wanted) == ("-1",)
    assert LEGACY.show(wanted) == "max"
    assert BYTES.writes(4096, MAX) == ("max",)
    assert BYTES.parse("x", 100000, other) == 65536


@pytest.mark.parametrize(
    ("kind", "observed", "wanted", "direction"),
    [
        (BYTES, 4096, 8192, "rise"),
        (BYTES, MAX, 8192, "fall"),
        (LEGACY, NO_LIMIT, 8192, "fall"),
        (CPUS, (50000, 100000), (50000, 50000), "rise"),
        (CPUS, (MAX, 100000), (50000, 50000), "fall"),
        (CPUS, (50000, 100000), (MAX, 100000), "rise"),
        (CPUS, (50000, 100000), (60000, 200000), "rise"),
        (CPUS, (50000, 50000), (50000, 100000), "fall"),
        (LIST, "0-3", "0-1", "fall"),
        (LIST, "0-1", "0-3", "rise"),
        (LIST, "0-1", "1-2", "both"),
        (LIST, "", "0", "rise"),
    ],
)
def test_direction(kind: Kind, observed: Any, wanted: Any, direction: str) -> None:
    assert kind.direction(observed, wanted) == direction


def test_lists_are_joined() -> None:
    assert LIST.union("0-1", "1-2,9") == "0-2,9"
    assert LIST.union("", "3") == "3"


def test_an_empty_list_is_written_as_a_line() -> None:
    assert LIST.writes("0-1", "") == ("\n",)
    assert LIST.writes("", "") == ()
    assert LIST.writes(None, "") == ("\n",)


@pytest.mark.parametrize(
    ("amount", "shown"), [(0, "0"), (4096, "4K"), (536870912, "512M"), (4097, "4097"), (1024**6, "1E")]
)
def test_sizes_are_shown_in_the_largest_unit_that_is_exact(amount: int, shown: str) -> None:
    assert BYTES.show(amount) == shown


@pytest.mark.parametrize("kind", [BYTES, LEGACY, COUNT, SWITCH, CPUS])
@pytest.mark.parametrize("text", ["", "none", "1 2 3", "9" * 5000])
def test_what_no_kernel_shows_is_an_error(kind: Kind, text: str) -> None:
    with pytest.raises(UnsupportedError):
        kind.read(text)
