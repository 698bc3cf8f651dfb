"""A mesh that is made up: so many instances and workers, as Consul, ads and services would tell of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from hoploom.kit import external_nodes
from hoploom.kit.external_nodes import EDGE, ExternalNode
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.registry import Registry
from hoploom.wire.ad_bodies import WARNING, WorkerBody
from hoploom.wire.ads import WORKER, Ad, Envelope

SERVICES = ("input", "output", "manager")
LONG_NAME = ("מדידה-" * 40)[:200]
"""A name of 200 characters that is read from right to left."""

NOTE = "not ready: disk 97 % full; spools are holding 1,200,000 rows"
_WHERE = (("Tampere, FI", 61.5, 23.8), ("São Paulo, BR", -23.5, -46.6), ("Nairobi, KE", -1.3, 36.8))


async def instances(consul: FakeConsul, number: int, port: int) -> None:
    """Register so many instances of input, output and manager, two of them in trouble; all answer at this port."""
    for each in range(number):
        service = SERVICES[each % len(SERVICES)]
        name = f"{service}-{each:08x}"
        await consul.register({
            "ID": name, "Name": service, "Address": "127.0.0.1", "Port": port,
            "Tags": [f"urlprefix-/{service}"], "Meta": {"version": "0.1.0"},
            "Checks": [{"Name": "ready", "CheckID": f"{name}-ready"}],
        })  # fmt: skip
        state = {1: "critical", 2: "warning"}.get(each, "passing")
        consul.set_check(name, "ready", state, NOTE if state == "critical" else "ready")


async def workers(consul: FakeConsul, registry: Registry, number: int) -> None:
    """Let so many workers elsewhere be in Consul and be heard; every tenth is not well, every 50th is silent."""
    for each in range(number):
        name, is_silent = f"pi-{each:03d}", each % 50 == 1
        meta = {EDGE: "true", "worker": name, "version": "0.1.0"}
        body = _body(each)
        state, note = ("critical", "silent: no ad of it") if is_silent else (body.status, body.note or "it is well")
        node = ExternalNode(f"edge-{name}", "ping", f"ping-{name}", ("0.1.0",), meta, state, note)
        await consul.kv_txn(external_nodes.entered(node))
        if not is_silent:
            ad = Ad(kind=WORKER, id=name, instance=f"{each:032x}", boot=1, generation=1, body=body)
            registry.hear(ad, Envelope(ad=ad.to_bytes(), signature="c2ln", credential="hw1.e30.c2ln", remaining_s=45))


def _body(number: int) -> WorkerBody:
    place, latitude, longitude = _WHERE[number % len(_WHERE)]
    unwell = number % 10 == 0
    return WorkerBody(
        version="0.1.0", place=place, latitude=latitude, longitude=longitude, engine="mmsg", skills=("ping", "trace"),
        sent_pps=100, max_rate_pps=200, leases=2, spool_bytes=41_000_000 if unwell else 0,
        spool_oldest_s=540 if unwell else 0, status=WARNING if unwell else "passing",
        note="spool 41 MB, the oldest 9 min" if unwell else "", uptime_s=7200,
    )  # fmt: skip


def campaign(name: str, done: int, targets: int = 397_958) -> dict[str, Any]:
    """A campaign as the input service tells of it."""
    group = {
        "done": done, "handed_out": done, "reissued": 1, "finished": done == targets, "round": 0, "rounds": 3,
        "rate_pps": 100.0, "targets_per_s": 96.0, "seconds_left": (targets - done) / 96,
    }  # fmt: skip
    found = {
        "id": name, "name": name, "number": 2_000_000_000, "targets": targets, "probe": {"count": 1, "kind": "ping"},
        "contact": "noc@example.org", "rate_pps": 100, "created_at_us": 1,
    }  # fmt: skip
    return {"campaign": found, "groups": {"local": group}}


@asynccontextmanager
async def services() -> AsyncIterator[int]:
    """Serve what a manager asks of input and output, at the port that it gives."""
    running = [campaign("aws-weekly", 47_755), campaign("fleet-check", 397_958)]
    summary = {
        "v": 1, "version": 3, "paused": False, "paused_campaigns": [], "rate_pps": 0, "network_pps": 0,
        "opt_outs": 12, "revoked": 0,
    }  # fmt: skip
    slots = [{"slot": each, "owner": f"input-{each % 4 * 3:08x}"} for each in range(64)]
    result = {"address": "192.0.2.9", "outcome": "answered", "rtt_avg_us": 31_204, "worker": "pi-002",
              "campaign": "aws-weekly", "at_us": 1}  # fmt: skip
    documents: dict[str, Any] = {
        "/api/v1/campaigns": {"campaigns": running},
        "/api/v1/overlay/summary": summary,
        "/api/v1/slots": {"slots": slots, "unowned": 0},
        "/api/v1/results": {"results": [result] * 10},
    }

    async def answer(request: web.Request) -> web.Response:
        found = documents.get(request.path)
        return web.json_response(found) if found is not None else web.Response(status=404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        yield server.port or 0
