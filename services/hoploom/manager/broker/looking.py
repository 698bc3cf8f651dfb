"""Looks at the instances of a service: who is healthy, says Consul, and how busy each is, says it itself.

A look is as good for all who ask within a second, and there is one at a time for each service. The last known list
stays while Consul is away; who does not answer is left out all the same.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Sequence

from hoploom.kit import Mesh
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.manager.broker import choice
from hoploom.manager.broker.choice import Candidate, Choice, Load
from hoploom.wire.fields import MAX_INTEGER, Fields

FRESH_S = 1.0
ANSWER_S = 1.0
"""Who takes longer to say how busy it is, is too busy."""

MAX_SERVICES = 64
"""Names come from anybody."""


class Look:
    """What is known of one service."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.busy = asyncio.Lock()
        self.instances: Sequence[Instance] = ()
        self.candidates: Sequence[Candidate] = ()
        self.sent = Counter[str]()
        self.at_s = float("-inf")


class Broker:
    """Chooses instances."""

    def __init__(self, mesh: Mesh) -> None:
        """Know nothing yet."""
        self._mesh = mesh
        self._looks: OrderedDict[tuple[str, str], Look] = OrderedDict()

    async def best(self, service: str, dc: str = "") -> Choice:
        """The instance to ask.

        Args:
            service: Name of the service.
            dc: Its datacenter; empty for this one, or the nearest that has any.

        Raises:
            Unavailable: No healthy instance is known, or none answers.
        """
        look = self._look(service, dc)
        async with look.busy:
            if boottime_s() - look.at_s > FRESH_S:
                await self._renew(look, service, dc)
        found = choice.best(look.candidates, look.sent)
        if found is None:
            where = f" in {dc}" if dc else ""
            raise Unavailable(f"no instance of {service}{where} is known that answers: try again")
        look.sent[found.instance.id] += 1
        return found

    def _look(self, service: str, dc: str) -> Look:
        look = self._looks.setdefault((service, dc), Look())
        self._looks.move_to_end((service, dc))
        if len(self._looks) > MAX_SERVICES:
            self._looks.popitem(last=False)
        return look

    async def _renew(self, look: Look, service: str, dc: str) -> None:
        try:
            # Who has no port is known here and asked by nobody.
            look.instances = [each for each in await self._instances(service, dc) if each.port]
        except Unavailable:
            if not look.instances:
                raise
        found = await asyncio.gather(*map(self._asked, look.instances))
        look.candidates, look.sent = [each for each in found if each], Counter()
        look.at_s = boottime_s()

    async def _instances(self, service: str, dc: str) -> Sequence[Instance]:
        consul = self._mesh.consul
        _, here = await consul.instances(service, dc=dc)
        if here or dc:
            return here
        try:
            return await consul.nearest(service)
        except Unavailable:
            # Not every service has a query.
            return here

    async def _asked(self, instance: Instance) -> Candidate | None:
        try:
            answer = await self._mesh.http.request("GET", f"{instance.url}/load", timeout_s=ANSWER_S)
            return Candidate(instance, _load(answer.json()) if answer.ok else None)
        except (Unavailable, BadRequest):
            return None


def _load(document: object) -> Load:
    known = Fields(document, "a load")
    lag_s = float(known.number("lag_s"))
    return Load(known.integer("in_flight", range(MAX_INTEGER)), max(0.0, lag_s), known.flag("draining", default=False))
