"""Puts an input instance together: what it owns, what it reads, and who answers what."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from hoploom import kit
from hoploom.input_service import handlers, hop_desk, hop_handlers, operators, overlay_handlers
from hoploom.input_service.activity import Activity
from hoploom.input_service.audit import Audit
from hoploom.input_service.budget_desk import ROUTE, BudgetDesk
from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.closing import Closing
from hoploom.input_service.coolings import Coolings
from hoploom.input_service.desk import Desk, Parts
from hoploom.input_service.documents import ROLE as DOCUMENTS_ROLE
from hoploom.input_service.documents import Documents
from hoploom.input_service.elsewhere import Elsewhere
from hoploom.input_service.expiry import DAY_S
from hoploom.input_service.hop_chunks import HopChunks
from hoploom.input_service.hop_desk import HopDesk
from hoploom.input_service.hop_recovery import HopRecovery
from hoploom.input_service.hop_rules import HopRules
from hoploom.input_service.hops import Hops
from hoploom.input_service.journal import Journal
from hoploom.input_service.overlay import Overlay
from hoploom.input_service.ownership import WEIGHT, Ownership
from hoploom.input_service.progress import Progress
from hoploom.input_service.relay import Relay
from hoploom.input_service.rounds import Rounds
from hoploom.input_service.serving import Serving
from hoploom.input_service.sets import Sets
from hoploom.input_service.settings import Settings
from hoploom.input_service.stopping import Stopping
from hoploom.input_service.stores import Stores
from hoploom.input_service.sweeping import ROLE as SWEEPING_ROLE
from hoploom.input_service.sweeping import Sweeping
from hoploom.kit import credentials
from hoploom.kit.errors import NotReady
from hoploom.trust import attaching, once, reading
from hoploom.trust.numbers import Numbers
from hoploom.wire import routes

PARTS = web.AppKey("input_parts", Parts)
SETTINGS = web.AppKey("input_settings", Settings)
HOPS = web.AppKey("input_hops", Hops)


def make_app(settings: Settings) -> web.Application:
    """The input service as an application."""
    app = web.Application(client_max_size=settings.max_body_bytes)
    app[operators.OPERATOR] = credentials.read(settings.operator_token_file)
    token = credentials.read(settings.worker_token_file)
    app.add_routes(
        [
            web.post("/api/v1/campaigns", once.once(handlers.post_campaign, operators.require)),
            web.get("/api/v1/campaigns", handlers.get_campaigns),
            web.get("/api/v1/campaigns/{id}", handlers.get_campaign),
            web.post("/api/v1/campaigns/{id}/stop", handlers.post_stop),
            web.get("/api/v1/campaigns/{id}/shards", handlers.get_shards),
            web.get("/api/v1/slots", handlers.get_slots),
            web.get("/api/v1/sets/{sha256}", handlers.get_set),
            web.post("/leases", handlers.post_lease),
            web.post("/leases/{lease}/{verb:done|renew|return}", handlers.post_said),
            web.get("/targets", handlers.get_targets),
            web.post(hop_desk.ROUTE, hop_handlers.post_hops),
            web.post(ROUTE, handlers.post_budget),
            *overlay_handlers.routes(),
        ]
    )

    async def knows_its_work() -> None:
        # From then on workers are answered while Consul is away, as last known.
        if not app[PARTS].overlay.is_read:
            raise NotReady("pauses and opt-outs are not read yet")
        await app[PARTS].campaigns.learn()

    leader = {SWEEPING_ROLE: _sweeps, DOCUMENTS_ROLE: _pulls}
    kit.setup(app, name="input", routes=routes.INPUT, ready=[knows_its_work], leader=leader)
    attaching.attach(app, token)
    once.attach(app)
    reading.attach(app, app[operators.OPERATOR], is_open=settings.open_reading)
    mesh = kit.mesh(app)
    mesh.settings = app[SETTINGS] = settings
    mesh.meta[WEIGHT] = f"{settings.shard_weight:g}"

    async def parts(app: web.Application) -> AsyncIterator[None]:
        found = _parts(app, settings, Relay(mesh, token))
        mesh.reports.append(lambda: f"owns {len(found.ownership.mine)} of 64 slots")
        mesh.reports.append(found.overlay.report)
        yield

    app.cleanup_ctx.append(parts)
    kit.background(app, _work)
    kit.on_drain(app, _hand_over)
    return app


def _parts(app: web.Application, settings: Settings, relay: Relay) -> Parts:
    mesh, consul = kit.mesh(app), kit.mesh(app).consul
    sets, rounds = Sets(consul), Rounds(consul)
    numbers = Numbers.of(consul, mesh.dc, mesh.home_dc)
    campaigns = Campaigns(consul, numbers, sets, settings.max_targets, mesh.dc)
    ownership = Ownership(mesh)
    coolings = Coolings(consul)
    journal = Journal(consul, ownership, coolings)
    budget = BudgetDesk(mesh.id, ownership, relay, journal)
    budget.count_workers = partial(_workers, mesh)
    app[PARTS] = found = Parts(
        campaigns=campaigns,
        rounds=rounds,
        overlay=Overlay(consul, home="" if mesh.home_dc == mesh.dc else mesh.home_dc),
        ownership=ownership,
        journal=journal,
        serving=Serving(journal, ownership, numbers, budget, coolings),
        closing=Closing(campaigns, journal, rounds, Audit(mesh, settings.audit_patience_s), ownership),
        budget=budget,
        relay=relay,
        activity=Activity(consul, journal, rounds, settings.group_expiry_days * DAY_S),
    )
    app[handlers.OVERLAY] = found.overlay
    app[handlers.BUDGET], app[handlers.OWNERSHIP] = budget, ownership
    app[handlers.SETS], app[handlers.CAMPAIGNS] = sets, campaigns
    app[handlers.PROGRESS], app[handlers.ELSEWHERE] = Progress(journal, rounds, ownership), Elsewhere(mesh)
    app[handlers.DESK] = Desk(mesh.id, found)
    app[handlers.STOPPING] = Stopping(campaigns, found.overlay)
    app[HOPS] = hops = _hops(found, sets, Stores(mesh, settings.audit_patience_s))
    hops.a_worker_a_day, hops.hold_s = settings.hops_a_worker, settings.hops_hold_s
    app[hop_handlers.HOP_DESK] = HopDesk(ownership, relay, hops, campaigns, found.overlay)
    return found


def _hops(parts: Parts, sets: Sets, stores: Stores) -> Hops:
    rules = HopRules(parts.campaigns, sets, parts.overlay)
    chunks = HopChunks(parts.campaigns, sets, parts.ownership)
    return Hops(parts.ownership, rules, chunks, HopRecovery(chunks, rules, stores))


async def _workers(mesh: kit.Mesh) -> int:
    """How many workers Consul knows."""
    return len((await mesh.consul.instances("ping"))[1])


async def _work(app: web.Application) -> None:
    found = app[PARTS]
    async with asyncio.TaskGroup() as group:
        group.create_task(found.overlay.run())
        group.create_task(found.journal.run())
        group.create_task(found.ownership.run(found.journal.close_slot))
        group.create_task(found.closing.run())
        group.create_task(found.budget.run())
        group.create_task(found.activity.run())
        group.create_task(app[HOPS].run())


async def _sweeps(app: web.Application, term: kit.Term) -> None:
    """One instance forgets groups for all."""
    settings = app[SETTINGS]
    await Sweeping(kit.mesh(app).consul, settings.group_expiry_days * DAY_S).run(term)


async def _pulls(app: web.Application, term: kit.Term) -> None:
    """One instance brings the documents of other datacenters."""
    mesh = kit.mesh(app)
    await Documents(mesh.consul, mesh.dc, mesh.home_dc, app[handlers.STOPPING].settle).run(term)


async def _hand_over(app: web.Application) -> None:
    app[PARTS].overlay.close()
    await app[HOPS].flush()
    await app[PARTS].ownership.hand_over()
