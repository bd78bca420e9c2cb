# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hugetlb controller (hugetlb.rst, cgroup-v2.rst): files for each size of huge page that the kernel has."""

from __future__ import annotations

import re
from typing import Callable, Iterator, Mapping

from ..._convergence.errors import UnsupportedError
from ..values import Bytes, size, word, wrong
from .entry import MAX, Choices, Facts, Family, InterfaceFile, Said, Turn, Value

# As the kernel names a size: the largest unit that it has one of.
_NAME = re.compile(r"hugetlb\.(([1-9][0-9]{0,2})([KMG])B)\.(.*)")
_SIZE = "SIZE"


class HugePages(Bytes):
    """An amount of huge pages of one size, in bytes. No limit shows as many numbers: see ``read``."""

    def __init__(self, legacy: bool, named: str, page: int) -> None:
        super().__init__(legacy)
        self.named, self.page = named, page

    def parse(self, option: str, value: object, facts: Facts) -> int:
        if facts.has is not None and self.named not in facts.has("hugetlb"):
            raise UnsupportedError(
                f"limits huge pages of {self.named}, which this host does not have",
                option=option,
                way_out="it has {}".format(", ".join(facts.has("hugetlb")) or "none"),
            )
        if word(value) == "max" or (self.legacy and word(value) == "-1"):
            return MAX
        amount = size(option, value, facts.memory_total)
        if 0 < amount < self.page:
            reason = f"is less than one huge page ({self.named})"
            raise wrong(option, value, reason, f"write {self.named} or more, or 0 for none")
        return self._cut(amount)

    def read(self, text: str) -> int:
        return self._cut(super().read(text))

    def _cut(self, amount: int) -> int:
        # Until it is written, and always on v1, no limit shows as 2**63 less one page or less one huge page.
        amount -= amount % self.page
        return amount if amount < MAX + 1 - max(self.page, 65536) else MAX

    def text(self, wanted: Value) -> str | None:
        return None if wanted == MAX else str(wanted)


def translate(said: Mapping[str, Said], version: int, at: Callable[[str], str], choices: Choices) -> Iterator[Turn]:
    """Both versions limit the same in the same unit."""
    one, other = (".max", ".limit_in_bytes") if version == 1 else (".limit_in_bytes", ".max")
    for name, limit in said.items():
        if limit.row.version != version:
            yield Turn(name[: -len(one)] + other, "max" if limit.value == MAX else limit.value, name)


def _row(end: str, version: int, since: str, tried: str) -> InterfaceFile:
    kind = HugePages(version == 1, _SIZE, 1)
    name = f"hugetlb.{_SIZE}.{end}"
    return InterfaceFile(name, version, "hugetlb", kind, "max", 0, 0, since, tried, effective="least")


_PATTERNS = {
    "max": _row("max", 2, "5.6", "real"),
    "rsvd.max": _row("rsvd.max", 2, "5.7", "real"),
    "limit_in_bytes": _row("limit_in_bytes", 1, "3.6", "guest"),
    "rsvd.limit_in_bytes": _row("rsvd.limit_in_bytes", 1, "5.7", "guest"),
}
_made: dict[str, InterfaceFile] = {}


def named(name: str) -> InterfaceFile | None:
    """The row of a file for one size: hugetlb.2MB.max."""
    found = _NAME.fullmatch(name)
    if name in _made or found is None or found.group(4) not in _PATTERNS:
        return _made.get(name)
    row = _PATTERNS[found.group(4)]
    page = int(found.group(2)) << {"K": 10, "M": 20, "G": 30}[found.group(3)]
    _made[name] = row._replace(name=name, kind=HugePages(row.version == 1, found.group(1), page))
    return _made[name]


FAMILY = Family(tuple(_PATTERNS.values()), translate, named=named)
