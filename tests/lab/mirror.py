# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where this host's apt finds Debian: the mirror, and the words it needs to reach it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .command import CommandError, call
from .failures import NO_MIRROR, LabError

_DEBIAN = "http://deb.debian.org/debian"
_SECURITY = "http://deb.debian.org/debian-security"
# sid has none, and bullseye's, which nobody tends any more, lists a kernel that is not there.
_WITH_SECURITY = ("bookworm", "trixie")
# The part of this host's configuration of apt that says how a mirror is reached, not what is done with the packages.
_REACH = ("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::ForceIPv", "Acquire::Proxy")
_BOUND = ("Acquire::Retries=2", "Acquire::http::Timeout=20", "Acquire::https::Timeout=20")
# What apt says when the fault is the mirror's, or is on the way to it.
_UNREACHED = (
    "Could not connect",
    "Could not resolve",
    "Temporary failure resolving",
    "Connection timed out",
    "Connection failed",
    "Unable to connect",
    "does not have a Release file",
)


class Mirror(NamedTuple):
    """Debian's archive as this host reaches it."""

    debian: str
    security: str
    options: Sequence[str]

    def sources(self, suite: str) -> list[str]:
        """The lines of sources.list for a suite."""
        lines = [f"deb {self.debian} {suite} main"]
        if suite in _WITH_SECURITY:
            lines.append(f"deb {self.security} {suite}-security main")
        return lines

    def check(self, suite: str, folder: Path) -> None:
        """Asks the mirror for the suite's first file, to tell a mirror that does not answer from all other failures.

        Raises:
            LabError: it does not answer.
        """
        options = (f"-o={option}" for option in _BOUND)
        address = f"{self.debian}/dists/{suite}/InRelease"
        try:
            call("/usr/lib/apt/apt-helper", *options, "download-file", address, str(folder / "InRelease"), seconds=120)
        except CommandError as error:
            raise self.blamed(error) from error
        except LabError as error:
            raise _unreached(self.debian, str(error)) from error

    def blamed(self, error: CommandError) -> LabError:
        """The same failure, told as the mirror's where it is."""
        return blamed(self.debian, error)


def blamed(address: str, error: CommandError) -> LabError:
    """The failure of a command that uses apt, told as the mirror's at ADDRESS where it is."""
    said = [line for line in error.output.splitlines() if any(words in line for words in _UNREACHED)]
    return _unreached(address, said[0].strip()) if said else error


def _unreached(address: str, what: str) -> LabError:
    return LabError(NO_MIRROR, f"Debian's mirror {address} does not answer: {what}")


def of_this_host() -> Mirror:
    """The mirror that this host's own sources name, Debian's own name where they name none."""
    targets = call(
        "apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages", "Origin: Debian"
    )
    named: dict[str, str] = {}
    for line in targets.splitlines():
        label, _, address = line.partition(" ")
        named.setdefault(label, address.rstrip("/"))
    dump = call("apt-config", "dump").splitlines()
    options = [line for line in dump if line.startswith(_REACH) and not line.endswith(' "";')]
    return Mirror(named.get("Debian", _DEBIAN), named.get("Debian-Security", _SECURITY), options)
