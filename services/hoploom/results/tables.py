"""The public tables of results: what a store, a dump and a data set have in common. Pure.

Plain tables with natural keys: no integer key of their own, no views, no triggers, so that `ATTACH` and
`INSERT ... SELECT` merge files. A row of results names its batch by `batch_key` and its target by `address`; what all
rows of a batch share (campaign, worker, round, lease ...) stands once, in `batches`. A traceroute and its hops share
`batch_key` and `address`. Times are UTC; `at_ms` counts from `batches.started_at_us`.
"""

from typing import Final

from hoploom.wire import batch, traces

SCHEMA: Final = 7
"""Number of this form, in `PRAGMA user_version` of every file."""

PING_OUTCOMES: Final = batch.OUTCOMES
TRACE_OUTCOMES: Final = traces.OUTCOMES
"""Names of the values of the columns `outcome`."""


def _values(names: tuple[str, ...]) -> str:
    return ", ".join(f"{number} {name}" for number, name in enumerate(names))


BATCHES: Final = """
CREATE TABLE batches (
  batch TEXT NOT NULL PRIMARY KEY,  -- id that the worker gave it, a UUID
  batch_key INTEGER NOT NULL,       -- its first 63 bits; the rows carry this
  digest BLOB NOT NULL,             -- of the content; the same id with another digest is refused
  store TEXT NOT NULL,              -- the store that took it, a UUID
  seq INTEGER NOT NULL,             -- order in which that store took it
  campaign TEXT NOT NULL, campaign_number INTEGER NOT NULL, measurement INTEGER NOT NULL,
  worker TEXT NOT NULL, worker_number INTEGER NOT NULL,
  revision TEXT NOT NULL, round INTEGER NOT NULL, worker_group TEXT NOT NULL, lease TEXT NOT NULL,
  family INTEGER NOT NULL, kind TEXT NOT NULL,
  start INTEGER NOT NULL, stop INTEGER NOT NULL, -- positions in the campaign's order that it deals with
  result_rows INTEGER NOT NULL,     -- in ping_results or traceroutes, by kind
  hop_rows INTEGER NOT NULL,        -- in traceroute_hops
  answered INTEGER NOT NULL, lost INTEGER NOT NULL, unreachable INTEGER NOT NULL, failed INTEGER NOT NULL,
  suspect INTEGER NOT NULL,         -- 1: the worker believes that its uplink was dead; such rows count for nothing
  boot_id TEXT NOT NULL,            -- the run of the worker's machine that its monotonic clock belongs to
  started_at_us INTEGER NOT NULL,   -- by the worker's clock, which may be years off
  clock_offset_us INTEGER NOT NULL, -- to add to the worker's times, estimated when the batch came
  received_at_us INTEGER NOT NULL
) WITHOUT ROWID
""".strip()
BATCHES_BY_KEY: Final = "CREATE UNIQUE INDEX batches_by_key ON batches (batch_key)"
PING_RESULTS: Final = f"""
CREATE TABLE ping_results (
  batch_key INTEGER NOT NULL, address TEXT NOT NULL,
  outcome INTEGER NOT NULL,         -- {_values(PING_OUTCOMES)}
  sent INTEGER NOT NULL, received INTEGER NOT NULL, duplicates INTEGER NOT NULL,
  rtt_us INTEGER,                   -- mean of its replies
  rtt_min_us INTEGER, rtt_max_us INTEGER, -- NULL where they are the same as rtt_us
  reply_ttl INTEGER,
  icmp_type INTEGER, icmp_code INTEGER, icmp_from TEXT, -- of the ICMP error, and who sent it
  at_ms INTEGER NOT NULL            -- of the first request
)
""".strip()
TRACEROUTES: Final = f"""
CREATE TABLE traceroutes (
  batch_key INTEGER NOT NULL, address TEXT NOT NULL,
  outcome INTEGER NOT NULL,         -- {_values(TRACE_OUTCOMES)}: why its probing ended
  sent INTEGER NOT NULL,            -- packets
  joined_ttl INTEGER,               -- below it, other paths of the worker's round have the hops; NULL: it is whole
  distance INTEGER,                 -- TTL that reached the target
  hops INTEGER NOT NULL,            -- its rows in traceroute_hops, the target's own answer among them
  at_ms INTEGER NOT NULL            -- of the first packet
)
""".strip()
TRACEROUTE_HOPS: Final = """
CREATE TABLE traceroute_hops (
  batch_key INTEGER NOT NULL, address TEXT NOT NULL, ttl INTEGER NOT NULL,
  hop TEXT,                         -- NULL for a silent hop
  rtt_us INTEGER, reply_ttl INTEGER, quoted_ttl INTEGER, icmp_type INTEGER, icmp_code INTEGER,
  mpls TEXT,                        -- label:class:bottom:ttl from the top, a blank between two (RFC 3032)
  at_ms INTEGER NOT NULL
)
""".strip()

TABLES: Final = {
    "batches": BATCHES,
    "ping_results": PING_RESULTS,
    "traceroutes": TRACEROUTES,
    "traceroute_hops": TRACEROUTE_HOPS,
}
"""How each public table is made."""

RESULT_TABLES: Final = {"ping": ("ping_results",), "trace": ("traceroutes", "traceroute_hops")}
"""Where the rows of each kind of batch are."""

META: Final = "CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
"""What a file says of itself: a dump its `store` and the `first_seq` and `last_seq` of its batches."""

FIRST_MS: Final = -62_135_596_800_000
LAST_MS: Final = 253_402_300_799_999
"""The years 1 to 9999 in milliseconds after 1970: what ISO 8601 writes with four digits. A worker's clock may say
anything; where others want a day, what is outside stands at the edge."""
