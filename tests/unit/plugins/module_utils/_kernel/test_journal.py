# Copyright (c) 2026 the linux.isolation authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a dead run had begun."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.linux.isolation.plugins.module_utils._kernel import journal


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state/unfinished")


def test_what_is_written_is_read(path: str) -> None:
    kept = {"/sys/fs/cgroup/cpuset/b", "/sys/fs/cgroup/cpuset/a b", "/x/\udcff"}
    journal.write(kept, path)
    assert journal.read(path) == kept
    journal.write(set(), path)
    assert journal.read(path) == frozenset()


@pytest.mark.parametrize("letter", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028"])
def test_a_name_may_have_what_python_takes_for_the_end_of_a_line(path: str, letter: str) -> None:
    journal.write([f"/a{letter}b"], path)
    assert journal.read(path) == {f"/a{letter}b"}


def test_nothing_is_unfinished_at_first(path: str) -> None:
    assert journal.read(path) == frozenset()
    journal.clear(path)


def test_nothing_is_unfinished_after_clearing(path: str) -> None:
    journal.write(["/a"], path)
    journal.clear(path)
    assert journal.read(path) == frozenset()
    assert not os.path.exists(path)


def test_another_boot_has_no_say(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.write(["/a"], path)
    monkeypatch.setattr(journal, "boot_id", lambda: "00000000-0000-0000-0000-000000000000")
    assert journal.read(path) == frozenset()


@pytest.mark.parametrize("text", ["", "\n", "\n/a\n", "/a\n/b\n", "half a boot"])
def test_what_was_not_written_here_has_no_say(path: str, text: str) -> None:
    Path(path).parent.mkdir(0o700)
    Path(path).write_text(text)
    assert journal.read(path) == frozenset()


def test_it_is_there_whole_or_not_at_all(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    journal.write(["/before"], path)

    def dies(*_: object) -> None:
        # By now the new text is complete, and the old one is still what counts.
        assert Path(path + ".new").read_text().endswith("\n/after\n")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", dies)
        patch.setattr(os, "replace", dies)
        with pytest.raises(KeyboardInterrupt):
            journal.write(["/after"], path)
    assert journal.read(path) == {"/before"}
    journal.write(["/after"], path)
    assert journal.read(path) == {"/after"}
    assert os.listdir(os.path.dirname(path)) == ["unfinished"]


def test_it_is_roots_alone(path: str) -> None:
    mask = os.umask(0)
    try:
        journal.write(["/a"], path)
    finally:
        os.umask(mask)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(path)).st_mode & 0o777 == 0o700


def test_a_link_in_the_place_of_the_draft_is_not_followed(path: str, tmp_path: Path) -> None:
    Path(path).parent.mkdir(0o700)
    (tmp_path / "victim").write_text("text")
    os.symlink(tmp_path / "victim", path + ".new")
    with pytest.raises(OSError, match="symbolic links"):
        journal.write(["/a"], path)
    assert (tmp_path / "victim").read_text() == "text"
