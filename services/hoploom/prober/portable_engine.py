"""The portable engine: one of icmplib's sockets a family, shared by all targets, driven by asyncio.

Requests leave in slices, each followed by reading what has come back and a turn of the event loop, so that nothing
else on the loop waits longer than a few milliseconds and a cancelled ping stops at once. Time-outs are kept by slice,
not by target. RTTs run from just before the send to the kernel's time stamp of the reply.

This is a shell: packets are `packets`, slots `slots`, books `tally`, pacing `pacing`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError
from hoploom.prober.echo_socket import RETRY_LATER, EchoSocket
from hoploom.prober.packets import COOKIE_BYTES, DIALECTS, HEADER_BYTES, Arrival, build, cookie_offset, cookies
from hoploom.prober.ping_run import Before, PingRun
from hoploom.prober.probes import (
    DUPLICATE,
    ICMP_ERROR,
    REPLY,
    TIMED_OUT,
    UNSENT,
    Heard,
    PingColumns,
    ProbeSettings,
    Statistics,
)
from hoploom.prober.slots import Grant, Slots
from hoploom.wire.addresses import text

NS = 1_000_000_000
SLICE = 128
"""Requests between two turns of the event loop: about 1 ms at full speed."""
TICK_NS = 1_000_000
"""A paced sender wakes this often: each slice costs 0.1 ms whatever it sends, so slices of one would fill a core."""
READ_AT_ONCE = 1_024
"""Messages between two turns of the event loop."""
LOOK_NS = 250_000_000
"""A sender that has to wait longer looks meanwhile whether it is to stop."""
FULL_QUEUE_NS = 1_000_000
"""Pause when the system's send queue is full, or when all slots are in flight."""
OWNER_SHIFT = 40
"""A slot's owner is the run's number above 40 bits and the probe below."""
MAX_ATTRIBUTION = 255
STAMP_GAP_NS = 20_000
"""Two clocks read further apart than this were interrupted between, and are read again."""


