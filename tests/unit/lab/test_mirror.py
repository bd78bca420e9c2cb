# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A mirror that does not answer is told from every other failure of a build."""

from __future__ import annotations

import pytest

from ansible_collections.linux.isolation.tests.lab.command import CommandError
from ansible_collections.linux.isolation.tests.lab.failures import FAILED, NO_MIRROR
from ansible_collections.linux.isolation.tests.lab.mirror import Mirror

MIRROR = Mirror("http://debian.example/debian", "http://debian.example/debian-security", ())


@pytest.mark.parametrize(
    "said",
    [
        "Err:1 http://debian.example/debian bookworm InRelease\n  Temporary failure resolving 'debian.example'",
        "W: Failed to fetch http://debian.example/x  Could not connect to debian.example:80 (192.0.2.1), connection timed out",
        "E: The repository 'http://debian.example/debian bookworm Release' does not have a Release file.",
    ],
)
def test_apts_words_for_it_are_known(said: str) -> None:
    failure = MIRROR.blamed(CommandError("mmdebstrap failed", f"I: begins\n{said}\nI: ends"))
    assert failure.status == NO_MIRROR
    assert MIRROR.debian in str(failure)
    assert "begins" not in str(failure)


@pytest.mark.parametrize(
    "said", ["E: Unable to locate package linux-image-nowhere", "  404  Not Found [IP: 192.0.2.1 80]"]
)
def test_a_package_that_is_not_there_is_no_mirror_that_is_gone(said: str) -> None:
    failure = CommandError("mmdebstrap failed", said)
    assert MIRROR.blamed(failure) is failure
    assert failure.status == FAILED


def test_security_comes_with_the_suites_that_have_it() -> None:
    assert MIRROR.sources("trixie") == [
        "deb http://debian.example/debian trixie main",
        "deb http://debian.example/debian-security trixie-security main",
    ]
    assert MIRROR.sources("sid") == ["deb http://debian.example/debian sid main"]
