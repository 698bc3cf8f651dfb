"""The newest traceroutes to an address, over all files of a store."""

from __future__ import annotations

import pytest

from hoploom.output_service import traces_to
from hoploom.output_service.store import Store
from unit.output_service.folders import ALWAYS, stepped
from unit.wire.traces import HOPS, traced


async def filled(store: Store) -> Store:
    """The same six targets five times, in three files."""
    for number in range(5):
        batch = traced(0, 6, batch=f"{number:08}-0000-4000-8000-000000000000", campaign=f"c{number}")
        await store.append(batch)
        if number % 2:
            await stepped(store, ALWAYS)
    return store


@pytest.mark.parametrize(("limit", "campaigns"), [(1, ["c4"]), (3, ["c4", "c3", "c2"]), (20, "c4 c3 c2 c1 c0".split())])
async def test_they_come_newest_first_with_their_hops(store: Store, limit: int, campaigns: list[str]) -> None:
    found, looked_back_us = await traces_to.traces_to(await filled(store), "10.0.0.2", limit)
    assert [each["campaign"] for each in found] == campaigns
    assert {each["address"] for each in found} == {"10.0.0.2"} and {len(each["hops"]) for each in found} == {HOPS}
    assert (looked_back_us is None) == (limit == 20)


async def test_an_address_that_nobody_traced_has_none(store: Store) -> None:
    assert await traces_to.traces_to(await filled(store), "192.0.2.1", 5) == ([], None)


async def test_who_has_no_more_time_says_how_far_it_came(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces_to, "LOOK_S", 0.0)
    found, looked_back_us = await traces_to.traces_to(await filled(store), "10.0.0.2", 5)
    assert [each["campaign"] for each in found] == ["c4"] and looked_back_us is not None
