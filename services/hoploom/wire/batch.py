"""A batch of results: what one sealed segment of a worker's lease holds, one row a target, and rows of pings.

A target that the worker skipped (an opt-out came, or its owner allows no such address) has no row; a batch of skipped
targets alone has none at all, and still says that its positions are dealt with.

The id is fixed before the first send and the content never changes afterwards, so that a batch can be sent any number
of times, to any output instance, and counts once. Only `sent_monotonic_us` may differ between two sends: it tells the
output how old the batch is by the worker's own clock, and is left out of the digest.

Pure. `wire.batch_codec` turns batches into bytes and back; here is what a good batch is, in `wire.traces` what rows of
traceroutes are. Wall clocks are never a reason to refuse: machines without a battery start years off.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import Unprocessable
from hoploom.wire import addresses, columns
from hoploom.wire.columns import (
    ADDRESS,
    MAX_INT,
    MAX_RTT_US,
    NONE,
    Frame,
    Rows,
    Table,
    byte_rules,
    has_none,
    outside,
    repeated,
    repeated_addresses,
    time_rule,
)
from hoploom.wire.traces import Traces

VERSION = 1
ANSWERED, LOST, UNREACHABLE, FAILED = range(4)
OUTCOMES = ("answered", "lost", "unreachable", "failed")
"""Names of the values of the column `outcome`: an echo reply came, nothing came, an ICMP error came, nothing left."""
OTHER_CONTENT = "Other content"
"""Title of the problem (409) that a batch gets whose id another one has: for good, not as one that is being stored."""

MAX_ROWS = 65_536
"""More rows than a worker's largest lease has; bounds the memory that one batch takes here."""
_IPV4 = 4
FIRST_NUMBER = 2_000_000_000
"""Permanent integer ids start here, above the ids that RIPE Atlas gives out."""
MAX_NUMBER = 2**53


