"""A worker traces an internet of which everything is known: what stands in the store is what is true of it."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hoploom.kit.http_client import Answer
from hoploom.output_service import hops
from hoploom.output_service.news import News
from hoploom.output_service.rollups.naming import Naming
from hoploom.output_service.rollups.paths import Paths, read
from hoploom.output_service.rollups.rolling import Rolling
from hoploom.output_service.store import Store
from hoploom.targets import plan
from hoploom.targets.address_set import AddressSet
from hoploom.targets.notation import parse_block
from hoploom.targets.sampling import parse_sampling
from hoploom.wire.addresses import column, text
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, pack, unpack
from hoploom.wire.hops import SLOTS
from hoploom.wire.paths import Topology
from hoploom.wire.probe import DEFAULTS, TRACE
from lab.internet import files
from lab.internet.links import Judge
from lab.internet.score import Map, score
from lab.internet.tun import Internet
from lab.namespace import in_namespace, needs_root
from unit.ping_service.stations import FakeMesh, lease, working
from waiting import eventually

# An answer that comes a turn too late has been probed for again.
pytestmark = [
    pytest.mark.timed(0.04),
    needs_root,
    pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="a tun device needs /dev/net/tun"),
]
DECLARED = "[generated]\nseed = 1\nprefixes = 256\n"
BLOCK, TARGETS, RATE_PPS = "10.0.0.0/16", 256, 5_000


def worked_off() -> tuple[Internet, FakeMesh]:
    """An internet that a worker has traced under two leases, and what the worker has sent to the mesh."""
    quick = dataclasses.replace(DEFAULTS[TRACE], interval_ms=50, timeout_ms=1000)
    halves = [(0, TARGETS // 2), (TARGETS // 2, TARGETS)]
    mesh = FakeMesh(leases=[lease(*each, rate_pps=RATE_PPS, probe=quick) for each in halves])
    wishes = plan.Wishes(allow_private=True, sampling=parse_sampling("24:1"))
    mesh.whole = AddressSet(plan.make("demo", [parse_block(BLOCK)], [], wishes).sets[4])

    async def body() -> Internet:
        async def is_done() -> bool:
            return mesh.words.count("done") == len(halves)

        with Internet(DECLARED) as internet:
            async with working(mesh):
                await eventually("both leases are done", is_done, 60)
            return internet

    return in_namespace(body), mesh


async def mapped(store: Store) -> Map:
    """What the store says, as a map."""
    targets = await store.read("SELECT batch_key, address FROM traceroutes ORDER BY rowid")
    rows = {target: row for row, target in enumerate(targets)}
    found = await store.read("SELECT batch_key, address, ttl, coalesce(hop, '') FROM traceroute_hops ORDER BY rowid")
    return Map(
        column(address for _, address in targets),
        np.array([rows[key, address] for key, address, _, _ in found], np.int32),
        np.array([ttl for _, _, ttl, _ in found], np.uint8),
        column(hop for _, _, _, hop in found),
    )


async def summed(store: Store) -> Topology:
    """The links and hops that the store's sums have."""

    async def unknown(path: str) -> Answer:
        return Answer(404, b'{"detail": "there is no such campaign"}', {"Content-Type": "application/problem+json"})

    rolling = Rolling(store, News(), Naming(unknown, lambda: 0.0), [Paths()])
    while await rolling.step():
        pass
    found = await rolling.ask(lambda connection: read(connection, None))
    rolling.close()
    return found


def test_what_a_worker_traces_is_in_the_store_as_it_is_in_the_internet(tmp_path: Path) -> None:
    internet, mesh = worked_off()

    async def judged() -> None:
        store = Store(tmp_path, 64)
        try:
            for batch in mesh.batches:
                await store.append(unpack(pack(batch), MEDIA_TYPE_ZSTD))
            found = await mapped(store)
            worth = score(internet.truth(), internet.seen, found)
            assert len(found.targets) == TARGETS and mesh.positions == list(range(TARGETS))
            # Few targets share few paths; how much is found of many is a bench's business (`tests/bench/trace.py`).
            assert worth.share >= 0.85 and not worth.false_links and not worth.invented
            # The second lease ends its paths where those of the first are known.
            [(joined,)] = await store.read("SELECT count(*) FROM traceroutes WHERE joined_ttl IS NOT NULL")
            assert joined > TARGETS / 2 and worth.probes < 15
            routers = {text(each.tobytes()) for each in found.hop_address} - {""}
            routers -= {text(each.tobytes()) for each in found.targets}
            assert set((await hops.stored(store, range(SLOTS), 0))["demo"]) == routers
            links, judge = (await summed(store)).links, Judge(files.topology(DECLARED))
            # Nearly every router is on a link, whole paths lead to the worker, and none of it is not so.
            assert {text(each.tobytes()) for each in links["far"]} >= routers - {""} and links["gap"].any()
            assert len(links) > len(routers) and [each for each in links if not judge.is_true(each)] == []
        finally:
            await asyncio.to_thread(store.close)

    asyncio.run(judged())
