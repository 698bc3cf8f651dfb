"""Who stands behind a service: the healthy instances, followed in Consul, and the last known ones while it is away."""

import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Protocol

from hoploom.kit import version_shares, watch
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.errors import Unavailable
from hoploom.kit.pool import Pool
from hoploom.kit.version_shares import Said

NEAREST_FRESH_S = 1.0
"""Consul's prepared queries cannot wait for a change: the nearest datacenter is asked for again after so long."""

Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Listener(Protocol):
    """Who is told of shares."""

    def weigh(self) -> None:
        """Others hold now."""


class Shares(Protocol):
    """Where shares by version come from; `share_list.ShareList` is one."""

    def of(self, service: str) -> Sequence[Said]:
        """What is said of a service now."""

    def listen(self, who: Listener) -> None:
        """Have somebody told whenever that changes."""

    async def known(self) -> None:
        """Wait until what stands is known."""


class ServiceList:
    """The instances of one service in Consul: of this datacenter and, if wanted, of the nearest where it has none.

    Who drains, is in maintenance mode or critical is in no list, from the moment on at which Consul says so. An empty
    list keeps the last known: whoever is in it may still answer, and nobody else is known.
    """

    def __init__(
        self,
        consul: ConsulApi,
        service: str,
        spawn: Callable[[], Spawn | None] = lambda: None,
        *,
        elsewhere: bool = False,
        shares: Shares | None = None,
    ) -> None:
        """Know nobody yet.

        Args:
            consul: The agent.
            service: Name of the service.
            spawn: Gives what runs a watch, None while nothing does; the list is read before each call then.
            elsewhere: Whether instances of the nearest other datacenter do, by the service's prepared query.
            shares: By which versions are asked; None for every instance alike.
        """
        self._consul, self._service, self._spawn, self._elsewhere = consul, service, spawn, elsewhere
        self._shares = shares
        if shares is not None:
            shares.listen(self)
        self._followed = self._none_here = self.is_fresh = False
        self._looked_s = float("-inf")
        self.pool = Pool(random.random)
        self.instances: tuple[Instance, ...] = ()

    def learn(self, found: Sequence[Instance]) -> None:
        """Take what Consul says of this datacenter."""
        self._none_here = not found
        self._take(found)
        self.is_fresh = self._followed and bool(self.instances) and not (self._elsewhere and self._none_here)

    async def refresh(self) -> None:
        """See to it that the list is as Consul has it; does nothing where it is followed, and somebody is here.

        Raises:
            Unavailable: Consul is away and nobody was known before.
        """
        if self.is_fresh:
            return
        if not self._followed or not self.instances:
            await self._read()
        if self._elsewhere and self._none_here and boottime_s() - self._looked_s >= NEAREST_FRESH_S:
            await self._look_elsewhere()

    async def everyone(self) -> Sequence[Instance]:
        """All of them.

        Raises:
            Unavailable: Consul is away and nobody was known before.
        """
        await self.refresh()
        return self.instances

    async def _read(self) -> None:
        if self._shares is not None:
            await self._shares.known()
        try:
            self.learn((await self._consul.instances(self._service))[1])
        except Unavailable:
            if not self.instances:
                raise
        spawn = self._spawn()
        if spawn is not None and not self._followed:
            self._followed = True
            spawn(self._follow())

    async def _look_elsewhere(self) -> None:
        try:
            found = await self._consul.nearest(self._service)
        except Unavailable:
            if not self.instances:
                raise
        else:
            # Somebody may have come back here meanwhile.
            self._take(found if self._none_here else ())
        self._looked_s = boottime_s()

    async def _follow(self) -> None:
        await watch.follow(
            f"instances of {self._service}",
            lambda index: self._consul.instances(self._service, index=index),
            self.learn,
        )

    def _take(self, found: Sequence[Instance]) -> None:
        if found:
            self.instances = tuple(found)
            self.weigh()

    def weigh(self) -> None:
        """Have the instances asked by the shares that hold now."""
        said = self._shares.of(self._service) if self._shares is not None else ()
        parts = version_shares.parts(self.instances, said) if said else ()
        self.pool.learn({each.id: each.url for each in self.instances}, boottime_s(), parts)


class Addresses:
    """Whatever answers at addresses that the caller names, such as Fabio's."""

    def __init__(self, urls: Callable[[], Sequence[str]]) -> None:
        """Ask for them before each call; they may change."""
        self._urls, self._known, self.is_fresh = urls, tuple[str, ...](), False
        self.pool = Pool(random.random)

    async def refresh(self) -> None:
        """Ask for them."""
        urls = tuple(self._urls())
        if urls != self._known:
            self._known = urls
            self.pool.learn({each: each for each in urls}, boottime_s())

    async def everyone(self) -> Sequence[Instance]:
        """Raises Unavailable: a router tells nobody who stands behind it."""
        raise Unavailable(f"who stands behind {' and '.join(self._urls())} is not known: ask one with `request`")
