"""DuckDB within bounds, and its errors in our words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.results.parquet_engine import Engine, Limits, literal, pattern, working

SMALL = Limits(memory_mb=64, spill_mb=1, threads=1)


def test_without_duckdb_it_is_said_what_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ConfigError, match=r"`pip install 'hoploom\[query\]'` brings it"):
        Engine(SMALL, tmp_path)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SELECT list(range) FROM range(1000000000)", "needs more than 64 MB of memory"),
        ("COPY (SELECT 1) TO '/proc/none/x.parquet' (FORMAT parquet)", "cannot be used: IO Error"),
        ("SELECT CAST('x' AS INTEGER)", "cannot be used: Conversion Error"),
    ],
)
def test_what_goes_wrong_is_one_sentence(tmp_path: Path, statement: str, reason: str) -> None:
    with pytest.raises(Unavailable, match=reason) as said, working(tmp_path, SMALL, tmp_path / "spill") as engine:
        engine.run(statement)
    assert "\n" not in str(said.value)


def test_a_name_stands_for_itself_in_statements_and_patterns(tmp_path: Path) -> None:
    folder = tmp_path / "it's [a-z]*?"
    folder.mkdir()
    with working(folder, SMALL, tmp_path / "spill") as engine:
        engine.run(f"COPY (SELECT 7 AS x) TO {literal(folder / 'x.parquet')} (FORMAT parquet)")
        assert engine.run(f"SELECT x FROM read_parquet({literal(pattern(folder) + '/*.parquet')})") == [(7,)]
