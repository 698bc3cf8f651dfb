"""Works off the leases, chunk by chunk; what was probed goes to the spooling loop while the next chunk is probed."""

import asyncio
import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hoploom.kit import metrics
from hoploom.kit.errors import ConfigError, Unavailable, Unprocessable
from hoploom.ping_service import anchors, chunk, hiding, holding
from hoploom.ping_service.chunk import Chunk, Found
from hoploom.ping_service.holding import Held
from hoploom.ping_service.orders import Orders
from hoploom.ping_service.station import BEYOND, REST_S, UNABLE, UNFIT, UNSENT, Station
from hoploom.ping_service.uplink import Uplink
from hoploom.prober import politeness
from hoploom.prober.interface import Prober
from hoploom.targets.address_set import AddressSet
from hoploom.targets.permutation import Permutation
from hoploom.targets.special_purpose import Space
from hoploom.wire import traces
from hoploom.wire.batch import OUTCOMES, Batch
from hoploom.wire.lease import Lease
from hoploom.wire.probe import PING, TRACE

log = logging.getLogger(__name__)
FAMILY_S = 60.0
"""A family that nothing could be sent to is left out for so long, where there is another."""

SKILL_S = 600.0
"""What the sockets of this worker cannot do is left out for so long."""

SETS_PAUSE_S = 1.0
_TARGETS = metrics.counter("hoploom_ping_targets_total", "Targets probed.", ("outcome",))
_SKIPPED = metrics.counter("hoploom_ping_skipped_targets_total", "Targets of leases that were not probed.", ("why",))


@dataclass(frozen=True)
class Sealed:
    """A batch on its way to the spool.

    Attributes:
        batch: The batch.
        counts: Whether its positions are dealt with once it is stored.
    """

    batch: Batch
    counts: bool


