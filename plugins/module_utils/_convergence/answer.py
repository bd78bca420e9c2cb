# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module gives back: the one place where an error becomes the values of a failed task."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from .errors import IsolationError, KernelError


class Answer(NamedTuple):
    """Values for exit_json, or for fail_json where ``failed``; warnings go through the module's warn."""

    failed: bool
    values: Dict[str, Any]
    warnings: Tuple[str, ...]


def answer(run: Callable[[], Tuple[Dict[str, object], List[str]]]) -> Answer:
    """Run a domain; it returns (values, warnings) or raises an IsolationError."""
    try:
        values, warnings = run()
    except IsolationError as error:
        return _failed(error)
    except OSError as error:
        # A refusal that no domain foresaw is still one sentence.
        return _failed(KernelError(str(error.filename or "a system call"), error))
    return Answer(False, values, tuple(warnings))


def _failed(error: IsolationError) -> Answer:
    return Answer(True, {"msg": error.sentence(), "failure": error.details()}, ())
