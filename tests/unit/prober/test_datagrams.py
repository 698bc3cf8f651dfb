"""Datagrams of a trace are known by target and length; what quotes anything else is nobody's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.prober.arrivals import Arrivals, parse
from hoploom.prober.datagrams import NO_SLOT, Datagrams, NamedSlots
from hoploom.prober.launches import Departure
from hoploom.prober.matching import Answers
from hoploom.prober.packets import HEADER_BYTES, Layout
from hoploom.prober.port import OWN, Emitted, Messages
from hoploom.prober.probes import Statistics
from hoploom.prober.slots import PROBE_BITS
from hoploom.prober.trace_packets import DatagramProbes
from hoploom.prober.trace_run import number_of
from hoploom.prober.traces import MAX_TTL
from hoploom.wire.addresses import column

PORT, OTHER_PORT = 40_000, 40_001
TARGETS = column(["192.0.2.1", "192.0.2.2", "192.0.2.3"])
ROUTER = column(["10.0.0.1"])
LAYOUT = Layout(b"", 32)


class Outlet:
    """A UDP socket whose datagrams go nowhere."""

    batch, buffer_bytes, source_port = 64, 1 << 20, PORT

    def __init__(self) -> None:
        self.payloads: list[bytes] = []

    def send(
        self,
        packets: NDArray[np.uint8],
        targets: NDArray[np.uint8],
        ttls: NDArray[np.uint8] | None = None,
        tos: int = 0,
    ) -> Emitted:
        assert ttls is not None and tos == 0
        whole = packets.shape[1] - MAX_TTL
        self.payloads += [row[: whole + ttl].tobytes() for row, ttl in zip(packets, ttls.tolist(), strict=True)]
        return Emitted(np.zeros(len(packets), np.int16), np.full(len(packets), 1_000, np.int64))

    def close(self) -> None:
        pass


class Sender:
    """Remembers what it was told."""

    timeout_ns = 10**18

    def __init__(self) -> None:
        self.told: list[int] = []

    def destinations(self, probes: NDArray[np.int64]) -> NDArray[np.uint64]:
        return np.asarray(TARGETS.view(np.uint64)[probes >> 6])

    def answered(self, answers: Answers) -> None:
        self.told += answers.probes.tolist()


def quoted(target: str, payload: bytes, port: int = PORT, whole: bool = True) -> bytes:
    """Time exceeded by a router, its IPv4 header in front."""
    length = HEADER_BYTES + len(payload)
    udp = port.to_bytes(2, "big") + (33_434).to_bytes(2, "big") + length.to_bytes(2, "big") + bytes(2) + payload
    inner = bytes([0x45, 0, 0, 0, 0, 0, 0, 0, 1, 17]) + bytes(6) + column([target])[0, 12:].tobytes()
    outer = bytes([0x45, 0, 0, 0, 0, 0, 0, 0, 250, 1]) + bytes(6) + ROUTER[0, 12:].tobytes()
    return outer + bytes([11, 0]) + bytes(6) + inner + (udp if whole else udp[:8])


def arrivals(*packets: bytes) -> Arrivals:
    count, width = len(packets), max(map(len, packets))
    messages = Messages(
        data=np.frombuffer(b"".join(each.ljust(width, b"\0") for each in packets), np.uint8).reshape(count, width),
        length=np.array([len(each) for each in packets], np.int32),
        sender=np.repeat(ROUTER, count, axis=0),
        ttl=np.full(count, -1, np.int16),
        stamp_ns=np.full(count, 2_000, np.int64),
        icmp_type=np.full(count, OWN, np.int16),
        icmp_code=np.full(count, OWN, np.int16),
        about=np.zeros((count, 16), np.uint8),
    )
    return parse(messages, 4, has_header=True, cookie_at=LAYOUT.cookie_at)


def launched() -> tuple[Datagrams, Sender, Outlet]:
    """A probe to each target, with TTLs 3, 4 and 5."""
    outlet, sender = Outlet(), Sender()
    datagrams = Datagrams({4: outlet}, TARGETS, LAYOUT, Statistics())  # type: ignore[dict-item]
    number = datagrams.enter(sender)
    probes = number_of(np.arange(3), np.array([3, 4, 5], np.uint8))
    departure: Departure = DatagramProbes(b"", 32).departure(4, probes, TARGETS)
    datagrams.launch(number, 4, departure)
    return datagrams, sender, outlet


def test_each_datagram_says_its_ttl_by_its_length() -> None:
    _, _, outlet = launched()
    assert [len(each) - 32 for each in outlet.payloads] == [3, 4, 5]


@pytest.mark.parametrize("whole", [True, False], ids=["whole", "eight bytes"])
def test_an_answer_is_told_by_target_and_length(whole: bool) -> None:
    datagrams, sender, outlet = launched()
    datagrams.hear(4, arrivals(quoted("192.0.2.2", outlet.payloads[1], whole=whole)))
    assert sender.told == number_of(np.array([1]), np.array([4], np.uint8)).tolist()
    assert datagrams.statistics == Statistics(sent=3, errors=1)


@pytest.mark.parametrize(
    ("packet", "told", "foreign", "unmatched"),
    [
        (lambda sent: quoted("192.0.2.77", sent[0]), 0, 1, 0),
        (lambda sent: quoted("192.0.2.1", sent[1]), 0, 0, 1),
        (lambda sent: quoted("192.0.2.1", bytes(len(sent[0]))), 1, 0, 0),
        (lambda sent: quoted("192.0.2.1", bytes(31)), 0, 0, 1),
        (lambda sent: quoted("192.0.2.1", b"12345678" + sent[0][8:]), 0, 0, 1),
        (lambda sent: quoted("192.0.2.1", sent[0], OTHER_PORT), 0, 0, 0),
    ],
    ids=["another address", "another length", "zeros for a cookie", "no length of ours", "another cookie", "not ours"],
)
def test_what_quotes_something_else_is_counted_and_not_believed(
    packet: Callable[[list[bytes]], bytes], told: int, foreign: int, unmatched: int
) -> None:
    datagrams, sender, outlet = launched()
    datagrams.hear(4, arrivals(packet(outlet.payloads)))
    counters = datagrams.statistics
    assert (len(sender.told), counters.foreign, counters.unmatched) == (told, foreign, unmatched)


def test_a_probe_that_was_given_up_is_nobodys() -> None:
    datagrams, sender, outlet = launched()
    datagrams.slots[4].release(0, 3)
    datagrams.hear(4, arrivals(quoted("192.0.2.2", outlet.payloads[1])))
    assert not sender.told and datagrams.statistics.unmatched == 1
    datagrams.hear(6, arrivals(quoted("192.0.2.2", outlet.payloads[1])))
    datagrams.leave(0)
    datagrams.hear(4, arrivals(quoted("192.0.2.2", outlet.payloads[1])))
    assert datagrams.statistics.unmatched == 1


def test_slots_are_found_by_their_probes_while_those_are_in_flight() -> None:
    slots, owners = NamedSlots(), np.array([7, 8, 9 + (5 << PROBE_BITS)])
    grant = slots.find_free(3)
    slots.take(grant.first, owners, np.zeros(3, np.uint64), np.zeros(3, np.int64))
    assert slots.of(np.append(owners, 10)).tolist() == [0, 1, 2, NO_SLOT]
    slots.drop(np.array([1]))
    assert slots.of(owners).tolist() == [0, NO_SLOT, 2]
    slots.release(0, 3)
    assert slots.of(owners).tolist() == [NO_SLOT] * 3
