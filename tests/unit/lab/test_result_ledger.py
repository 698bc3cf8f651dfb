"""The account of a file of results, row by row: green for what is as it was made, red for anything else."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from lab import result_files
from lab.made_batches import made
from lab.result_ledger import account_file

IDS = [f"{number:08x}-1111-4222-8333-444455556666" for number in range(1, 41)]
KEPT = frozenset(IDS[:-1])
ACKED = frozenset(IDS[:30])


def a_file(folder: Path, ids: list[str], *changes: str) -> Path:
    """A dump with these batches, changed by SQL."""
    path = result_files.write(folder / "dump.db", result_files.STORE, [made(each) for each in ids])
    with closing(apsw.Connection(str(path))) as connection:
        for change in changes:
            connection.execute(change)
    return path


def test_a_file_with_all_that_was_kept_is_in_order(tmp_path: Path) -> None:
    found = account_file(a_file(tmp_path, IDS[:-1]), KEPT, ACKED, IDS)
    assert found.findings(drained=True) == []


def test_what_was_made_and_never_kept_may_be_there_or_not(tmp_path: Path) -> None:
    assert account_file(a_file(tmp_path, IDS), KEPT, ACKED, IDS).findings(drained=True) == []


ONE = "(SELECT min(rowid) FROM ping_results)"
WRONG = {
    "a row is gone": (f"DELETE FROM ping_results WHERE rowid = {ONE}", "lost"),
    "a row is there twice": (f"INSERT INTO ping_results SELECT * FROM ping_results WHERE rowid = {ONE}", "duplicate"),
    "a row has another time": (f"UPDATE ping_results SET at_ms = at_ms + 1 WHERE rowid = {ONE}", "altered"),
    "a hop is there twice": ("INSERT INTO traceroute_hops SELECT * FROM traceroute_hops LIMIT 1", "duplicate"),
    "a hop has another RTT": ("UPDATE traceroute_hops SET rtt_us = 7 WHERE rtt_us != 7 AND ttl = 1", "altered"),
    "a path is gone": ("DELETE FROM traceroutes WHERE rowid = 1", "lost"),
    "a row is of no batch": ("INSERT INTO ping_results SELECT 5, '1.2.3.4', 1, 1, 0, 0, NULL, NULL, NULL, NULL, NULL, "
                             "NULL, NULL, 0", "phantom"),
    "a row is of an address that was not asked": (f"UPDATE ping_results SET address = '9.9.9.9' WHERE rowid = {ONE}",
                                                  "phantom"),
    "a batch counts otherwise": (f"UPDATE batches SET answered = 999 WHERE batch = '{IDS[3]}'", "altered"),
    "a batch has other content": (f"UPDATE batches SET digest = x'00' WHERE batch = '{IDS[3]}'", "altered"),
    "a batch is gone, its rows are not": (f"DELETE FROM batches WHERE batch = '{IDS[3]}'", "lost"),
}  # fmt: skip


@pytest.mark.parametrize("change, finding", WRONG.values(), ids=WRONG)
def test_it_is_found_when(change: str, finding: str, tmp_path: Path) -> None:
    found = account_file(a_file(tmp_path, IDS[:-1], change), KEPT, ACKED, IDS)
    assert any(finding in str(each) for each in found.findings(drained=False)), found


def test_a_batch_is_lost_when_it_was_acknowledged_and_missing_when_it_was_only_kept(tmp_path: Path) -> None:
    found = account_file(a_file(tmp_path, IDS[:20]), KEPT, ACKED, IDS)
    assert f"batches {IDS[29]}" in found.lost and f"batches {IDS[30]}" in found.missing
    assert f"batches {IDS[30]}" not in found.lost and f"batches {IDS[39]}" not in found.missing
