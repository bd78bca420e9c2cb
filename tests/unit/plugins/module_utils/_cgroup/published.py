# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have published of the way from one dialect to the other: figures, each with where it stands."""

from __future__ import annotations

from typing import Any

M = 1024**2

# (formula, cpu.shares, cpu.weight, source)
WEIGHTS: list[tuple[str, int, int, str]] = [
    *(
        ("quadratic", shares, weight, "opencontainers/cgroups, utils_test.go")
        for shares, weight in (
            (1, 1),
            (2, 1),
            (3, 2),
            (1024, 100),
            (262143, 10000),
            (262144, 10000),
            (262145, 10000),
        )
    ),
    ("quadratic", 2000, 170, "opencontainers/runc, issue 4896"),
    *(("quadratic", *pair, "containers/crun, tests/cgroup") for pair in ((500000, 10000), (1, 1))),
    ("linear", 1024, 39, "opencontainers/runc, issue 4772"),
    ("linear", 2000, 77, "opencontainers/runc, issue 4896"),
    ("linear", 100, 4, "opencontainers/runc, tests/integration/update.bats"),
    ("linear", 2048, 79, "DataDog/datadog-agent, the docker check"),
    *(("linear", shares, 4, "kubernetes/website, pull request 54835: 85m to 104m of a CPU") for shares in (87, 106)),
    *(
        ("linear", shares, weight, "kubernetes/kubernetes, cgroup_manager_linux_test.go")
        for shares, weight in ((2, 1), (3, 1), (4, 1), (28, 1), (29, 2), (245, 10), (262144, 10000))
    ),
    *(
        ("proportional", shares, weight, "systemd, src/core/cgroup.c, its formula")
        for shares, weight in ((1024, 100), (2, 1), (512, 50), (2048, 200), (262144, 10000))
    ),
]

# (formula, cpu.weight, cpu.shares, source)
SHARES: list[tuple[str, int, int, str]] = [
    *(
        ("linear", weight, shares, "kubernetes/kubernetes, cgroup_manager_linux_test.go")
        for weight, shares in ((1, 2), (2, 28), (3, 54), (4, 80), (245, 6398), (10000, 262144))
    ),
    ("linear", 100, 2597, "DataDog/datadog-agent, pull request 43760"),
    *(
        ("proportional", weight, shares, "systemd, src/core/cgroup.c, its formula")
        for weight, shares in ((100, 1024), (1, 10), (10000, 102400))
    ),
    # The same two ends that guardian's inverse has; between them that one takes a middle, which is not there and back.
    *(("quadratic", *pair, "cloudfoundry/guardian, rundmc") for pair in ((1, 2), (10000, 262144))),
]

# (cpu.max before, quota, period, cpu.max then, source); None is what is not said
BANDWIDTHS: list[tuple[str, int | None, int | None, str, str]] = [
    (before, quota, period, then, "opencontainers/cgroups, fs2/cpu_test.go")
    for before, quota, period, then in (
        ("12345 123456", -1, None, "max 123456"),
        ("max 123456", -1, None, "max 123456"),
        ("12345 123456", -1, 5000, "max 5000"),
        ("max 123456", -1, 5000, "max 5000"),
        ("12345 123456", 1000, None, "1000 123456"),
        ("max 123456", 1000, None, "1000 123456"),
        ("12345 123456", 1000, 5000, "1000 5000"),
        ("max 123456", 1000, 5000, "1000 5000"),
        ("12345 123456", None, 5000, "12345 5000"),
        ("max 123456", None, 5000, "max 5000"),
    )
]

# (memory+swap, memory, swap or None where it is refused, source), in bytes; None of memory is unlimited
SWAP: list[tuple[int, int | None, int | None, str]] = [
    *(
        (memsw * M, memory * M, swap * M, "opencontainers/runc, tests/integration/update.bats")
        for memsw, memory, swap in ((50, 30, 20), (80, 60, 20), (92, 50, 42))
    ),
    *(
        (memsw * M, None if memory is None else memory * M, None if swap is None else swap * M, source)
        for source in ("opencontainers/runc, fs2 and cgroups tests (there in bytes)",)
        for memsw, memory, swap in ((1000, 1000, 0), (500, 200, 300), (300, 400, None), (300, None, None))
    ),
]

# (docker's or OCI's weight, io.weight, source)
IO_WEIGHTS: list[tuple[int, int, str]] = [
    *((*pair, "opencontainers/runc, cgroups tests") for pair in ((10, 1), (1000, 10000))),
    *((*pair, "containers/crun, crun(1), its formula") for pair in ((100, 910), (500, 4950))),
]

# (linux.resources of OCI, v2's files, source)
RESOURCES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"memory": {"limit": 33554432}}, {"memory.max": 33554432}, "runc, update.bats"),
    ({"memory": {"reservation": 25165824}}, {"memory.low": 25165824}, "runc, update.bats"),
    ({"memory": {"limit": -1, "swap": -1}}, {"memory.max": "max", "memory.swap.max": "max"}, "runc, update.bats"),
    ({"cpu": {"quota": 500000, "period": 1000000}}, {"cpu.max": "500000 1000000"}, "runc, update.bats"),
    ({"cpu": {"quota": 600000, "period": 900000}}, {"cpu.max": "600000 900000"}, "runc, update.bats"),
    ({"cpu": {"quota": -1, "period": 100000}}, {"cpu.max": "max 100000"}, "runc, update.bats"),
    ({"cpu": {"quota": 30000}}, {"cpu.max": "30000 100000"}, "runc, update.bats"),
    ({"cpu": {"period": 50000}}, {"cpu.max": "max 50000"}, "runc, update.bats"),
    ({"cpu": {"period": 1000000}}, {"cpu.max": "max 1000000"}, "runc, update.bats"),
    ({"cpu": {"cpus": "0", "mems": "0"}}, {"cpuset.cpus": "0", "cpuset.mems": "0"}, "crun(1)"),
    ({"pids": {"limit": 20}}, {"pids.max": 20}, "runc, update.bats"),
    ({"pids": {"limit": -1}}, {"pids.max": "max"}, "runc, update.bats"),
    ({"unified": {"cpu.weight": "1234"}}, {"cpu.weight": 1234}, "crun, tests/test_resources.py"),
    ({"unified": {"memory.high": "1073741824"}}, {"memory.high": 1073741824}, "crun, tests/test_resources.py"),
    (
        {"unified": {"cpu.max": "max 100000", "cpu.weight": "16", "pids.max": "10"}},
        {"cpu.max": "max 100000", "cpu.weight": 16, "pids.max": 10},
        "runc, update.bats",
    ),
    ({"blockIO": {"weight": 300}}, {"io.bfq.weight": {"default": 300}}, "crun(1)"),
]
