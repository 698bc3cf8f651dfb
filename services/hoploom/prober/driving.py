"""Drives one run, a ping or a trace, over an exchange on the event loop. The same for every kind of port.

Requests leave in slices, each followed by reading what has come back and a turn of the event loop, so that nothing
else on the loop waits longer than a few milliseconds and a cancelled run stops at once. Time-outs are kept by slice,
not by target. RTTs run from the send to the kernel's time stamp of the reply, so it may be read a little later.
"""

from __future__ import annotations

import asyncio
import errno
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from hoploom.prober.exchange import Exchange
from hoploom.prober.launches import Departure, Launches, Sender
from hoploom.prober.pacing import NS
from hoploom.prober.ping_run import Flight
from hoploom.prober.readiness import Readiness
from hoploom.prober.slots import WAITING
from hoploom.prober.socket_options import IS_LINUX

TICK_NS = 10_000_000
"""A paced sender wakes this often: a waking costs 0.3 ms whatever it sends, so one for each packet would fill a core.
Half of what a held-up sender makes good at once, see `pacing.CATCH_UP_S`."""
TICK_PACKETS = 200
"""At high rates it wakes more often, so that no more than these leave at once."""
LOOK_NS = 250_000_000
"""A sender that has to wait longer looks meanwhile whether it is to stop."""
FULL_QUEUE_NS = 1_000_000
"""Pause when the system's send queue is full, when all slots are in flight, or too many answers may come at once."""
YOUNG_NS = 50_000_000
"""Only replies to requests younger than this may all come at once."""
MOST_UNREAD = 1_024
"""So many answers at most lie unread; half of it is enough to look."""
SLICE_BYTES = 1 << 20
"""Packets of one slice take at most so much memory."""


class Run(Sender, Protocol):
    """What is driven: what may be sent next, what is in flight, and whom its fate is told.

    Attributes:
        is_paced: Whether a rate or a cap bounds it.
        patience_ns: How long its answers may lie unread while it is sending.
        wheel: What is in flight, the oldest first.
    """

    is_paced: bool
    patience_ns: int
    wheel: deque[Flight]

    @property
    def is_sending(self) -> bool:
        """Whether something is still to be sent, now or later."""
        ...

    @property
    def is_listening(self) -> bool:
        """Whether something in the wheel is still waited for."""
        ...

    @property
    def waiting(self) -> int:
        """Probes that were sent and have no answer yet."""
        ...

    def span_ns(self, packets: int) -> int:
        """How long so many packets take at the rate."""
        ...

    def due(self, now_ns: int, most: int) -> int:
        """How many probes, all of one family, may leave now."""
        ...

    def next_ns(self) -> int:
        """When to look again, if nothing may leave now and nothing comes."""
        ...

    def upcoming(self, count: int) -> tuple[int, NDArray[np.int64], NDArray[np.uint8]]:
        """Family, numbers and targets of the next probes, as many as are `due`."""
        ...

    def sent(self, family: int, slot: int, errors: NDArray[np.int16], sent_ns: NDArray[np.int64]) -> None:
        """The next probes were dealt with.

        Args:
            family: Of their slots.
            slot: Number of the first slot; -1 where they have none, because none of them left.
            errors: (k,) 0, or why the system refused to send it; k may be 0.
            sent_ns: (k,) when.
        """
        ...

    def due_flights(self, now_ns: int) -> Iterator[Flight]:
        """What has timed out."""
        ...

    def lose(self, probes: NDArray[np.int64], sent_ns: NDArray[np.int64], now_ns: int) -> None:
        """These, sent then, had no answer in time."""
        ...


class Packets(Protocol):
    """Makes the packets of a run.

    Attributes:
        size: Bytes of each, without the IP header.
    """

    size: int

    def departure(self, family: int, probes: NDArray[np.int64], targets: NDArray[np.uint8]) -> Departure:
        """Probes of one family, by the run's own numbers, to these targets."""
        ...


class Job(NamedTuple):
    """A run under way.

    Attributes:
        launches: What its probes are sent by.
        number: The run's number there.
        run: The run.
        packets: What makes its packets.
    """

    launches: Launches
    number: int
    run: Run
    packets: Packets


