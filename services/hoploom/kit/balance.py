"""Client-side balancing: services ask each other's instances directly, and no process stands between them.

Whom: the healthy instance that owes this process the fewest answers (`picking`), from a list that is followed in Consul
and outlives it (`service_list`); who fails more than the others is left alone for a while (`outliers`). Where nobody is
known, Fabio is asked.

Again: once, at another instance, and only where that is safe: GET, HEAD, PUT, DELETE, a POST with an `Idempotency-Key`,
and whatever else when no connection came about, so that nothing was sent. Nothing above repeats as well, and
below only aiohttp does, at the same instance, where a kept connection turns out to be closed (not for a POST).

Shares by version hold here as behind Fabio (`share_list`): a version is drawn by its share, and then the least busy
instance of it. Where nobody has set any, a new version has the part of its instances among all, once they are warm.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hoploom.kit import credentials
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.door import Asked, Door, Source, failure, outcome_of
from hoploom.kit.errors import Unavailable, Unreached
from hoploom.kit.http_client import Answer, HttpClient
from hoploom.kit.pool import Peer, Turn
from hoploom.kit.service_list import Addresses, ServiceList, Spawn
from hoploom.kit.share_list import ShareList

log = logging.getLogger(__name__)
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_ROUTER = "router"


class ServiceClient:
    """Sends requests to one service."""

    def __init__(
        self,
        http: HttpClient,
        sources: Sequence[Source],
        token: Callable[[], str] = str,
        name: str = _ROUTER,
    ) -> None:
        """Made by `Directory.client` or `through`.

        Args:
            http: What carries the requests.
            sources: Where instances come from; a later one is asked when an earlier one knows nobody.
            token: Gives what is shown where a request says nothing of who asks.
            name: Of the service, for metrics.
        """
        self._http, self._token = http, token
        self._own = ("", credentials.header(""))
        self._doors = [Door(_ROUTER if at else name, each) for at, each in enumerate(sources)]

    @classmethod
    def through(cls, http: HttpClient, base_url: str | Callable[[], str], token: str = "") -> "ServiceClient":
        """A client for whatever answers at one address, such as Fabio's; one that may change is asked for each time."""
        named = (lambda: [base_url]) if isinstance(base_url, str) else (lambda: [base_url()])
        return cls(http, [Addresses(named)], lambda: token)

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request to a healthy instance; where that is safe it is tried once more, at another instance.

        Args:
            method: "GET", "POST", ...
            path: Path with query, beginning with a slash.
            options: As `HttpClient.request` takes them; `timeout_s` is of each try. Where no header `Authorization`
                says who asks, the mesh's token does.

        Raises:
            Unavailable: Nobody answered.
        """
        self._sign(options)
        door = self._doors[0]
        turn = door.pool.take(boottime_s()) if door.source.is_fresh else None
        if turn is None:
            door, turn = await self._taken(None)
        # By hand: tenacity takes longer than all else here together, and each coroutine more is seen in the figures.
        for is_last in (False, True):
            outcome = "given_up"
            try:
                answer = await self._http.request(method, turn.peer.url + path, **options)
                outcome = outcome_of(answer.status)
                return answer
            except Unavailable as error:
                outcome = failure(error)
                if is_last or not (isinstance(error, Unreached) or _repeatable(method, options["headers"])):
                    raise
            finally:
                door.end(turn, outcome)
            door.repeated.inc()
            door, turn = await self._taken(turn.peer)
        raise AssertionError("the second try is the last")

    async def instance(self, avoid: Asked | None = None) -> Asked:
        """The instance to ask next, for a call that `request` cannot make: one of streams.

        It is busy with the call until it is closed, so that a stream counts for as long as it lasts:

            with await client.instance() as asked:
                async for data in http.stream(asked.url + path, ...):

        Args:
            avoid: An earlier one that did not do; another is given while there is one.
        """
        return Asked(*await self._taken(avoid.turn.peer if avoid else None))

    async def everyone(self) -> Sequence[Instance]:
        """All healthy instances, for a caller that asks each something else.

        Raises:
            Unavailable: Consul is away and no instance was known before.
        """
        return await self._doors[0].source.everyone()

    async def each(self, method: str, path: str, **options: Any) -> list[tuple[Instance, Answer | Unavailable]]:
        """Ask every healthy instance, one after another; whoever does not answer stands there with the reason.

        Raises:
            Unavailable: Consul is away and no instance was known before.
        """
        answers: list[tuple[Instance, Answer | Unavailable]] = []
        self._sign(options)
        for instance in await self.everyone():
            try:
                answers.append((instance, await self._http.request(method, instance.url + path, **options)))
            except Unavailable as error:
                answers.append((instance, error))
        return answers

    async def _taken(self, avoid: Peer | None) -> tuple[Door, Turn]:
        for door in self._doors:
            try:
                if not door.source.is_fresh:
                    await door.source.refresh()
            except Unavailable as error:
                log.debug("%s: %s", door.name, error)
            turn = door.pool.take(boottime_s(), avoid)
            if turn is not None:
                return door, turn
        raise Unavailable(f"nobody is known who answers for {self._doors[0].name}")

    def _sign(self, options: dict[str, Any]) -> None:
        """Say who asks, where the caller has not."""
        token = self._token()
        if token != self._own[0]:
            self._own = (token, credentials.header(token))
        headers, own = options.get("headers"), self._own[1]
        if headers:
            is_said = any(name.lower() == "authorization" for name in headers)
            own = dict(headers) if is_said else {**own, **headers}
        options["headers"] = own


class Directory:
    """All services that this instance has asked for, each with its list."""

    def __init__(
        self,
        consul: ConsulApi,
        http: HttpClient,
        fabio_addr: str,
        spawn: Callable[[], Spawn | None],
        token: Callable[[], str] = str,
    ) -> None:
        """Know the agent, the pool, the router that is asked when nobody is known, who runs the watches, the token."""
        self._consul, self._http, self._spawn, self._token = consul, http, spawn, token
        self._router = Addresses(lambda: [fabio_addr])
        self._shares = ShareList(consul, spawn)
        self._clients: dict[tuple[str, bool], ServiceClient] = {}

    def client(self, service: str, *, elsewhere: bool = False) -> ServiceClient:
        """A client for a service; its list is read at the first call and followed from then on.

        Args:
            service: Name of the service.
            elsewhere: Where this datacenter has no healthy instance, ask the nearest one that has, and this one again
                as soon as it has. Needs the service's prepared query. Not for what belongs to a datacenter.
        """
        found = self._clients.get((service, elsewhere))
        if found is None:
            known = ServiceList(self._consul, service, self._spawn, elsewhere=elsewhere, shares=self._shares)
            found = ServiceClient(self._http, (known, self._router), self._token, service)
            self._clients[service, elsewhere] = found
        return found


def _repeatable(method: str, headers: Mapping[str, str]) -> bool:
    return method in _REPEATABLE or any(name.lower() == "idempotency-key" for name in headers)
