"""The tables of a store, made by numbered migrations that only add.

`ping_results`, `traceroutes` and `traceroute_hops` are plain tables with natural columns: no integer key of their own,
no views, no triggers, so that `ATTACH` and `INSERT ... SELECT` merge stores. A traceroute and its hops share
`batch_key` and `position`. Times are microseconds since 1970 in UTC.
"""

import apsw

from hoploom.kit.errors import ConfigError

BATCHES = """
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
PING_RESULTS = """
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
TRACEROUTE_HOPS = """
CREATE TABLE traceroute_hops (
  campaign INTEGER NOT NULL, measurement INTEGER NOT NULL, worker INTEGER NOT NULL,
  round INTEGER NOT NULL, position INTEGER NOT NULL, batch_key INTEGER NOT NULL,
  address TEXT NOT NULL, ttl INTEGER NOT NULL,
  hop TEXT,                         -- NULL for a silent hop
  rtt_us INTEGER, reply_ttl INTEGER, quoted_ttl INTEGER, icmp_type INTEGER, icmp_code INTEGER,
  at_us INTEGER NOT NULL
)
"""
TRACEROUTES = """
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
META = "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        META,
        BATCHES,
        "CREATE UNIQUE INDEX batches_by_seq ON batches (seq)",
        "CREATE INDEX batches_by_campaign ON batches (campaign_number, seq)",
        PING_RESULTS,
        TRACEROUTE_HOPS,
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
        TRACEROUTES,
        # Label stack entries as label:class:bottom:ttl from the top, a blank between two (RFC 3032).
        "ALTER TABLE traceroute_hops ADD COLUMN mpls TEXT",
        # How many rows a batch has in traceroute_hops, so that those of later batches can be stepped over.
        "ALTER TABLE batches ADD COLUMN hop_rows INTEGER NOT NULL DEFAULT 0",
    ),
)
COLUMNS = {"ping_results": 19, "traceroutes": 13, "traceroute_hops": 16}
"""How many columns each table of results has."""


def migrate(connection: apsw.Connection) -> None:
    """Bring a database to the newest version; each migration and its number are one transaction.

    Raises:
        ConfigError: A later version of this program made the database.
    """
    while True:
        done = int(connection.pragma("user_version"))
        if done > len(MIGRATIONS):
            reason = f"{connection.filename} has schema {done}, and this program knows {len(MIGRATIONS)}"
            raise ConfigError(f"{reason}: start a newer one, or choose another --db-dir")
        if done >= len(MIGRATIONS):
            return
        connection.execute("BEGIN IMMEDIATE")
        for statement in MIGRATIONS[done]:
            connection.execute(statement)
        connection.pragma("user_version", done + 1)
        connection.execute("COMMIT")
