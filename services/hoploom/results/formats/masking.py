"""Takes out of results what is nobody else's business, before any format is written. Pure.

A masked hop is a silent one: it keeps its TTL and nothing else. Targets stay: they are what was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Final

from hoploom.results.rows import BatchHead, Group, HopRow, PingRow, TraceRow
from hoploom.targets.space import space
from hoploom.targets.special_purpose import Space
from hoploom.wire.batch import MAX_NUMBER

_HIDDEN: Final = "masked"
_CACHED: Final = 65_536
"""Addresses whose kind is remembered; routers come again and again."""


@dataclass(frozen=True, kw_only=True)
class Mask:
    """What is taken out.

    Attributes:
        private: Hops, and senders of ICMP errors, in private, loopback, link-local or otherwise special space, unless
            they are the target itself.
        first_hops: Everything at TTLs up to this: the network of whoever probed.
        workers: Names and numbers of workers, their groups, leases and boots; each worker keeps one other name.
    """

    private: bool = False
    first_hops: int = 0
    workers: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it stands beside an export."""
        return asdict(self)


def masked(groups: Iterable[Group], mask: Mask) -> Iterator[Group]:
    """The same batches with less in them.

    Args:
        groups: Batches with their rows; rows are read where those of the result are.
        mask: What is taken out.
    """
    names: dict[str, int] = {}
    for group in groups:
        batch = _anonymous(group.batch, names) if mask.workers else group.batch
        yield group._replace(batch=batch, rows=_rows(group.rows, mask))


def _rows(rows: Iterable[PingRow | TraceRow], mask: Mask) -> Iterator[PingRow | TraceRow]:
    for row in rows:
        yield _ping(row, mask) if isinstance(row, PingRow) else _trace(row, mask)


def _ping(row: PingRow, mask: Mask) -> PingRow:
    is_hidden = mask.private and _is_private(row.icmp_from, row.address)
    return row._replace(icmp_from=None) if is_hidden else row


def _trace(row: TraceRow, mask: Mask) -> TraceRow:
    distance = row.distance if row.distance is None or row.distance > mask.first_hops else None
    return row._replace(hops=tuple(_hop(hop, row.address, mask) for hop in row.hops), distance=distance)


def _hop(hop: HopRow, target: str, mask: Mask) -> HopRow:
    if hop.ttl <= mask.first_hops or (mask.private and _is_private(hop.hop, target)):
        return HopRow(hop.ttl, None, None, None, None, None, None, None, hop.at_ms)
    return hop


def _is_private(address: str | None, target: str) -> bool:
    return address is not None and address != target and _is_special(address)


@lru_cache(_CACHED)
def _is_special(address: str) -> bool:
    return space(address) is not Space.PUBLIC


def _anonymous(batch: BatchHead, names: dict[str, int]) -> BatchHead:
    """A batch of a worker without a name; its number is one that no worker is ever given."""
    number = names.setdefault(batch.worker, len(names) + 1)
    group = names.setdefault(batch.worker_group, len(names) + 1)
    return replace(
        batch,
        worker=f"worker-{number}",
        worker_number=MAX_NUMBER - number,
        worker_group=f"worker-{group}",
        lease=_HIDDEN,
        boot_id=_HIDDEN,
    )
