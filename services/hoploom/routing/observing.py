"""Looks at a mesh, ours or anybody's: reads Consul's catalogue and KV store and every router, and changes nothing.

Only addresses that somebody named are asked. What cannot be seen is told in words (`Observed.unseen`), never taken for
"there is none".
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hoploom.kit.consul_records import Instance, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.kit.tags import PREFIX
from hoploom.routing import observing_fabio
from hoploom.routing.audit import AuditFinding, audit, lasting, passing_by
from hoploom.routing.audit_observed import KV_PATH, Observed, Override, SeenRouter
from hoploom.routing.observing_fabio import Source

_AT_ONCE = 16
"""So many services are asked for at a time: a catalogue of thousands shall not storm an agent."""
_CONSUL = "consul"
"""The servers, which every catalogue has, and which only a narrow token does not see."""


class Readable(Protocol):
    """What is read of Consul; nothing here can write."""

    async def services(self) -> dict[str, list[str]]:
        """Names of all services with their tags."""

    async def instances(self, service: str, *, passing: bool = True) -> tuple[int, list[Instance]]:
        """Instances of a service."""

    async def kv_get(self, key: str) -> KvEntry | None:
        """One key."""

    async def kv_list(self, prefix: str) -> list[KvEntry]:
        """All keys below a prefix."""


@dataclass(frozen=True)
class Known:
    """What whoever looks knows already.

    Attributes:
        prefix: Of the tags for routers whose settings are not to be seen.
        where: URL of the Consul, for people.
        unseen: What cannot be looked at, in sentences.
    """

    prefix: str = PREFIX
    where: str = ""
    unseen: tuple[str, ...] = ()


class Observer:
    """Looks again and again at the same places."""

    def __init__(
        self, http: HttpClient, consul: Readable | None, sources: Sequence[Source], *,
        only: frozenset[str] | None = None, known: Known = Known(),
    ) -> None:  # fmt: skip
        """Know where to look.

        Args:
            http: The pool for the routers.
            consul: Consul, by its own names of services; None for none.
            sources: The routers.
            only: Services to look at; None for all that have tags for a router.
            known: What is known before the first look.
        """
        self._http, self._consul, self._sources = http, consul, tuple(sources)
        self._only, self._known, self._prefix = only, known, known.prefix

    async def look(self) -> Observed:
        """One look.

        Raises:
            Unavailable: Consul is away, or refuses the token.
        """
        routers = tuple(await asyncio.gather(*(observing_fabio.look(self._http, each) for each in self._sources)))
        unseen = (*self._known.unseen, *_unseen(routers))
        looked_at = tuple(map(_router_said, routers))
        if self._consul is None:
            why = "what Consul says, so no table is held against it (--consul)"
            return Observed(routers, prefix=self._prefix, unseen=(*unseen, why), looked_at=looked_at)
        seen = Observed(routers, prefix=self._prefix)
        names = await self._consul.services()
        instances = await self._instances(self._consul, _routed(names, seen.prefixes(), self._only))
        only, servers = self._only, None
        if _CONSUL in names:
            servers = len((await self._consul.instances(_CONSUL, passing=False))[1]) or None
        else:
            # Consul leaves out what a token may not read, and says nothing of it.
            only = frozenset(each.service for each in instances)
            unseen += (f"services that this token may not read at Consul; it shows {len(only)} with routes",)
        overrides, refused = await self._all_overrides(self._consul, _paths(routers))
        dc = next((each.dc for each in instances if each.dc), "")
        looked_at = (_consul_said(self._known.where, dc, instances, overrides), *looked_at)
        return Observed(routers, instances, overrides, dc, servers, self._prefix, only, unseen + refused, looked_at)

    async def _instances(self, consul: Readable, names: Sequence[str]) -> tuple[Instance, ...]:
        limit = asyncio.Semaphore(_AT_ONCE)

        async def of(name: str) -> list[Instance]:
            async with limit:
                return (await consul.instances(name, passing=False))[1]

        return tuple(each for found in await asyncio.gather(*map(of, names)) for each in found)

    @staticmethod
    async def _all_overrides(
        consul: Readable, paths: Sequence[str]
    ) -> tuple[dict[str, tuple[Override, ...]], tuple[str, ...]]:
        found, refused = dict[str, tuple[Override, ...]](), list[str]()
        for path in paths:
            try:
                # Of a list Consul leaves out in silence what a token may not read; of one key it says so.
                await consul.kv_get(path)
                entries = await consul.kv_list(path)
            except Unavailable as error:
                refused.append(f"overrides below {path}: {error}")
                continue
            found[path] = tuple(Override(each.key, each.value.decode("utf-8", "replace")) for each in entries)
        return found, tuple(refused)


def _routed(names: Mapping[str, Sequence[str]], prefixes: Sequence[str], only: frozenset[str] | None) -> list[str]:
    return sorted(
        name for name, tags in names.items()
        if (only is None or name in only) and any(tag.strip().startswith(each) for tag in tags for each in prefixes)
    )  # fmt: skip


async def looked_twice(observer: Observer, settle_s: float) -> tuple[Observed, list[AuditFinding]]:
    """An audit without what is only a change on its way.

    Args:
        observer: Where to look.
        settle_s: Seconds until the second look, which there is only where the first finds something of that kind;
            0 for a single look.

    Raises:
        Unavailable: Consul is away, or refuses the token.
    """
    first = await observer.look()
    findings = audit(first)
    if settle_s <= 0 or not passing_by(findings):
        return first, findings
    await asyncio.sleep(settle_s)
    second = await observer.look()
    return second, lasting(first, second)


def _consul_said(
    where: str, dc: str, instances: Sequence[Instance], overrides: Mapping[str, Sequence[Override]]
) -> str:
    keys = f", {_many(sum(map(len, overrides.values())), 'key')} of overrides" if overrides else ""
    services = len({each.service for each in instances})
    there = f"Consul {where}".strip() + (f" ({dc})" if dc else "")
    return f"{there}: {_many(services, 'service')} with routes, {_many(len(instances), 'instance')}{keys}"


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _router_said(router: SeenRouter) -> str:
    known = f"Fabio {router.name}" + (f" ({router.version})" if router.version else "")
    return f"{known}: {'does not answer' if router.routes is None else _many(len(router.routes), 'route')}"


def _paths(routers: Sequence[SeenRouter]) -> list[str]:
    return sorted({each.settings.kv_path for each in routers if each.settings} or {KV_PATH})


def _unseen(routers: Sequence[SeenRouter]) -> tuple[str, ...]:
    return tuple(
        f"the settings of {each.name}: " + (
            "its /api/config shows nothing" if each.pages else "its admin pages were not named (--fabio-admin)"
        )
        for each in routers if each.settings is None and not each.away
    )  # fmt: skip
