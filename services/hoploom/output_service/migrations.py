"""How the tables of a store came to be: numbered migrations, of which every store has taken a first part. Pure.

Up to 6 each row of results said all that its batch says, and times were microseconds; 7 brings the public tables of
`hoploom.results.tables`, and copies what was stored before.
"""

from typing import Final

from hoploom.results import tables

_BATCHES: Final = """
CREATE TABLE batches (
  batch TEXT NOT NULL PRIMARY KEY,  -- id that the worker gave it, a UUID
  batch_key INTEGER NOT NULL,       -- its first 63 bits; the rows carry this
  digest BLOB NOT NULL,             -- of the content; the same id with another digest is refused
  seq INTEGER NOT NULL,             -- order in which this store took it
  campaign TEXT NOT NULL, campaign_number INTEGER NOT NULL, measurement INTEGER NOT NULL,
  worker TEXT NOT NULL, worker_number INTEGER NOT NULL,
  revision TEXT NOT NULL, round INTEGER NOT NULL, worker_group TEXT NOT NULL, lease TEXT NOT NULL,
  family INTEGER NOT NULL, kind TEXT NOT NULL, start INTEGER NOT NULL, stop INTEGER NOT NULL,
  result_rows INTEGER NOT NULL, answered INTEGER NOT NULL, lost INTEGER NOT NULL,
  unreachable INTEGER NOT NULL, failed INTEGER NOT NULL,
  boot_id TEXT NOT NULL,            -- the run of the worker's machine that its monotonic clock belongs to
  started_at_us INTEGER NOT NULL,   -- by the worker's clock, which may be years off
  clock_offset_us INTEGER NOT NULL, -- to add to the worker's times, estimated when the batch came
  received_at_us INTEGER NOT NULL
) WITHOUT ROWID
"""
_PING_RESULTS: Final = """
CREATE TABLE ping_results (
  campaign INTEGER NOT NULL, measurement INTEGER NOT NULL, worker INTEGER NOT NULL,
  round INTEGER NOT NULL, position INTEGER NOT NULL, batch_key INTEGER NOT NULL,
  address TEXT NOT NULL,
  outcome TEXT NOT NULL,            -- answered, lost, unreachable or failed
  sent INTEGER NOT NULL, received INTEGER NOT NULL, duplicates INTEGER NOT NULL,
  rtt_min_us INTEGER, rtt_avg_us INTEGER, rtt_max_us INTEGER, reply_ttl INTEGER,
  icmp_type INTEGER, icmp_code INTEGER, icmp_from TEXT,
  at_us INTEGER NOT NULL            -- of the first request, by the worker's clock
)
"""
_TRACEROUTE_HOPS: Final = """
CREATE TABLE traceroute_hops (
  campaign INTEGER NOT NULL, measurement INTEGER NOT NULL, worker INTEGER NOT NULL,
  round INTEGER NOT NULL, position INTEGER NOT NULL, batch_key INTEGER NOT NULL,
  address TEXT NOT NULL, ttl INTEGER NOT NULL,
  hop TEXT,                         -- NULL for a silent hop
  rtt_us INTEGER, reply_ttl INTEGER, quoted_ttl INTEGER, icmp_type INTEGER, icmp_code INTEGER,
  at_us INTEGER NOT NULL
)
"""
_TRACEROUTES: Final = """
CREATE TABLE traceroutes (
  campaign INTEGER NOT NULL, measurement INTEGER NOT NULL, worker INTEGER NOT NULL,
  round INTEGER NOT NULL, position INTEGER NOT NULL, batch_key INTEGER NOT NULL,
  address TEXT NOT NULL,
  outcome TEXT NOT NULL,            -- reached, gap, unreachable, loop or failed: why its probing ended
  sent INTEGER NOT NULL,            -- packets
  joined_ttl INTEGER,               -- below it, other paths of the worker's round have the hops; NULL: it is whole
  distance INTEGER,                 -- TTL that reached the target
  hops INTEGER NOT NULL,            -- its rows in traceroute_hops, the target's own answer among them
  at_us INTEGER NOT NULL            -- of the first packet, by the worker's clock
)
"""

LOCATIONS: Final = """
CREATE TABLE locations (
  seq INTEGER PRIMARY KEY,
  first_row INTEGER NOT NULL,       -- rowid of the batch's first row in ping_results or traceroutes, by its kind
  first_hop INTEGER NOT NULL        -- and in traceroute_hops
)
"""
"""Where the rows of each batch begin: they follow each other, so that no index on the rows is needed."""

LOCATED: Final = """
SELECT seq,
  1 + sum(result_rows) OVER (PARTITION BY kind ORDER BY seq ROWS UNBOUNDED PRECEDING) - result_rows,
  1 + sum(hop_rows) OVER (ORDER BY seq ROWS UNBOUNDED PRECEDING) - hop_rows
FROM batches
"""
"""The rows of `locations`, where the rows of all batches lie in the order of `seq` and rowids begin at 1.

Each sum grows from the one before; where rows are excluded from it (EXCLUDE), SQLite adds all of them up for each row.
"""

EARLIER_BATCHES: Final = tables.BATCHES.replace("TABLE batches", "TABLE earlier_batches")
"""Batches whose rows are in files that were closed before."""


