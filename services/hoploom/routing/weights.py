"""Shares of a service's requests by tag: judged, set, and seen in the table of every passing Fabio.

What is asked is first carried out on paper, with all keys that Fabio reads and all instances that pass (`table`): what
Fabio would refuse, and what another key turns into another share, is refused here, and nothing is written.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from hoploom.kit import fabio_api
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.fabio_api import RouteEntry, Router
from hoploom.kit.http_client import HttpClient
from hoploom.kit.names import PLAIN, Names
from hoploom.routing import editions, shares, table
from hoploom.routing.overrides import Overrides

SHOWN_S = 10.0
"""Fabio hears of a changed key at once and has its table within milliseconds; the rest is for a busy machine."""
_POLL_S, _ASK_S, _TRIES = 0.05, 2.0, 5
_OFF = 0.02
"""How far a share may be from what was asked before somebody else is said to weigh too."""


@dataclass(frozen=True)
class Wish:
    """What somebody wants.

    Attributes:
        service: Whose requests.
        tag: Which instances; empty to have all our lines for the service gone.
        weight: Their share together, 0 for nothing.
        expected: How many of them there will be; 0 for as many as there are, or one.
        src: Of the service's sources this alone; empty for all.
    """

    service: str
    tag: str = ""
    weight: float = 0.0
    expected: int = 0
    src: str = ""


@dataclass(frozen=True)
class Plan:
    """A change on paper: every route of the tables before and after it, and our key's text."""

    before: list[RouteEntry]
    after: list[RouteEntry]
    text: str


@dataclass(frozen=True)
class Shown:
    """Whose table shows a change.

    Attributes:
        routers: Names of all passing Fabios.
        after_s: Seconds from the write until the last of them showed it.
        text: What our key says now.
    """

    routers: tuple[str, ...]
    after_s: float
    text: str = ""


