"""`hoploom merge` and `hoploom schema`."""

from __future__ import annotations

import contextlib
from pathlib import Path

import apsw
import pytest

from hoploom.cli import main
from hoploom.results import tables
from hoploom.results.source import open_source
from lab.result_files import STORE, write
from unit.wire.batches import make
from unit.wire.traces import traced


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.db", STORE, [make(), traced(1)])
    write(tmp_path / "b.db", STORE, [make(), make(2, rows=3000)])
    return tmp_path


def batches(path: str) -> int:
    with contextlib.closing(open_source(Path(path))) as connection:
        return int(connection.execute("SELECT count(*) FROM batches").get)


def test_files_are_merged_and_each_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["merge", "a.db", "b.db", "-o", "m.db"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "a.db: 2 new batches with 21 rows; 0 known before",
        "b.db: 1 new batches with 3,000 rows; 1 known before",
    ]
    assert batches("m.db") == 3


def test_an_existing_file_takes_what_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["merge", "b.db", "-o", "a.db"]) == 0
    assert main.main(["merge", "b.db", "-o", "a.db"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "b.db: 0 new batches with 0 rows; 2 known before"
    assert batches("a.db") == 3


def test_a_conflict_is_one_line_and_exit_code_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(folder / "c.db", STORE, [make(lease="another"), make(3)])
    assert main.main(["merge", "a.db", "c.db", "-o", "m.db"]) == 1
    said = capsys.readouterr().err
    assert f"{make().batch} of c.db" in said
    assert len(said.splitlines()) == 1
    assert batches("m.db") == 3


def test_one_bad_file_among_good_ones_means_that_no_file_is_made(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with contextlib.closing(apsw.Connection("b.db")) as connection:
        connection.execute("UPDATE ping_results SET rtt_us = 'x' WHERE rowid = 60")
    assert main.main(["merge", "a.db", "b.db", "-o", "m.db"]) == 2
    said = capsys.readouterr().err
    assert "b.db" in said and "row 60 of ping_results" in said and len(said.splitlines()) == 1
    assert sorted(each.name for each in folder.iterdir()) == ["a.db", "b.db"]


REFUSED = [
    ("no such file", ["merge", "nosuch.db", "-o", "m.db"], "nosuch.db cannot be read: No such file"),
    ("a good one and none", ["merge", "a.db", ".", "-o", "b.db"], "is a folder"),
    ("into itself", ["merge", "a.db", "b.db", "-o", "b.db"], "into itself"),
    ("into itself by another name", ["merge", "a.db", "-o", "../{folder}/a.db"], "into itself"),
    ("into a folder", ["merge", "a.db", "-o", "."], "folder"),
    ("into no folder", ["merge", "a.db", "-o", "nosuch/m.db"], "no folder nosuch"),
    ("a file that is no database", ["merge", "text", "-o", "m.db"], "no SQLite database"),
]


@pytest.mark.parametrize(("words", "reason"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_mistake_is_one_sentence_and_changes_nothing(
    words: list[str], reason: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "text").write_text("some text", encoding="ascii")
    before = {each.name: each.read_bytes() for each in folder.iterdir()}
    assert main.main([word.format(folder=folder.name) for word in words]) == 2
    said = capsys.readouterr().err
    assert reason in said and len(said.splitlines()) == 1
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == before


def test_the_schema_makes_an_empty_file_of_results_and_tells_what_columns_mean(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.main(["schema"]) == 0
    said = capsys.readouterr().out
    assert "-- mean of its replies" in said
    with contextlib.closing(apsw.Connection("m.db")) as connection:
        connection.execute(said)
        assert connection.pragma("user_version") == tables.SCHEMA
    assert main.main(["merge", "a.db", "-o", "m.db"]) == 0
    assert batches("m.db") == 2
