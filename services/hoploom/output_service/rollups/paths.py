"""Links and hops of traceroutes by campaign and worker: what the graph of paths is drawn from.

Rows are bounded: of too many the campaign that was heard of least lately goes, and of one campaign what was seen least
lately.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import apsw
import numpy as np
from numpy.typing import NDArray

from hoploom.output_service.packing import Blobs, Column, Numbers, insertion
from hoploom.output_service.rollups.batches import StoredBatch, Traces
from hoploom.output_service.rollups.path_rows import topology
from hoploom.wire.addresses import WIDTH
from hoploom.wire.paths import HOP, LINK, Topology

MAX_LINKS: Final = 400_000
"""Of all campaigns: some 60 MB of disk; twice what a manager's graph has room for."""
MAX_HOPS: Final = 400_000
_TABLES: Final = (
    """CREATE TABLE links (
  campaign INTEGER NOT NULL, worker TEXT NOT NULL, near BLOB NOT NULL, far BLOB NOT NULL, gap INTEGER NOT NULL,
  count INTEGER NOT NULL, near_rtt_us INTEGER NOT NULL, far_rtt_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
  PRIMARY KEY (campaign, worker, near, far, gap)
) WITHOUT ROWID""",
    """CREATE TABLE hops (
  campaign INTEGER NOT NULL, worker TEXT NOT NULL, address BLOB NOT NULL,
  ttl_min INTEGER NOT NULL, ttl_max INTEGER NOT NULL, is_target INTEGER NOT NULL,
  count INTEGER NOT NULL, rtt_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
  PRIMARY KEY (campaign, worker, address)
) WITHOUT ROWID""",
    # How many rows each campaign has, so that nobody counts them; what went, for whoever asks what is missing.
    """CREATE TABLE path_counts (
  campaign INTEGER NOT NULL PRIMARY KEY, links INTEGER NOT NULL, hops INTEGER NOT NULL, last_seq INTEGER NOT NULL,
  left_out INTEGER NOT NULL
)""",
)
_MERGED: Final = {
    "links": {"near_rtt_us": "min", "far_rtt_us": "min", "last_us": "max"},
    "hops": {"ttl_min": "min", "ttl_max": "max", "is_target": "max", "rtt_us": "min", "last_us": "max"},
}
"""Which of two values stays where a row is there already; counts are added."""
_COUNT: Final = """
INSERT INTO path_counts SELECT ?1, (SELECT count(*) FROM links WHERE campaign = ?1),
  (SELECT count(*) FROM hops WHERE campaign = ?1), ?2, 0
ON CONFLICT DO UPDATE SET links = excluded.links, hops = excluded.hops, last_seq = excluded.last_seq
"""
_TOTALS: Final = "SELECT coalesce(sum(links), 0), coalesce(sum(hops), 0), count(*) FROM path_counts"
_OLDEST: Final = "SELECT campaign FROM path_counts ORDER BY last_seq LIMIT 1"
_SHORTEN: Final = {
    table: f"DELETE FROM {table} WHERE campaign = ?1 AND ({key}) IN "
    f"(SELECT {key} FROM {table} WHERE campaign = ?1 ORDER BY last_us LIMIT ?2)"
    for table, key in {"links": "worker, near, far, gap", "hops": "worker, address"}.items()
}
_LAST: Final = "SELECT coalesce(max(last_seq), 0) FROM path_counts WHERE :campaign IS NULL OR campaign = :campaign"
_LEFT_OUT: Final = "SELECT coalesce(sum(left_out), 0) FROM path_counts WHERE :campaign IS NULL OR campaign = :campaign"
_WORKERS: Final = """
SELECT DISTINCT campaign, worker FROM hops WHERE :campaign IS NULL OR campaign = :campaign ORDER BY worker, campaign
"""

