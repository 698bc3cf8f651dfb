"""Client-side balancing: ask healthy instances directly, from a watched list that survives Consul's absence."""

import contextlib
import itertools
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any

from hoploom.kit import credentials, retry, watch
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import Answer, HttpClient

_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
NEAREST_FRESH_S = 1.0
"""A fall to the nearest datacenter, and the way back, is noticed within this time."""

Spawn = Callable[[Coroutine[Any, Any, None]], object]
# Takes the base URL that has just failed (or an empty text), returns the one to ask.
Target = Callable[[str], Awaitable[str]]
Instances = Callable[[], Awaitable[Sequence[Instance]]]


class ServiceList:
    """The healthy instances of one service, as last known."""

    def __init__(self, consul: ConsulApi, service: str) -> None:
        """Know nothing yet."""
        self._consul, self._service = consul, service
        self.instances: tuple[Instance, ...] = ()
        self.followed = False
        self._turn = itertools.count(random.randrange(1 << 16))

    def learn(self, found: list[Instance]) -> None:
        """Take a new list; an empty one keeps the last known, which may still answer."""
        self.instances = tuple(found) or self.instances

    async def refresh(self) -> None:
        """Read the list once; a failed read keeps the last known.

        Raises:
            Unavailable: Consul is away and nothing was known before.
        """
        try:
            self.learn((await self._consul.instances(self._service))[1])
        except Unavailable:
            if not self.instances:
                raise

    async def follow(self) -> None:
        """Keep the list current by blocking queries."""
        await watch.follow(
            f"instances of {self._service}",
            lambda index: self._consul.instances(self._service, index=index),
            self.learn,
        )

    def pick(self, avoid: str = "") -> Instance | None:
        """The next instance in turn; not the one with the URL `avoid` while there is another."""
        others = [each for each in self.instances if each.url != avoid] or self.instances
        return others[next(self._turn) % len(others)] if others else None


class NearestList(ServiceList):
    """The healthy instances of one service in this datacenter, or where it has none in the nearest other one.

    Consul's prepared queries cannot wait for a change, so it is asked again before a call, once in a while.
    """

    def __init__(self, consul: ConsulApi, service: str) -> None:
        """Know nothing yet."""
        super().__init__(consul, service)
        self._read_s = float("-inf")

    async def refresh(self) -> None:
        """Read the list where it is old; a failed read keeps the last known.

        Raises:
            Unavailable: Consul is away, or has no such query, and nothing was known before.
        """
        if boottime_s() - self._read_s < NEAREST_FRESH_S:
            return
        try:
            self.learn(await self._consul.nearest(self._service))
        except Unavailable:
            if not self.instances:
                raise
        self._read_s = boottime_s()


class ServiceClient:
    """Sends requests to one service."""

    def __init__(
        self, http: HttpClient, target: Target, instances: Instances, token: Callable[[], str] = str
    ) -> None:
        """Made by `Directory.client` or `through`; `token` is shown where a request says nothing of who asks."""
        self._http, self._target, self._instances, self._token = http, target, instances, token

    @classmethod
    def through(cls, http: HttpClient, base_url: str | Callable[[], str], token: str = "") -> "ServiceClient":
        """A client for whatever answers at one address, such as Fabio's; one that may change is asked for each time."""

        async def target(_: str) -> str:
            return base_url if isinstance(base_url, str) else base_url()

        async def instances() -> Sequence[Instance]:
            raise Unavailable(f"who stands behind {await target('')} is not known: ask one with `request`")

        return cls(http, target, instances, lambda: token)

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        """Send a request to a healthy instance; a repeatable one is tried once more, at another instance.

        Args:
            method: "GET", "POST", ...
            path: Path with query, beginning with a slash.
            options: As `HttpClient.request` takes them. A POST is repeated only with an `Idempotency-Key` header. Where
                no header `Authorization` says who asks, the mesh's token does.

        Raises:
            Unavailable: Nobody answered.
        """
        options = self._signed(options)
        if not _repeatable(method, options["headers"]):
            return await self._http.request(method, await self._target("") + path, **options)
        asked = ""
        async for attempt in retry.once_more():
            with attempt:
                asked = await self._target(asked)
                return await self._http.request(method, asked + path, **options)
        raise AssertionError("tenacity ends by an answer or an exception")

    async def base_url(self, avoid: str = "") -> str:
        """Where the next healthy instance answers, for a call that `request` cannot make: one of streams.

        Args:
            avoid: An earlier answer that did not do; another is given while there is one.
        """
        return await self._target(avoid)

    async def everyone(self) -> Sequence[Instance]:
        """All healthy instances, for a caller that asks each something else.

        Raises:
            Unavailable: Consul is away and no instance was known before.
        """
        return await self._instances()

    async def each(self, method: str, path: str, **options: Any) -> list[tuple[Instance, Answer | Unavailable]]:
        """Ask every healthy instance, one after another; whoever does not answer stands there with the reason.

        Raises:
            Unavailable: Consul is away and no instance was known before.
        """
        answers: list[tuple[Instance, Answer | Unavailable]] = []
        options = self._signed(options)
        for instance in await self._instances():
            try:
                answers.append((instance, await self._http.request(method, instance.url + path, **options)))
            except Unavailable as error:
                answers.append((instance, error))
        return answers

    def _signed(self, options: Mapping[str, Any]) -> dict[str, Any]:
        headers = options.get("headers") or {}
        is_said = any(name.lower() == "authorization" for name in headers)
        return {**options, "headers": {**({} if is_said else credentials.header(self._token())), **headers}}


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
        self._consul, self._http, self._fabio_addr, self._spawn = consul, http, fabio_addr, spawn
        self._token = token
        self._lists: dict[str, ServiceList] = {}
        self._nearest: dict[str, NearestList] = {}

    def client(self, service: str) -> ServiceClient:
        """A client for a service; its list is read at the first call and watched from then on."""
        known = self._lists.setdefault(service, ServiceList(self._consul, service))
        return self._over(known, partial(self._current, known))

    def nearest(self, service: str) -> ServiceClient:
        """A client for a service in this datacenter, or where it has none in the nearest other one."""
        known = self._nearest.setdefault(service, NearestList(self._consul, service))
        return self._over(known, known.refresh)

    def _over(self, known: ServiceList, refresh: Callable[[], Awaitable[None]]) -> ServiceClient:
        async def instances() -> Sequence[Instance]:
            await refresh()
            return known.instances

        async def target(avoid: str) -> str:
            with contextlib.suppress(Unavailable):
                await refresh()
            instance = known.pick(avoid)
            return instance.url if instance else self._fabio_addr

        return ServiceClient(self._http, target, instances, self._token)

    async def _current(self, known: ServiceList) -> None:
        if known.followed and known.instances:
            return
        await known.refresh()
        spawn = self._spawn()
        if spawn is not None and not known.followed:
            known.followed = True
            spawn(known.follow())


def _repeatable(method: str, headers: Mapping[str, str]) -> bool:
    return method in _REPEATABLE or any(name.lower() == "idempotency-key" for name in headers)
