"""Slots are handed out once, freed, and never shared by two probes."""

import pytest

from hoploom.prober.slots import SEQUENCES, Grant, Slots


def take(slots: Slots, most: int, owner: int = 7) -> Grant:
    grant = slots.find_free(most)
    slots.take(grant, range(owner, owner + grant.size), bytes(range(8)) * grant.size)
    return grant


def test_a_slot_knows_its_owner_and_cookie() -> None:
    slots = Slots([500])
    grant = take(slots, 3)
    slot = slots.number(500, grant.sequence + 2)
    assert slots.owner(slot) == 9 and slots.cookie(slot) == bytes(range(8))
    assert slots.owner(slots.number(500, grant.sequence + 3)) == -1


def test_other_identifiers_are_not_ours() -> None:
    slots = Slots([500, 501])
    assert slots.is_ours(501) and not slots.is_ours(502)
    assert slots.number(501, 0) == -1, "it is not open yet"


def test_one_identifier_is_the_ceiling_where_there_is_one() -> None:
    slots = Slots([1])
    assert sum(take(slots, 4096).size for _ in range(16)) == SEQUENCES
    assert take(slots, 1).size == 0
    slots.release(0, 10)
    assert (take(slots, 10).size, take(slots, 1).size) == (10, 0)


def test_further_identifiers_open_when_the_first_is_full() -> None:
    slots = Slots([1, 2])
    grants = [take(slots, 4096) for _ in range(32)]
    assert [grant.ident for grant in grants] == [1] * 16 + [2] * 16
    assert take(slots, 1).size == 0


def test_a_full_first_identifier_is_used_again_once_it_is_free() -> None:
    slots = Slots([1, 2])
    first = [take(slots, 4096) for _ in range(16)]
    for grant in first:
        slots.release(grant.first, grant.size)
    assert take(slots, 8).ident == 1


def test_a_grant_never_crosses_an_identifier() -> None:
    slots = Slots([1, 2])
    take(slots, SEQUENCES - 5)
    assert take(slots, 100).size == 5


@pytest.mark.parametrize("busy_at", [0, 5, 9])
def test_one_busy_slot_among_the_next_blocks_them(busy_at: int) -> None:
    slots = Slots([1])
    take(slots, SEQUENCES)
    slots.release(0, 10)
    slots.take(Grant(busy_at, 1, 1, busy_at), [3], bytes(8))
    slots._next = 0
    assert slots.find_free(10).size == 0