class Weights:
    """Shares by tag, in one datacenter."""

    def __init__(
        self, consul: ConsulApi, http: HttpClient, overrides: Overrides,
        routers: Callable[[], Awaitable[Sequence[Router]]], names: Names = PLAIN,
    ) -> None:  # fmt: skip
        """Know whom to ask.

        Args:
            consul: The agent, by its own names of services and keys.
            http: By which tables are read.
            overrides: Our key.
            routers: The Fabios that pass now.
            names: How the services that are named here are called there.
        """
        self._consul, self._http, self._overrides, self._routers = consul, http, overrides, routers
        self._names = names

    async def share(self, service: str, tag: str, weight: float, *, expected: int = 0, src: str = "") -> Shown:
        """All instances with a tag together get this share, at every source of the service.

        Args:
            service: Its name.
            tag: Theirs; nobody need have it yet.
            weight: From 0 (as `nothing`) to 1.
            expected: How many instances will have the tag; 0 for as many as have it now, or one.
            src: Of its sources this alone, and what is said of the others stays; empty for all.

        Raises:
            ConfigError: It cannot be done, with the reason; nothing was written.
            Unavailable: Consul is away, or a Fabio did not show it within 10 s (written it is then).
        """
        return await self.carry_out(Wish(service, tag, weight, expected, src))

    async def nothing(self, service: str, tag: str) -> Shown:
        """Instances with a tag get no request as long as another is there, and stay listed by every Fabio.

        Raises:
            ConfigError: The others have no tag of their own; nothing was written.
            Unavailable: As `share`.
        """
        return await self.share(service, tag, 0.0)

    async def clear(self, service: str) -> Shown:
        """Our lines for the service are gone; raises as `share`."""
        return await self.carry_out(Wish(service))

    async def planned(self, wish: Wish) -> Plan:
        """A change that is not made; raises as `share`."""
        own, others = await self._overrides.all()
        found = await self._registered(wish)
        text = self._text(own.text, wish, found)
        passing = await self.passing()
        self._judge(self._made(passing, found, self._overrides.joined(text, others)), found, wish)
        before = table.effective(passing, self._overrides.joined(own.text, others))
        return Plan(before, table.effective(passing, self._overrides.joined(text, others)), text)

    async def passing(self) -> list[Instance]:
        """Every instance that Fabio makes routes of, by its service's name in Consul; raises Unavailable."""
        services = await self._consul.services(dc=self._overrides.dc)
        names = [name for name, tags in services.items() if any(map(_is_route, tags))]
        found = [each for name in names for each in await self._instances(name, passing=True)]
        # Fabio begins with the checks, and never sees an instance that has none of its own.
        return [each for each in found if not all(check.of_node for check in each.checks)]

    async def _instances(self, service: str, *, passing: bool) -> list[Instance]:
        return (await self._consul.instances(service, passing=passing, dc=self._overrides.dc))[1]

    async def _registered(self, wish: Wish) -> list[Instance]:
        if not wish.tag:
            return []
        everyone = await self._instances(self._names.service(wish.service), passing=False)
        found = [each for each in everyone if any(map(_is_route, each.tags))]
        if not found:
            raise ConfigError(f"no instance of {wish.service} with a route is registered: there is nothing to share")
        if wish.src and wish.src not in table.sources(found):
            raise ConfigError(f"{wish.service} is not routed from {wish.src}, but {', '.join(table.sources(found))}")
        return found

    def _text(self, text: str, wish: Wish, found: Sequence[Instance]) -> str:
        sources, block = [wish.src] if wish.src else table.sources(found), []
        if wish.tag and wish.weight == 0:
            block = shares.nothing(found, sources, wish.tag)
        elif wish.tag:
            having = sum(wish.tag in shares.plain_tags(each) for each in found)
            block = shares.share(found, sources, wish.tag, wish.weight, wish.expected or max(1, having))
        return shares.put(text, self._names.service(wish.service), block, [wish.src] if wish.src else ())

    async def carry_out(self, wish: Wish) -> Shown:
        """Judge, write and see it; raises as `share`."""
        routers, found = await self._passing_routers(), await self._registered(wish)
        passing = await self.passing()
        for _ in range(_TRIES):
            own, others = await self._overrides.all()
            text = self._text(own.text, wish, found)
            self._judge(self._made(passing, found, self._overrides.joined(text, others)), found, wish)
            edition = editions.edition(text, self._overrides.path)
            same = text == own.text and edition == own.edition
            if same or await self._overrides.write(text, own.index):
                return await self._shown(text, edition, routers, self._names.service(wish.service))
        raise Unavailable(f"others write {self._overrides.key} at the same time: try again")

    @staticmethod
    def _made(passing: Sequence[Instance], found: Sequence[Instance], text: str) -> list[RouteEntry]:
        """The table as it is when all of the service pass."""
        mine = {each.service for each in found}
        return table.effective([*(each for each in passing if each.service not in mine), *found], text)

    def _judge(self, made: Sequence[RouteEntry], found: Sequence[Instance], wish: Wish) -> None:
        """Raises ConfigError where the instances with the tag would get another share, because of another key."""
        having = [each for each in found if wish.tag and wish.tag in shares.plain_tags(each)]
        if not having or len(having) == len(found):
            return
        for src in [wish.src] if wish.src else table.sources(found):
            here = [each for each in made if each.src == src and each.service == found[0].service]
            got = sum(each.weight for each in here if wish.tag in each.tags)
            if abs(got - wish.weight) > _OFF:
                instead = f"{got * 100:.3g} % to {wish.tag!r}, not {wish.weight * 100:.3g} %"
                said = f"{wish.service} at {src} would give {instead}"
                raise ConfigError(f"{said}: another key below {self._overrides.kvpath} or a tag weighs it too")

    async def _passing_routers(self) -> Sequence[Router]:
        routers = await self._routers()
        if not routers:
            raise Unavailable("no Fabio is passing in Consul, so nothing would be shared")
        return routers

    async def _shown(self, text: str, edition: str, routers: Sequence[Router], service: str) -> Shown:
        began, missing = boottime_s(), list(routers)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHOWN_S):
                # Tables can only be polled.
                while missing := [each for each in missing if await self._edition(each) != edition]:
                    await asyncio.sleep(_POLL_S)
                    edition = await self._newest(text, edition, service)
        # One that has stopped meanwhile sends nobody anything.
        passing = await self._routers() if missing else routers
        names = [each.name for each in missing if each in passing]
        if names:
            raise Unavailable(f"it is written, and after {SHOWN_S:g} s not in the table of {', '.join(names)}: is "
                              "another line refused there? (`hoploom route lint`)")  # fmt: skip
        return Shown(tuple(each.name for each in passing), boottime_s() - began, text)

    async def _newest(self, text: str, edition: str, service: str) -> str:
        """The edition to wait for: somebody may have written of another service since, and no table shows ours then."""
        try:
            own = await self._overrides.read()
        except Unavailable:
            return edition
        return own.edition if shares.of(own.text, service) == shares.of(text, service) else edition

    async def _edition(self, router: Router) -> str | None:
        try:
            found = await fabio_api.routes(self._http.session, router.url, _ASK_S)
        except Unavailable:
            return None
        return editions.shown(found, self._overrides.path)


def _is_route(tag: str) -> bool:
    return tag.strip().startswith("urlprefix-")
