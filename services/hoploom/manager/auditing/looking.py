"""Looks at every table and at what Consul says of it, again and again: the shell of `routing.audit` and of `sizes`."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from hoploom.kit import Mesh, fabio_api, tags
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.consul_records import Instance, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.manager.auditing import routers, sizes
from hoploom.manager.auditing.sizes import Size
from hoploom.routing import audit
from hoploom.routing.audit import AuditFinding, Observed
from hoploom.routing.observing import Observer
from hoploom.routing.observing_fabio import Source

log = logging.getLogger(__name__)
EVERY_S = 10.0
SERVICES_A_SECOND, SHARE, SELDOM_S = 5, 0.01, 300.0
"""A look asks Consul once for each service that has routes, and holds long tables against it. Where there are hundreds
of services, or an audit would take over a hundredth of a core, looks are rarer, down to one in five minutes."""

OWN = ("input", "output", "manager", "ping", fabio_api.SERVICE)


class Catalogue:
    """Consul by its own names, without the canary: who comes and goes on purpose is nobody's finding."""

    def __init__(self, consul: ConsulApi, service_prefix: str) -> None:
        """Read by this agent; `service_prefix` is before the names of a mesh among strangers."""
        self._consul, self._prefix = consul, service_prefix

    async def services(self) -> dict[str, list[str]]:
        """Names of all services with their tags."""
        found = await self._consul.services()
        return {name: known for name, known in found.items() if name != f"{self._prefix}{fabio_api.CANARY}"}

    async def instances(self, service: str, *, passing: bool = True) -> tuple[int, list[Instance]]:
        """Instances of a service, each with the service's name as tables have it."""
        index, found = await self._consul.instances(service.removeprefix(self._prefix), passing=passing)
        return index, [replace(each, service=service) for each in found]

    async def kv_get(self, key: str) -> KvEntry | None:
        """One key."""
        return await self._consul.kv_get(key)

    async def kv_list(self, prefix: str) -> list[KvEntry]:
        """All keys below a prefix."""
        return await self._consul.kv_list(prefix)


class Looking:
    """What one leader sees of tables.

    Attributes:
        findings: What two looks in a row have found.
        sizes: How long each table was lately, by router.
        unseen: What could not be looked at, in sentences.
        took_s: Processor time of the last audit.
    """

    def __init__(self, mesh: Mesh, every_s: float = EVERY_S, clock: Callable[[], float] = boottime_s) -> None:
        """See nothing yet."""
        self._mesh, self._every_s, self._clock = mesh, every_s, clock
        prefix = mesh.names.service_prefix
        # Among strangers their services are their own affair.
        self._only = frozenset(f"{prefix}{name}" for name in OWN) if prefix else None
        self._catalogue = Catalogue(mesh.consul, prefix)
        self._before: Observed | None = None
        self.findings: tuple[AuditFinding, ...] = ()
        self.sizes: dict[str, tuple[Size, ...]] = {}
        self.unseen: tuple[str, ...] = ()
        self.took_s = 0.0

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self._look()
            except Unavailable as error:
                # What was found stands, since nobody knows better; two looks far apart are no two in a row.
                self._before, self.unseen = None, (f"Consul, so tables are held against nothing: {error}",)
                log.info("routes are looked at later: %s", error)
            asked = {each.service for each in self._before.instances or ()} if self._before else ()
            await asyncio.sleep(self.rest_s(len(asked)))

    def rest_s(self, services: int) -> float:
        """Seconds until the next look, after one that asked for so many services."""
        return max(self._every_s, min(SELDOM_S, max(services / SERVICES_A_SECOND, self.took_s / SHARE)))

    async def _look(self) -> None:
        found = await routers.registered(self._mesh.consul)
        sources = [Source(each.name, table=each.url) for each in found]
        observed = _plain(await Observer(self._mesh.http, self._catalogue, sources, only=self._only).look())
        if self._before is not None:
            # A table of thousands takes a while, in which the loop goes on.
            lasting, self.took_s = await asyncio.to_thread(_lasting, self._before, observed)
            self.findings = tuple(lasting)
        self._measure(observed)
        # Settings are each host's own affair: admin pages are on loopback.
        self._before, self.unseen = observed, tuple(each for each in observed.unseen if "settings" not in each)

    def _measure(self, observed: Observed) -> None:
        wanted = sum(
            each.status == "passing" and sum(tag.startswith(tags.PREFIX) for tag in each.tags)
            for each in observed.instances or ()
        )
        now_s, known = self._clock(), self.sizes
        self.sizes = {each.name: known.get(each.name, ()) for each in observed.routers}
        for router, table in observed.with_tables():
            new = Size(now_s, len(table), wanted)
            self.sizes[router.name] = sizes.remembered(known.get(router.name, ()), new)


def _lasting(before: Observed, observed: Observed) -> tuple[list[AuditFinding], float]:
    """What two looks have found, and the processor time that it took to tell."""
    began_s = time.thread_time()
    found = audit.lasting(before, observed)
    return found, time.thread_time() - began_s


def _plain(observed: Observed) -> Observed:
    return replace(
        observed,
        routers=tuple(
            each if each.routes is None else replace(each, routes=tuple(fabio_api.without_canaries(each.routes)))
            for each in observed.routers
        ),
    )
