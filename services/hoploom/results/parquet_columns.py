"""What the Parquet files of a data set hold: each table's columns, and how rows of SQLite become them. Pure.

What stands in `batches` is written out in every row, so that nobody has to join; repeated values cost next to nothing
in Parquet. `rtt_min_us` and `rtt_max_us` are NULL where they are the same as `rtt_us`, as in SQLite: with one request
a target they would be two more bytes a row. Rows lie in the order of time, those of a batch together. By address,
files of batches of 10,000 rows are larger by a sixth, and those of batches of 100 rows by a half, since every row must
say anew whose it is.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from hoploom.results.tables import FIRST_MS, LAST_MS, PING_OUTCOMES, TRACE_OUTCOMES


class Column(NamedTuple):
    """A column of rows.

    Attributes:
        name: Its name, here and in SQLite.
        kind: Its type in Parquet, as DuckDB calls it.
        optional: Whether it may be NULL.
        names: What the numbers in SQLite stand for; empty for a column that is taken as it is.
    """

    name: str
    kind: str
    optional: bool = False
    names: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether SQLite has text in it."""
        return self.kind == "VARCHAR" and not self.names


class Form(NamedTuple):
    """A table.

    Attributes:
        table: Its name, here and in SQLite.
        rows: Its own columns, without the batch's key and the time.
        order: By which the rows of a batch are sorted; no two are the same in it.
    """

    table: str
    rows: tuple[Column, ...]
    order: str


HEAD: Final = (
    Column("worker", "VARCHAR"),
    Column("worker_number", "BIGINT"),
    Column("worker_group", "VARCHAR"),
    Column("round", "BIGINT"),
    Column("batch", "VARCHAR"),
    Column("family", "SMALLINT"),
    Column("suspect", "BOOLEAN"),
)
"""What each row says of its batch."""

# DuckDB and others reserve the word `at`.
TIME: Final = Column("probed_at", "TIMESTAMP_MS")
"""UTC, by the worker's clock as its store corrected it, in whole milliseconds of the years 1 to 9999."""

PARTITION: Final = (Column("campaign", "VARCHAR"), Column("day", "DATE"))
"""What the names of the folders say; `day` is that of `probed_at`."""

_ADDRESS: Final = Column("address", "VARCHAR")
_ICMP: Final = (Column("icmp_type", "SMALLINT", True), Column("icmp_code", "SMALLINT", True))

FORMS: Final = {
    form.table: form
    for form in (
        Form(
            "ping_results",
            (
                _ADDRESS,
                Column("outcome", "VARCHAR", names=PING_OUTCOMES),
                *(Column(name, "INTEGER") for name in ("sent", "received", "duplicates")),
                *(Column(name, "INTEGER", True) for name in ("rtt_us", "rtt_min_us", "rtt_max_us")),
                Column("reply_ttl", "SMALLINT", True),
                *_ICMP,
                Column("icmp_from", "VARCHAR", True),
            ),
            "at_ms, address",
        ),
        Form(
            "traceroutes",
            (
                _ADDRESS,
                Column("outcome", "VARCHAR", names=TRACE_OUTCOMES),
                Column("sent", "INTEGER"),
                Column("joined_ttl", "SMALLINT", True),
                Column("distance", "SMALLINT", True),
                Column("hops", "SMALLINT"),
            ),
            "at_ms, address",
        ),
        Form(
            "traceroute_hops",
            (
                _ADDRESS,
                Column("ttl", "SMALLINT"),
                Column("hop", "VARCHAR", True),
                Column("rtt_us", "INTEGER", True),
                Column("reply_ttl", "SMALLINT", True),
                Column("quoted_ttl", "SMALLINT", True),
                *_ICMP,
                Column("mpls", "VARCHAR", True),
            ),
            "address, ttl, at_ms",
        ),
    )
}
"""All tables by name."""

WRITING: Final = (
    "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 6, ROW_GROUP_SIZE 122880, "
    # RTTs and times are smaller as differences than as numbers of a dictionary's entries.
    "DICTIONARY_SIZE_LIMIT 4000"
)
"""How files are written: version 2 of the pages has the delta encodings; level 9 saves 1 % for a third of the rate."""


def columns(form: Form) -> tuple[Column, ...]:
    """The columns of a file, in their order; a set has those of `PARTITION` besides."""
    return (*HEAD, *form.rows, TIME)


def read_rows(form: Form) -> str:
    """SQL of SQLite: the rows with rowids above the first parameter, up to the second; absent values as -1 or ''."""
    cells = (f"coalesce({each.name}, {_absent(each)})" if each.optional else each.name for each in form.rows)
    wanted = "WHERE rowid > ? AND rowid <= ? ORDER BY rowid"
    return f"SELECT batch_key, at_ms, {', '.join(cells)} FROM {form.table} {wanted}"


READ_HEADS: Final = """
SELECT batch_key, campaign, (started_at_us + clock_offset_us) / 1000, worker, worker_number, worker_group, round, batch,
  family, suspect
FROM batches WHERE batch_key = ?
"""
"""SQL of SQLite: what the rows of a batch say of it."""

HEAD_COLUMNS: Final = (Column("batch_key", "BIGINT"), PARTITION[0], Column("base_ms", "BIGINT"), *HEAD)
"""What `READ_HEADS` answers."""


def row_columns(form: Form) -> tuple[Column, ...]:
    """What `read_rows` answers."""
    numbers = (Column(each.name, "BIGINT") if each.names else each for each in form.rows)
    return (Column("batch_key", "BIGINT"), Column("at_ms", "BIGINT"), *numbers)


def taken(column: Column) -> str:
    """SQL of DuckDB: a cell as it was read, in its own type."""
    cell = f"nullif({column.name}, {_absent(column)})" if column.optional else column.name
    return f"CAST({cell} AS {column.kind}) AS {column.name}"


def placed(form: Form) -> str:
    """SQL of DuckDB: the rows of `loaded` with their batch's of `heads`, as files have them, with `PARTITION`."""
    cells = (_named(each) if each.names else f"loaded.{each.name}" for each in form.rows)
    moment = f"epoch_ms(greatest(least(heads.base_ms + loaded.at_ms, {LAST_MS}), {FIRST_MS}))"
    return (
        f"SELECT {', '.join(f'heads.{each.name}' for each in HEAD)}, {', '.join(cells)}, "
        f"CAST({moment} AS {TIME.kind}) AS {TIME.name}, heads.campaign, CAST({moment} AS DATE) AS day, "
        "heads.base_ms, loaded.batch_key, loaded.at_ms FROM loaded JOIN heads USING (batch_key)"
    )


def written(form: Form, condition: str) -> str:
    """SQL of DuckDB: the rows of the table `placed`, made by `placed`, that meet a condition; in a file's order."""
    names = ", ".join(each.name for each in columns(form))
    return f"SELECT {names} FROM placed WHERE {condition} ORDER BY base_ms, batch_key, {form.order}"


def empty(form: Form) -> str:
    """SQL of DuckDB: the table without rows."""
    cells = (f"CAST(NULL AS {each.kind}) AS {each.name}" for each in (*columns(form), *PARTITION))
    return f"SELECT {', '.join(cells)} WHERE false"


def _absent(column: Column) -> str:
    return "''" if column.is_text else "-1"


def _named(column: Column) -> str:
    names = ", ".join(f"'{name}'" for name in column.names)
    return f"[{names}][loaded.{column.name} + 1] AS {column.name}"
