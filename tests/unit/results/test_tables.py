"""The public tables."""

import apsw
import pytest

from hoploom.results import tables


def test_every_table_can_be_made_and_says_what_its_outcomes_mean() -> None:
    connection = apsw.Connection(":memory:")
    for statement in (*tables.TABLES.values(), tables.BATCHES_BY_KEY, tables.META):
        connection.execute(statement)
    made = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert made == {*tables.TABLES, "meta"}
    assert "0 answered, 1 lost, 2 unreachable, 3 failed" in tables.PING_RESULTS
    assert "0 reached" in tables.TRACEROUTES


@pytest.mark.parametrize("kind", ["ping", "trace"])
def test_the_rows_of_each_kind_have_tables_that_name_their_batch_and_target(kind: str) -> None:
    for name in tables.RESULT_TABLES[kind]:
        assert "batch_key INTEGER NOT NULL, address TEXT NOT NULL" in tables.TABLES[name]
