"""A worker's surroundings in this process and on virtual time: an input and output service, and hosts that answer."""

from __future__ import annotations

import asyncio
import functools
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.ping_service import owner
from hoploom.ping_service.holding import Held
from hoploom.ping_service.lease_client import LeaseClient, Renewal
from hoploom.ping_service.orders import Orders
from hoploom.ping_service.outbox import Outbox
from hoploom.ping_service.settings import Settings
from hoploom.ping_service.spool import Spool
from hoploom.ping_service.station import Station
from hoploom.ping_service.work import Worker
from hoploom.prober.probes import Heard, PingColumns, ProbeSettings, Statistics
from hoploom.prober.stop_set import StopSet
from hoploom.prober.traces import TraceColumns, TraceSettings
from hoploom.targets import plan
from hoploom.targets.address_set import AddressSet
from hoploom.targets.notation import parse_block
from hoploom.wire import batch_codec, traces
from hoploom.wire.addresses import column, text
from hoploom.wire.batch import ANSWERED, LOST, Batch
from hoploom.wire.lease import Lease, LeaseId, LeaseRequest
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.probe import TRACE_PACKETS, Probe
from lab.virtual_time import run

BLOCK = "127.0.0.0/24"
BOOT_ID = "b" * 8
KINDS = {
    "outcome": "u1", "sent": "u2", "received": "u2", "duplicates": "u2", "rtt_min_us": "i4", "rtt_avg_us": "i4",
    "rtt_max_us": "i4", "reply_ttl": "i2", "icmp_type": "i2", "icmp_code": "i2", "at_us": "i8",
}  # fmt: skip


def columns(outcomes: NDArray[np.uint8]) -> PingColumns:
    """What a ping returns for targets of which these came of."""
    count = len(outcomes)
    found: dict[str, Any] = {name: np.zeros(count, dtype=kind) for name, kind in KINDS.items()}
    found["outcome"] = outcomes
    found["sent"] += 1
    found["received"][outcomes == ANSWERED] = 1
    for name in ("icmp_type", "icmp_code"):
        found[name] -= 1
    for name in ("rtt_min_us", "rtt_avg_us", "rtt_max_us", "reply_ttl"):
        found[name][outcomes != ANSWERED] = -1
    found["icmp_from"] = np.zeros((count, 16), dtype=np.uint8)
    return PingColumns(**found, started_monotonic_us=5, started_at_us=1)


def paths(targets: NDArray[np.uint8], outcomes: NDArray[np.uint8]) -> TraceColumns:
    """What a trace of these targets returns: a router, and behind it the target or two silent hops; none unsent."""
    sent = np.flatnonzero(outcomes != traces.FAILED)
    reached = outcomes[sent] == traces.REACHED
    hops = np.repeat(sent, 2)
    address = np.repeat(targets[sent], 2, axis=0)
    address[0::2] = column(["192.0.2.1"])
    address[1::2][~reached] = 0
    silent = ~address.any(axis=1)
    kinds = np.where(silent, -1, np.tile([11, 0], len(sent))).astype(np.int16)
    return TraceColumns(
        outcome=outcomes,
        sent=(outcomes != traces.FAILED).astype(np.uint16) * 2,
        joined_ttl=np.zeros(len(outcomes), np.uint8),
        distance=np.where(outcomes == traces.REACHED, 2, 0).astype(np.uint8),
        at_us=np.zeros(len(outcomes), np.int64),
        hop_target=hops.astype(np.int32),
        hop_ttl=np.tile([1, 2], len(sent)).astype(np.uint8),
        hop_address=address,
        hop_rtt_us=np.where(silent, -1, 5).astype(np.int32),
        hop_reply_ttl=np.where(silent, -1, 64).astype(np.int16),
        hop_quoted_ttl=np.full(len(hops), -1, np.int16),
        hop_icmp_type=kinds,
        hop_icmp_code=np.minimum(kinds, 0),
        hop_at_us=np.zeros(len(hops), np.int64),
        mpls_hop=np.zeros(0, np.int32),
        mpls_entry=np.zeros(0, np.uint32),
        started_monotonic_us=5,
        started_at_us=1,
    )


