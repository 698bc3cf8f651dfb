"""Questions in SQL: answered where they only read, refused in a sentence where they do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from hoploom.kit.errors import BadRequest, ConfigError
from hoploom.results import query
from hoploom.results.parquet import export_new
from hoploom.results.parquet_engine import Limits, Row
from lab.result_files import STORE, write
from unit.wire.batches import make

LIMITS = Limits(memory_mb=128, spill_mb=1, threads=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A set with a name that looks like a pattern, and a file beside it that nobody may read."""
    root = tmp_path_factory.mktemp("it's [a-z]*")
    (root / "secret.csv").write_text("secret\n1\n")
    merged = apsw.Connection(str(write(root / "merged.db", STORE, [make(1), make(2)])))
    export_new(merged, root / "parquet")
    yield root / "parquet"
    merged.close()


def ask(folder: Path, statement: str, timeout_s: float = 30.0) -> tuple[tuple[str, ...], list[Row]]:
    with query.asked(folder, statement, timeout_s, LIMITS) as answer:
        return answer.columns, list(answer.rows)


def test_views_are_read_with_the_columns_of_their_folders(folder: Path) -> None:
    asked = "SELECT campaign, CAST(day AS VARCHAR) AS day, count(*) AS n FROM ping_results GROUP BY ALL"
    assert ask(folder, asked) == (("campaign", "day", "n"), [("first-map", "2023-11-14", 12)])


def test_a_table_without_rows_is_there(folder: Path) -> None:
    assert ask(folder, "SELECT address, hop, mpls, day FROM traceroute_hops")[1] == []


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "SELECT 1; SELECT 2",
        "COPY (SELECT 1) TO '{folder}/x.parquet'",
        "COPY ping_results TO '{folder}/x.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/x.csv'",
        "EXPORT DATABASE '{folder}/x'",
        "ATTACH '{folder}/x.db'",
        "CREATE TABLE x AS SELECT 1",
        "DROP VIEW ping_results",
        "INSERT INTO ping_results SELECT * FROM ping_results",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA enable_profiling",
        "PREPARE x AS SELECT 1",
        "BEGIN",
        "CALL pragma_version()",
        "VACUUM",
        "CHECKPOINT",
    ],
)
def test_what_is_no_select_is_not_begun(folder: Path, statement: str) -> None:
    before, plain = sorted(folder.rglob("*")), str(folder).replace("'", "''")
    with pytest.raises(BadRequest, match="a query is one SELECT statement"):
        ask(folder, statement.format(folder=plain))
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('{folder}/../secret.csv')",
        "read_text('/etc/passwd')",
        "read_blob('/proc/self/environ')",
        "'{folder}/../secret.csv'",
        "sniff_csv('{folder}/../secret.csv')",
        "read_parquet('{folder}/../merged.db')",
        "parquet_metadata('/etc/passwd')",
        "glob('/etc/*')",
        "read_csv('http://127.0.0.1/x.csv')",
        "'http://127.0.0.1/x.parquet'",
        "sqlite_scan('{folder}/../merged.db', 'batches')",
        "duckdb_secrets()",
    ],
)
def test_nothing_beside_the_set_is_read(folder: Path, source: str) -> None:
    plain = str(folder).replace("'", "''")
    with pytest.raises(BadRequest) as refused:
        ask(folder, f"SELECT * FROM {source.format(folder=plain)}")
    assert "\n" not in str(refused.value) and "secret\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("SELECT FROM", "syntax error"),
        ("SELECT * FROM ping_result", "does not exist"),
        ("SELECT 1 / 'x'", "Could not convert"),
        ("SELECT " + "(" * 5000 + "1" + ")" * 5000, "depth"),
        ("SELECT list(range) FROM range(1000000000)", "needs more than 128 MB of memory: --memory"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(folder: Path, statement: str, reason: str) -> None:
    with pytest.raises(BadRequest, match=reason) as refused:
        ask(folder, statement)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("statement", [f"SELECT {what} FROM range(1000000000000)" for what in ("count(*)", "*")])
def test_a_query_ends_when_its_time_is_over(folder: Path, statement: str) -> None:
    with pytest.raises(BadRequest, match=r"longer than 0\.1 s: --timeout"), query.asked(
        folder, statement, 0.1, LIMITS
    ) as answer:
        for _ in answer.rows:
            pass


def test_a_folder_without_parquet_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`hoploom collect` writes them"):
        ask(tmp_path, "SELECT 1")


def test_a_file_that_is_gone_is_said(folder: Path) -> None:
    with query.asked(folder, "SELECT 1", 30.0, LIMITS):
        pass
    place = next(folder.rglob("*.parquet"))
    hidden = place.rename(place.with_suffix(".hidden"))
    damaged = place
    damaged.write_bytes(b"PAR1")
    try:
        with pytest.raises(BadRequest, match="file"):
            ask(folder, "SELECT * FROM ping_results")
    finally:
        hidden.rename(place)
