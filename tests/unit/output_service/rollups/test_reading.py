"""Batches come back from the store as they went in, whatever their kind, family and file."""

import asyncio
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hoploom.output_service.rollups import reading
from hoploom.output_service.rollups.batches import Pings, StoredBatch, Traces
from hoploom.output_service.store import Store
from unit.output_service.folders import ALWAYS, stepped
from unit.output_service.rollups.stored import fill
from unit.wire.batches import columns, make
from unit.wire.traces import paths, traced


def all_of(store: Store, most_rows: int = 10**6) -> list[StoredBatch]:
    found, after = [], 0
    while (page := reading.following(store.files, after, most_rows)).upto != after:
        found += page.batches
        after = page.upto
    assert after == store.writer.seq
    return found


async def test_pings_come_back_as_they_went_in(store: Store) -> None:
    for family in (4, 6):
        sent = columns(30, family=family)
        await store.append(dataclasses.replace(make(family, 30), family=family, start=0, columns=sent))
    for each, family in zip(all_of(store), (4, 6), strict=True):
        assert isinstance(each.rows, Pings)
        sent, rows = columns(30, family=family), each.rows
        assert (rows.address == sent.address).all()
        for name in ("outcome", "sent", "received"):
            assert (getattr(rows, name) == getattr(sent, name)).all()
        assert (rows.rtt_us == sent.rtt_avg_us).all()
        assert (rows.rtt_min_us == sent.rtt_min_us).all() and (rows.rtt_max_us == sent.rtt_max_us).all()
        assert (np.diff(rows.at_us) >= 0).all() and rows.at_us.max() <= each.received_at_us


async def test_extremes_come_back_where_they_differ_from_the_mean(store: Store) -> None:
    sent = columns(3)
    sent = dataclasses.replace(sent, rtt_min_us=sent.rtt_min_us - (sent.rtt_min_us > 0), received=sent.received)
    await store.append(dataclasses.replace(make(0, 3), columns=sent))
    [each] = all_of(store)
    assert isinstance(each.rows, Pings)
    assert each.rows.rtt_min_us.tolist() == sent.rtt_min_us.tolist()


@pytest.mark.parametrize("family", [4, 6])
async def test_traceroutes_come_back_with_their_hops(store: Store, family: int) -> None:
    sent = paths(7, family=family)
    await store.append(dataclasses.replace(traced(0, 7), family=family, columns=sent))
    [each] = all_of(store)
    rows = each.rows
    assert isinstance(rows, Traces)
    assert (rows.address == sent.address).all() and (rows.hop_address == sent.hop_address).all()
    assert (rows.outcome == sent.outcome).all() and (rows.sent == sent.sent).all()
    assert (rows.hop_target == sent.hop_target).all() and (rows.hop_ttl == sent.hop_ttl).all()
    assert (rows.hop_rtt_us == sent.hop_rtt_us).all() and (rows.hop_icmp_type == sent.hop_icmp_type).all()
    assert (np.maximum(rows.joined_ttl, 0) == sent.joined_ttl).all()
    assert (np.maximum(rows.distance, 0) == sent.distance).all()


@pytest.mark.parametrize("most_rows", [1, 50, 10**6])
async def test_all_batches_that_count_come_once_in_their_order(store: Store, most_rows: int) -> None:
    await fill(store)
    assert [each.seq for each in all_of(store, most_rows)] == [1, 3, 4, 5, 6, 7]


async def test_nothing_was_probed_after_it_came(store: Store) -> None:
    odd = {"started_at_us": 9_000_000_000_000_000, "sent_monotonic_us": 0, "started_monotonic_us": 10**15}
    await store.append(make(0, 5, **odd))
    [each] = all_of(store)
    assert (each.rows.at_us <= each.received_at_us).all() and (each.rows.at_us >= 0).all()


async def test_what_was_pruned_is_passed_over(store: Store) -> None:
    for number in range(3):
        await store.append(make(number, 5))
        await stepped(store, ALWAYS)
    await store.append(make(3, 5))
    for closed in store.files.closed[:2]:
        store.files.was_closed(dataclasses.replace(closed, pruned=True))
    assert [each.seq for each in all_of(store)] == [3, 4]


def test_a_store_with_nothing_has_nothing_that_follows(tmp_path: Path) -> None:
    store = Store(tmp_path, 8)
    assert reading.following(store.files, 0, 10) == ([], 0)
    asyncio.run(store.append(make(0, 5)))
    assert reading.following(store.files, 1, 10) == ([], 1)
    store.close()