class Paths:
    """The rollup of links and hops.

    Attributes:
        name: Of its tables in metrics.
        tables: How they are made.
    """

    name = "paths"
    tables: Sequence[str] = _TABLES

    def __init__(self, most_links: int = MAX_LINKS, most_hops: int = MAX_HOPS) -> None:
        """Keep so many rows at most."""
        self._most = {"links": most_links, "hops": most_hops}

    def add(self, connection: Any, batches: Sequence[StoredBatch]) -> None:
        """Add the traceroutes among batches; see `batches.Rollup`."""
        seen: dict[int, int] = {}
        for batch in batches:
            if isinstance(batch.rows, Traces):
                links, hops = topology(batch.rows, batch.family)
                key = (batch.campaign_number, batch.worker)
                _insert(connection, "links", key, links)
                _insert(connection, "hops", key, hops)
                seen[batch.campaign_number] = batch.seq
        for campaign, seq in seen.items():
            connection.execute(_COUNT, (campaign, seq))
        if seen:
            self._bound(connection)

    def rows(self, connection: Any) -> int:
        """How many links and hops there are."""
        links, hops, _ = connection.execute(_TOTALS).get
        return int(links + hops)

    def _bound(self, connection: Any) -> None:
        while True:
            links, hops, campaigns = connection.execute(_TOTALS).get
            surplus = {"links": links - self._most["links"], "hops": hops - self._most["hops"]}
            if max(surplus.values()) <= 0:
                return
            campaign = connection.execute(_OLDEST).get
            if campaigns > 1:
                for table in ("links", "hops", "path_counts"):
                    connection.execute(f"DELETE FROM {table} WHERE campaign = ?", (campaign,))
            else:
                self._shorten(connection, campaign, surplus)

    def _shorten(self, connection: Any, campaign: int, surplus: dict[str, int]) -> None:
        """Let go of a tenth more than is too much, so that it is not done with every batch."""
        for table, count in surplus.items():
            if count > 0:
                connection.execute(_SHORTEN[table], (campaign, count + self._most[table] // 10))
                gone = connection.changes() if table == "links" else 0
                connection.execute("UPDATE path_counts SET left_out = left_out + ?", (gone,))
        counted = "(SELECT count(*) FROM {0} WHERE campaign = path_counts.campaign)"
        connection.execute(f"UPDATE path_counts SET links = {counted.format('links')}, hops = {counted.format('hops')}")


def last_seq(connection: apsw.Connection, campaign: int | None) -> int:
    """The newest batch that links of a campaign, or of any, come from."""
    return int(connection.execute(_LAST, {"campaign": campaign}).get)


def read(connection: apsw.Connection, campaign: int | None) -> Topology:
    """Links and hops of a campaign, or of all: those of all campaigns are told apart by nothing.

    Args:
        connection: To the file of rollups, in a transaction.
        campaign: Its number; None for all.
    """
    wanted = {"campaign": campaign}
    keys = [(int(str(number)), str(worker)) for number, worker in connection.execute(_WORKERS, wanted)]
    number = {name: at for at, name in enumerate(dict.fromkeys(worker for _, worker in keys))}
    rows = {
        table: np.concatenate([np.zeros(0, kind), *(_rows(connection, key, number[key[1]], table) for key in keys)])
        for table, kind in _KINDS.items()
    }
    left_out = int(connection.execute(_LEFT_OUT, wanted).get)
    return Topology(workers=tuple(number), links=rows["links"], hops=rows["hops"], left_out=left_out)


_KINDS: Final = {"links": LINK, "hops": HOP}


def _rows(connection: apsw.Connection, key: tuple[int, str], worker: int, table: str) -> NDArray[Any]:
    """A worker's rows of a campaign; each column comes as one text, so that no other thread waits for every row."""
    kind = _KINDS[table]
    names = [name for name in kind.names or () if name != "worker"]
    wanted = (f"group_concat(hex({name}), '')" if kind[name].shape else f"group_concat({name})" for name in names)
    query = f"SELECT count(*), {', '.join(wanted)} FROM {table} WHERE campaign = ? AND worker = ?"
    count, *texts = connection.execute(query, key).fetchall()[0]
    found = np.zeros(int(str(count)), kind)
    found["worker"] = worker
    for name, text in zip(names, texts, strict=True):
        if kind[name].shape:
            found[name] = np.frombuffer(bytes.fromhex(str(text or "")), np.uint8).reshape(-1, WIDTH)
        elif text:
            found[name] = np.fromstring(str(text), np.int64, sep=",")
    return found


def _insert(connection: Any, table: str, key: tuple[int, str], rows: NDArray[Any]) -> None:
    """Add rows to those that are there, all by one statement."""
    if not len(rows):
        return
    columns: dict[str, Column] = {"campaign": key[0], "worker": key[1]}
    for name in rows.dtype.names or ():
        if name != "worker":
            columns[name] = Blobs(rows[name]) if rows[name].ndim > 1 else Numbers(rows[name].astype(np.int64))
    packed = insertion(table, columns)
    merged = ", ".join(f"{name} = {which}({name}, excluded.{name})" for name, which in _MERGED[table].items())
    # Without a WHERE the words ON CONFLICT would belong to a join (https://sqlite.org/lang_upsert.html, 2.2).
    statement = f"{packed.statement} WHERE true ON CONFLICT DO UPDATE SET count = count + excluded.count, {merged}"
    connection.execute(statement, (apsw.carray(packed.words), *packed.values))
