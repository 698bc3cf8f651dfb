"""What keeps a session: that somebody does something, not that a page is open."""

import pytest

from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.people.kv_users import KvUsers
from hoploom.manager.sessions import record
from hoploom.manager.sessions.book import Book
from hoploom.manager.sessions.record import IDLE_S, SEEN_EVERY_S, Session
from unit.manager.sessions.small import make_user

HOUR_US = 3600 * 10**6


class Clock:
    """A wall clock that stands until it is set."""

    def __init__(self) -> None:
        self.now_us = 10**15

    def __call__(self) -> int:
        return self.now_us


async def stored(consul: FakeConsul) -> Session:
    (entry,) = await consul.kv_list(record.PREFIX)
    return record.read(entry.key, entry.value)


@pytest.mark.parametrize(("is_use", "moves"), [(True, True), (False, False)], ids=["a person", "an open page"])
async def test_only_use_keeps_a_session(fake_consul: FakeConsul, is_use: bool, moves: bool) -> None:
    clock = Clock()
    user = await make_user(fake_consul)
    book = Book(fake_consul, KvUsers(fake_consul), clock)
    session_id = await book.begin(user, "127.0.0.1")
    began_us = (await stored(fake_consul)).seen_us
    clock.now_us += (SEEN_EVERY_S + 1) * 10**6
    assert await book.find(session_id, is_use=is_use)
    await book.write_used()
    assert ((await stored(fake_consul)).seen_us > began_us) is moves


async def test_a_page_that_is_open_all_night_is_signed_out_in_the_morning(fake_consul: FakeConsul) -> None:
    clock = Clock()
    book = Book(fake_consul, KvUsers(fake_consul), clock)
    session_id = await book.begin(await make_user(fake_consul), "127.0.0.1")
    for _ in range(IDLE_S // 3600):
        clock.now_us += HOUR_US
        assert await book.find(session_id, is_use=False)
        await book.write_used()
    clock.now_us += HOUR_US
    assert await book.find(session_id, is_use=False) is None