@dataclass(frozen=True, eq=False)
class Columns(Rows):
    """The rows of a batch of pings, column by column, all of one length n.

    Attributes:
        position: Place of the target in the campaign's order (int64).
        address: The target, (n, 16) bytes, IPv4 mapped.
        outcome: Index into `OUTCOMES` (uint8).
        sent: Echo requests sent (uint16).
        received: Echo requests that were answered (uint16).
        duplicates: Replies beyond the first of a request (uint16).
        rtt_min_us: Smallest round-trip time in microseconds, -1 when there is none (int32).
        rtt_avg_us: Mean round-trip time in microseconds, or -1.
        rtt_max_us: Largest round-trip time in microseconds, or -1.
        reply_ttl: TTL or hop limit of the reply, or -1 (int16).
        icmp_type: Type of the ICMP error, or -1 (int16).
        icmp_code: Its code, or -1 (int16).
        icmp_from: Who sent the ICMP error, (n, 16) bytes, zeros when nobody did.
        at_us: First send, in microseconds after the batch's start on the worker's monotonic clock (int64).
    """

    position: NDArray[np.int64]
    address: NDArray[np.uint8]
    outcome: NDArray[np.uint8]
    sent: NDArray[np.uint16]
    received: NDArray[np.uint16]
    duplicates: NDArray[np.uint16]
    rtt_min_us: NDArray[np.int32]
    rtt_avg_us: NDArray[np.int32]
    rtt_max_us: NDArray[np.int32]
    reply_ttl: NDArray[np.int16]
    icmp_type: NDArray[np.int16]
    icmp_code: NDArray[np.int16]
    icmp_from: NDArray[np.uint8]
    at_us: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One sealed segment of results of one worker, one campaign, one round and one lease.

    Attributes:
        v: Version of this record.
        batch: Its id, a UUID in lower-case text, made by the worker before the first send.
        worker: Name of the worker.
        worker_number: Its permanent integer id.
        campaign: Id of the campaign, chosen by whoever created it.
        campaign_number: The campaign's permanent integer id.
        measurement: Permanent integer id of this kind of measurement within the campaign.
        revision: SHA-256 of the target set, in hexadecimal.
        round: Which pass over the set this is, from 0.
        group: Group of workers that shares the pass.
        lease: The lease under which the targets were probed.
        family: 4 or 6.
        kind: `ping` or `trace`; says what the rows are.
        start: First position that the batch deals with.
        stop: Position after the last.
        boot_id: Names the run of the worker's machine that its monotonic times belong to.
        started_at_us: Worker's wall clock at the start of the batch, UTC microseconds since 1970; may be years off.
        started_monotonic_us: Worker's monotonic clock at the same moment, in microseconds.
        sent_monotonic_us: The same clock at this send (or when the batch was sealed).
        suspect: Whether the worker believes that its own uplink was dead; such rows count for nothing.
        columns: The rows.
    """

    v: int = VERSION
    batch: str
    worker: str
    worker_number: int
    campaign: str
    campaign_number: int
    measurement: int
    revision: str
    round: int
    group: str
    lease: str
    family: int
    kind: str = "ping"
    start: int
    stop: int
    boot_id: str
    started_at_us: int
    started_monotonic_us: int
    sent_monotonic_us: int
    suspect: bool = False
    columns: Columns | Traces


KINDS: Mapping[str, type[Columns | Traces]] = {"ping": Columns, "trace": Traces}
HEAD_NAMES = tuple(field.name for field in fields(Batch) if field.name not in {"suspect", "columns"})
"""What every batch says of itself; `suspect` travels only where it is true."""

TEXT_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "batch": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "worker": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"),
    "campaign": re.compile(r"[a-z0-9][a-z0-9-]{0,62}"),
    "revision": re.compile(r"[0-9a-f]{64}"),
    "group": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"),
    "lease": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}"),
    "kind": re.compile(r"ping|trace"),
    "boot_id": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"),
}
INTEGER_RANGES: Mapping[str, range] = {
    "v": range(VERSION, VERSION + 2),
    "worker_number": range(FIRST_NUMBER, MAX_NUMBER),
    "campaign_number": range(FIRST_NUMBER, MAX_NUMBER),
    "measurement": range(FIRST_NUMBER, MAX_NUMBER),
    "round": range(2**31),
    "family": range(4, 7, 2),
    "start": range(MAX_INT),
    "stop": range(1, MAX_INT),
    "started_at_us": range(-MAX_INT, MAX_INT),
    "started_monotonic_us": range(MAX_INT),
    "sent_monotonic_us": range(MAX_INT),
}
"""Values that each integer of the head may have. `v` takes the next version too: its readers ignore what is new."""


def check(batch: Batch) -> None:
    """Refuse a batch that no honest worker of this version sends.

    Raises:
        Unprocessable: with the first thing that is wrong.
    """
    _check_head(batch)
    if type(batch.columns) is not KINDS[batch.kind]:
        raise Unprocessable(f"the rows are not those of a {batch.kind}")
    columns.check(batch.columns, Frame(batch.start, batch.stop, batch.family))


def _check_head(batch: Batch) -> None:
    for name, pattern in TEXT_PATTERNS.items():
        if not pattern.fullmatch(getattr(batch, name)):
            raise Unprocessable(f"{name} does not match {pattern.pattern}")
    for name, allowed in INTEGER_RANGES.items():
        if getattr(batch, name) not in allowed:
            raise Unprocessable(f"{name} is not in {_described(allowed)}")
    if batch.stop <= batch.start:
        raise Unprocessable("stop is not greater than start")


def _described(allowed: range) -> str:
    return " or ".join(map(str, allowed)) if len(allowed) <= 2 else f"{allowed.start}..{allowed.stop - 1}"  # noqa: PLR2004 - two values read better as "a or b"


def _bad_rtt(rows: Columns, _: Frame) -> NDArray[np.bool_]:
    absent = (rows.rtt_min_us == NONE) & (rows.rtt_avg_us == NONE) & (rows.rtt_max_us == NONE)
    ordered = (rows.rtt_min_us >= 0) & (rows.rtt_min_us <= rows.rtt_avg_us) & (rows.rtt_avg_us <= rows.rtt_max_us)
    bad: NDArray[np.bool_] = ~(absent | (ordered & (rows.rtt_max_us <= MAX_RTT_US)))
    return bad


_PINGS = Table(
    row="row",
    most=MAX_ROWS,
    columns={
        "position": "<i8",
        "address": ADDRESS,
        "outcome": "u1",
        "sent": "<u2",
        "received": "<u2",
        "duplicates": "<u2",
        "rtt_min_us": "<i4",
        "rtt_avg_us": "<i4",
        "rtt_max_us": "<i4",
        "reply_ttl": "<i2",
        "icmp_type": "<i2",
        "icmp_code": "<i2",
        "icmp_from": ADDRESS,
        "at_us": "<i8",
    },
    rules={
        "it has no address": lambda p, _: has_none(p.address),
        "its position is outside the batch's [start, stop)": lambda p, f: outside(p.position, f.start, f.stop - 1),
        "its address is not of the batch's family": lambda p, f: addresses.is_mapped(p.address) != (f.family == _IPV4),
        "its outcome is unknown": lambda p, _: p.outcome >= len(OUTCOMES),
        f"its RTTs are neither all -1 nor 0 <= min <= avg <= max <= {MAX_RTT_US} us": _bad_rtt,
        "it is answered and has no reply or no RTT": lambda p, _: (
            (p.outcome == ANSWERED) & ((p.received == 0) | (p.rtt_min_us < 0))
        ),
        "it received more than it sent": lambda p, _: p.received > p.sent,
        **byte_rules("reply_ttl", "icmp_type", "icmp_code"),
        **time_rule("at_us"),
        "its position appears twice": lambda p, _: repeated(p.position),
        # A row is found by its batch and its address alone.
        "its address appears twice": lambda p, _: repeated_addresses(p.address),
    },
)
Columns.tables = (_PINGS,)