def indexes(table: str) -> tuple[str, ...]:
    """How the internal indexes of `batches` or `earlier_batches` are made; none of them is in a dump."""
    return (
        f"CREATE UNIQUE INDEX {table}_by_seq ON {table} (seq)",
        f"CREATE INDEX {table}_by_campaign ON {table} (campaign, kind, seq)",
        f"CREATE INDEX {table}_by_number ON {table} (campaign_number, seq)",
        # From a time to the first batch that came since then.
        f"CREATE INDEX {table}_by_time ON {table} (received_at_us, seq)",
        f"CREATE INDEX {table}_with_hops ON {table} (seq, hop_rows) WHERE hop_rows > 0",
        # What a group's round covers is read from this index alone.
        f"CREATE INDEX {table}_by_round ON {table} "
        "(campaign_number, revision, round, worker_group, family, start, stop) WHERE suspect = 0",
    )


_OLD: Final = ("batches", "ping_results", "traceroutes", "traceroute_hops")


def _number_of(names: tuple[str, ...]) -> str:
    return " ".join(f"WHEN '{name}' THEN {number}" for number, name in enumerate(names))


# CROSS JOIN fixes the order: the rows as they lie, then the batch of each.
_COPIES: Final = (
    """
INSERT INTO batches SELECT batch, batch_key, digest, coalesce((SELECT value FROM meta WHERE name = 'store'), ''), seq,
  campaign, campaign_number, measurement, worker, worker_number, revision, round, worker_group, lease, family, kind,
  start, stop, result_rows, hop_rows, answered, lost, unreachable, failed, suspect, boot_id, started_at_us,
  clock_offset_us, received_at_us FROM old_batches
""",
    f"""
INSERT INTO ping_results SELECT batch_key, address, CASE outcome {_number_of(tables.PING_OUTCOMES)} END, sent, received,
  duplicates, rtt_avg_us, nullif(rtt_min_us, rtt_avg_us), nullif(rtt_max_us, rtt_avg_us), reply_ttl, icmp_type,
  icmp_code, icmp_from, (at_us - started_at_us) / 1000
FROM old_ping_results r CROSS JOIN batches USING (batch_key) ORDER BY r.rowid
""",
    f"""
INSERT INTO traceroutes SELECT batch_key, address, CASE outcome {_number_of(tables.TRACE_OUTCOMES)} END, sent,
  joined_ttl, distance, hops, (at_us - started_at_us) / 1000
FROM old_traceroutes t CROSS JOIN batches USING (batch_key) ORDER BY t.rowid
""",
    """
INSERT INTO traceroute_hops SELECT batch_key, address, ttl, hop, rtt_us, reply_ttl, quoted_ttl, icmp_type, icmp_code,
  mpls, (at_us - started_at_us) / 1000
FROM old_traceroute_hops h CROSS JOIN batches USING (batch_key) ORDER BY h.rowid
""",
    f"INSERT INTO locations {LOCATED}",
    # How far the input service was told of hops: by batches from now on, no longer by rows.
    """
UPDATE meta SET value = coalesce((SELECT max(seq) FROM locations JOIN batches USING (seq)
  WHERE first_hop + hop_rows - 1 <= CAST(value AS INTEGER)), 0) WHERE name = 'hops_told_upto'
""",
)
_SEVENTH: Final = (
    *(f"DROP INDEX batches_by_{each}" for each in ("seq", "campaign", "key", "round", "time")),
    *(f"ALTER TABLE {table} RENAME TO old_{table}" for table in _OLD),
    *tables.TABLES.values(),
    tables.BATCHES_BY_KEY,
    EARLIER_BATCHES,
    "CREATE UNIQUE INDEX earlier_batches_by_key ON earlier_batches (batch_key)",
    LOCATIONS,
    *_COPIES,
    *(f"DROP TABLE old_{table}" for table in _OLD),
    *indexes("batches"),
    *indexes("earlier_batches"),
)
MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (
        tables.META,
        _BATCHES,
        "CREATE UNIQUE INDEX batches_by_seq ON batches (seq)",
        "CREATE INDEX batches_by_campaign ON batches (campaign_number, seq)",
        _PING_RESULTS,
        _TRACEROUTE_HOPS,
    ),
    # From a row to its batch; and no two batches share the key by which their rows are told apart.
    ("CREATE UNIQUE INDEX batches_by_key ON batches (batch_key)",),
    # 1: the worker believes that its uplink was dead, so these rows count for nothing.
    ("ALTER TABLE batches ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0",),
    # What a group's round covers is read from this index alone.
    (
        "CREATE INDEX batches_by_round ON batches "
        "(campaign_number, revision, round, worker_group, family, start, stop) WHERE suspect = 0",
    ),
    # From a time to the first batch that came since then.
    ("CREATE INDEX batches_by_time ON batches (received_at_us, seq)",),
    (
        _TRACEROUTES,
        # Label stack entries as label:class:bottom:ttl from the top, a blank between two (RFC 3032).
        "ALTER TABLE traceroute_hops ADD COLUMN mpls TEXT",
        # How many rows a batch has in traceroute_hops, so that those of later batches can be stepped over.
        "ALTER TABLE batches ADD COLUMN hop_rows INTEGER NOT NULL DEFAULT 0",
    ),
    _SEVENTH,
)
"""The last brings a store to `tables.SCHEMA`."""
