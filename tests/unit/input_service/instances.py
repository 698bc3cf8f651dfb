"""Input instances over one fake Consul, with real sessions and real ownership, for the tests of this room."""

import asyncio
import contextlib
import itertools
import json
import random
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from hoploom.input_service import shards
from hoploom.input_service.activity import Activity
from hoploom.input_service.budget_desk import BudgetDesk
from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.closing import Audit, Closing
from hoploom.input_service.coolings import Coolings
from hoploom.input_service.desk import Desk, Parts
from hoploom.input_service.expiry import DAY_S
from hoploom.input_service.hop_chunks import HopChunks
from hoploom.input_service.hop_desk import HopDesk
from hoploom.input_service.hop_recovery import HopRecovery
from hoploom.input_service.hop_rules import HopRules
from hoploom.input_service.hops import Hops
from hoploom.input_service.journal import Journal
from hoploom.input_service.overlay import Overlay
from hoploom.input_service.ownership import Owner, Ownership
from hoploom.input_service.progress import Progress
from hoploom.input_service.relay import Relay
from hoploom.input_service.rounds import Rounds
from hoploom.input_service.serving import Serving
from hoploom.input_service.sets import Sets
from hoploom.input_service.work import Wanted
from hoploom.kit import registration
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.fake_consul import OWN_DC, FakeConsul
from hoploom.kit.http_client import Answer
from hoploom.kit.membership import Mesh
from hoploom.kit.settings import Settings
from hoploom.targets.ranges import Range
from hoploom.trust.numbers import Numbers
from hoploom.wire.campaign_request import CampaignRequest
from hoploom.wire.hops import HopReport
from hoploom.wire.lease import LeaseDone, LeaseRenewal, LeaseRequest, LeaseReturn
from waiting import eventually

_PORTS = itertools.count(1)


class AllStored:
    """An audit that finds everything stored, and nothing where it was told so."""

    def __init__(self) -> None:
        self.lacking: list[Range] = []
        self.away = False

    async def missing(self, *_: object) -> list[Range]:
        if self.away:
            raise Unavailable("the store is away")
        lacking, self.lacking = self.lacking, []
        return lacking


class NoStores:
    """Outputs that have what they are told, or are away."""

    def __init__(self) -> None:
        self.hops: dict[str, list[str]] = {}
        self.away = False
        self.asked = 0

    async def ask(self, path: str, timeout_s: float = 0) -> list[Mapping[str, Any]]:
        self.asked += 1
        if self.away:
            raise Unavailable("the store is away")
        return [{"v": 1, "store": "s", "hops": self.hops}]


class Wire(Relay):
    """Passes requests on to instances in this process, as JSON."""

    def __init__(self, network: "dict[str, Instance]") -> None:
        self._network = network

    async def post(self, owner: Owner, path: str, document: Mapping[str, Any]) -> Answer:
        other = self._network.get(owner.url)
        if other is None:
            raise Unavailable(f"{owner.url} does not answer")
        return await other.answer(path, document)


