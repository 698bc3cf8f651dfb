"""Whatever comes back, every request has one fate, and every message is counted once."""

from __future__ import annotations

import time
from collections import Counter
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hoploom.prober import launches
from hoploom.prober.exchange import Exchange
from hoploom.prober.launches import Departure
from hoploom.prober.packets import Layout
from hoploom.prober.ping_run import Before, PingRun
from hoploom.prober.port import Emitted, Messages
from hoploom.prober.probes import DUPLICATE, ICMP_ERROR, REPLY, TIMED_OUT, UNSENT, Heard, PingColumns, ProbeSettings
from hoploom.prober.slots import PROBE_BITS, Grant
from hoploom.prober.templates import Template
from hoploom.wire.addresses import column
from hoploom.wire.batch import ANSWERED, FAILED, LOST, UNREACHABLE
from unit.prober.model_router import HOP, ICMP, ME, UDP, Router, datagram, ip_packet, messages

IDENT, OTHER_IDENT, REFUSED = 7, 9, 13
LAYOUT = Layout(b"http://a", 40)
TARGETS = column(["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1"])
STRANGER = column(["198.51.100.77"])[0].tobytes()
SETTINGS = ProbeSettings(count=2, interval_s=0.0, timeout_s=600.0)


class Probe(NamedTuple):
    """A request as it left, if it did."""

    packet: bytes
    target: bytes
    has_left: bool


class ScriptedPort:
    """A raw IPv4 port whose packets go nowhere."""

    def __init__(self, refused: set[int]) -> None:
        self.family, self.is_raw, self.has_header, self.batch, self.buffer_bytes = 4, True, True, 64, 1 << 20
        self.idents: tuple[int, ...] = (IDENT,)
        self.probes: list[Probe] = []
        self.waiting: list[tuple[bytes, bytes]] = []
        self._refused = refused

    def fileno(self) -> int:
        return -1

    def send(
        self,
        packets: NDArray[np.uint8],
        targets: NDArray[np.uint8],
        ttls: NDArray[np.uint8] | None = None,
        tos: int = 0,
    ) -> Emitted:
        numbers = range(len(self.probes), len(self.probes) + len(packets))
        errors = [REFUSED if number in self._refused else 0 for number in numbers]
        for packet, target, error in zip(packets, targets, errors, strict=True):
            self.probes.append(Probe(packet.tobytes(), target.tobytes(), not error))
        return Emitted(np.array(errors, np.int16), np.full(len(packets), time.monotonic_ns()))

    def receive(self, most: int) -> Messages:
        """Each message from whom its IPv4 header says."""
        rows, self.waiting = self.waiting[:most], self.waiting[most:]
        senders = np.frombuffer(b"".join(sender for _, sender in rows), np.uint8).reshape(-1, 16)
        stamps = np.full(len(rows), time.monotonic_ns())
        return messages([raw for raw, _ in rows], sender=senders, stamp_ns=stamps)

    def close(self) -> None:
        pass


class Message(NamedTuple):
    """What comes: a kind of message about one of the requests, from one of the senders."""

    kind: str
    probe: int


OF_REPLIES = ("reply", "stranger's", "wrong cookie", "cut", "other ident")
KINDS = (*OF_REPLIES, "error", "short error", "wrong quote", "udp", "noise")
OF_SLOTS = ("reply", "stranger's", "wrong cookie", "cut", "error", "short error", "wrong quote")


def bytes_of(kind: str, probe: Probe) -> tuple[bytes, bytes]:
    """The packet, and who sent it."""
    reply = b"\0" + probe.packet[1:]
    if kind in OF_REPLIES:
        sender = STRANGER if kind == "stranger's" else probe.target
        message = {
            "wrong cookie": reply[:17] + bytes([reply[17] ^ 1]) + reply[18:],
            "cut": reply[:20],
            "other ident": reply[:4] + OTHER_IDENT.to_bytes(2, "big") + reply[6:],
        }.get(kind, reply)
        return ip_packet(sender, ME[4], message, 1), sender
    to = STRANGER if kind == "wrong quote" else probe.target
    quoted = ip_packet(ME[4], to, probe.packet, ICMP[4], 1)
    if kind == "udp":
        message = IDENT.to_bytes(2, "big") + datagram()[2:]
        quoted = ip_packet(ME[4], probe.target, message, UDP, 1)
    if kind == "noise":
        return b"\x45\0\0", HOP[4]
    error = Router(kept=28 if kind == "short error" else 1_232).error(quoted, 3, 1)
    return ip_packet(HOP[4], ME[4], error, 1), HOP[4]


def packets(grant: Grant, cookies: NDArray[np.uint64]) -> NDArray[np.uint8]:
    return Template(4, LAYOUT, grant.ident, grant.size).fill(grant.sequence, cookies)