class PortableProber:
    """A `Prober` on icmplib's sockets.

    Attributes:
        name: Engine and kind of socket, for people.
        statistics: Counters since it was opened.
    """

    def __init__(self, sockets: dict[int, EchoSocket], attribution: str = "") -> None:
        """Take the sockets over.

        Args:
            sockets: By family, 4 or 6; targets of a family without a socket count as failed to send.
            attribution: Probe description URI that every payload starts with (RFC 9511); empty for none.

        Raises:
            ConfigError: The attribution is not printable ASCII of at most 255 characters.
        """
        if len(attribution) > MAX_ATTRIBUTION or not (attribution.isascii() and attribution.isprintable()):
            raise ConfigError(
                f"The attribution must be at most {MAX_ATTRIBUTION} printable ASCII characters, "
                "such as https://example.net/probes."
            )
        self._sockets = sockets
        self._attribution = attribution.encode()
        self._cookie_at = cookie_offset(self._attribution)
        self._slots = {family: Slots(echo.idents) for family, echo in sockets.items()}
        self._key = (int.from_bytes(os.urandom(8), "big"), int.from_bytes(os.urandom(8), "big"))
        self._runs: dict[int, PingRun] = {}
        self._before = Before()
        self._next_run = self._next_serial = 0
        self.name = f"portable {'raw' if any(echo.is_raw for echo in sockets.values()) else 'datagram'}"
        self.statistics = Statistics()

    def __enter__(self) -> Self:
        """The prober itself; its sockets are open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the sockets."""
        for echo in self._sockets.values():
            echo.close()

    async def ping(
        self,
        targets: NDArray[np.uint8],
        settings: ProbeSettings,
        stopped: Callable[[], object] | None = None,
        heard: Callable[[Heard], None] | None = None,
    ) -> PingColumns:
        """Ping every target; see `Prober.ping`."""
        started_ns, wall_ns = time.monotonic_ns(), time.time_ns()
        run = PingRun(targets, settings, self._attribution, started_ns, self._before)
        run.heard = heard
        number, self._next_run = self._next_run, self._next_run + 1
        if not self._runs:
            self._watch()
        self._runs[number] = run
        try:
            await self._send_all(number, run, stopped or _never)
            await self._wait_for_replies(run)
        finally:
            del self._runs[number]
            for family, first, count in run.close():
                self._slots[family].release(first, count)
            if not self._runs:
                self._unwatch()
        return run.tally.columns(started_ns, wall_ns).until(run.reached)

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        for family, echo in self._sockets.items():
            self._read(family)  # what came while nobody asked is no reply to what is sent now
            loop.add_reader(echo.fileno(), self._read, family)

    def _unwatch(self) -> None:
        loop = asyncio.get_running_loop()
        for echo in self._sockets.values():
            loop.remove_reader(echo.fileno())

    async def _send_all(self, number: int, run: PingRun, stopped: Callable[[], object]) -> None:
        while run.next_probe < run.tally.probes and not stopped():
            now_ns = time.monotonic_ns()
            self._expire(run, now_ns)
            count = run.due(now_ns, SLICE)
            wait_until_ns = self._send_slice(number, run, count, now_ns) if count else run.next_ns()
            if count < SLICE and run.is_paced:
                wait_until_ns = max(wait_until_ns, now_ns + TICK_NS)
            for family in self._sockets:
                self._read(family)
            pause_ns = min(wait_until_ns - time.monotonic_ns(), LOOK_NS)
            await asyncio.sleep(max(pause_ns, 0) / NS)

    def _send_slice(self, number: int, run: PingRun, count: int, now_ns: int) -> int:
        """Send the next probes, at most `count` and all of one family; return when to go on."""
        first = run.next_probe
        family, rows = run.rows(first, count)
        if family not in self._sockets:
            for probe in range(first, first + len(rows)):
                self._fail(run, probe)
            run.sent(len(rows))
            return now_ns
        grant = self._slots[family].find_free(len(rows))
        if not grant.size:
            return now_ns + FULL_QUEUE_NS
        packets = self._packets(run, family, rows[: grant.size], grant)
        owners = range(number << OWNER_SHIFT | first, (number << OWNER_SHIFT | first) + grant.size)
        start = HEADER_BYTES + self._cookie_at
        self._slots[family].take(grant, owners, packets[:, start : start + COOKIE_BYTES].tobytes())
        left = self._emit(run, family, packets, rows)
        run.booked(family, grant, left, time.monotonic_ns())
        self._slots[family].release(grant.first + left, grant.size - left)
        run.sent(left)
        return now_ns if left == grant.size else now_ns + FULL_QUEUE_NS

    def _packets(self, run: PingRun, family: int, rows: NDArray[np.uint8], grant: Grant) -> NDArray[np.uint8]:
        serials = np.arange(self._next_serial, self._next_serial + grant.size, dtype=np.uint64)
        self._next_serial += grant.size
        idents = np.full(grant.size, grant.ident, np.uint16)
        sequences = np.arange(grant.sequence, grant.sequence + grant.size, dtype=np.uint32).astype(np.uint16)
        return build(family, idents, sequences, cookies(serials, rows, self._key), run.layout)

    def _emit(self, run: PingRun, family: int, packets: NDArray[np.uint8], rows: NDArray[np.uint8]) -> int:
        """Send packets; return how many are dealt with (sent, or refused for good)."""
        raw, size, tally, first = memoryview(packets.tobytes()), packets.shape[1], run.tally, run.next_probe
        targets, send = rows.tobytes(), self._sockets[family].send
        for at in range(len(packets)):
            tally.send(first + at, time.monotonic_ns())
            error = send(raw[at * size : (at + 1) * size], text(targets[at * 16 : at * 16 + 16]))
            if error in RETRY_LATER:
                tally.unsend(first + at)
                return at
            if error:
                tally.fail(first + at)
                self.statistics.send_errors += 1
                _tell(run, UNSENT, first + at, error)
            else:
                self.statistics.sent += 1
        return len(packets)

    def _fail(self, run: PingRun, probe: int) -> None:
        run.tally.send(probe, time.monotonic_ns())
        run.tally.fail(probe)
        self.statistics.send_errors += 1
        _tell(run, UNSENT, probe, 0)

    async def _wait_for_replies(self, run: PingRun) -> None:
        while run.is_listening:
            run.all_settled.clear()
            pause_ns = run.next_deadline_ns() - time.monotonic_ns()
            try:
                async with asyncio.timeout(max(pause_ns, 0) / NS):
                    await run.all_settled.wait()
            except TimeoutError:
                for family in self._sockets:
                    self._read(family)  # replies that came in time and were not read yet are no losses
                self._expire(run, time.monotonic_ns())

    def _expire(self, run: PingRun, now_ns: int) -> None:
        for family, first, count, lost in run.expire(now_ns):
            self._slots[family].release(first, count)
            for probe in lost:
                _tell(run, TIMED_OUT, probe)

    def _read(self, family: int) -> None:
        """Read what has arrived and book it."""
        offset_ns = wall_less_monotonic_ns()
        for arrival, wall_ns in self._sockets[family].receive(self._cookie_at, READ_AT_ONCE):
            if arrival is not None and self._slots[family].is_ours(arrival.ident):
                self._match(family, arrival, wall_ns - offset_ns if wall_ns else 0)

    def _match(self, family: int, arrival: Arrival, stamp_ns: int) -> None:
        """Find the probe that a message is about."""
        slots = self._slots[family]
        slot = slots.number(arrival.ident, arrival.sequence)
        owner = slots.owner(slot) if slot >= 0 else -1
        run = self._runs.get(owner >> OWNER_SHIFT) if owner >= 0 else None
        if run is None:
            self.statistics.unmatched += 1
            return
        probe = owner & ((1 << OWNER_SHIFT) - 1)
        if arrival.about != run.target(probe):
            self.statistics.foreign += 1
        elif not _is_cookie(arrival, slots.cookie(slot), DIALECTS[family].reply):
            self.statistics.unmatched += 1
        else:
            self._book(run, probe, arrival, stamp_ns, is_reply=arrival.icmp_type == DIALECTS[family].reply)

    def _book(self, run: PingRun, probe: int, arrival: Arrival, stamp_ns: int, *, is_reply: bool) -> None:
        if not is_reply:
            run.tally.refuse(probe, arrival.icmp_type, arrival.icmp_code, arrival.sender)
            self.statistics.errors += 1
            _tell(run, ICMP_ERROR, probe, -1, arrival)
        else:
            now_ns, sent_ns = time.monotonic_ns(), run.tally.sent_ns(probe)
            # A stamp outside of the time between send and now comes of a wall clock that was set meanwhile.
            rtt_ns = (stamp_ns if sent_ns <= stamp_ns <= now_ns else now_ns) - sent_ns
            if rtt_ns > run.timeout_ns:
                self.statistics.unmatched += 1
            elif run.tally.reply(probe, rtt_ns, arrival.ttl):
                self.statistics.received += 1
                _tell(run, REPLY, probe, rtt_ns, arrival)
            else:
                self.statistics.duplicates += 1
                _tell(run, DUPLICATE, probe, rtt_ns, arrival)
        if not run.tally.waiting:
            run.all_settled.set()