class Probing:
    """The probing loop of a worker, for as long as a prober is open."""

    def __init__(self, station: Station, prober: Prober, sealed: "asyncio.Queue[Sealed]") -> None:
        """Know where leases come from, what probes, and where batches go."""
        self._station, self._prober, self._sealed = station, prober, sealed
        self._uplink = Uplink(station, prober)
        self._boot_id = boot_id()
        self._targets: tuple[str, NDArray[np.uint8]] = ("", np.empty((0, 16), np.uint8))

    async def run(self) -> None:
        """Probe whatever is held, for ever.

        Raises:
            Unavailable: The sockets broke.
        """
        while True:
            held = holding.next_open(self._station.holding, self._station.clock())
            if held is None:
                await self._station.news()
            elif await self._fetched(held):
                await self._go_on(held)

    async def _fetched(self, held: Held) -> bool:
        """Have the lease's targets at hand; False where they cannot be had now."""
        if self._targets[0] == held.id:
            return True
        try:
            whole = await self._station.client.address_set(held.lease.revision)
            self._targets = held.id, _targets(held.lease, whole)
        except Unavailable as error:
            log.warning("lease %s waits for its targets: %s", held.id, error)
            await asyncio.sleep(SETS_PAUSE_S)
            return False
        except Unprocessable as error:
            log.error("lease %s goes back: %s", held.id, error)
            self._station.rest(REST_S)
            self._station.stop([held.id], UNFIT)
            return False
        return self._in_reach(held)

    def _in_reach(self, held: Held) -> bool:
        """Whether this prober can reach the lease's targets; what it cannot goes back before anything is sent."""
        if not self._prober.is_loopback_only or politeness.in_space(self._targets[1], Space.LOOPBACK).all():
            return True
        self._station.leave_out(held.lease.family, FAMILY_S)
        self._station.rest(REST_S)
        self._station.stop([held.id], BEYOND)
        return False

    async def _go_on(self, held: Held) -> None:
        """Probe the next chunk of a lease; before the first one, see that the network works."""
        if held.probed_upto == held.lease.start and await self._uplink.works(held) is False:
            await self._uplink.until_back(held)
            return
        station = self._station
        part, pace_pps = self._next(held)
        orders = station.orders
        station.change(holding.begun(station.holding, held.id, pace_pps))

        def stopped() -> bool:
            # Any news of the orders ends the chunk, so that the next one heeds them.
            return not station.may_go_on(held) or station.orders.version != orders.version

        try:
            found = await self._probe(part, pace_pps, orders, stopped)
            works = await self._uplink.works(held) if anchors.is_silent(found) else True
        except (Unavailable, ConfigError) as error:
            # Nothing of it goes to the output, so that the lease can be returned.
            station.change(holding.settled(station.holding, held.id, part.start, part.start))
            station.passes.forget(held.id)
            if isinstance(error, Unavailable):
                raise
            log.warning("lease %s goes back: %s", held.id, error)
            station.leave_out(held.lease.probe.skill, SKILL_S)
            station.stop([held.id], UNABLE)
            return
        await self._judge(held, part, found, works=works)

    async def _probe(self, part: Chunk, pace_pps: int, orders: Orders, stopped: Callable[[], object]) -> Found:
        """Probe the targets of a chunk as its campaign wants it."""
        lease, targets = part.lease, part.targets[part.wanted]
        if lease.probe.kind == TRACE:
            settings = chunk.trace_settings(lease, pace_pps, orders)
            traced = await self._prober.trace(targets, settings, stopped, self._station.passes.get(lease.id))
            return hiding.of_traces(traced, targets, orders.owner.hidden_hops)
        pinged = await self._prober.ping(targets, chunk.probe_settings(lease, pace_pps, orders), stopped)
        return hiding.of_pings(pinged, orders.owner.hidden_hops)

    def _next(self, held: Held) -> tuple[Chunk, int]:
        """The next chunk, and at how many packets a second it is probed (0: as fast as it goes)."""
        station = self._station
        private = held.lease.allow_private and station.settings.allow_private
        left = self._targets[1][held.probed_upto - held.lease.start :]
        mine = left[politeness.allowed(left, allow_private=private)]
        pace_pps = politeness.effective_rate_pps(mine, held.rate_pps, station.orders.rate_pps)
        size = holding.chunk_stop(held, pace_pps) - held.probed_upto
        part = chunk.of(held, str(uuid.uuid4()), left[:size], station.orders, allow_private=private)
        return part, pace_pps

    async def _judge(self, held: Held, part: Chunk, found: Found, *, works: bool | None) -> None:
        """Seal what was probed; what this machine or its uplink has lost by itself counts for nothing."""
        station = self._station
        if anchors.is_unsent(found):
            station.leave_out(held.lease.family, FAMILY_S)
            station.rest(REST_S)
            station.stop([held.id], UNSENT)
            await self._seal(part, found, suspect=True, counts=False)
            return
        await self._seal(part, found, suspect=works is False, counts=works is True)
        if works is False:
            await self._uplink.until_back(held)

    async def _seal(self, part: Chunk, found: Found, *, suspect: bool, counts: bool) -> None:
        station, lease_id = self._station, part.lease.id
        upto = part.reached(len(found))
        _count(part, found, upto)
        station.sent += len(found) * part.lease.probe.packets_per_target
        if upto < part.stop or not counts:
            station.passes.forget(lease_id)
        station.change(holding.probed(station.holding, lease_id, upto))
        if upto == part.start:
            station.change(holding.settled(station.holding, lease_id, upto, upto))
            return
        batch = chunk.batch_of(part, found, station.name, self._boot_id, suspect=suspect)
        await self._sealed.put(Sealed(batch, counts))


def _targets(lease: Lease, whole: AddressSet) -> NDArray[np.uint8]:
    """The targets of a lease in the order of its positions; raises Unprocessable where its set has no such ones."""
    if lease.family != whole.family or lease.stop > whole.n:
        raise Unprocessable(f"it ends at position {lease.stop} of IPv{lease.family}, its set has {whole.n} of "
                            f"IPv{whole.family}")
    order = Permutation(whole.n, bytes.fromhex(lease.order_key))
    return whole.take(order.address_indexes(np.arange(lease.start, lease.stop, dtype=np.int64)))


def boot_id() -> str:
    """Names this run of the machine, to which monotonic times belong."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid.UUID(int=uuid.getnode()))


def _count(part: Chunk, found: Found, upto: int) -> None:
    for outcome, name in enumerate(OUTCOMES if part.lease.probe.kind == PING else traces.OUTCOMES):
        _TARGETS.labels(name).inc(int(np.count_nonzero(found.outcome == outcome)))
    for why, count in part.skipped(upto).items():
        _SKIPPED.labels(why).inc(count)
