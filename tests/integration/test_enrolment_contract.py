"""One contract, two Consuls: how a token is used up, against the fake in this process and the real agent."""

import asyncio
import time

from hoploom.kit.consul_api import ConsulApi
from hoploom.manager.enrolment.admission import Refused
from hoploom.manager.enrolment.book import Book
from hoploom.manager.enrolment.records import Described, invite_key, worker_key
from hoploom.trust.numbers import Numbers
from hoploom.wire.enrolment import TOKEN_BYTES, token_digest, token_text

PI = Described(name="pi", place="Tampere, FI")


def book(consul: ConsulApi) -> Book:
    """One manager's."""
    return Book(consul, Numbers(consul), lambda: time.time_ns() // 1000)


def digest_of(number: int) -> str:
    return token_digest(token_text(number.to_bytes(TOKEN_BYTES)))


async def test_of_many_keys_at_many_managers_one_is_let_in_and_asks_as_often_as_it_likes(consul: ConsulApi) -> None:
    digest, keys = digest_of(1), [f"{number}" * 43 for number in range(8)]
    await book(consul).invite(PI, digest, 3600)
    found = await asyncio.gather(*(book(consul).enrol(digest, key) for key in keys * 2), return_exceptions=True)
    let_in = [each for each in found if not isinstance(each, BaseException)]
    assert all(isinstance(each, Refused) for each in found if isinstance(each, BaseException))
    assert sorted(new for _, new in let_in) == [False, True]
    assert len({record for record, _ in let_in}) == 1


async def test_two_tokens_for_one_name_at_once_let_one_in(consul: ConsulApi) -> None:
    # As it is where the second invitation was written before the first one was swept away.
    for number in (1, 2):
        await book(consul).invite(Described(name=f"x{number}"), digest_of(number), 3600)
        entry = await consul.kv_get(invite_key(digest_of(number)))
        assert entry is not None
        await consul.kv_put(entry.key, entry.value.replace(f"x{number}".encode(), b"pi"))
    found = await asyncio.gather(
        *(book(consul).enrol(digest_of(number), f"{number}" * 43) for number in (1, 2)), return_exceptions=True
    )
    assert sorted(type(each).__name__ for each in found) == ["Refused", "tuple"]


async def test_what_was_stored_is_what_was_answered_and_goes_whole(consul: ConsulApi) -> None:
    await book(consul).invite(PI, digest_of(1), 3600)
    record, _ = await book(consul).enrol(digest_of(1), "k" * 43)
    assert await book(consul).workers() == [record]
    entry = await consul.kv_get(worker_key("pi"))
    assert entry is not None and entry.value
    assert await book(consul).forget("pi")
    left = [each.key for each in await consul.kv_list("hoploom/")]
    assert left == ["hoploom/ids/next", "hoploom/ids/worker/pi"]
