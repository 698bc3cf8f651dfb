"""What waits for the output: in the spool, and in memory until the disk has it.

A segment may be sent as soon as it is packed, since its id and content are fixed by then; it leaves memory when the
disk has it, and the disk when the output has it. All calls return to the loop at once or do their work in a thread.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from hoploom.kit import metrics
from hoploom.kit.clock import wall_us
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.ping_service.line import Line, Waiting
from hoploom.ping_service.segment import HEADER_BYTES, Name
from hoploom.ping_service.spool import Kept, Spool, is_over
from hoploom.wire import batch_codec
from hoploom.wire.batch import Batch

T = TypeVar("T")
log = logging.getLogger(__name__)
FRESH_S = 1.0
"""A batch that was packed a moment ago is sent as it is; an older one is told when it is sent, by our own clock."""

_SEGMENTS = metrics.gauge("hoploom_ping_spool_segments", "Segments that wait for the output.")
_BYTES = metrics.gauge("hoploom_ping_spool_bytes", "Bytes of segments that wait for the output.")
_LIMIT = metrics.gauge("hoploom_ping_spool_limit_bytes", "Bytes that may wait at most; less on a small disk.")
_AGE = metrics.gauge("hoploom_ping_spool_oldest_age_seconds", "Age of the oldest segment that waits; 0 without one.")
_SET_ASIDE = metrics.counter("hoploom_ping_quarantined_total", "Segments put into quarantine.", ("why",))


@dataclass(frozen=True)
class Receipt:
    """What to make of it when a batch of this run is stored.

    Attributes:
        lease_id: Its lease.
        start: First position that it deals with.
        stop: Position after the last; `start` where none counts.
    """

    lease_id: str
    start: int
    stop: int


class Outbox:
    """All segments of this worker."""

    def __init__(self, spool: Spool, clock: Callable[[], float], boot_id: str) -> None:
        """Know the spool, which is not open yet.

        Args:
            spool: The spool.
            clock: Our own clock, in seconds.
            boot_id: Names this run of the machine.
        """
        self.spool, self.line = spool, Line()
        self._clock, self._boot_id = clock, boot_id
        self._unwritten: dict[Name, bytes] = {}
        self._receipts: dict[Name, Receipt] = {}
        self._condemned: dict[Name, str] = {}
        # One thread, so that whatever is under way at the end, or is told to stop, comes before what follows.
        self._disk = ThreadPoolExecutor(1, "spool")
        _SEGMENTS.set_function(lambda: len(self.line))
        _BYTES.set_function(lambda: self.line.size_bytes)
        _LIMIT.set(spool.max_bytes)
        _AGE.set_function(self.oldest_age_s)

    async def open(self, wait_s: float) -> None:
        """Take the folder and what earlier runs left in it.

        Raises:
            ConfigError: Another process uses it, or it cannot be used.
        """
        kept = await self._on_disk(self.spool.open, wall_us() / 1_000_000, wait_s)
        for each in kept:
            self._add(each)
        if kept:
            log.info("%s segments of an earlier run are sent first", len(kept))

    async def close(self) -> None:
        """Let go of the folder; what is in memory alone is written if the disk takes it."""
        try:
            await self.write()
        except Unavailable as error:
            log.warning("%s segments are lost with this process, and probed again: %s", len(self._unwritten), error)
        finally:
            await self._on_disk(self.spool.close)
            self._disk.shutdown()

    async def seal(self, batch: Batch, *, counts: bool) -> None:
        """Pack a batch; from here on it may be sent, and is never changed.

        Args:
            batch: The batch.
            counts: Whether its positions are dealt with once it is stored.
        """
        body = await asyncio.to_thread(batch_codec.pack, batch)
        name = Name(self.spool.next_place, batch.batch)
        self.spool.next_place += 1
        self._unwritten[name] = body
        self._receipts[name] = Receipt(batch.lease, batch.start, batch.stop if counts else batch.start)
        self._add(Kept(name, HEADER_BYTES + len(body), 0.0))

    async def write(self) -> None:
        """Have everything on the disk that is in memory alone.

        Raises:
            OutOfSpace: The disk is full.
            Unavailable: The disk fails.
        """
        bodies = dict(self._unwritten)
        if bodies:
            await self._on_disk(self.spool.write, bodies)
        for name in bodies:
            self._unwritten.pop(name, None)
        await self._put_aside()

    @property
    def unwritten_bytes(self) -> int:
        """Size of what is in memory alone."""
        return sum(map(len, self._unwritten.values()))

    async def try_out(self) -> None:
        """See whether the disk takes anything; raises as `write`."""
        await self._on_disk(self.spool.try_out)

    async def is_over(self, *, was_over: bool) -> bool:
        """Whether more waits than should; raises Unavailable where nobody knows the space that is left."""
        free_bytes = await self._on_disk(self.spool.free_bytes)
        return is_over(self.line.size_bytes, self.spool.max_bytes, free_bytes, was_over=was_over)

    async def body(self, waiting: Waiting) -> bytes:
        """What to send of a segment.

        Raises:
            Damaged: It is not what was sealed.
            TooNew: Only a later version of the worker can read it.
            Unavailable: The disk fails.
        """
        body = self._unwritten.get(waiting.name)
        if body is None:
            body = await asyncio.to_thread(self.spool.read, waiting.name)
        if self._clock() - waiting.since_s < FRESH_S:
            return body
        return await asyncio.to_thread(_restamped, body, self._boot_id)

    async def stored(self, name: Name) -> None:
        """The output has one: forget it."""
        self._unwritten.pop(name, None)
        try:
            await self._on_disk(self.spool.remove, name)
        except Unavailable as error:
            log.warning("segment %s is sent again after the next start: %s", name, error)

    async def set_aside(self, name: Name, why: str, reason: str) -> None:
        """Nobody takes one as it is: put it into quarantine, as soon as the disk lets us.

        Args:
            name: Which.
            why: In a word.
            reason: In a sentence.
        """
        log.error("segment %s goes into quarantine: %s", name, reason)
        _SET_ASIDE.labels(why).inc()
        self._condemned[name] = reason
        await self._put_aside()

    def receipt(self, name: Name) -> Receipt | None:
        """Take the receipt of one that waits no more; None for one of an earlier run."""
        return self._receipts.pop(name, None)

    def _add(self, kept: Kept) -> None:
        now_s = self._clock()
        self.line.add(Waiting(kept.name, kept.size_bytes, now_s - kept.age_s), now_s)

    async def _put_aside(self) -> None:
        for name, reason in list(self._condemned.items()):
            if name in self._unwritten:
                continue
            try:
                await self._on_disk(self.spool.set_aside, name, reason)
            except Unavailable as error:
                log.warning("segment %s stays where it is until the disk works: %s", name, error)
                return
            self._condemned.pop(name, None)

    async def _on_disk(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work, *args)

    def oldest_age_s(self) -> float:
        """Seconds since the oldest that waits was sealed; 0 when nothing waits."""
        oldest_s = self.line.oldest_s
        return 0.0 if oldest_s is None else self._clock() - oldest_s


def _restamped(body: bytes, boot_id: str) -> bytes:
    try:
        return batch_codec.restamped(body, boot_id, time.monotonic_ns() // 1000)
    except BadRequest:
        # Sealed by another version: the output knows better.
        return body
