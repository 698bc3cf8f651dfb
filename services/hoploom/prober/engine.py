"""The prober itself: drives pings over an exchange, on the event loop. The same for every kind of port.

Requests leave in slices, each followed by reading what has come back and a turn of the event loop, so that nothing
else on the loop waits longer than a few milliseconds and a cancelled ping stops at once. Time-outs are kept by slice,
not by target. RTTs run from the send to the kernel's time stamp of the reply, so it may be read a little later.

This is a shell: packets are `templates`, sockets and matching `exchange`, books `tally`, pacing `ping_run`.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError
from hoploom.prober.exchange import Departure, Exchange
from hoploom.prober.pacing import NS
from hoploom.prober.packets import HEADER_BYTES, Layout, cookie_offset
from hoploom.prober.ping_run import Before, PingRun
from hoploom.prober.port import Port
from hoploom.prober.probes import Heard, PingColumns, ProbeSettings, Statistics
from hoploom.prober.readiness import Readiness
from hoploom.prober.slots import WAITING, Grant
from hoploom.prober.socket_options import IS_LINUX
from hoploom.prober.templates import Template

TICK_NS = 2_000_000
"""A paced sender wakes this often: each slice costs 0.15 ms whatever it sends, so slices of one would fill a core."""
LOOK_NS = 250_000_000
"""A sender that has to wait longer looks meanwhile whether it is to stop."""
FULL_QUEUE_NS = 1_000_000
"""Pause when the system's send queue is full, when all slots are in flight, or too many answers may come at once."""
YOUNG_NS = 50_000_000
"""Only replies to requests younger than this may all come at once."""
SLICE_BYTES = 1 << 20
"""Packets of one slice take at most so much memory."""
MAX_ATTRIBUTION = 255


