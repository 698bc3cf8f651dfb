"""The last known state: what is told while it can be read, while it cannot, and for how long."""

import asyncio

import pytest

from hoploom.kit import last_known
from hoploom.kit.errors import Damaged, Unavailable
from hoploom.kit.last_known import AGAIN_S, WAIT_S, LastKnown

KEPT_S = 30.0


class Store:
    """Something that is read, and a clock."""

    def __init__(self) -> None:
        self.state, self.reads, self.now_s = "one", 0, 0.0
        self.away = self.hangs = self.is_damaged = False

    async def read(self) -> str:
        self.reads += 1
        if self.is_damaged:
            raise Damaged("nobody understands it")
        if self.away:
            raise Unavailable("the store is away")
        if self.hangs:
            await asyncio.sleep(10 * WAIT_S)
        return self.state

    def known(self) -> LastKnown[str]:
        return LastKnown(self.read, KEPT_S)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()
    monkeypatch.setattr(last_known, "boottime_s", lambda: made.now_s)
    return made


async def test_whoever_asks_is_told_what_stands_now(store: Store) -> None:
    known = store.known()
    assert await known.get() == ("one", 0.0)
    store.state = "two"
    assert await known.get() == ("two", 0.0)


async def test_nothing_is_told_that_was_never_read(store: Store) -> None:
    store.away = True
    known = store.known()
    with pytest.raises(Unavailable, match="the store is away"):
        await known.get()
    # Nor is it waited until somebody tries again.
    store.away = False
    assert await known.get() == ("one", 0.0)


async def test_the_last_state_stands_while_it_cannot_be_read_and_no_longer_than_it_is_kept(store: Store) -> None:
    known = store.known()
    await known.get()
    store.away, store.state, store.now_s = True, "two", KEPT_S
    assert await known.get() == ("one", KEPT_S)
    store.now_s = KEPT_S + 0.1
    with pytest.raises(Unavailable):
        await known.get()
    store.away = False
    assert await known.get() == ("two", 0.0)


async def test_after_a_failed_read_nobody_tries_for_a_second(store: Store) -> None:
    known = store.known()
    await known.get()
    store.away, store.now_s = True, 1.0
    await known.get()
    store.away, store.state, store.now_s = False, "two", 1.0 + AGAIN_S / 2
    assert await known.get() == ("one", store.now_s)
    assert store.reads == 2
    store.now_s = 1.0 + AGAIN_S
    assert await known.get() == ("two", 0.0)


async def test_a_read_that_hangs_is_not_waited_for_where_something_is_known(store: Store) -> None:
    known = store.known()
    await known.get()
    store.hangs = True
    async with asyncio.timeout(5 * WAIT_S):
        assert await known.get() == ("one", 0.0)


async def test_what_is_not_understood_is_told_at_once_whatever_was_known(store: Store) -> None:
    known = store.known()
    await known.get()
    store.is_damaged = True
    with pytest.raises(Damaged):
        await known.get()


async def test_it_is_learnt_once_and_what_is_damaged_keeps_nobody_from_being_ready(store: Store) -> None:
    known = store.known()
    store.away = True
    with pytest.raises(Unavailable):
        await known.learn()
    store.away = False
    await known.learn()
    store.away = True
    await known.learn()
    assert (await known.get())[0] == "one" and store.reads == 2
    broken = Store()
    broken.is_damaged = True
    await broken.known().learn()


async def test_a_read_that_began_earlier_and_ends_later_puts_nothing_back(store: Store) -> None:
    held, words = asyncio.Event(), iter(("old", "new"))

    async def read() -> str:
        word = next(words, "")
        if word == "old":
            await held.wait()
        if not word:
            raise Unavailable("the store is away")
        return word

    known = LastKnown(read, KEPT_S)
    slow = asyncio.create_task(known.get())
    await asyncio.sleep(0)
    store.now_s = 1.0
    assert await known.get() == ("new", 0.0)
    held.set()
    assert await slow == ("old", 0.0)
    assert await known.get() == ("new", 0.0)
