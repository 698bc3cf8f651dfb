"""The stored ring: what is new is added once, and the oldest go."""

import pytest

from hoploom.manager.events import ring
from hoploom.manager.seeing.seen import Event


def event(at_s: float, text: str = "came", subject: str = "o-1") -> Event:
    return Event(int(at_s * 1e6), "instance", text, subject)


@pytest.mark.parametrize(
    ("own", "count"),
    [([event(100)], 1), ([event(115)], 1), ([event(140)], 2), ([event(100, "gone")], 2), ([event(99, subject="x")], 2)],
    ids=["the same", "seen by another a little later", "again later", "something else", "somebody else"],
)
def test_an_event_that_two_managers_saw_stands_once(own: list[Event], count: int) -> None:
    assert len(ring.merged([event(100)], own)) == count


def test_a_ring_that_is_merged_again_is_the_same() -> None:
    own = [event(5, "b"), event(1, "a"), event(2, "c")]
    once = ring.merged([], own)
    assert [each.text for each in once] == ["a", "c", "b"]
    assert ring.merged(once, own) == once


def test_the_oldest_go_and_do_not_come_back() -> None:
    many = [event(each * 100) for each in range(ring.KEPT + 50)]
    kept = ring.merged([], many)
    assert kept == many[50:] and ring.merged(kept, many) == kept


def test_what_is_stored_is_read_as_it_was() -> None:
    known = [event(1, "is critical: “disk”", "מדידה")]
    assert ring.decoded(ring.encoded(known)) == known


def test_a_full_ring_fits_into_one_value_of_the_store() -> None:
    longest = [event(each, "x" * 400, "ב" * 200) for each in range(ring.KEPT)]
    assert len(ring.encoded(longest)) < 512 * 1024


@pytest.mark.parametrize("value", [b"", b"x", b"[]", b'{"v":1}', b'{"v":1,"events":[1]}', b"[" * 10_000])
def test_what_is_damaged_is_no_event(value: bytes) -> None:
    assert ring.decoded(value) == []