class FakeProber:
    """Takes the time that its rate says, and remembers what it was asked; `outcome` says what comes of an address."""

    name = "fake"
    is_loopback_only = False

    def __init__(self, outcome: Callable[[str], int] = lambda _: ANSWERED) -> None:
        self.statistics = Statistics()
        self.outcome = outcome
        self.asked: list[tuple[list[str], ProbeSettings]] = []
        self.traced: list[tuple[list[str], TraceSettings, StopSet | None]] = []
        self.sent_s: list[tuple[float, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    async def ping(
        self,
        targets: NDArray[np.uint8],
        settings: ProbeSettings,
        stopped: Callable[[], object] | None = None,
        heard: Callable[[Heard], None] | None = None,
    ) -> PingColumns:
        names = [text(each.tobytes()) for each in targets]
        self.asked.append((names, settings))
        sent: list[int] = []
        for name in names:
            if stopped is not None and stopped():
                break
            self.sent_s.append((asyncio.get_running_loop().time(), name))
            sent.append(self.outcome(name))
            await asyncio.sleep(1 / (settings.rate_pps or 1e6))
        return columns(np.array(sent, dtype=np.uint8))

    async def trace(
        self,
        targets: NDArray[np.uint8],
        settings: TraceSettings,
        stopped: Callable[[], object] | None = None,
        known: StopSet | None = None,
    ) -> TraceColumns:
        names = [text(each.tobytes()) for each in targets]
        self.traced.append((names, settings, known))
        done: list[int] = []
        for name in names:
            if stopped is not None and stopped():
                break
            self.sent_s.append((asyncio.get_running_loop().time(), name))
            done.append({ANSWERED: traces.REACHED, LOST: traces.GAP}.get(self.outcome(name), traces.FAILED))
            await asyncio.sleep(TRACE_PACKETS / (settings.rate_pps or 1e6))
        return paths(targets[: len(done)], np.array(done, dtype=np.uint8))


@dataclass
class FakeMesh(LeaseClient):
    """Gives these leases one after another and keeps what it is told; `away` services answer nothing."""

    leases: list[Lease] = field(default_factory=list)
    overlay: OverlayDocument = field(default_factory=OverlayDocument)
    away: set[str] = field(default_factory=set)
    trouble: dict[str, Exception] = field(default_factory=dict)
    requests: list[LeaseRequest] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    said: list[tuple[float, str, str]] = field(default_factory=list)
    upto: list[int] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    sends: list[tuple[float, str]] = field(default_factory=list)
    refuses: Callable[[str], bool] = lambda _: False
    fails: set[str] = field(default_factory=set)
    late: dict[str, float] = field(default_factory=dict)
    renewal: Renewal = field(default_factory=lambda: Renewal(30, 0))

    def __post_init__(self) -> None:
        wishes = plan.Wishes(allow_private=True)
        self.whole = AddressSet(plan.make("demo", [parse_block(BLOCK)], [], wishes).sets[4])

    async def ask(self, wanted: LeaseRequest) -> Lease | None:
        self.requests.append(wanted)
        await self._answers("ask")
        return self.leases.pop(0) if self.leases else None

    async def renew(self, held: Held) -> Renewal:
        await self._hears("renew", held)
        return self.renewal

    async def done(self, held: Held) -> None:
        await self._hears("done", held)

    async def give_back(self, held: Held, reason: str) -> None:
        await self._hears(reason, held)

    async def orders(self, known: int) -> OverlayDocument | None:
        for _ in range(20):
            await self._answers("orders")
            if self.overlay.version != known:
                return self.overlay
            await asyncio.sleep(1)
        return None

    async def address_set(self, revision: str) -> AddressSet:
        await self._answers("address_set")
        return self.whole

    async def submit(self, batch: str, body: bytes) -> None:
        self.sends.append((asyncio.get_running_loop().time(), batch))
        await self._answers("submit")
        await asyncio.sleep(self.late.pop(batch, 0.0))
        if batch in self.fails:
            raise Unavailable("the output fails (500)")
        if self.refuses(batch):
            raise BadRequest("no (422)")
        self.bodies.append(body)
        found = batch_codec.unpack(body, batch_codec.MEDIA_TYPE_ZSTD)
        assert found.batch == batch
        self.batches.append(found)

    @property
    def words(self) -> list[str]:
        """What was said of leases, in order."""
        return [word for _, word, _ in self.said]

    @property
    def positions(self) -> list[int]:
        """The positions of all rows of all batches, sorted."""
        return sorted(int(each) for batch in self.batches for each in batch.columns.position)

    async def _hears(self, word: str, held: Held) -> None:
        self.said.append((asyncio.get_running_loop().time(), word, held.id))
        self.upto.append(held.stored_upto)
        await self._answers("say")

    async def _answers(self, call: str) -> None:
        await asyncio.sleep(0.001)
        if call in self.away:
            raise Unavailable(f"nobody answers to {call}")
        if call in self.trouble:
            raise self.trouble[call]


def lease(start: int = 0, stop: int = 16, **changes: Any) -> Lease:
    """A lease of positions of `BLOCK`."""
    name = LeaseId(campaign="demo", edition=1, round=0, family=4, start=start, stop=stop, nonce="0" * 16)
    known: dict[str, Any] = {
        "id": str(name), "campaign": "demo", "campaign_number": 2_000_000_000, "measurement": 2_000_000_001,
        "worker_number": 2_000_000_002, "revision": "0" * 64, "family": 4, "round": 0, "group": "g", "start": start,
        "stop": stop, "order_key": "00" * 16, "ttl_s": 30, "rate_pps": 0, "probe": Probe(), "allow_private": True,
    }  # fmt: skip
    return Lease(**{**known, **changes})


def station(mesh: LeaseClient, **settings: Any) -> Station:
    """A station on the clock of the running loop, whose owner allows loopback."""
    known: dict[str, Any] = {"worker": "w", "allow_private": True}
    own = Settings(**{**known, **settings})
    return Station(own, mesh, asyncio.get_running_loop().time, orders=Orders(owner=owner.limits(own)))


def outbox(found: Station, folder: Path, max_bytes: int = 2**30) -> Outbox:
    """An outbox in a folder, not open yet."""
    return Outbox(Spool(folder, max_bytes), found.clock, BOOT_ID)


@asynccontextmanager
async def working(mesh: LeaseClient, folder: Path | None = None, **settings: Any) -> AsyncIterator[Worker]:
    """A worker that runs, its spool in this folder or in one of its own."""
    with tempfile.TemporaryDirectory() as own:
        found = station(mesh, **settings)
        worker = Worker(found, outbox(found, folder or Path(own), found.settings.spool_bytes))
        await worker.outbox.open(0.0)
        try:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(worker.run())
                yield worker
                task.cancel()
        finally:
            await worker.outbox.close()


def on_virtual_time(body: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """A test that runs on virtual time."""

    @functools.wraps(body)
    def test(**known: Any) -> None:
        run(body(**known))

    return test


__all__ = [
    "ANSWERED", "BLOCK", "BOOT_ID", "LOST", "FakeMesh", "FakeProber", "columns", "lease", "on_virtual_time", "outbox",
    "paths", "station", "working",
]  # fmt: skip
