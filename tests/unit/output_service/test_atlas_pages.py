"""Stored results of a measurement as Atlas' own reader takes them, in pages."""

from typing import Any

import pytest
from ripe.atlas.sagan import Result

from hoploom.output_service import atlas_pages
from hoploom.output_service.cursors import Place
from hoploom.output_service.store import Store
from hoploom.output_service.stored_batches import Wanted
from unit.output_service.folders import ALWAYS, stepped
from unit.wire.batches import make
from unit.wire.traces import traced

MEASUREMENT = 2_000_000_002
WHOLE = Wanted(measurement=MEASUREMENT)


async def everything(store: Store, asked: Wanted) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    place, is_end = Place(store.files.first_seq(store.files.numbers()[0])), False
    while not is_end:
        page = await atlas_pages.page(store, asked, place)
        found += [each.document for each in page.results]
        place, is_end = page.behind, page.is_end
    return found


async def test_a_ping_is_read_by_atlas_own_reader(store: Store) -> None:
    await store.append(make())
    found = await everything(store, WHOLE)
    read = Result.get(found[0])
    assert (read.type, read.measurement_id, read.probe_id) == ("ping", MEASUREMENT, 2_000_000_003)
    assert (read.destination_address, read.rtt_min, read.packets_received) == ("10.0.0.0", 0.1, 1)
    assert len(found) == 6


async def test_a_traceroute_has_its_own_hops(store: Store) -> None:
    await store.append(traced(0))
    await store.append(traced(1))
    found = await everything(store, WHOLE)
    assert len(found) == 6
    read = [Result.get(each) for each in found]
    assert [len(each.hops) for each in read] == [4] * 6
    assert [each.hops[3].packets[0].origin for each in read if each.destination_ip_responded] == [
        each.destination_address for each in read if each.destination_ip_responded
    ]
    assert {each.protocol for each in read} == {"ICMP"}


async def test_a_page_ends_in_the_middle_of_a_batch_and_the_next_goes_on(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(make(0, 7))
    await store.append(traced(1, 5))
    whole = await everything(store, WHOLE)
    monkeypatch.setattr(atlas_pages, "PAGE_RESULTS", 3)
    assert await everything(store, WHOLE) == whole
    assert len(whole) == 12


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (Wanted(measurement=MEASUREMENT + 1), 0),
        (Wanted(measurement=MEASUREMENT, probes=(2_000_000_003,)), 6),
        (Wanted(measurement=MEASUREMENT, probes=(7,)), 0),
        (Wanted(measurement=MEASUREMENT, start_us=2**61), 0),
        (Wanted(measurement=MEASUREMENT, stop_us=1), 0),
    ],
)
async def test_measurement_probes_and_times_narrow_what_is_told(store: Store, asked: Wanted, count: int) -> None:
    await store.append(make())
    assert len(await everything(store, asked)) == count


async def test_what_a_worker_distrusted_is_not_told(store: Store) -> None:
    await store.append(make(suspect=True))
    assert await everything(store, WHOLE) == []
    assert await atlas_pages.latest(store, WHOLE) == []


async def test_pages_go_on_over_all_files(filled: Store) -> None:
    assert len(await everything(filled, WHOLE)) == 1800


async def test_the_latest_is_one_result_of_each_probe_over_all_files(store: Store) -> None:
    await store.append(make(0, worker="a", worker_number=11))
    await stepped(store, ALWAYS)
    await store.append(make(1, worker="b", worker_number=12))
    await store.append(make(2, worker="b", worker_number=12))
    found = {each["prb_id"]: each["dst_addr"] for each in await atlas_pages.latest(store, WHOLE)}
    assert found == {11: "10.0.0.5", 12: "10.0.0.17"}
    only = Wanted(measurement=MEASUREMENT, probes=(11,))
    assert [each["prb_id"] for each in await atlas_pages.latest(store, only)] == [11]


