"""Imported batches in files of results."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from hoploom.kit.errors import ConfigError
from hoploom.results import filing, reading
from hoploom.results.imports import gathered
from hoploom.results.rows import TraceRow
from lab.result_files import result_rows
from unit.results.records import AT_MS, HOPS, PING, TRACE, ping, trace

NOW_US = 1_790_000_000_000_000


def test_what_is_filed_is_read_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    filed = filing.file(path, gathered([ping(), trace(), ping(address="192.0.2.9", rtt_min_us=1500)]), NOW_US)
    assert (filed.batches, filed.rows) == (2, 3)
    found = [(group.batch, list(group.rows)) for group in reading.groups(apsw.Connection(str(path)))]
    rows = [row for _, rows in found for row in rows]
    assert rows[:2] == [PING._replace(at_ms=0), PING._replace(address="192.0.2.9", rtt_min_us=1500, at_ms=0)]
    hops = tuple(hop._replace(at_ms=hop.at_ms - AT_MS) for hop in HOPS)
    assert rows[2] == TRACE._replace(at_ms=0, hops=hops) and isinstance(rows[2], TraceRow)
    assert {batch.store for batch, _ in found} == {filed.store}
    assert [(batch.moment_us(0), batch.received_at_us) for batch, _ in found] == [(AT_MS * 1000, NOW_US)] * 2


def test_rows_lie_as_those_of_a_workers_batch_do(tmp_path: Path) -> None:
    imported = list(gathered([ping(), trace(), ping(rtt_max_us=1500)]))
    connection = apsw.Connection(str(tmp_path / "a.db"))
    filing.file(tmp_path / "a.db", imported, NOW_US)
    for each in imported:
        for table, rows in result_rows(each.batch).items():
            key = "(SELECT batch_key FROM batches WHERE batch = ?)"
            found = connection.execute(f"SELECT * FROM {table} WHERE batch_key = {key}", (each.batch.batch,))
            assert found.fetchall() == list(rows)


def test_the_same_content_names_the_same_store(tmp_path: Path) -> None:
    stores = [
        filing.file(tmp_path / name, gathered([ping(sent=sent), trace()]), NOW_US + sent).store
        for name, sent in (("a", 3), ("b", 3), ("c", 4))
    ]
    assert stores[0] == stores[1] != stores[2]


def test_a_batch_that_comes_twice_is_filed_once(tmp_path: Path) -> None:
    [batch] = gathered([ping()])
    assert filing.file(tmp_path / "a.db", [batch, batch], NOW_US).batches == 1


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        filing.file(tmp_path / "no" / "a.db", [], NOW_US)
