"""Files of a store made by hand, for tests of what reads them."""

from collections.abc import Sequence
from pathlib import Path

import apsw

from hoploom.results import tables

STORE = "00000000-0000-4000-8000-00000000000a"
HOPS = 2
"""Hops of each traceroute."""


def make_source(path: Path, kinds: Sequence[str], *, first_seq: int = 1, rows: int = 5) -> Path:
    """A file with a batch of each kind, in this order; `batch_key` is 1000 + `seq`."""
    made = apsw.Connection(str(path))
    made.execute("BEGIN")
    for statement in (*tables.TABLES.values(), tables.BATCHES_BY_KEY, tables.META):
        made.execute(statement)
    made.execute("CREATE INDEX batches_by_seq ON batches (seq); CREATE TABLE locations (seq, first_row, first_hop)")
    for seq, kind in enumerate(kinds, first_seq):
        _add(made, seq, kind, rows)
    made.pragma("user_version", tables.SCHEMA)
    made.execute("COMMIT")
    made.close()
    return path


def _add(made: apsw.Connection, seq: int, kind: str, rows: int) -> None:
    names = [row[1] for row in made.execute("PRAGMA table_info(batches)")]
    hops = HOPS * rows if kind == "trace" else 0
    own = {"batch": f"{999 - seq:03d}", "batch_key": 1000 + seq, "store": STORE, "seq": seq, "kind": kind}
    values = dict.fromkeys(names, 0) | own | {"result_rows": rows, "hop_rows": hops, "campaign": "first-map"}
    made.execute(f"INSERT INTO batches VALUES ({', '.join('?' * len(names))})", [values[name] for name in names])
    for row in range(rows):
        address = f"10.0.{seq}.{row}"
        if kind == "ping":
            made.execute("INSERT INTO ping_results (batch_key, address, outcome, sent, received, duplicates, at_ms) "
                         "VALUES (?, ?, 1, 1, 0, 0, ?)", (1000 + seq, address, row))
            continue
        made.execute("INSERT INTO traceroutes (batch_key, address, outcome, sent, hops, at_ms) "
                     "VALUES (?, ?, 0, 3, ?, ?)", (1000 + seq, address, HOPS, row))
        for ttl in range(HOPS):
            made.execute("INSERT INTO traceroute_hops (batch_key, address, ttl, at_ms) VALUES (?, ?, ?, ?)",
                         (1000 + seq, address, ttl, row))
