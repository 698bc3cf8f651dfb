"""Whatever an output takes from a worker, a merge takes from the output's dump: its rules are never the stricter."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import numpy as np

from hoploom.output_service import dump
from hoploom.output_service.dump import Order
from hoploom.output_service.extract import EVERYTHING, Wanted
from hoploom.output_service.store import Store
from hoploom.results.data_set import DataSet
from hoploom.wire import batch as wire
from hoploom.wire.addresses import column
from hoploom.wire.batch import FAILED, INTEGER_RANGES, LOST, MAX_ROWS, UNREACHABLE, Batch
from hoploom.wire.columns import MAX_INT, MAX_RTT_US
from hoploom.wire.traces import LABELS_A_HOP, LOOP, MAX_TTL
from unit.wire.batches import columns, make
from unit.wire.traces import HOPS, paths, traced

PINGS, TRACES = columns(6), paths(3)
FULL = np.full(6, 255, np.int16)


def pings(**changes: object) -> Batch:
    return make(columns=dataclasses.replace(PINGS, **changes))  # type: ignore[arg-type]


def traces(**changes: object) -> Batch:
    return traced(columns=dataclasses.replace(TRACES, **changes))  # type: ignore[arg-type]


LONGEST = np.full(6, MAX_RTT_US, np.int32)
EXTREMES: dict[str, Batch] = {
    "pings": make(),
    "pings of IPv6": make(family=6),
    "traceroutes": traced(),
    "traceroutes of IPv6": traced(family=6),
    "no rows": make(rows=0, stop=9),
    "the most rows": make(rows=MAX_ROWS),
    "suspect rows": make(suspect=True),
    "the longest times": pings(rtt_avg_us=LONGEST, rtt_max_us=LONGEST, rtt_min_us=0 * LONGEST, received=PINGS.sent),
    "the shortest times": pings(rtt_avg_us=0 * LONGEST, rtt_max_us=0 * LONGEST, rtt_min_us=0 * LONGEST),
    "a mean that is the least": pings(rtt_max_us=np.where(PINGS.rtt_max_us < 0, -1, LONGEST).astype(np.int32)),
    "the most packets": pings(**dict.fromkeys(("sent", "received", "duplicates"), np.full(6, 2**16 - 1, np.uint16))),
    "full bytes": pings(reply_ttl=FULL, icmp_type=FULL, icmp_code=FULL),
    "zero bytes": pings(reply_ttl=0 * FULL, icmp_type=0 * FULL, icmp_code=0 * FULL),
    "errors from the other family": pings(
        icmp_from=column(["fd00::1", "::1.2.3.4", "", "255.255.255.255", "0.0.0.0", "::1"])),
    "lost with a late reply": pings(outcome=np.full(6, LOST, np.uint8)),
    "failed and unreachable": pings(outcome=np.array([FAILED, UNREACHABLE] * 3, np.uint8)),
    "the latest rows": pings(at_us=np.full(6, MAX_INT - 1)),
    "the highest addresses": pings(address=column(f"255.255.255.{each}" for each in range(250, 256))),
    "the lowest addresses": pings(address=column(f"0.0.0.{each}" for each in range(6))),
    "odd addresses of IPv6": make(family=6, columns=dataclasses.replace(
        columns(6, family=6),
        address=column(["::1", "::1.2.3.4", "ffff::", "1::2:0:0:3", "2001:db8::a:0:0:0", "1:2:3:4:5:6:7:0"]))),
    "the longest paths": traces(
        **dict.fromkeys(("joined_ttl", "distance"), np.full(3, MAX_TTL, np.uint8)),
        sent=np.full(3, 2**16 - 1, np.uint16), hop_ttl=np.tile([1, 2, 3, MAX_TTL], 3).astype(np.uint8)),
    "loops of which nothing was sent": traces(outcome=np.full(3, LOOP, np.uint8), sent=np.zeros(3, np.uint16)),
    "silent hops alone": traces(
        hop_address=np.zeros((3 * HOPS, 16), np.uint8), mpls_hop=TRACES.mpls_hop[:0], mpls_entry=TRACES.mpls_entry[:0],
        **{name: np.full(3 * HOPS, -1, getattr(TRACES, name).dtype) for name in (
            "hop_rtt_us", "hop_reply_ttl", "hop_quoted_ttl", "hop_icmp_type", "hop_icmp_code")}),
    "the most labels": traces(
        mpls_hop=np.full(LABELS_A_HOP, 2, np.int32), mpls_entry=np.full(LABELS_A_HOP, 2**32 - 1, np.uint32)),
    "hops of long ago": traces(hop_at_us=np.full(3 * HOPS, MAX_INT - 1), at_us=np.full(3, MAX_INT - 1)),
    "the earliest clock and the oldest batch": make(started_at_us=-MAX_INT, sent_monotonic_us=MAX_INT - 1),
    "the latest clock and a monotonic clock that fell": make(
        started_at_us=MAX_INT - 1, started_monotonic_us=MAX_INT - 1, sent_monotonic_us=0),
    "the largest numbers": make(**{
        name: INTEGER_RANGES[name][-1] for name in ("worker_number", "campaign_number", "measurement", "round")}),
    "the longest names": make(worker="w" * 128, group="g" * 128, lease="l" * 128, campaign="c" * 63, boot_id="b" * 128),
}  # fmt: skip


def test_every_acceptable_batch_comes_through_an_output_into_a_data_set(tmp_path: Path) -> None:
    """A batch that is refused is named by its place in the table."""
    store = Store(tmp_path, 64)
    batches = [
        dataclasses.replace(each, batch=f"{number:08x}-0000-4000-8000-000000000000")
        for number, each in enumerate(EXTREMES.values())
    ]

    async def stored() -> None:
        for batch in batches:
            wire.check(batch)
            await store.append(batch)

    asyncio.run(stored())
    data_set = DataSet.open(tmp_path / "set", "lab")
    with dump.made(store.files, Order(Wanted(store.uuid, 0, EVERYTHING), lambda: False)) as made:
        taken = data_set.take(made.path)
    assert (taken.batches, taken.upto, taken.store) == (len(batches), len(batches), store.uuid)
    data_set.close()
    store.close()
