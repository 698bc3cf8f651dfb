"""Pages of results: everything once, in order, over all files, and bounded whatever is asked."""

import dataclasses
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_network
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit.errors import Conflict, Gone
from hoploom.output_service import cursors, paging
from hoploom.output_service.archive import Archive, Limits
from hoploom.output_service.cursors import Place
from hoploom.output_service.paging import Page, begin, page
from hoploom.output_service.pruning import Policy
from hoploom.output_service.queries import Query
from hoploom.output_service.store import Store
from hoploom.wire.batch import Batch
from unit.wire.batches import make
from unit.wire.traces import traced

NEVER = Limits(2.0**60, 2.0**60, Policy((), 0))


async def fill(store: Store, batches: Sequence[Batch]) -> None:
    for batch in batches:
        await store.append(batch)


async def rotate(store: Store, *, close: bool) -> None:
    assert await store.rotate(0, 0)
    if close:
        await Archive(store, NEVER).step()


async def walk(store: Store, query: Query) -> list[Page]:
    """All pages, each asked for by the cursor of the one before."""
    pages = [await page(store, query, await begin(store, query))]
    while not pages[-1].is_end:
        cursor = cursors.text(store.uuid, pages[-1].behind)
        pages.append(await page(store, query, cursors.place(store.uuid, cursor)))
    return pages


async def results(store: Store, **wanted: Any) -> list[dict[str, Any]]:
    return [each.document for found in await walk(store, Query(**wanted)) for each in found.results]


async def test_an_empty_store_has_an_end(store: Store) -> None:
    assert await walk(store, Query()) == [Page([], Place(1), is_end=True)]


async def test_a_ping_is_told_with_its_batch(store: Store) -> None:
    await fill(store, [make(7)])
    [first, *_] = await results(store)
    assert first == {
        "kind": "ping", "address": "10.0.0.42", "outcome": "answered", "rtt_avg_us": 100, "rtt_min_us": 100,
        "rtt_max_us": 100, "sent": 1, "received": 1, "duplicates": 0, "reply_ttl": 64, "icmp_type": None,
        "icmp_code": None, "icmp_from": None, "at_us": 1_700_000_000_000_000, "worker": "pi-7", "campaign": "first-map",
        "batch": make(7).batch, "seq": 1, "suspect": False,
    }  # fmt: skip


async def test_what_a_dead_uplink_brought_is_told_as_such(store: Store) -> None:
    await fill(store, [make(1, 1, suspect=True)])
    assert [each["suspect"] for each in await results(store)] == [True]


async def test_a_traceroute_is_told_with_its_own_hops_wherever_a_page_begins(store: Store) -> None:
    await fill(store, [traced(1, 5), traced(2, 3)])
    for limit in (1, 2, 100):
        found = await results(store, limit=limit)
        assert [(each["address"], each["outcome"], each["seq"]) for each in found[3:6]] == [
            ("10.0.0.8", "reached", 1), ("10.0.0.9", "reached", 1), ("10.0.0.6", "reached", 2),
        ]  # fmt: skip
        for each in found:
            assert [hop["ttl"] for hop in each["hops"]] == [1, 2, 3, 4]
            assert each["hops"][3]["hop"] == (each["address"] if each["outcome"] == "reached" else "11.0.0.4")
        assert found[0]["hops"][2] == {
            "ttl": 3, "hop": "11.0.0.3", "rtt_us": 1002, "reply_ttl": 60, "quoted_ttl": 1, "icmp_type": 11,
            "icmp_code": 0, "at_us": 1_700_000_000_000_000, "mpls": "24001:0:0:1 16:0:1:254",
        }  # fmt: skip


@pytest.mark.parametrize("limit", [1, 2, 5, 7, 1000])
async def test_everything_comes_once_and_in_order_over_all_files(store: Store, limit: int) -> None:
    await fill(store, [make(1), traced(2)])
    await rotate(store, close=True)
    await fill(store, [make(3)])
    await rotate(store, close=False)
    await fill(store, [traced(4), make(5)])
    await rotate(store, close=True)
    found = [(each["seq"], each["address"]) for each in await results(store, limit=limit)]
    expected = [*((1, n) for n in range(6, 12)), *((2, n) for n in range(6, 9)), *((3, n) for n in range(18, 24)),
                *((4, n) for n in range(12, 15)), *((5, n) for n in range(30, 36))]  # fmt: skip
    assert found == [(seq, f"10.0.0.{number}") for seq, number in expected]


