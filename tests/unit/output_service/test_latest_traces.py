"""The newest traceroutes come with their own hops, by campaign and by page."""

import itertools
from typing import Any

import pytest

from hoploom.output_service import latest, latest_traces
from hoploom.output_service.store import Store
from unit.wire.batches import make
from unit.wire.traces import HOPS, traced


async def filled(store: Store) -> Store:
    """Two campaigns, three batches of six traceroutes each, pings between them; `old` came before all of `new`."""
    for number in range(6):
        name = "old" if number < 3 else "new"
        head: dict[str, Any] = {"campaign": name, "campaign_number": 2_000_000_100 + (number >= 3)}
        await store.append(traced(number, 6, **head))
        await store.append(make(number + 100, **head))
    return store


async def page(store: Store, campaign: str = "", before: int = 2**62, limit: int = 100) -> list[dict[str, Any]]:
    return await store.ask(lambda connection: latest_traces.rows(connection, campaign, before, limit))


def numbers(found: list[dict[str, Any]]) -> list[int]:
    return [int(each["address"].rpartition(".")[2]) for each in found]


def has_its_hops(trace: dict[str, Any]) -> bool:
    """Whether the hops are those that `paths` gives this target, told by the time of the first and the last address."""
    hops = trace["hops"]
    end = trace["address"] if trace["outcome"] == "reached" else "11.0.0.4"
    return (
        [each["ttl"] for each in hops] == list(range(1, HOPS + 1))
        and [each["hop"] for each in hops] == ["11.0.0.1", None, "11.0.0.3", end]
        and hops[0]["at_us"] == trace["at_us"]
        and hops[2]["mpls"] == "24001:0:0:1 16:0:1:254"
    )


async def test_traceroutes_come_newest_first_each_with_its_own_hops(store: Store) -> None:
    found = await page(await filled(store))
    assert numbers(found) == list(reversed(range(36)))
    assert all(map(has_its_hops, found))
    assert {each["kind"] for each in found} == {"trace"} and found[0]["worker"] == "pi-7"


@pytest.mark.parametrize(("campaign", "expected"), [("old", range(18)), ("new", range(18, 36))])
async def test_a_campaign_is_found_behind_what_came_later(store: Store, campaign: str, expected: range) -> None:
    found = await page(await filled(store), campaign)
    assert numbers(found) == list(reversed(expected))
    assert all(map(has_its_hops, found))


async def test_pings_are_found_between_traceroutes(store: Store) -> None:
    await filled(store)
    found = await store.ask(lambda connection: latest.rows(connection, "old", 2**62, 7))
    assert len(found) == 7 and {(each["campaign"], each["kind"]) for each in found} == {("old", "ping")}


async def test_pages_follow_each_other_without_gap_or_overlap(store: Store) -> None:
    await filled(store)
    seen: list[int] = []
    before = 2**62
    for _ in itertools.count():
        found = await page(store, "old", before, 5)
        if not found:
            break
        assert all(map(has_its_hops, found))
        seen += numbers(found)
        before = found[-1]["row"]
    assert seen == list(reversed(range(18)))


async def test_a_path_without_hops_and_a_store_without_paths_have_none(store: Store) -> None:
    assert await page(store) == []
    await store.append(traced(0, 0, stop=6))
    await store.append(make(1))
    assert await page(store) == [] == await page(store, "unknown")
