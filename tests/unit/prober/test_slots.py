"""Slots are handed out once, freed, and never shared by two probes."""

import numpy as np
import pytest

from hoploom.prober.slots import FREE, PROBE_BITS, REPLIED, SEQUENCES, WAITING, Grant, Slots


def take(slots: Slots, most: int, owner: int = 7) -> Grant:
    grant = slots.find_free(most)
    numbers = np.arange(owner, owner + grant.size)
    slots.take(grant.first, numbers, numbers.astype(np.uint64) * np.uint64(3), numbers * 1000)
    return grant


def number(slots: Slots, ident: int, sequence: int) -> int:
    return int(slots.numbers(np.array([ident], np.uint16), np.array([sequence], np.uint16))[0])


def test_a_slot_knows_its_owner_cookie_and_time() -> None:
    slots = Slots([500])
    grant = take(slots, 3)
    slot = number(slots, 500, grant.sequence + 2)
    assert (slots.owners[slot], slots.cookies[slot], slots.sent_ns[slot], slots.states[slot]) == (9, 27, 9000, WAITING)
    free = number(slots, 500, grant.sequence + 3)
    assert (slots.owners[free], slots.states[free]) == (-1, FREE)


@pytest.mark.parametrize(("ident", "why"), [(502, "is another's"), (501, "is not open yet")])
def test_an_identifier_without_probes_has_no_slots(ident: int, why: str) -> None:
    slots = Slots([500, 501])
    assert number(slots, 500, 0) < 0, "nothing was sent yet"
    take(slots, 1)
    assert number(slots, ident, 0) < 0 and number(slots, ident, SEQUENCES - 1) < 0, why
    assert number(slots, 500, SEQUENCES - 1) == SEQUENCES - 1


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
    assert number(slots, 2, 5) == SEQUENCES + 5 and slots.owners[number(slots, 1, 5)] == 12, "what was there stays"


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
def test_a_grant_ends_where_a_slot_is_busy(busy_at: int) -> None:
    slots = Slots([1])
    take(slots, SEQUENCES)
    slots.release(0, busy_at)
    slots.release(busy_at + 1, 10 - busy_at - 1)
    assert slots.find_free(10).size == busy_at


def test_what_could_not_leave_is_not_waited_for_and_keeps_its_slot_until_all_are_released() -> None:
    slots = Slots([1])
    for _ in range(16):
        take(slots, 4096)
    slots.drop(np.array([0, 1]))
    assert slots.waiting(0, 3)[0].tolist() == [9]
    assert take(slots, 2).size == 0, "who released the first 4096 would free a slot that is another's by now"
    slots.release(0, 4096)
    assert take(slots, 2).size == 2


def test_the_waiting_ones_are_told_by_their_senders_numbers() -> None:
    slots = Slots([1])
    take(slots, 4, 20 + (5 << PROBE_BITS))
    slots.states[1] = REPLIED
    slots.sent_ns[:4] = [500, 501, 502, 503]
    probes, sent_ns = slots.waiting(0, 3)
    assert probes.tolist() == [20, 22] and sent_ns.tolist() == [500, 502]