def pinged(came: list[list[Message]], refused: set[int]) -> tuple[Exchange, PingColumns, Counter[tuple[int, int]]]:
    """Send all, let everything come in these readings, then let the rest time out."""
    port, told = ScriptedPort(refused), Counter[tuple[int, int]]()

    def heard(news: Heard) -> None:
        told.update(zip((news.request.astype(int) * 4 + news.target).tolist(), news.kind.tolist(), strict=True))

    exchange = Exchange({4: port}, LAYOUT.cookie_at)
    started_ns = time.monotonic_ns()
    run = PingRun(TARGETS, SETTINGS, started_ns, Before(), heard)
    number = exchange.enter(run)
    while run.is_sending:
        family, probes, targets = run.upcoming(run.due(time.monotonic_ns(), 64))
        launch = exchange.launch(number, family, Departure(probes, targets, packets))
        run.sent(family, launch.slot, *launch.emitted)
    for reading in came:
        port.waiting = [bytes_of(each.kind, port.probes[each.probe]) for each in reading]
        exchange.read()
    for flight in run.due_flights(started_ns + 10**15):
        run.lose(*exchange.slots[4].waiting(flight.slot, flight.size), time.monotonic_ns())
        exchange.slots[4].release(flight.slot, flight.size)
    exchange.leave(number)
    assert run.waiting == 0 and not run.is_listening and (exchange.slots[4].owners == -1).all()
    return exchange, run.tally.columns(run.next_probe, started_ns, 0), told


READINGS = st.lists(
    st.lists(st.builds(Message, st.sampled_from(KINDS), st.integers(0, 7)), max_size=12), max_size=3
)


@settings(max_examples=200)
@given(READINGS, st.sets(st.integers(0, 7), max_size=4))
def test_every_request_has_one_fate_and_every_message_is_counted_once(
    came: list[list[Message]], refused: set[int]
) -> None:
    exchange, found, told = pinged(came, refused)
    # Nothing true can come of a request that did not leave: it is late, of an earlier one in that slot, or made up.
    late = sum(each.probe in refused and each.kind in OF_SLOTS for reading in came for each in reading)
    came = [[each for each in reading if each.probe not in refused] for reading in came]
    counts, statistics = Counter(each for reading in came for each in reading), exchange.statistics
    by_kind = Counter[str]()
    for message, count in counts.items():
        by_kind[message.kind] += count
    replied = {each.probe for each in counts if each.kind == "reply"}
    errors = {each.probe for each in counts if each.kind in ("error", "short error")}
    assert (statistics.sent, statistics.send_errors) == (8 - len(refused), len(refused))
    assert statistics.received == len(replied)
    assert statistics.duplicates == by_kind["reply"] - len(replied)
    assert statistics.errors == by_kind["error"] + by_kind["short error"]
    assert statistics.foreign == by_kind["stranger's"] + by_kind["wrong quote"]
    assert statistics.unmatched == by_kind["wrong cookie"] + by_kind["cut"] + late
    for probe in range(8):
        silent = probe not in replied | errors | refused
        assert told[probe, REPLY] == (probe in replied)
        assert told[probe, DUPLICATE] == max(0, counts[Message("reply", probe)] - 1)
        assert told[probe, ICMP_ERROR] == counts[Message("error", probe)] + counts[Message("short error", probe)]
        assert (told[probe, TIMED_OUT], told[probe, UNSENT]) == (silent, probe in refused)
    for target in range(4):
        both = {target, target + 4}
        answered, left = len(both & replied), len(both - refused)
        fates = ANSWERED if answered else UNREACHABLE if both & errors else LOST if left else FAILED
        assert (found.outcome[target], found.received[target], found.sent[target]) == (fates, answered, left)


def test_numbers_of_senders_come_again_but_not_while_one_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launches, "MOST_SENDERS", 4)
    exchange = Exchange({4: ScriptedPort(set())}, LAYOUT.cookie_at)
    run = PingRun(TARGETS, SETTINGS, 0, Before())
    assert exchange.enter(run) == 0
    numbers = []
    for _ in range(6):
        numbers.append(exchange.enter(run))
        exchange.leave(numbers[-1])
    assert numbers == [1, 2, 3, 1, 2, 3]


def test_the_largest_number_of_a_sender_is_an_owners() -> None:
    exchange = Exchange({4: ScriptedPort(set())}, LAYOUT.cookie_at)
    departure = Departure(np.full(1, 2**PROBE_BITS - 1), TARGETS[:1], packets)
    exchange.launch(launches.MOST_SENDERS - 1, 4, departure)
    assert exchange.slots[4].owners[0] == 2**63 - 1
