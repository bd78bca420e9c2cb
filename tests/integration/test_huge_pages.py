# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Huge pages on the real kernel: sizes that are cut, one that is missing, and a limit below what is used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._kernel import machine
from ansible_collections.linux.isolation.tests.integration.support.host import Host, write
from ansible_collections.linux.isolation.tests.integration.support.programs import Programs
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import run
from ansible_collections.linux.isolation.tests.integration.support.waiting import until

pytestmark = pytest.mark.v2("hugetlb")

_POOL = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
_PAGE = 2 << 20


def _pool() -> dict[str, int]:
    return {path.name: int(path.read_text()) for path in _POOL.iterdir()}


@pytest.fixture
def page() -> Iterator[None]:
    """A huge page of 2 MB that nobody uses: one of the host's, or one more."""
    before = _pool()
    if before["free_hugepages"] > before["resv_hugepages"]:
        yield
        return
    write(_POOL / "nr_hugepages", str(before["nr_hugepages"] + 1))
    if _pool()["nr_hugepages"] == before["nr_hugepages"]:
        pytest.skip("there are no two megabytes in one piece")
    yield
    # By one less, whatever others have done meanwhile.
    write(_POOL / "nr_hugepages", str(_pool()["nr_hugepages"] - 1))


def _said(host: Host, name: str, limit: str) -> str:
    return host.path("hugetlb", name, limit).read_text().strip()


def test_each_size_of_this_host_is_cut_to_its_page(host: Host, sandbox: Sandbox) -> None:
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    for size in machine.huge_pages():
        page = int(size[:-2]) * units[size[-2]]
        name = sandbox.below(size)
        task = {"name": name, "create": True, "limits": {f"hugetlb.{size}.max": 3 * page + page // 2}}
        predicted = run("limit", task, check=True)
        answer = run("limit", task)
        assert not answer.failed, answer.sentence
        assert predicted.actions == answer.actions
        assert _said(host, name, f"hugetlb.{size}.max") == str(3 * page)
        assert run("limit", task).actions == []
        # The v1 name means the same file here.
        task["limits"] = {f"hugetlb.{size}.limit_in_bytes": 4 * page - 1}
        assert run("limit", task).actions == []
        task["limits"] = {f"hugetlb.{size}.max": page - 1}
        assert f"is less than one huge page ({size})" in run("limit", task).sentence


def test_no_limit_is_no_change_before_and_after_it_is_written(host: Host, sandbox: Sandbox) -> None:
    size = machine.huge_pages()[0]
    limit = f"hugetlb.{size}.max"
    assert run("group", {"name": sandbox.name, "controllers": ["hugetlb"]}).changed
    unlimited = {"name": sandbox.name, "limits": {limit: "max"}}
    assert run("limit", unlimited).actions == []
    assert run("limit", {"name": sandbox.name, "limits": {limit: 0}}).changed
    assert _said(host, sandbox.name, limit) == "0"
    assert run("limit", unlimited).changed
    assert _said(host, sandbox.name, limit) == "max"
    assert run("limit", unlimited).actions == []


def test_a_size_that_this_host_lacks(sandbox: Sandbox) -> None:
    lacking = next(size for size in ("64KB", "16GB") if size not in machine.huge_pages())
    answer = run("limit", {"name": sandbox.name, "create": True, "limits": {f"hugetlb.{lacking}.max": "16G"}})
    assert answer.failed
    assert f"huge pages of {lacking}, which this host does not have" in answer.sentence
    assert "it has " + ", ".join(machine.huge_pages()) in answer.sentence
    assert sandbox.places() == []


@pytest.mark.skipif("2MB" not in machine.huge_pages(), reason="no huge pages of 2 MB")
@pytest.mark.usefixtures("page")
def test_a_limit_below_what_is_used_is_refused_and_explained(host: Host, sandbox: Sandbox, programs: Programs) -> None:
    task = {"name": sandbox.name, "create": True, "limits": {"hugetlb.2MB.max": "2M"}}
    assert not run("limit", task).failed
    program = programs.start("huge")
    sandbox.put("hugetlb", sandbox.name, program.pid)
    assert program.ask(str(_PAGE)) == "done"
    assert _said(host, sandbox.name, "hugetlb.2MB.current") == str(_PAGE)
    less = {"name": sandbox.name, "limits": {"hugetlb.2MB.max": 0}}
    answer = run("limit", less)
    assert answer.failed
    assert "EBUSY" in answer.sentence
    assert "more huge pages of this size are in use" in answer.sentence
    assert _said(host, sandbox.name, "hugetlb.2MB.max") == str(_PAGE)
    assert program.ask("0") == "done"
    until(lambda: _said(host, sandbox.name, "hugetlb.2MB.current") == "0", "the page given back")
    assert run("limit", less).changed
    # And it is a limit: the next page is refused when it is touched (SIGBUS).
    program.say(str(_PAGE))
    assert program.hear() == ""
    assert program.status() == -7