@dataclass
class Instance:
    """What one input instance is made of."""

    mesh: Mesh
    parts: Parts
    numbers: Numbers
    sets: Sets
    desk: Desk
    progress: Progress
    audit: AllStored
    stores: NoStores
    hops: Hops
    hop_desk: HopDesk
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def campaigns(self) -> Campaigns:
        return self.parts.campaigns

    @property
    def journal(self) -> Journal:
        return self.parts.journal

    @property
    def url(self) -> str:
        return f"http://{self.mesh.address}:{self.mesh.port}"

    @staticmethod
    def over(
        consul: ConsulApi,
        network: "dict[str, Instance]",
        audit: Audit | None = None,
        relay: Relay | None = None,
        name: str = "",
    ) -> "Instance":
        dc = consul.dc if isinstance(consul, FakeConsul) else OWN_DC
        mesh = Mesh("input", port=next(_PORTS), settings=Settings(dc=dc))
        mesh.instance_id = name or mesh.instance_id
        mesh.consul = consul
        all_stored = AllStored()
        numbers = Numbers.of(consul, dc, OWN_DC)
        sets, rounds = Sets(consul), Rounds(consul)
        campaigns, ownership = Campaigns(consul, numbers, sets, 10**9, dc), Ownership(mesh)
        coolings = Coolings(consul)
        journal = Journal(consul, ownership, coolings)
        closing = Closing(campaigns, journal, rounds, audit or all_stored, ownership)
        wire = relay or Wire(network)
        budget = BudgetDesk(mesh.id, ownership, wire, journal)
        serving = Serving(journal, ownership, numbers, budget, coolings)
        parts = Parts(
            campaigns=campaigns,
            rounds=rounds,
            overlay=Overlay(consul, home="" if dc == OWN_DC else OWN_DC),
            ownership=ownership,
            journal=journal,
            serving=serving,
            closing=closing,
            budget=budget,
            relay=wire,
            activity=Activity(consul, journal, rounds, 30 * DAY_S),
        )
        progress = Progress(journal, rounds, ownership)
        stores, rules = NoStores(), HopRules(campaigns, sets, parts.overlay)
        chunks = HopChunks(campaigns, sets, ownership)
        hops = Hops(ownership, rules, chunks, HopRecovery(chunks, rules, stores))
        return Instance(
            mesh=mesh,
            parts=parts,
            numbers=numbers,
            sets=sets,
            desk=Desk(mesh.id, parts),
            progress=progress,
            audit=all_stored,
            stores=stores,
            hops=hops,
            hop_desk=HopDesk(ownership, wire, hops, campaigns, parts.overlay),
        )

    def begin(self) -> None:
        """Run what an instance runs beside its server."""
        loops = (
            self.mesh.session.run(),
            self.parts.overlay.run(),
            self.parts.journal.run(),
            self.parts.ownership.run(self.parts.journal.close_slot),
            self.parts.closing.run(),
            self.parts.budget.run(),
            self.hops.run(),
        )
        self.tasks = [asyncio.get_running_loop().create_task(each) for each in loops]
        self.mesh.spawn = lambda work: self.tasks.append(asyncio.get_running_loop().create_task(work))

    async def start(self) -> None:
        """Register, and begin to work."""
        # Consul's own checks need a listener; a heartbeat does for this.
        self.mesh.inbound = isinstance(self.mesh.consul, FakeConsul)
        await self.mesh.consul.register(registration.record(self.mesh))
        # The others reach it all the same.
        self.mesh.inbound = True
        if isinstance(self.mesh.consul, FakeConsul):
            for check in ("alive", "ready"):
                self.mesh.consul.set_check(self.mesh.id, check, "passing")
        else:
            await self.mesh.consul.heartbeat(self.mesh.alive_check, "passing", "")
        self.begin()

    async def stop(self) -> None:
        """Stop without a word."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def kill(self) -> None:
        """Stop without a word, and have Consul's check notice."""
        await self.stop()
        if not isinstance(self.mesh.consul, FakeConsul):
            with contextlib.suppress(Unavailable):
                await self.mesh.consul.heartbeat(self.mesh.alive_check, "critical", "killed")

    async def answer(self, path: str, document: Mapping[str, Any]) -> Answer:
        """A request that another instance has passed on."""
        bare, _, query = path.partition("?")
        try:
            return await self._answer(bare.split("/"), dict(parse_qsl(query)), document)
        except BadRequest as error:
            return Answer(error.status, str(error).encode())

    async def _answer(self, path: list[str], query: dict[str, str], document: Mapping[str, Any]) -> Answer:
        if path[1] == "budget":
            return Answer(200, json.dumps(dict(await self.parts.budget.answer(document))).encode())
        if path[1] == "hops":
            found = await self.hop_desk.report(HopReport.from_json(document), relayed=True)
            return Answer(200, json.dumps(found.to_json()).encode())
        if len(path) == 2:
            wanted = Wanted(
                request=LeaseRequest.from_json(document),
                campaign=query.get("campaign", ""),
                limit=int(query["limit"]),
                ttl_s=int(query["ttl_s"]),
            )
            lease = await self.desk.lease(wanted, relayed=True)
            if lease is None:
                return Answer(204, b"")
            return Answer(200, json.dumps({"v": 1, "lease": lease.to_json()}).encode())
        kinds = {"done": LeaseDone, "renew": LeaseRenewal, "return": LeaseReturn}
        said = await self.desk.said(path[2], kinds[path[3]].from_json(document), relayed=True)
        assert not isinstance(said, Answer)
        return Answer(200, json.dumps(said).encode())


@asynccontextmanager
async def running(consuls: Sequence[ConsulApi]) -> AsyncIterator[list[Instance]]:
    """An instance over each of these, which own all slots together, each what it should own."""
    network: dict[str, Instance] = {}
    found = [Instance.over(consul, network) for consul in consuls]
    network |= {each.url: each for each in found}
    try:
        for each in found:
            await each.start()
        await all_settled(found)
        yield found
    finally:
        for each in found:
            await each.kill()


async def all_settled(instances: Iterable[Instance]) -> None:
    """Wait until every slot is owned by the one of these that should own it, and all know it."""
    alive = list(instances)
    weights = {each.mesh.id: 1.0 for each in alive}
    should = {slot: shards.ranking(f"slot {slot}", weights)[0] for slot in range(shards.SLOTS)}
    await eventually("all slots are where they should be", lambda: all(_owners(each) == should for each in alive))


def _owners(instance: Instance) -> dict[int, str]:
    return {slot: owner.instance for slot, owner in instance.parts.ownership.owners().items()}


class BusyConsul(FakeConsul):
    """Lets others in before and after every call, in an order that a seed decides; loses answers on request."""

    def __init__(self, seed: int, *, lost_answers: float = 0.0) -> None:
        super().__init__()
        self._chance = random.Random(seed)
        self.lost_answers = lost_answers

    async def _others(self) -> None:
        for _ in range(self._chance.randrange(4)):
            await asyncio.sleep(0)

    def _lose(self) -> None:
        if self._chance.random() < self.lost_answers:
            raise Unavailable("the answer was lost, the write perhaps not")

    async def kv_get(self, key: str, *, consistent: bool = False) -> KvEntry | None:
        await self._others()
        found = await super().kv_get(key, consistent=consistent)
        await self._others()
        return found

    async def kv_put(self, key: str, value: bytes, *, cas: int | None = None) -> bool:
        await self._others()
        done = await super().kv_put(key, value, cas=cas)
        self._lose()
        await self._others()
        return done

    async def kv_txn(self, operations: Any) -> tuple[KvEntry, ...] | None:
        await self._others()
        done = await super().kv_txn(operations)
        self._lose()
        await self._others()
        return done


def campaign_request(
    name: str = "demo", blocks: Iterable[str] = ("127.0.0.0/20",), **wishes: object
) -> CampaignRequest:
    """A request for a loopback campaign."""
    return CampaignRequest(id=name, blocks=tuple(blocks), **{"allow_private": True, **wishes})  # type: ignore[arg-type]


def lease_request(worker: str = "w1", request_id: str = "", group: str = "all", **more: Any) -> LeaseRequest:
    """A request of a worker for either family without a limit of its own."""
    return LeaseRequest(
        request_id=request_id or uuid.uuid4().hex, worker=worker, group=group, rate_pps=0, families=(4, 6), **more
    )
