"""A batch of ping results: what one sealed segment of a worker's lease holds, one row a target.

A target that the worker skipped (an opt-out came, or its owner allows no such address) has no row; a batch of skipped
targets alone has none at all, and still says that its positions are dealt with.

The id is fixed before the first send and the content never changes afterwards, so that a batch can be sent any number
of times, to any output instance, and counts once. Only `sent_monotonic_us` may differ between two sends: it tells the
output how old the batch is by the worker's own clock, and is left out of the digest.

Pure. `wire.batch_codec` turns batches into bytes and back; here is what a good batch is. Wall clocks are never a
reason to refuse: machines without a battery start years off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import Unprocessable
from hoploom.wire import addresses

VERSION = 1
ANSWERED, LOST, UNREACHABLE, FAILED = range(4)
OUTCOMES = ("answered", "lost", "unreachable", "failed")
"""Names of the values of the column `outcome`: an echo reply came, nothing came, an ICMP error came, nothing left."""
MAX_ROWS = 65_536
"""More rows than a worker's largest lease has; bounds the memory that one batch takes here."""
MAX_RTT_US = 600_000_000
"""Ten minutes: no prober waits longer, so a longer time is a fault of the sender."""
NONE = -1
"""Stands for "no value" in the integer columns that may lack one."""
FIRST_NUMBER = 2_000_000_000
"""Permanent integer ids start here, above the ids that RIPE Atlas gives out."""
MAX_NUMBER = 2**53
MAX_INT = 2**60
"""Three such numbers add up within the 64 bits of a column, as a time plus an age plus an offset does."""
MAX_BYTE = 255

INTEGER_COLUMNS: Mapping[str, str] = {
    "position": "<i8",
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
    "at_us": "<i8",
}
"""Name and NumPy type of each column of integers, as it travels."""
ADDRESS_COLUMNS = ("address", "icmp_from")
"""Columns of 16 bytes a row; no address is sixteen zeros."""


@dataclass(frozen=True, eq=False)
class Columns:
    """The rows of a batch, column by column, all of one length n.

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

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.position)

    def __eq__(self, other: object) -> bool:
        """Whether every column holds the same values."""
        if not isinstance(other, Columns):
            return NotImplemented
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in COLUMN_NAMES)

    __hash__ = None  # type: ignore[assignment]


COLUMN_NAMES = tuple(field.name for field in fields(Columns))


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
        kind: `ping`.
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
    columns: Columns


HEAD_NAMES = tuple(field.name for field in fields(Batch) if field.name not in {"suspect", "columns"})
"""What every batch says of itself; `suspect` travels only where it is true."""

TEXT_PATTERNS: Mapping[str, re.Pattern[str]] = {
    "batch": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "worker": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"),
    "campaign": re.compile(r"[a-z0-9][a-z0-9-]{0,62}"),
    "revision": re.compile(r"[0-9a-f]{64}"),
    "group": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}"),
    "lease": re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}"),
    "kind": re.compile(r"ping"),
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
    columns = batch.columns
    if len(columns) > MAX_ROWS:
        raise Unprocessable(f"a batch has at most {MAX_ROWS} rows, this one has {len(columns)}")
    lengths = {name: len(getattr(columns, name)) for name in COLUMN_NAMES}
    if len(set(lengths.values())) != 1:
        raise Unprocessable(f"the columns differ in length: {lengths}")
    for reason, is_wrong in _ROW_RULES.items():
        wrong = is_wrong(batch)
        if wrong.any():
            raise Unprocessable(f"row {int(wrong.argmax())}: {reason}")
    if len(np.unique(columns.position)) != len(columns):
        raise Unprocessable("a position appears twice")


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


_Rule = Callable[[Batch], NDArray[np.bool_]]


def _bad_rtt(batch: Batch) -> NDArray[np.bool_]:
    rows = batch.columns
    absent = (rows.rtt_min_us == NONE) & (rows.rtt_avg_us == NONE) & (rows.rtt_max_us == NONE)
    ordered = (rows.rtt_min_us >= 0) & (rows.rtt_min_us <= rows.rtt_avg_us) & (rows.rtt_avg_us <= rows.rtt_max_us)
    bad: NDArray[np.bool_] = ~(absent | (ordered & (rows.rtt_max_us <= MAX_RTT_US)))
    return bad


def _out_of_byte(values: NDArray[np.int16]) -> NDArray[np.bool_]:
    return (values < NONE) | (values > MAX_BYTE)


_ROW_RULES: Mapping[str, _Rule] = {
    "its position is outside the batch's [start, stop)": lambda b: (
        (b.columns.position < b.start) | (b.columns.position >= b.stop)
    ),
    "its address is not of the batch's family": lambda b: addresses.is_mapped(b.columns.address) != (b.family == 4),  # noqa: PLR2004 - the family's own number
    "its outcome is unknown": lambda b: b.columns.outcome >= len(OUTCOMES),
    f"its RTTs are neither all -1 nor 0 <= min <= avg <= max <= {MAX_RTT_US} us": _bad_rtt,
    "it is answered and has no reply or no RTT": lambda b: (
        (b.columns.outcome == ANSWERED) & ((b.columns.received == 0) | (b.columns.rtt_min_us < 0))
    ),
    "it received more than it sent": lambda b: b.columns.received > b.columns.sent,
    "its reply_ttl is not -1..255": lambda b: _out_of_byte(b.columns.reply_ttl),
    "its icmp_type is not -1..255": lambda b: _out_of_byte(b.columns.icmp_type),
    "its icmp_code is not -1..255": lambda b: _out_of_byte(b.columns.icmp_code),
    "its at_us is negative or absurd": lambda b: (b.columns.at_us < 0) | (b.columns.at_us >= MAX_INT),
}
