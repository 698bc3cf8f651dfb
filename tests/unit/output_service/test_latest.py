"""The newest rows come from the end of the store, by campaign and by page."""

import itertools

import apsw
import pytest

from hoploom.kit.errors import Unavailable
from hoploom.output_service import latest
from hoploom.output_service.store import Store
from unit.wire.batches import make


async def filled(store: Store) -> Store:
    """Two campaigns in turn, three batches of six rows each; of `old` only the first three batches of all."""
    for number in range(6):
        name = "old" if number < 3 else "new"
        await store.append(make(number, campaign=name, campaign_number=2_000_000_100 + (number >= 3)))
    return store


async def page(store: Store, campaign: str = "", before: int = 2**62, limit: int = 100) -> list[int]:
    found = await store.ask(lambda connection: latest.rows(connection, campaign, before, limit))
    return [int(row["address"].rpartition(".")[2]) for row in found]


async def test_rows_come_newest_first(store: Store) -> None:
    assert await page(await filled(store)) == list(reversed(range(36)))


async def test_a_campaign_that_ended_long_ago_is_found_behind_what_came_later(store: Store) -> None:
    await filled(store)
    assert await page(store, "old") == list(reversed(range(18)))
    assert await page(store, "new") == list(reversed(range(18, 36)))


async def test_pages_follow_each_other_without_gap_or_overlap(store: Store) -> None:
    await filled(store)
    seen: list[int] = []
    before = 2**62
    for _ in itertools.count():
        found = await store.ask(lambda connection, at=before: latest.rows(connection, "old", at, 5))  # type: ignore[misc]
        if not found:
            break
        seen += [int(row["address"].rpartition(".")[2]) for row in found]
        before = found[-1]["row"]
    assert seen == list(reversed(range(18)))


async def test_an_unknown_campaign_and_an_empty_store_have_no_rows(store: Store) -> None:
    assert await page(store) == []
    assert await page(await filled(store), "unknown") == []


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (latest.BATCHES, ("ping", 9), "SCAN batches USING INDEX batches_by_seq"),
        (latest.BATCHES_OF_CAMPAIGN, ("ping", 9, "old"), "INDEX batches_by_campaign (campaign=? AND kind=?)"),
    ],
)
async def test_batches_are_read_from_the_newest_on(
    store: Store, statement: str, values: tuple[object, ...], index: str
) -> None:
    steps = [str(row[3]) for row in await store.read("EXPLAIN QUERY PLAN " + statement, values)]
    assert len(steps) == 2 and index in steps[0]
    assert steps[1].startswith("SEARCH locations USING INTEGER PRIMARY KEY")


async def test_a_question_that_takes_too_long_is_given_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hoploom.output_service.store.READ_S", 0.0)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(Unavailable, match="ask for less"):
        await store.read(endless)


async def test_a_question_that_cannot_be_answered_is_no_empty_result(store: Store) -> None:
    def broken(connection: apsw.Connection) -> object:
        return connection.execute("SELECT * FROM nowhere").get

    with pytest.raises(Unavailable, match="cannot be read"):
        await store.ask(broken)