def _tell(run: PingRun, kind: int, probe: int, number: int = -1, arrival: Arrival | None = None) -> None:
    """Tell of one probe; `number` is a reply's round-trip time, or why it was not sent."""
    if run.heard is None:
        return
    request, target = divmod(probe, run.tally.targets)
    is_error = arrival is not None and kind == ICMP_ERROR
    run.heard(
        Heard(
            kind=np.array([kind], np.uint8),
            target=np.array([target], np.int32),
            request=np.array([request], np.uint16),
            rtt_ns=np.array([number if kind in (REPLY, DUPLICATE) else -1], np.int64),
            ttl=np.array([arrival.ttl if arrival else -1], np.int16),
            size_bytes=np.array([len(run.layout.payload) if kind in (REPLY, DUPLICATE) else 0], np.int32),
            icmp_type=np.array([arrival.icmp_type if arrival and is_error else -1], np.int16),
            icmp_code=np.array([arrival.icmp_code if arrival and is_error else -1], np.int16),
            sender=np.frombuffer(arrival.sender if arrival else bytes(16), np.uint8).reshape(1, 16),
            at_ns=np.array([time.monotonic_ns()], np.int64),
            error=np.array([number if kind == UNSENT else 0], np.int16),
        )
    )


def _never() -> bool:
    return False


def _is_cookie(arrival: Arrival, cookie: bytes, reply: int) -> bool:
    """Whether a message carries the cookie; errors may quote none, a part, or zeros instead (RFC 4884 pads)."""
    if arrival.icmp_type == reply:
        return arrival.cookie == cookie
    return cookie.startswith(arrival.cookie) or not any(arrival.cookie)


def wall_less_monotonic_ns() -> int:
    """What to take from a wall-clock stamp of a moment ago to get the monotonic clock's."""
    offset_ns = 0
    for _ in range(3):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        offset_ns = wall_ns - (before_ns + after_ns) // 2
        if after_ns - before_ns < STAMP_GAP_NS:
            break
    return offset_ns
