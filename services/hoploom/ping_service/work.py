"""The worker's loop: lease, probe, submit, tell; one lease at a time.

A lease ends by the worker's own clock: what is not probed then is given back by silence, and handed out again.
"""

import asyncio
import logging
import socket
import uuid
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hoploom.kit import metrics
from hoploom.kit.errors import BadRequest, ConfigError, NotReady, Unavailable
from hoploom.ping_service import politeness
from hoploom.ping_service.lease_client import IDLE_S, LeaseClient
from hoploom.ping_service.prober import PingColumns, Prober, ProbeSettings, open_prober
from hoploom.ping_service.settings import Settings
from hoploom.targets.permutation import Permutation
from hoploom.wire.batch import FAILED, Batch, Columns
from hoploom.wire.lease import Lease

log = logging.getLogger(__name__)
_PAUSE_S = 2.0
_NO_SOCKET_PAUSE_S = 15.0
_PROBED = metrics.counter("hoploom_ping_targets_total", "Targets probed.", ("outcome",))
_LEASES = metrics.counter("hoploom_ping_leases_total", "Leases worked off.", ("end",))


@dataclass
class Worker:
    """One worker: its settings, its way to the mesh, and why it does not work when it does not."""

    settings: Settings
    client: LeaseClient
    trouble: str = ""
    now: str = ""

    @property
    def name(self) -> str:
        """The worker's lasting name."""
        return self.settings.worker or socket.gethostname().split(".")[0].lower()

    async def can_probe(self) -> None:
        """Readiness: whether there is a socket to probe with."""
        if self.trouble:
            raise NotReady(self.trouble)

    def report(self) -> str:
        """For the Consul UI."""
        return self.client.waiting or self.now or "idle"

    async def run(self) -> None:
        """Work for ever; without a socket, say why and look again now and then."""
        while True:
            try:
                with open_prober(self.settings.attribution) as prober:
                    self.trouble, self.now = "", f"idle ({prober.name})"
                    await self._work(prober)
            except ConfigError as error:
                self.trouble = str(error)
                log.warning("cannot probe: %s", error)
                await asyncio.sleep(_NO_SOCKET_PAUSE_S)

    async def _work(self, prober: Prober) -> None:
        while True:
            try:
                lease = await self.client.lease(self.name, self.settings.group, self.settings.max_rate_pps)
                if lease is None:
                    self.now = f"idle ({prober.name})"
                    await asyncio.sleep(IDLE_S)
                else:
                    await self._carry_out(prober, lease)
            except (Unavailable, BadRequest) as error:
                log.warning("no work: %s", error)
                self.now = f"no work: {error}"[:200]
                await asyncio.sleep(_PAUSE_S)

    async def _carry_out(self, prober: Prober, lease: Lease) -> None:
        self.now = f"probing {lease.stop - lease.start} targets of {lease.campaign}"
        positions = np.arange(lease.start, lease.stop, dtype=np.int64)
        targets = await self._addresses(lease, positions)
        try:
            async with asyncio.timeout(lease.ttl_s):
                found = await self._probe(prober, lease, targets)
        except TimeoutError:
            _LEASES.labels("expired").inc()
            log.warning("lease %s ended before its targets were probed", lease.id)
            return
        for outcome, name in enumerate(("answered", "lost", "unreachable", "failed")):
            _PROBED.labels(name).inc(int(np.count_nonzero(found.outcome == outcome)))
        if await self.client.submit(self._batch(lease, positions, targets, found)):
            await self.client.done(lease, self.name)
            _LEASES.labels("done").inc()

    async def _addresses(self, lease: Lease, positions: NDArray[np.int64]) -> NDArray[np.uint8]:
        whole = await self.client.address_set(lease.revision)
        order = Permutation(whole.n, bytes.fromhex(lease.order_key))
        return whole.take(order.address_indexes(positions))

    async def _probe(self, prober: Prober, lease: Lease, targets: NDArray[np.uint8]) -> PingColumns:
        private = lease.allow_private and self.settings.allow_private
        allowed = politeness.allowed(targets, allow_private=private)
        rate_pps = politeness.effective_rate_pps(targets[allowed], lease.rate_pps, self.settings.max_rate_pps)
        settings = ProbeSettings(
            count=lease.probe.count,
            interval_s=lease.probe.interval_ms / 1000,
            timeout_s=lease.probe.timeout_ms / 1000,
            size_bytes=lease.probe.size_bytes,
            rate_pps=rate_pps or None,
        )
        found = await prober.ping(targets[allowed], settings)
        return found if allowed.all() else _widened(found, allowed)

    def _batch(
        self, lease: Lease, positions: NDArray[np.int64], targets: NDArray[np.uint8], found: PingColumns
    ) -> Batch:
        columns = {name.name: getattr(found, name.name, None) for name in fields(Columns)}
        columns["position"], columns["address"] = positions, targets
        return Batch(
            batch=str(uuid.uuid4()),
            worker=self.name,
            worker_number=lease.worker_number,
            campaign=lease.campaign,
            campaign_number=lease.campaign_number,
            measurement=lease.measurement,
            revision=lease.revision,
            round=lease.round,
            group=lease.group,
            lease=lease.id,
            family=lease.family,
            kind="ping",
            start=lease.start,
            stop=lease.stop,
            boot_id=boot_id(),
            started_at_us=found.started_at_us,
            started_monotonic_us=found.started_monotonic_us,
            sent_monotonic_us=found.started_monotonic_us + (int(found.at_us.max()) if len(found) else 0),
            columns=Columns(**columns),  # type: ignore[arg-type]
        )


def boot_id() -> str:
    """Names this run of the machine, to which monotonic times belong."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid.UUID(int=uuid.getnode()))


def _widened(found: PingColumns, allowed: NDArray[np.bool_]) -> PingColumns:
    """Results for all targets again: those that this worker must not probe are failed-to-send."""
    empty = {"outcome": FAILED, "sent": 0, "received": 0, "duplicates": 0, "icmp_from": 0, "at_us": 0}
    wide = {}
    for each in fields(PingColumns):
        values = getattr(found, each.name)
        if isinstance(values, np.ndarray):
            full = np.full((len(allowed), *values.shape[1:]), empty.get(each.name, -1), dtype=values.dtype)
            full[allowed] = values
            values = full
        wide[each.name] = values
    return PingColumns(**wide)
