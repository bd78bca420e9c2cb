# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of the lab: one that every machine proves itself by, one that its user does."""

from __future__ import annotations

from pathlib import Path

from . import folders
from .command import call


def folder() -> Path:
    """The folder of both, made at first use: ``host`` and ``user``, each with its ``.pub``."""
    path = folders.cache("keys")
    with folders.locked("keys", 60):
        for name in ("host", "user"):
            if not (path / f"{name}.pub").exists():
                (path / name).unlink(missing_ok=True)
                call(
                    "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"isolation-lab {name}", "-f", str(path / name)
                )
    return path


def identity() -> Path:
    """The private key of root's user."""
    return folder() / "user"


def user() -> str:
    """The public key of root's user."""
    return _public("user")


def host() -> str:
    """The machines' public key, as known_hosts has it."""
    return _public("host")


def _public(name: str) -> str:
    kind, key, *_ = (folder() / f"{name}.pub").read_text(encoding="ascii").split()
    return f"{kind} {key}"
