"""`hoploom query`: how answers are printed, and with which code it ends."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest

from hoploom.cli import main
from hoploom.results.parquet import export_new
from lab.result_files import STORE, write
from unit.wire.batches import make

ROWS = "SELECT 'a' AS x, NULL AS \"y z\", 1.5 AS n UNION ALL SELECT 'q\"', chr(27) || '[31m,', 'nan'::FLOAT ORDER BY x"


@pytest.fixture(autouse=True)
def unbounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is the process's, and this one runs other tests too."""
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("set")
    export_new(apsw.Connection(str(write(root / "merged.db", STORE, [make(1)]))), root / "parquet")
    return root


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("table", "x   y z        n\n--  ---------  ----\na   NULL       1.5\nq\"  \\x1b[31m,  null\n"),
        ("csv", 'x,y z,n\na,,1.5\n"q""","\x1b[31m,",null\n'),
        ("json", '[{"x": "a", "y z": null, "n": 1.5},\n{"x": "q\\"", "y z": "\\u001b[31m,", "n": null}]\n'),
    ],
)
def test_answers_have_three_forms(
    folder: Path, capsys: pytest.CaptureFixture[str], form: str, expected: str
) -> None:
    assert main.main(["query", ROWS, "--data-set", str(folder), "--format", form]) == 0
    assert capsys.readouterr().out == expected


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_an_answer_may_have_no_rows(folder: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    asked = ["query", "SELECT address FROM traceroutes", "--data-set", str(folder), "--format", form]
    assert main.main(asked) == 0
    assert capsys.readouterr().out == {"table": "address\n-------\n", "csv": "address\n", "json": "[]\n"}[form]


def test_a_data_set_and_its_parquet_folder_alone_are_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = "SELECT count(*) AS n, min(probed_at) AS first FROM ping_results"
    for place in (folder, folder / "parquet"):
        assert main.main(["query", asked, "--data-set", str(place), "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out) == [{"n": 6, "first": "2023-11-14 22:13:22.000"}]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["SELECT oops"], "cannot be answered"),
        (["SELECT 1", "--timeout", "nan"], "--timeout"),
        (["SELECT 1", "--timeout", "0"], "--timeout"),
        (["SELECT 1", "--memory", "1"], "--memory"),
    ],
)
def test_what_is_wrong_ends_with_a_sentence(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    assert main.main(["query", *words, "--data-set", str(folder)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert reason in said.err


def test_the_local_mesh_has_a_data_set_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path))
    assert main.main(["query", "SELECT 1", "--mesh", "other"]) == 2
    assert f"no Parquet files in {tmp_path}/other/data-set" in capsys.readouterr().err
