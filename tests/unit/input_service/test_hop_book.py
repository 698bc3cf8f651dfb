"""What the owner of a slot knows of its hops."""

import math

import pytest

from hoploom.input_service import hop_book
from hoploom.input_service.hop_book import CHUNK_HOPS, MAX_KNOWN, MAX_REPORTERS, HopBook, Taken
from hoploom.wire.hops import REMEMBERED_S, SLOTS, Hop

PLENTY = 10**9
A, B = (Hop.parse(each) for each in ("8.8.8.8", "2a00::1"))


def packed(first: int, count: int) -> list[bytes]:
    return [Hop(4, number).packed for number in range(first, first + count)]


def test_a_hop_is_new_once_whoever_reports_it_for_whatever_campaign() -> None:
    book = HopBook(PLENTY)
    assert book.take("w1", "one", packed(0, 3), 0.0) == Taken(new=3)
    assert book.take("w2", "two", packed(1, 3), 1.0) == Taken(new=1, known=2)
    assert (len(book), book.campaigns) == (4, ["one", "two"])


@pytest.mark.parametrize(
    ("age_s", "taken"),
    [(REMEMBERED_S - 1, Taken(known=1)), (REMEMBERED_S, Taken(new=1)), (2 * REMEMBERED_S, Taken(new=1))],
)
def test_a_target_is_new_again_when_its_day_is_over(age_s: float, taken: Taken) -> None:
    book = HopBook(PLENTY)
    book.take("w1", "one", [A.packed], 0.0)
    book.made([A.packed], REMEMBERED_S)
    book.forget(age_s)
    assert book.take("w1", "one", [A.packed], age_s) == taken


def test_what_waits_is_known_however_long_it_waits() -> None:
    book = HopBook(PLENTY)
    book.take("w1", "one", [A.packed], 0.0)
    book.forget(9 * REMEMBERED_S)
    assert book.take("w1", "one", [A.packed], 9 * REMEMBERED_S) == Taken(known=1)


def test_a_worker_has_its_part_of_the_cap_in_each_slot_and_all_of_it_again_a_day_later() -> None:
    book = HopBook(10 * SLOTS)
    assert book.take("liar", "one", packed(0, 100), 0.0) == Taken(new=10, capped=90)
    assert book.take("liar", "one", packed(200, 5), 1.0) == Taken(capped=5)
    assert book.take("honest", "one", packed(200, 5), 1.0) == Taken(new=5)
    assert book.take("liar", "one", packed(300, 5), REMEMBERED_S) == Taken(new=5)


def test_a_cap_smaller_than_the_slots_still_lets_one_hop_in() -> None:
    assert HopBook(1).take("w1", "one", packed(0, 2), 0.0) == Taken(new=1, capped=1)


def test_invented_workers_are_bounded_too_and_known_ones_go_on() -> None:
    book = HopBook(PLENTY)
    for number in range(MAX_REPORTERS):
        book.take(f"w{number}", "one", packed(number, 1), 0.0)
    assert book.take("one-more", "one", packed(5000, 1), 1.0) == Taken(capped=1)
    assert book.take("w7", "one", packed(5000, 1), 1.0) == Taken(new=1)
    book.forget(REMEMBERED_S)
    assert book.take("one-more", "one", packed(6000, 1), REMEMBERED_S) == Taken(new=1)


def test_a_slot_holds_so_many_hops_and_no_more() -> None:
    book = HopBook(PLENTY)
    assert book.take("w1", "one", packed(0, MAX_KNOWN + 5), 0.0) == Taken(new=MAX_KNOWN, capped=5)
    assert len(book) == MAX_KNOWN


def test_hops_of_a_campaign_that_is_gone_are_forgotten() -> None:
    book = HopBook(PLENTY)
    book.take("w1", "gone", packed(0, 2), 0.0)
    book.take("w1", "stays", packed(2, 2), 0.0)
    book.drop("gone")
    assert book.campaigns == ["stays"]
    assert book.take("w1", "stays", packed(0, 2), 0.0) == Taken(new=2)


def test_what_became_targets_waits_no_more_for_any_campaign() -> None:
    book = HopBook(PLENTY)
    book.take("w1", "one", packed(0, 2), 0.0)
    book.take("w1", "two", packed(2, 1), 0.0)
    book.made(packed(1, 2), 100.0)
    assert (book.campaigns, list(book.waiting("one"))) == (["one"], packed(0, 1))


@pytest.mark.parametrize(
    ("hops", "now_s", "expected"),
    [
        (0, 1000.0, []),
        (1, 299.0, []),
        (1, 300.0, ["one"]),
        (CHUNK_HOPS - 1, 0.0, []),
        (CHUNK_HOPS, 0.0, ["one"]),
    ],
)
def test_hops_become_targets_when_they_are_many_or_have_waited(hops: int, now_s: float, expected: list[str]) -> None:
    book, other = HopBook(PLENTY), HopBook(PLENTY)
    book.take("w1", "one", packed(0, hops // 2), 0.0)
    other.take("w1", "one", packed(hops // 2, hops - hops // 2), 0.0)
    assert hop_book.due([book, other], now_s, 300.0) == expected


def test_a_chunk_is_bounded_and_comes_of_all_slots() -> None:
    books = [HopBook(PLENTY), HopBook(PLENTY)]
    books[0].take("w1", "one", packed(0, 100), 0.0)
    books[1].take("w1", "one", packed(100, CHUNK_HOPS), 0.0)
    books[1].take("w1", "two", packed(9000, 1), 0.0)
    found = hop_book.chunk(books, "one")
    assert found == [Hop(4, number) for number in range(CHUNK_HOPS)]
    assert hop_book.chunk(books, "none") == []


def test_hops_of_several_slots_go_to_their_books_and_those_of_others_nowhere() -> None:
    books = {A.slot: HopBook(PLENTY), B.slot: HopBook(PLENTY)}
    assert hop_book.take(books, "w1", "one", [A, B], 0.0) == Taken(new=2)
    assert hop_book.take(books, "w1", "one", [], 0.0) == Taken()
    del books[B.slot]
    hop_book.made(books, [A, B], math.inf)
    assert not books[A.slot].campaigns
