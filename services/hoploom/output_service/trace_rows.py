"""From a batch of traceroutes to the rows of `traceroutes` and `traceroute_hops`. Pure."""

from collections.abc import Iterator

import numpy as np

from hoploom.output_service.cells import batch_key
from hoploom.output_service.packing import Addresses, Numbers, Packed, Texts, insertion
from hoploom.wire.batch import Batch
from hoploom.wire.columns import NONE
from hoploom.wire.traces import Traces

_UNKNOWN_TTL = 0
_US_A_MS = 1000
PIECE_ROWS = 65_536
"""Hops that are inserted at a time: those of the largest batch at once would take 60 MB more."""


def traceroutes(batch: Batch, columns: Traces) -> Iterator[Packed]:
    """The rows of `traceroutes`."""
    if len(columns):
        yield insertion(
            "traceroutes",
            {
                "batch_key": batch_key(batch.batch),
                "address": Addresses(columns.address),
                "outcome": Numbers(columns.outcome),
                "sent": Numbers(columns.sent),
                "joined_ttl": Numbers(columns.joined_ttl, _UNKNOWN_TTL),
                "distance": Numbers(columns.distance, _UNKNOWN_TTL),
                "hops": Numbers(np.bincount(columns.hop_target, minlength=len(columns))),
                "at_ms": Numbers(columns.at_us // _US_A_MS),
            },
        )


def hops(batch: Batch, columns: Traces) -> Iterator[Packed]:
    """The rows of `traceroute_hops`, piece by piece."""
    stacks = _stacks(columns)
    for start in range(0, len(columns.hop_ttl), PIECE_ROWS):
        piece = slice(start, start + PIECE_ROWS)
        yield insertion(
            "traceroute_hops",
            {
                "batch_key": batch_key(batch.batch),
                "address": Addresses(columns.address[columns.hop_target[piece]]),
                "ttl": Numbers(columns.hop_ttl[piece]),
                "hop": Addresses(columns.hop_address[piece]),
                "rtt_us": Numbers(columns.hop_rtt_us[piece], NONE),
                "reply_ttl": Numbers(columns.hop_reply_ttl[piece], NONE),
                "quoted_ttl": Numbers(columns.hop_quoted_ttl[piece], NONE),
                "icmp_type": Numbers(columns.hop_icmp_type[piece], NONE),
                "icmp_code": Numbers(columns.hop_icmp_code[piece], NONE),
                "mpls": Texts(stacks.different, stacks.which[piece]),
                "at_ms": Numbers(columns.hop_at_us[piece] // _US_A_MS),
            },
        )


def _stacks(columns: Traces) -> Texts:
    """The label stack of each hop as it is written; most hops quote none."""
    by_hop: dict[int, str] = {}
    for hop, entry in zip(columns.mpls_hop.tolist(), columns.mpls_entry.tolist(), strict=True):
        by_hop[hop] = f"{by_hop[hop]} {_label(entry)}" if hop in by_hop else _label(entry)
    numbers = {text: number for number, text in enumerate(dict.fromkeys(by_hop.values()))}
    which = np.full(len(columns.hop_ttl), -1)
    which[list(by_hop)] = [numbers[text] for text in by_hop.values()]
    return Texts(list(numbers), which)


def _label(entry: int) -> str:
    """A label stack entry as `label:class:bottom:ttl` (RFC 3032 section 2.1, RFC 5462)."""
    return f"{entry >> 12}:{entry >> 9 & 7}:{entry >> 8 & 1}:{entry & 255}"
