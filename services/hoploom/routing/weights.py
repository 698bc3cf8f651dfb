"""Shares of a service's requests by tag: judged, set, and seen in the table of every passing Fabio.

What is asked is first carried out on paper, with all keys that Fabio reads and all instances that pass (`table`): what
Fabio would refuse, and what another key turns into another share, is refused here, and nothing is written.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

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
Change = Callable[[Sequence[Instance], Sequence[str]], list[str]]


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
            consul: The agent.
            http: By which tables are read.
            overrides: Our key.
            routers: The Fabios that pass now.
            names: How our services are called there.
        """
        self._consul, self._http, self._overrides, self._routers = consul, http, overrides, routers
        self._names = names

    async def share(self, service: str, tag: str, weight: float, *, expected: int = 0) -> Shown:
        """All instances with a tag together get this share, at every source of the service.

        Args:
            service: Its name.
            tag: Theirs; nobody need have it yet.
            weight: From 0 (as `nothing`) to 1.
            expected: How many instances will have the tag; 0 for as many as have it now, or one.

        Raises:
            ConfigError: It cannot be done, with the reason; nothing was written.
            Unavailable: Consul is away, or a Fabio did not show it within 10 s (written it is then).
        """
        return await self._change(service, self.sharing(tag, weight, expected), (tag, weight))

    @staticmethod
    def sharing(tag: str, weight: float, expected: int = 0) -> Change:
        """The lines of `share`, for instances that are still to be read."""

        def lines(instances: Sequence[Instance], sources: Sequence[str]) -> list[str]:
            if weight == 0:
                return shares.nothing(instances, sources, tag)
            having = sum(tag in shares.plain_tags(each) for each in instances)
            return shares.share(instances, sources, tag, weight, expected or max(1, having))

        return lines

    async def nothing(self, service: str, tag: str) -> Shown:
        """Instances with a tag get no request as long as another is there, and stay listed by every Fabio.

        Raises:
            ConfigError: The others have no tag of their own; nothing was written.
            Unavailable: As `share`.
        """
        return await self.share(service, tag, 0.0)

    async def clear(self, service: str) -> Shown:
        """Our lines for the service are gone; raises as `share`."""
        return await self._change(service, None)

    async def planned(self, service: str, change: Change | None) -> tuple[list[RouteEntry], list[RouteEntry], str]:
        """The tables before and after a change that is not made, and our key's text after it; raises as `share`."""
        own, others = await self._overrides.all()
        found = await self._registered(service) if change else []
        text = self._text(own.text, service, found, change)
        passing = await self.passing()
        before = table.effective(passing, self._overrides.joined(own.text, others))
        return before, table.effective(passing, self._overrides.joined(text, others)), text

    async def passing(self) -> list[Instance]:
        """Every instance that Fabio makes routes of, by its service's name in Consul; raises Unavailable."""
        names = [name for name, tags in (await self._services()).items() if any(map(_is_route, tags))]
        return [each for name in names for each in await self._instances(self._names.plain_service(name), passing=True)]

    async def _services(self) -> dict[str, list[str]]:
        return await self._consul.services(dc=self._overrides.dc)

    async def _instances(self, service: str, *, passing: bool) -> list[Instance]:
        _, found = await self._consul.instances(service, passing=passing, dc=self._overrides.dc)
        return [replace(each, service=self._names.service(service)) for each in found]

    async def _registered(self, service: str) -> list[Instance]:
        found = [each for each in await self._instances(service, passing=False) if any(map(_is_route, each.tags))]
        if not found:
            raise ConfigError(f"no instance of {service} with a route is registered, so there is nothing to share")
        return found

    def _text(self, text: str, service: str, found: Sequence[Instance], change: Change | None) -> str:
        block = change(found, table.sources(found)) if change else []
        return shares.put(text, self._names.service(service), block)

    async def _change(self, service: str, change: Change | None, wanted: tuple[str, float] | None = None) -> Shown:
        routers = await self._passing_routers()
        found = await self._registered(service) if change else []
        beside = [each for each in await self.passing() if each.service != self._names.service(service)]
        for _ in range(_TRIES):
            own, others = await self._overrides.all()
            text = self._text(own.text, service, found, change)
            joined = self._overrides.joined(text, others)
            self._judge(table.effective([*beside, *found], joined), found, wanted)
            edition = editions.edition(text, self._overrides.path)
            same = text == own.text and edition == own.edition
            if same or await self._overrides.write(text, own.index):
                return await self._shown(text, edition, routers)
        raise Unavailable(f"others write {self._overrides.key} at the same time: try again")

    def _judge(self, made: Sequence[RouteEntry], found: Sequence[Instance], wanted: tuple[str, float] | None) -> None:
        """Raises ConfigError where the instances with the tag would get another share, because of another key."""
        having = [each for each in found if wanted and wanted[0] in shares.plain_tags(each)]
        if wanted is None or not having or len(having) == len(found):
            return
        tag, weight = wanted
        for src in table.sources(found):
            here = [each for each in made if each.src == src and each.service == found[0].service]
            got = sum(each.weight for each in here if tag in each.tags)
            if abs(got - weight) > _OFF:
                said = f"{found[0].service} at {src} would give {got * 100:.3g} % to {tag!r}, not {weight * 100:.3g} %"
                raise ConfigError(f"{said}: another key below {self._overrides.kvpath} or a tag weighs it too")

    async def _passing_routers(self) -> Sequence[Router]:
        routers = await self._routers()
        if not routers:
            raise Unavailable("no Fabio is passing in Consul, so nothing would be shared")
        return routers

    async def _shown(self, text: str, edition: str, routers: Sequence[Router]) -> Shown:
        began, missing = boottime_s(), list(routers)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SHOWN_S):
                # Tables can only be polled.
                while missing := [each for each in missing if await self._edition(each) != edition]:  # noqa: ASYNC110
                    await asyncio.sleep(_POLL_S)
        # One that has stopped meanwhile sends nobody anything.
        passing = await self._routers() if missing else routers
        names = [each.name for each in missing if each in passing]
        if names:
            raise Unavailable(f"it is written, and after {SHOWN_S:g} s not in the table of {', '.join(names)}: is "
                              "another line refused there? (`hoploom route lint`)")  # fmt: skip
        return Shown(tuple(each.name for each in passing), boottime_s() - began, text)

    async def _edition(self, router: Router) -> str | None:
        try:
            found = await fabio_api.routes(self._http.session, router.url, _ASK_S)
        except Unavailable:
            return None
        return editions.shown(found, self._overrides.path)


def _is_route(tag: str) -> bool:
    return tag.strip().startswith("urlprefix-")
