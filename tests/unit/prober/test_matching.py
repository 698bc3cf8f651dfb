"""A message is taken for the answer of a probe only where slot, address and cookie agree, and once."""

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.prober import matching
from hoploom.prober.arrivals import Arrivals
from hoploom.prober.matching import EARLY_NS, Found
from hoploom.prober.slots import REFUSED, REPLIED, SEQUENCES, WAITING, Slots

COOKIES = np.frombuffer(bytes(range(1, 33)), np.uint64)
TARGETS = np.arange(64, dtype=np.uint8).reshape(4, 16)
SENT_NS = np.array([5, 6, 7, 8], np.int64) * 10_000_000


def slots() -> Slots:
    """Four probes in flight in the first four slots of identifier 9."""
    found = Slots([9])
    found.take(found.find_free(4).first, np.arange(4), COOKIES, SENT_NS)
    return found


def arrivals(*sequences: int, is_reply: bool = True, protocol: int = 1, cookie_bytes: int = 8) -> Arrivals:
    """A true answer to each of these probes, the time of its sending as its stamp."""
    rows, count = np.array(sequences, np.int64), len(sequences)
    known = rows % 4
    cookie = COOKIES[known].view(np.uint8).reshape(-1, 8).copy()
    cookie[:, cookie_bytes:] = 0
    return Arrivals(
        source_row=np.arange(count, dtype=np.int32),
        is_reply=np.full(count, is_reply),
        protocol=np.full(count, protocol, np.uint8),
        icmp_type=np.zeros(count, np.int16),
        icmp_code=np.zeros(count, np.int16),
        ident=np.full(count, 9, np.uint16),
        sequence=rows.astype(np.uint16),
        about=TARGETS[known],
        sender=TARGETS[known],
        cookie=cookie,
        cookie_bytes=np.full(count, cookie_bytes, np.uint8),
        ttl=np.full(count, 64, np.int16),
        quoted_ttl=np.full(count, -1, np.int16),
        stamp_ns=SENT_NS[known].copy(),
        payload_bytes=np.zeros(count, np.int32),
        mpls_row=np.empty(0, np.int32),
        mpls_entry=np.empty(0, np.uint32),
    )


def rows_of(found: Found, count: int) -> list[int]:
    rows: list[int] = np.arange(count)[found.rows].tolist()
    return rows


def test_only_echo_messages_with_our_identifiers_are_ours() -> None:
    came = arrivals(0, 1, 2)
    came.ident[1] = 10
    came.protocol[2] = 17
    found = matching.find(slots(), came)
    assert rows_of(found, 3) == [0] and found.slots.tolist() == [0]


def test_narrowing_twice_keeps_the_rows() -> None:
    found = Found(slice(None), np.array([10, 11, 12, 13]))
    once = found.where(np.array([True, False, True, True]))
    twice = once.where(np.array([False, True, True]))
    assert rows_of(twice, 4) == [2, 3] and twice.slots.tolist() == [12, 13]
    assert twice.where(np.array([True, True])) is twice


def test_a_message_must_speak_of_the_probes_address() -> None:
    came = arrivals(0, 1, 2)
    came.about[1, 15] ^= 1
    came.about[2, 0] ^= 1
    found = matching.find(slots(), came)
    assert matching.is_meant(found, came, TARGETS[:3].view(np.uint64)).tolist() == [True, False, False]


@pytest.mark.parametrize("is_reply", [True, False], ids=["reply", "error"])
@pytest.mark.parametrize("cookie_bytes", range(9))
def test_a_reply_carries_the_whole_cookie_an_error_as_much_as_it_quotes(is_reply: bool, cookie_bytes: int) -> None:
    came = arrivals(0, 1, 2, 3, is_reply=is_reply, cookie_bytes=cookie_bytes)
    genuine = matching.is_genuine(slots(), matching.find(slots(), came), came)
    assert genuine.tolist() == [not is_reply or cookie_bytes == 8] * 4
    if cookie_bytes:
        came.cookie[2, cookie_bytes - 1] ^= 0x80
        assert not matching.is_genuine(slots(), matching.find(slots(), came), came)[2]


@pytest.mark.parametrize(
    ("stamp_ns", "rtt_ns"),
    [
        (50_000_000, 0),
        (50_002_000, 2_000),
        (50_000_000 - EARLY_NS, 0),  # stamps of one sending are given in proportion
        (50_000_000 - EARLY_NS - 1, 1_000_000),  # the wall clock was set: to now instead
        (51_000_001, 1_000_000),  # a stamp of the future
        (0, 1_000_000),  # no stamp at all
    ],
)
def test_a_time_runs_to_the_kernels_stamp_where_that_can_be_true(stamp_ns: int, rtt_ns: int) -> None:
    came = arrivals(0, 1)
    came.stamp_ns[:] = stamp_ns, SENT_NS[1] + 7
    found = matching.find(slots(), came)
    assert matching.rtts_ns(slots(), found, came, 51_000_000)[0] == rtt_ns


def settle(known: Slots, *numbers: int, is_reply: bool) -> tuple[list[bool], int]:
    first, settled = matching.settle(known, np.array(numbers, np.int64), is_reply=is_reply)
    return first.tolist(), settled


@pytest.mark.parametrize("numbers", [(0, 1, 1, 2), (2, 1, 0, 1)])
def test_of_several_replies_to_a_probe_one_is_the_first(numbers: tuple[int, ...]) -> None:
    known = slots()
    first, settled = settle(known, *numbers, is_reply=True)
    assert (sum(first), settled) == (3, 3) and first[-1] == (numbers[-1] == 2)
    assert settle(known, *numbers, is_reply=True) == ([False] * 4, 0)
    assert known.states[:4].tolist() == [REPLIED, REPLIED, REPLIED, WAITING]


def test_a_reply_after_an_error_is_a_first_reply_and_settles_nothing() -> None:
    known = slots()
    assert settle(known, 1, 1, 2, is_reply=False) == ([True, False, True], 2)
    assert known.states[:4].tolist() == [WAITING, REFUSED, REFUSED, WAITING]
    assert settle(known, 1, is_reply=True) == ([True], 0)


def test_an_error_after_a_reply_changes_nothing() -> None:
    known = slots()
    settle(known, 1, is_reply=True)
    assert settle(known, 1, is_reply=False) == ([False], 0) and known.states[1] == REPLIED


def test_the_last_sequence_number_is_a_slot() -> None:
    numbers: NDArray[np.int64] = matching.find(slots(), arrivals(SEQUENCES - 1)).slots
    assert numbers.tolist() == [SEQUENCES - 1]
