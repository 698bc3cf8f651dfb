"""Results as one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw

from hoploom.results.formats.flat import COLUMNS, flat
from hoploom.results.reading import groups
from lab.result_files import STORE, write
from unit.wire.batches import make
from unit.wire.traces import traced

BEGAN_MS = 1_700_000_002_000


def rows(tmp_path: Path, *batches: Any) -> list[dict[str, Any]]:
    connection = apsw.Connection(str(write(tmp_path / "a.db", STORE, batches)))
    return [dict(zip((each.name for each in COLUMNS), row, strict=True)) for row in flat(groups(connection))]


def test_a_ping_is_a_row_with_what_its_batch_says(tmp_path: Path) -> None:
    found = rows(tmp_path, make(1, suspect=True))
    assert len(found) == 6
    assert {name: value for name, value in found[1].items() if value is not None} == {
        "kind": "ping", "campaign": "first-map", "worker": "pi-7", "worker_number": 2_000_000_003,
        "worker_group": "pi-7", "round": 0, "batch": "00000001-0000-4000-8000-000000000000", "family": 4,
        "suspect": True, "probed_at": BEGAN_MS, "address": "10.0.0.7", "outcome": "answered", "sent": 1, "received": 1,
        "duplicates": 0, "rtt_us": 101, "rtt_min_us": 101, "rtt_max_us": 101, "reply_ttl": 64,
    }  # fmt: skip


def test_a_traceroute_is_a_row_a_hop(tmp_path: Path) -> None:
    found = rows(tmp_path, traced(1))
    names = ("address", "outcome", "joined_ttl", "distance", "ttl", "hop", "rtt_us", "quoted_ttl", "mpls")
    assert [tuple(row[name] for name in names) for row in found[1:4]] == [
        ("10.0.0.3", "reached", None, 4, 2, None, None, None, None),
        ("10.0.0.3", "reached", None, 4, 3, "11.0.0.3", 1002, 1, "24001:0:0:1 16:0:1:254"),
        ("10.0.0.3", "reached", None, 4, 4, "10.0.0.3", 1003, None, None),
    ]
    assert {(row["kind"], row["received"], row["icmp_from"]) for row in found} == {("trace", None, None)}


def test_a_traceroute_without_hops_is_a_row_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.db", STORE, [traced(1, targets=1)])
    connection = apsw.Connection(str(path))
    connection.execute("DELETE FROM traceroute_hops")
    connection.execute("UPDATE traceroutes SET hops = 0; UPDATE batches SET hop_rows = 0")
    assert [(row[10], row[24], row[25]) for row in flat(groups(connection))] == [("10.0.0.1", None, None)]
