"""How files come into a set, and what a disk's refusals are called."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hoploom.kit.errors import OutOfSpace, Unavailable
from hoploom.results import parquet_files


def test_what_was_left_beside_a_set_is_thrown_away(tmp_path: Path) -> None:
    left = tmp_path / "parquet.new" / "day" / "x.parquet"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    with parquet_files.scratch(tmp_path / "parquet") as scratch:
        assert list(scratch.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_two_folders_change_places(tmp_path: Path) -> None:
    old, new = tmp_path / "set" / "day", tmp_path / "new" / "day"
    for folder, name in ((old, "a"), (new, "b")):
        folder.mkdir(parents=True)
        (folder / name).write_text(name)
    assert parquet_files.exchange(new, old)
    assert ([path.name for path in old.iterdir()], [path.name for path in new.iterdir()]) == (["b"], ["a"])


def test_a_folder_that_is_gone_changes_places_with_none(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(FileNotFoundError):
        parquet_files.exchange(tmp_path / "new", tmp_path / "gone")


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [(errno.ENOSPC, OutOfSpace, "is full: make room"), (errno.EIO, Unavailable, "cannot be used: Input/output error")],
)
def test_refusals_are_said_in_our_words(tmp_path: Path, number: int, kind: type[Unavailable], said: str) -> None:
    with pytest.raises(Unavailable, match=said) as found, parquet_files.told(tmp_path):
        raise OSError(number, os.strerror(number))
    assert type(found.value) is kind