class Driver:
    """Drives any number of runs beside each other."""

    def __init__(self, exchange: Exchange, readiness: Readiness) -> None:
        """Drive nothing yet.

        Args:
            exchange: What answers are read from.
            readiness: Watches its ports.
        """
        self._exchange, self._readiness = exchange, readiness
        self._read_ns = self._looked_ns = self._unread = 0

    async def finish(
        self, run: Run, packets: Packets, stopped: Callable[[], object], launches: Launches | None = None
    ) -> None:
        """Send all that a run has to send, and wait for what comes of it.

        Args:
            run: The run.
            packets: What makes its packets.
            stopped: Once its answer is true, nothing more is sent.
            launches: What its probes are sent by, where that is not what answers are read from.
        """
        self._read()  # what came while nobody asked is no reply to what is sent now
        sending = launches or self._exchange
        job = Job(sending, sending.enter(run), run, packets)
        try:
            await self._send_all(job, stopped)
            self._heed(job)
            while run.is_listening:
                await self._pause(run.wheel[0].deadline_ns)
                self._heed(job)
        finally:
            for flight in run.wheel:
                sending.slots[flight.family].release(flight.slot, flight.size)
            sending.leave(job.number)

    async def _send_all(self, job: Job, stopped: Callable[[], object]) -> None:
        run = job.run
        most = max((port.batch for port in job.launches.outlets.values()), default=1)
        most = max(1, min(most, SLICE_BYTES // job.packets.size))
        while run.is_sending and not stopped():
            if self._is_time_to_look(job):
                self._heed(job)
            now_ns = time.monotonic_ns()
            count = run.due(now_ns, most)
            is_stuck = bool(count) and not self._send(job, count)
            wait_until_ns = run.next_ns() if count < most and run.is_sending else now_ns
            if is_stuck:
                wait_until_ns = max(wait_until_ns, now_ns + FULL_QUEUE_NS)
            if count < most and run.is_paced:
                wait_until_ns = max(wait_until_ns, now_ns + min(TICK_NS, run.span_ns(TICK_PACKETS)))
            await self._pause(wait_until_ns)

    def _send(self, job: Job, count: int) -> bool:
        """Send the next probes; returns whether any was dealt with."""
        launches, run = job.launches, job.run
        family, probes, targets = run.upcoming(count)
        if family not in launches.outlets:
            launches.statistics.send_errors += count
            now_ns = np.full(count, time.monotonic_ns(), np.int64)
            run.sent(family, -1, np.full(count, errno.EAFNOSUPPORT, np.int16), now_ns)
            return True
        if not run.is_paced:
            room = launches.room(family, job.packets.size)
            count = min(count, room if run.waiting + count <= room else room - _young(job))
        if count <= 0:
            return False
        departure = job.packets.departure(family, probes[:count], targets[:count])
        launch = launches.launch(job.number, family, departure)
        self._unread += len(launch.emitted.errors)
        run.sent(family, launch.slot, *launch.emitted)
        return len(launch.emitted.errors) > 0

    async def _pause(self, until_ns: int) -> None:
        """Let the event loop turn, until a time or until something has come."""
        pause_ns = min(until_ns - time.monotonic_ns(), LOOK_NS)
        if pause_ns <= TICK_NS and IS_LINUX:
            await asyncio.sleep(max(pause_ns, 0) / NS)
            return
        if self._read():  # what came while packets left may be in the port's hands already: no socket tells of it
            await asyncio.sleep(0)
        elif await self._readiness.wait(max(pause_ns, 0) / NS):
            if IS_LINUX and time.monotonic_ns() - self._read_ns < TICK_NS:
                await asyncio.sleep(TICK_NS / NS)  # they come thick: the kernel's stamps are true, so let some gather

    def _is_time_to_look(self, job: Job) -> bool:
        """Whether answers may lie unread no longer, or fill too much of the buffer."""
        run = job.run
        if not run.is_paced or not IS_LINUX or time.monotonic_ns() - self._looked_ns >= run.patience_ns:
            return True
        rooms = [job.launches.room(family, job.packets.size) for family in job.launches.outlets]
        return self._unread >= min(MOST_UNREAD, *rooms) // 2

    def _read(self) -> bool:
        """Read what has come; returns whether there was anything."""
        self._looked_ns, self._unread = time.monotonic_ns(), 0
        is_news = self._exchange.read() > 0
        if is_news:
            self._read_ns = self._looked_ns
        return is_news

    def _heed(self, job: Job) -> None:
        """Read what has come, then time out what was due before: what came in time is not lost for being unread."""
        run, now_ns = job.run, time.monotonic_ns()
        self._read()
        for flight in run.due_flights(now_ns):
            slots = job.launches.slots[flight.family]
            run.lose(*slots.waiting(flight.slot, flight.size), now_ns)
            slots.release(flight.slot, flight.size)


def _young(job: Job) -> int:
    """Probes of a moment ago that still wait: their answers may all come at once, and find the buffer full."""
    now_ns, count = time.monotonic_ns(), 0
    for flight in reversed(job.run.wheel):
        if now_ns - flight.sent_ns > YOUNG_NS or count > job.run.waiting:
            break
        states = job.launches.slots[flight.family].states[flight.slot : flight.slot + flight.size]
        count += int(np.count_nonzero(states == WAITING))
    return count
