"""Client-side balancing: services ask each other's instances directly, and no process stands between them.

Whom: the healthy instance that owes this process the fewest answers (`picking`), from a list that is followed in Consul
and outlives it (`service_list`); who fails more than the others is left alone for a while (`outliers`). Where nobody is
known, Fabio is asked.

Again: once, at another instance, and only where that is safe: GET, HEAD, PUT, DELETE, a POST with an `Idempotency-Key`,
and whatever else when no connection came about, so that nothing was sent. Nothing above repeats as well, and
below only aiohttp does, at the same instance, where a kept connection turns out to be closed (not for a POST).

Fabio's weights do not hold here: a new version has the part of its instances among all, once they have warmed up.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol
from weakref import WeakSet

from hoploom.kit import credentials, metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.errors import Unavailable, Unreached
from hoploom.kit.http_client import Answer, HttpClient
from hoploom.kit.pool import Peer, Pool, Turn
from hoploom.kit.service_list import Addresses, ServiceList, Spawn

log = logging.getLogger(__name__)
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_ROUTER = "router"
_REPEATED = metrics.counter("hoploom_client_repeats_total", "Requests that were sent to a second instance.", ("asked",))
_EJECTED = metrics.counter("hoploom_client_ejections_total", "Times that an instance was left alone.", ("asked",))
_OUT = metrics.gauge("hoploom_client_ejected", "Instances that are left alone now.", ("asked",))
_OUTSTANDING = metrics.gauge("hoploom_client_outstanding", "Requests and streams that are open.", ("asked",))
_POOLS = defaultdict[str, WeakSet[Pool]](WeakSet)
OUTCOMES = ("answered", "error", "unanswered", "unreached", "given_up")
"""What comes of a try: an answer below 500, or not below; broken off, too late, or one of 502, 503, 504, 507; no
connection; nobody waited for it."""

# Of each service, by outcome. Prometheus's own counters take a lock, and more time than the choice of an instance.
_TRIES = defaultdict[str, dict[str, int]](lambda: dict.fromkeys(OUTCOMES, 0))
metrics.kept(
    "hoploom_client_requests_total",
    "Requests to another service by what came of each try.",
    ("asked", "outcome"),
    lambda: [((name, outcome), count) for name, tries in _TRIES.items() for outcome, count in tries.items()],
)


class Source(Protocol):
    """Where instances come from.

    Attributes:
        pool: They are in it.
        is_fresh: Whether `refresh` would do nothing.
    """

    pool: Pool
    is_fresh: bool

    async def refresh(self) -> None:
        """See to it that the pool is as good as it can be; Unavailable where nobody is known."""

    async def everyone(self) -> Sequence[Instance]:
        """All instances; Unavailable where nobody knows."""


class Door:
    """One way to a service: where its instances come from, and what is counted of them."""

    def __init__(self, name: str, source: Source) -> None:
        """Have the counters made: looking them up by name takes longer than all else here."""
        self.name, self.source, self.pool = name, source, source.pool
        self.repeated, self._ejected = _REPEATED.labels(name), _EJECTED.labels(name)
        self._tries = _TRIES[name]
        pools = _POOLS[name]
        pools.add(self.pool)
        _OUT.labels(name).set_function(lambda: sum(each.out for each in pools))
        _OUTSTANDING.labels(name).set_function(lambda: sum(each.outstanding for each in pools))

    def judge(self, turn: Turn, outcome: str) -> None:
        """Say what came of a turn; it counts as busy with it until `close`."""
        alone_s = self.pool.judge(turn, boottime_s(), failed=outcome != "answered")
        if alone_s:
            self._ejected.inc()
            log.warning("%s at %s is left alone for %.1f s: it fails", self.name, turn.peer.url, alone_s)

    def end(self, turn: Turn, outcome: str) -> None:
        """End a turn, and judge it where that was not done before and something is known."""
        if not turn.is_judged and outcome != "given_up":
            self.judge(turn, outcome)
        self.pool.leave(turn)
        self._tries[outcome] += 1


class Asked:
    """One instance that is being asked; it counts as busy with it until `close`, or the end of a `with`.

    Attributes:
        url: Where it answers, `http://address:port`.
        turn: What its pool knows of it.
    """

    def __init__(self, door: Door, turn: Turn) -> None:
        """Made by `ServiceClient.instance`."""
        self._door, self.turn, self.url = door, turn, turn.peer.url
        self._outcome = "given_up"

    def answered(self, status: int = 200) -> None:
        """Say that an answer has begun; a stream's goes on until `close`."""
        self._judge(_outcome_of(status))

    def failed(self, error: Unavailable) -> None:
        """Say that none came."""
        self._judge(_failure(error))

    def close(self) -> None:
        """It is not busy with this any more."""
        self._door.end(self.turn, self._outcome)

    def __enter__(self) -> "Asked":
        """Give it out."""
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        """Close it; an `Unavailable` that comes by before an answer has begun is its failure."""
        if isinstance(error, Unavailable):
            self.failed(error)
        self.close()

    def _judge(self, outcome: str) -> None:
        if not self.turn.is_judged:
            self._outcome = outcome
            self._door.judge(self.turn, outcome)


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
                outcome = _outcome_of(answer.status)
                return answer
            except Unavailable as error:
                outcome = _failure(error)
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
        self._clients: dict[tuple[str, bool], ServiceClient] = {}

    def client(self, service: str, *, elsewhere: bool = False) -> ServiceClient:
        """A client for a service; its list is read at the first call and followed from then on.

        Args:
            service: Name of the service.
            elsewhere: Where this datacenter has no healthy instance, ask the nearest one that has, and this one again
                as soon as it has. Needs the service's prepared query. Not for what belongs to a datacenter.
        """
        key = (service, elsewhere)
        if key not in self._clients:
            known = ServiceList(self._consul, service, self._spawn, elsewhere=elsewhere)
            self._clients[key] = ServiceClient(self._http, (known, self._router), self._token, service)
        return self._clients[key]


def _outcome_of(status: int) -> str:
    return "error" if status >= 500 else "answered"  # noqa: PLR2004 (what HTTP calls the server's failure)


def _failure(error: Unavailable) -> str:
    return "unreached" if isinstance(error, Unreached) else "unanswered"


def _repeatable(method: str, headers: Mapping[str, str]) -> bool:
    return method in _REPEATABLE or any(name.lower() == "idempotency-key" for name in headers)
