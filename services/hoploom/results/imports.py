"""Results that other tools took become batches like those of workers. Pure.

The id of a batch is made of what it holds, so that importing a file twice adds nothing. A reader of a format yields
records; here they are gathered, checked and numbered. There is no campaign behind them: positions count from 0 in
each batch, and the lease says `imported`.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import Unprocessable
from hoploom.results.rows import PingRow, TraceRow
from hoploom.wire import addresses, batch_codec, columns
from hoploom.wire.batch import INTEGER_RANGES, MAX_NUMBER, TEXT_PATTERNS, Batch, Columns
from hoploom.wire.columns import NONE, Frame
from hoploom.wire.traces import Traces

MAX_ROWS: Final = 4_096
"""Rows of a batch."""
MAX_GATHERED: Final = 131_072
"""Rows and hops of all batches that are under way; a file of many vantage points needs no more memory than that."""
IMPORTED: Final = "imported"
_NAMESPACE: Final = uuid.UUID("5a5d1d0e-3c0f-5d6e-9b1c-0a6d1f4b7c21")
FIRST_NUMBER: Final = 2**52
"""The input service counts campaigns upwards from 2,000,000,000; imported ones have numbers that it never reaches."""
_US_PER_MS: Final = 1_000
_NOT_YET: Final = "00000000-0000-5000-8000-000000000000"


class Origin(NamedTuple):
    """What the records of a batch have in common.

    Attributes:
        kind: `ping` or `trace`.
        family: 4 or 6.
        measurement: Its number where it comes from, such as RIPE Atlas' `msm_id`.
        worker: Name of the vantage point.
        worker_number: Its number where it comes from.
        campaign: Id of the campaign.
    """

    kind: str
    family: int
    measurement: int
    worker: str
    worker_number: int
    campaign: str


class Record(NamedTuple):
    """A result of another tool.

    Attributes:
        place: Where in its file it stands, such as `line 7`; for reasons.
        origin: Where it comes from.
        row: What it says; every `at_ms` in it counts from 1970, in UTC.
    """

    place: str
    origin: Origin
    row: PingRow | TraceRow


Bad = Callable[[str], None]
"""What becomes of a record that cannot be taken: gets the sentence, and raises, or counts and goes on."""


class Imported(NamedTuple):
    """A batch, and its rows as they are stored, with times as `Record` has them."""

    batch: Batch
    rows: Sequence[PingRow | TraceRow]


def number(name: str) -> int:
    """A permanent number for a name that has none of its own, from 2^52: the same name has the same everywhere."""
    return FIRST_NUMBER + int.from_bytes(hashlib.sha256(name.encode()).digest()[:6])


def refuse(sentence: str) -> None:
    """The `Bad` that takes nothing where anything is wrong.

    Raises:
        Unprocessable: always.
    """
    raise Unprocessable(sentence)


def gathered(records: Iterable[Record], bad: Bad = refuse) -> Iterator[Imported]:
    """Batches of records with one origin, cut by their order alone.

    Args:
        records: In the order of their file.
        bad: Is told of those that no worker could have sent.
    """
    waiting = _Waiting()
    for record in records:
        for full in waiting.take(record):
            yield from _checked(full, bad)
    for left in waiting.all():
        yield from _checked(left, bad)


class _Waiting:
    """Batches under way. One has an address once, so what probed it again and again fills one batch after the other."""

    def __init__(self) -> None:
        self._batches: dict[tuple[Origin, int], dict[str, Record]] = {}
        self._next: dict[tuple[Origin, str], int] = {}
        self._size = 0

    def take(self, record: Record) -> list[list[Record]]:
        """Add a record; the batches that are full now, and wait no longer."""
        key, address = self._place(record), record.row.address
        self._batches.setdefault(key, {})[address] = record
        self._size += _size(record)
        if self._size >= MAX_GATHERED:
            return self.all()
        return [self._released(key)] if len(self._batches[key]) == MAX_ROWS else []

    def all(self) -> list[list[Record]]:
        """All batches; nothing waits then."""
        return [self._released(key) for key in list(self._batches)]

    def _place(self, record: Record) -> tuple[Origin, int]:
        """The first batch of its origin that has not got its address."""
        origin, address = record.origin, record.row.address
        number = self._next.get((origin, address), 0)
        while address in self._batches.get((origin, number), ()):
            number += 1
        self._next[origin, address] = number + 1
        return origin, number

    def _released(self, key: tuple[Origin, int]) -> list[Record]:
        records = list(self._batches.pop(key).values())
        for record in records:
            self._size -= _size(record)
            self._next.pop((key[0], record.row.address), None)
        return records


def _size(record: Record) -> int:
    return 1 if isinstance(record.row, PingRow) else 1 + len(record.row.hops)


def _checked(records: list[Record], bad: Bad) -> Iterator[Imported]:
    """The batch of records of one origin; none where not one of them is good."""
    origin = records[0].origin
    try:
        yield _imported(origin, [record.row for record in records])
    except Unprocessable:
        good = [record.row for record in records if _is_good(record, bad)]
        if good:
            yield _imported(origin, good)


def _is_good(record: Record, bad: Bad) -> bool:
    try:
        _imported(record.origin, [record.row])
    except Unprocessable as error:
        bad(f"{record.place}: {str(error).removeprefix('row 0: ')}")
        return False
    return True


def _imported(origin: Origin, rows: Sequence[PingRow | TraceRow]) -> Imported:
    started_ms = min(_earliest_ms(row) for row in rows)
    batch = Batch(
        batch=_NOT_YET,
        worker=origin.worker,
        worker_number=origin.worker_number,
        campaign=origin.campaign,
        campaign_number=number(origin.campaign),
        measurement=origin.measurement,
        revision=hashlib.sha256(origin.campaign.encode()).hexdigest(),
        round=0,
        group=origin.worker,
        lease=IMPORTED,
        family=origin.family,
        kind=origin.kind,
        start=0,
        stop=len(rows),
        boot_id=IMPORTED,
        started_at_us=started_ms * _US_PER_MS,
        started_monotonic_us=0,
        sent_monotonic_us=0,
        columns=_columns(origin.kind, rows, started_ms),
    )
    _check_head(batch)
    columns.check(batch.columns, Frame(batch.start, batch.stop, batch.family))
    return Imported(replace(batch, batch=str(uuid.uuid5(_NAMESPACE, batch_codec.digest(batch).hex()))), rows)


def _check_head(batch: Batch) -> None:
    """Numbers of other tools may be smaller than ours; all else is as in batches of workers."""
    for name in ("worker", "campaign"):
        if not TEXT_PATTERNS[name].fullmatch(getattr(batch, name)):
            raise Unprocessable(f"its {name} does not match {TEXT_PATTERNS[name].pattern}")
    if not all(0 <= value < MAX_NUMBER for value in (batch.measurement, batch.worker_number)):
        raise Unprocessable(f"its measurement or its vantage point is no number from 0 to {MAX_NUMBER - 1}")
    if batch.started_at_us not in INTEGER_RANGES["started_at_us"]:
        raise Unprocessable("its time is absurd")


def _earliest_ms(row: PingRow | TraceRow) -> int:
    return row.at_ms if isinstance(row, PingRow) else min((row.at_ms, *(hop.at_ms for hop in row.hops)))


def _columns(kind: str, rows: Sequence[Any], started_ms: int) -> Columns | Traces:
    try:
        return _traces(rows, started_ms) if kind == "trace" else _pings(rows, started_ms)
    except (OverflowError, ValueError) as error:
        raise Unprocessable(f"it holds a number or an address that there is not: {error}") from error


def _pings(rows: Sequence[PingRow], started_ms: int) -> Columns:
    return Columns(
        position=np.arange(len(rows), dtype=np.int64),
        address=addresses.column(row.address for row in rows),
        outcome=np.array([row.outcome for row in rows], np.uint8),
        sent=np.array([row.sent for row in rows], np.uint16),
        received=np.array([row.received for row in rows], np.uint16),
        duplicates=np.array([row.duplicates for row in rows], np.uint16),
        rtt_min_us=_known((row.rtt_min_us for row in rows), np.int32),
        rtt_avg_us=_known((row.rtt_us for row in rows), np.int32),
        rtt_max_us=_known((row.rtt_max_us for row in rows), np.int32),
        reply_ttl=_known((row.reply_ttl for row in rows), np.int16),
        icmp_type=_known((row.icmp_type for row in rows), np.int16),
        icmp_code=_known((row.icmp_code for row in rows), np.int16),
        icmp_from=addresses.column(row.icmp_from or "" for row in rows),
        at_us=_elapsed_us((row.at_ms for row in rows), started_ms),
    )


def _traces(rows: Sequence[TraceRow], started_ms: int) -> Traces:
    hops = [hop for row in rows for hop in row.hops]
    stacks = [[_entry(label) for label in (hop.mpls or "").split()] for hop in hops]
    return Traces(
        position=np.arange(len(rows), dtype=np.int64),
        address=addresses.column(row.address for row in rows),
        outcome=np.array([row.outcome for row in rows], np.uint8),
        sent=np.array([row.sent for row in rows], np.uint16),
        joined_ttl=np.array([row.joined_ttl or 0 for row in rows], np.uint8),
        distance=np.array([row.distance or 0 for row in rows], np.uint8),
        at_us=_elapsed_us((row.at_ms for row in rows), started_ms),
        hop_target=np.repeat(np.arange(len(rows), dtype=np.int32), [len(row.hops) for row in rows]),
        hop_ttl=np.array([hop.ttl for hop in hops], np.uint8),
        hop_address=addresses.column(hop.hop or "" for hop in hops),
        hop_rtt_us=_known((hop.rtt_us for hop in hops), np.int32),
        hop_reply_ttl=_known((hop.reply_ttl for hop in hops), np.int16),
        hop_quoted_ttl=_known((hop.quoted_ttl for hop in hops), np.int16),
        hop_icmp_type=_known((hop.icmp_type for hop in hops), np.int16),
        hop_icmp_code=_known((hop.icmp_code for hop in hops), np.int16),
        hop_at_us=_elapsed_us((hop.at_ms for hop in hops), started_ms),
        mpls_hop=np.repeat(np.arange(len(hops), dtype=np.int32), [len(stack) for stack in stacks]),
        mpls_entry=np.array([entry for stack in stacks for entry in stack], np.uint32),
    )


def _entry(label: str) -> int:
    """A label stack entry from `label:class:bottom:ttl` (RFC 3032 section 2.1)."""
    value, traffic_class, bottom, ttl = map(int, label.split(":"))
    return value << 12 | traffic_class << 9 | bottom << 8 | ttl


def _known(values: Iterable[int | None], kind: type[np.signedinteger[Any]]) -> NDArray[Any]:
    return np.array([NONE if value is None else value for value in values], kind)


def _elapsed_us(moments_ms: Iterable[int], started_ms: int) -> NDArray[np.int64]:
    return np.array([(moment_ms - started_ms) * _US_PER_MS for moment_ms in moments_ms], np.int64)
