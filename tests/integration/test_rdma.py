# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""rdma.max on the real kernel, with RDMA devices of software on the loopback interface and one beside it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.tests.integration.support.host import Host
from ansible_collections.linux.isolation.tests.integration.support.sandbox import Sandbox
from ansible_collections.linux.isolation.tests.integration.support.tasks import run

# A hybrid host seldom has the controller; the kernel of a guest does.
pytestmark = pytest.mark.unified
_DEVICES = {"isolation0": "lo", "isolation1": "isolation-test"}


def _does(*command: str) -> bool:
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return found.returncode == 0


@pytest.fixture
def devices(host: Host) -> Iterator[None]:
    """Two devices. What this host cannot make is no failure: a kernel without the controller has nothing to try either."""
    if not host.version("rdma"):
        pytest.skip("this host has no rdma")
    _does("modprobe", "rdma_rxe")
    made = _does("ip", "link", "add", "isolation-test", "type", "dummy") and _does(
        "ip", "link", "set", "isolation-test", "up"
    )
    made = made and all(
        _does("rdma", "link", "add", name, "type", "rxe", "netdev", on) for name, on in _DEVICES.items()
    )
    try:
        if not made:
            pytest.skip("no RDMA device can be made here")
        yield
    finally:
        for name in _DEVICES:
            _does("rdma", "link", "delete", name)
        _does("ip", "link", "delete", "isolation-test")
    assert not any(Path("/sys/class/infiniband", name).exists() for name in _DEVICES)


def test_limits_of_devices_are_set_kept_and_put_back(host: Host, sandbox: Sandbox, devices: None) -> None:
    path = host.path("rdma", sandbox.name, "rdma.max")

    def shown() -> dict[str, str]:
        return {line.split(" ")[0]: line.partition(" ")[2].strip() for line in path.read_text().splitlines()}

    def converge(said: object) -> bool:
        task = {"name": sandbox.name, "create": True, "limits": {"rdma.max": said}}
        predicted = run("limit", task, check=True)
        answer = run("limit", task)
        assert not answer.failed, answer.sentence
        assert predicted.actions == answer.actions
        assert run("limit", task).actions == []
        return answer.changed

    assert converge({"isolation0": {"hca_handle": 2}})
    untouched = "hca_handle=max hca_object=max"
    assert shown() == {"isolation0": "hca_handle=2 hca_object=max", "isolation1": untouched}
    # What is not declared stays.
    assert converge("isolation0 hca_object=2000, isolation1 hca_handle=0 hca_object=max")
    assert shown() == {"isolation0": "hca_handle=2 hca_object=2000", "isolation1": "hca_handle=0 hca_object=max"}
    assert converge({"*": {"hca_handle": 7}, "isolation1": {"hca_handle": 8, "hca_object": 2147483646}})
    assert shown() == {
        "isolation0": "hca_handle=7 hca_object=2000",
        "isolation1": "hca_handle=8 hca_object=2147483646",
    }
    assert converge("default")
    assert shown() == {"isolation0": untouched, "isolation1": untouched}


def test_a_device_that_is_not_there(host: Host, sandbox: Sandbox, devices: None) -> None:
    task = {"name": sandbox.name, "create": True, "limits": {"rdma.max": {"isolation9": {"hca_handle": 2}}}}
    answer = run("limit", task)
    assert answer.failed
    assert "'isolation9' is no RDMA device of this host; there is isolation0, isolation1" in answer.sentence
    assert sandbox.places() == []