class Engine:
    """A `Prober` on ports of any kind.

    Attributes:
        name: Kind of port, for people.
        statistics: Counters since it was opened.
    """

    def __init__(self, name: str, ports: Mapping[int, Port], attribution: str = "") -> None:
        """Take the ports over.

        Args:
            name: Kind of port, for people.
            ports: By family, 4 or 6; targets of a family without a port count as failed to send.
            attribution: Probe description URI that every payload starts with (RFC 9511); empty for none.

        Raises:
            ConfigError: The attribution is not printable ASCII of at most 255 characters.
        """
        if len(attribution) > MAX_ATTRIBUTION or not (attribution.isascii() and attribution.isprintable()):
            raise ConfigError(
                f"The attribution must be at most {MAX_ATTRIBUTION} printable ASCII characters, "
                "such as https://example.net/probes."
            )
        self.name = name
        self._attribution = attribution.encode()
        self._exchange = Exchange(ports, cookie_offset(self._attribution))
        self.statistics: Statistics = self._exchange.statistics
        self._readiness = Readiness(list(ports.values()))
        self._before = Before()
        self._read_ns = 0

    def __enter__(self) -> Self:
        """The prober itself; its sockets are open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the sockets."""
        self._exchange.close()

    async def ping(
        self,
        targets: NDArray[np.uint8],
        settings: ProbeSettings,
        stopped: Callable[[], object] | None = None,
        heard: Callable[[Heard], None] | None = None,
    ) -> PingColumns:
        """Ping every target; see `Prober.ping`."""
        started_ns, wall_ns = time.monotonic_ns(), time.time_ns()
        run = PingRun(targets, settings, started_ns, self._before, heard)
        self._exchange.read()  # what came while nobody asked is no reply to what is sent now
        number = self._exchange.enter(run)
        try:
            await self._send_all(number, run, settings, stopped or _never)
            while run.is_listening:
                await self._pause(run.wheel[0].deadline_ns)
                self._expire(run)
        finally:
            for flight in run.wheel:
                self._exchange.slots[flight.family].release(flight.slot, flight.size)
            self._exchange.leave(number)
        return run.tally.columns(run.next_probe, started_ns, wall_ns).until(run.reached)

    async def _send_all(
        self, number: int, run: PingRun, settings: ProbeSettings, stopped: Callable[[], object]
    ) -> None:
        packets = _Packets(Layout(self._attribution, settings.size_bytes), settings)
        most = max((port.batch for port in self._exchange.ports.values()), default=1)
        most = max(1, min(most, SLICE_BYTES // packets.size))
        while run.next_probe < run.tally.probes and not stopped():
            now_ns = time.monotonic_ns()
            self._expire(run)
            count = run.due(now_ns, most)
            is_stuck = bool(count) and not self._send(number, run, packets, count)
            wait_until_ns = run.next_ns() if count < most and run.next_probe < run.tally.probes else now_ns
            if is_stuck:
                wait_until_ns = max(wait_until_ns, now_ns + FULL_QUEUE_NS)
            if count < most and run.is_paced:
                wait_until_ns = max(wait_until_ns, now_ns + TICK_NS)
            self._read()
            await self._pause(wait_until_ns)

    def _send(self, number: int, run: PingRun, packets: _Packets, count: int) -> bool:
        """Send the next probes; returns whether any was dealt with."""
        family, probes, targets = run.upcoming(count)
        if family not in self._exchange.ports:
            self.statistics.send_errors += count
            now_ns = np.full(count, time.monotonic_ns(), np.int64)
            run.sent(family, -1, np.full(count, errno.EAFNOSUPPORT, np.int16), now_ns)
            return True
        if not run.is_paced:
            room = self._exchange.room(family, packets.size)
            count = min(count, room if run.waiting + count <= room else room - self._young(run))
        if count <= 0:
            return False
        departure = packets.departure(family, probes[:count], targets[:count])
        launch = self._exchange.launch(number, family, departure)
        run.sent(family, launch.slot, *launch.emitted)
        return len(launch.emitted.errors) > 0

    def _young(self, run: PingRun) -> int:
        """Probes of a moment ago that still wait: their answers may all come at once, and find the buffer full."""
        now_ns, count = time.monotonic_ns(), 0
        for flight in reversed(run.wheel):
            if now_ns - flight.sent_ns > YOUNG_NS or count > run.waiting:
                break
            states = self._exchange.slots[flight.family].states[flight.slot : flight.slot + flight.size]
            count += int(np.count_nonzero(states == WAITING))
        return count

    async def _pause(self, until_ns: int) -> None:
        """Let the event loop turn, at least until a time or until something has come; then read that."""
        pause_ns = min(until_ns - time.monotonic_ns(), LOOK_NS)
        if pause_ns <= TICK_NS and IS_LINUX:
            await asyncio.sleep(max(pause_ns, 0) / NS)
        elif await self._readiness.wait(max(pause_ns, 0) / NS):
            if IS_LINUX and time.monotonic_ns() - self._read_ns < TICK_NS:
                await asyncio.sleep(TICK_NS / NS)  # they come thick: the kernel's stamps are true, so let some gather
            self._read()

    def _read(self) -> None:
        if self._exchange.read():
            self._read_ns = time.monotonic_ns()

    def _expire(self, run: PingRun) -> None:
        """Time out what is due."""
        if not run.wheel or run.wheel[0].deadline_ns > time.monotonic_ns():
            return
        self._read()  # what came in time and was not read yet is not lost
        now_ns = time.monotonic_ns()
        for flight in run.due_flights(now_ns):
            slots = self._exchange.slots[flight.family]
            run.lose(slots.waiting(flight.slot, flight.size), now_ns)
            slots.release(flight.slot, flight.size)


class _Packets:
    """Makes the packets of one ping."""

    def __init__(self, layout: Layout, settings: ProbeSettings) -> None:
        self._layout, self._settings = layout, settings
        self.size = HEADER_BYTES + len(layout.payload)
        self._templates: dict[int, tuple[int, Template]] = {}

    def departure(self, family: int, probes: NDArray[np.int64], targets: NDArray[np.uint8]) -> Departure:
        ttl = self._settings.ttl
        ttls = None if ttl is None else np.full(len(probes), ttl, np.uint8)

        def build(grant: Grant, cookies: NDArray[np.uint64]) -> NDArray[np.uint8]:
            ident, template = self._templates.get(family, (-1, None))
            if template is None or ident != grant.ident or template.most < grant.size:
                template = Template(family, self._layout, grant.ident, grant.size)
                self._templates[family] = grant.ident, template
            return template.fill(grant.sequence, cookies)

        return Departure(probes, targets, build, ttls, self._settings.tos)


def _never() -> bool:
    return False