FILTERED: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a campaign": ({"campaign": "other"}, ["fd00::a00:6", "fd00::a00:7"]),
    "a campaign that there is not": ({"campaign": "none"}, []),
    "a kind": ({"kind": "trace"}, ["10.0.0.4", "10.0.0.5"]),
    "an IPv4 prefix": ({"prefix": ip_network("10.0.0.1/32")}, ["10.0.0.1"]),
    "all of IPv4": ({"prefix": ip_network("0.0.0.0/0")}, ["10.0.0.0", "10.0.0.1", "10.0.0.4", "10.0.0.5"]),
    "an IPv6 prefix": ({"prefix": ip_network("fd00::a00:6/127")}, ["fd00::a00:6", "fd00::a00:7"]),
    "an IPv6 prefix of whole parts": ({"prefix": ip_network("fd00::/16")}, ["fd00::a00:6", "fd00::a00:7"]),
    "another IPv6 prefix": ({"prefix": ip_network("fd01::/16")}, []),
    "an IPv4 prefix of whole parts": ({"prefix": ip_network("10.0.0.0/24"), "kind": "trace"}, ["10.0.0.4", "10.0.0.5"]),
    "an IPv4 prefix whose text others begin with": ({"prefix": ip_network("1.0.0.0/8")}, []),
    "a beginning within a millisecond": ({"since_us": 1_700_000_000_000_001}, ["10.0.0.1"]),
    "an end within a millisecond": (
        {"until_us": 1_700_000_000_000_001, "kind": "ping", "campaign": "first-map"}, ["10.0.0.0"],
    ),
    "a beginning": ({"since_us": 1_700_000_000_001_000}, ["10.0.0.1"]),
    "an end": ({"until_us": 1_700_000_000_001_000, "kind": "ping", "campaign": "first-map"}, ["10.0.0.0"]),
    "a time before all": ({"until_us": 1}, []),
    "a time after all": ({"since_us": 2**61}, []),
}  # fmt: skip


@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("case", FILTERED)
async def test_results_are_narrowed_by(store: Store, case: str, limit: int) -> None:
    wanted, expected = FILTERED[case]
    first = make(0, 2)
    first.columns.at_us[1] = 1_000
    await fill(store, [first, traced(2, 2), make(3, 2, campaign="other", family=6)])
    assert [each["address"] for each in await results(store, **wanted, limit=limit)] == expected


@given(st.ip_addresses(), st.integers(0, 128), st.integers(0, 2**128 - 1))
def test_a_prefix_has_the_addresses_that_it_says(
    address: IPv4Address | IPv6Address, length: int, other: int
) -> None:
    prefix = ip_network((address, min(length, address.max_prefixlen)), strict=False)
    near = type(address)(int(prefix.network_address) | other & int(prefix.hostmask))
    for each in (address, near, type(address)(other & 2**address.max_prefixlen - 1)):
        text = inet_ntop(AF_INET if isinstance(each, IPv4Address) else AF_INET6, each.packed)
        is_inside = text.startswith(paging._start(prefix)) and paging.is_inside(prefix)(text)
        assert is_inside == (each in prefix)


async def test_a_page_looks_no_longer_than_it_may_and_goes_on_where_it_was(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(store, [make(1, 3), make(2, 3)])
    monkeypatch.setattr(paging, "PAGE_S", -1.0)
    monkeypatch.setattr(paging.read, "__defaults__", (-1.0,))
    pages = await walk(store, Query(prefix=ip_network("10.0.0.7")))
    assert [len(each.results) for each in pages] == [0, 1, 0, 0]
    assert [each.behind for each in pages] == [Place(2), Place(2, 2), Place(3), Place(3)]


async def test_a_page_of_traceroutes_is_bounded_by_their_hops(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE_HOPS", 5)
    await fill(store, [traced(1, 5)])
    assert [len(each.results) for each in await walk(store, Query())] == [2, 2, 1]


async def test_a_reader_of_now_gets_what_comes_from_here_on(store: Store) -> None:
    await fill(store, [make(1)])
    await rotate(store, close=True)
    place = await begin(store, Query(cursor="now"))
    assert (await page(store, Query(), place)) == Page([], Place(2), is_end=True)
    await fill(store, [make(2, 1)])
    assert [each.behind for each in (await page(store, Query(), place)).results] == [Place(3)]


async def test_a_reader_at_the_end_misses_nothing_when_files_change(store: Store) -> None:
    seen: list[int] = []
    place = await begin(store, Query())
    for number in range(6):
        await fill(store, [make(number, 1)])
        if number % 2:
            await rotate(store, close=number == 3)
        found = await page(store, Query(limit=1), place)
        seen += [each.document["seq"] for each in found.results]
        place = found.behind
    assert seen == [1, 2, 3, 4, 5, 6]


async def test_a_place_that_was_pruned_is_gone_and_a_new_reader_begins_behind_it(store: Store) -> None:
    await fill(store, [make(1)])
    await rotate(store, close=True)
    await fill(store, [make(2, 1)])
    [closed] = store.files.closed
    store.files.was_closed(dataclasses.replace(closed, pruned=True))
    with pytest.raises(Gone, match="pruned: begin without a cursor"):
        await page(store, Query(), Place(1, 3))
    assert [each["seq"] for each in await results(store)] == [2]


@pytest.mark.parametrize("is_fresh", [True, False])
async def test_a_place_that_the_store_never_came_to_conflicts(store: Store, *, is_fresh: bool) -> None:
    await fill(store, [make(1, 1)])
    if is_fresh:
        await rotate(store, close=False)
    assert (await page(store, Query(), Place(2))).is_end
    with pytest.raises(Conflict, match="never came as far"):
        await page(store, Query(), Place(3))


async def test_a_row_that_a_batch_does_not_have_is_behind_the_batch(store: Store) -> None:
    await fill(store, [make(1, 2), traced(2, 2), make(3, 1)])
    for seq in (1, 2):
        found = await page(store, Query(), Place(seq, 2**32 - 1))
        assert [each.document["seq"] for each in found.results][:1] == [seq + 1]
