"""Which outputs there are, in every datacenter, as Consul tells it.

A failed read is never "none": who was known in a datacenter is asked on while it does not answer, and it is named.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from hoploom.kit.consul_api import ConsulApi, Instance
from hoploom.kit.errors import Unavailable
from hoploom.output_service.collecting.offers import UUID

SERVICE = "output"
STORES = "hoploom/stores/"
"""Below it, each store enters itself at its first start, and stays also while no instance has it."""


@dataclass(frozen=True)
class Found:
    """Outputs, and who could not be asked for them.

    Attributes:
        stores: Instances by the store that each says it has, healthy ones first.
        absent: Stores of this datacenter that no instance has now.
        away: Why, by datacenter that did not answer; what was known of it before stands in `stores`.
    """

    stores: Mapping[str, tuple[Instance, ...]]
    absent: tuple[str, ...] = ()
    away: Mapping[str, str] = field(default_factory=dict)


class Finder:
    """Asks Consul, and remembers what it said."""

    def __init__(self, consul: ConsulApi) -> None:
        """Know nobody yet."""
        self._consul = consul
        self._known: dict[str, list[Instance]] = {}
        self._entered: tuple[str, ...] = ()

    async def find(self) -> Found:
        """All outputs, as of now or as last known."""
        away: dict[str, str] = {}
        await asyncio.gather(*(self._learn(dc, away) for dc in await self._datacenters(away)))
        stores: dict[str, list[Instance]] = {}
        for instance in (each for instances in self._known.values() for each in instances):
            # It names files here, and anybody may register as an output.
            if UUID.fullmatch(instance.meta.get("store", "")):
                stores.setdefault(instance.meta["store"], []).append(instance)
        ordered = {store: tuple(sorted(found, key=_is_unhealthy)) for store, found in sorted(stores.items())}
        absent = tuple(store for store in await self._stores() if store not in stores)
        return Found(ordered, absent, away)

    async def _learn(self, dc: str, away: dict[str, str]) -> None:
        try:
            # Those that are not passing too: who takes no results just now may still give what he has.
            _, self._known[dc] = await self._consul.instances(SERVICE, passing=False, dc=dc)
        except Unavailable as error:
            away[dc] = str(error)

    async def _datacenters(self, away: dict[str, str]) -> list[str]:
        try:
            listed = await self._consul.datacenters()
        except Unavailable as error:
            away["all"] = str(error)
            return []
        # One that the others have forgotten is tried on.
        return list(dict.fromkeys([*listed, *self._known]))

    async def _stores(self) -> tuple[str, ...]:
        try:
            entries = await self._consul.kv_list(STORES)
        except Unavailable:
            return self._entered
        names = (entry.key.removeprefix(STORES) for entry in entries)
        self._entered = tuple(name for name in names if UUID.fullmatch(name))
        return self._entered


def _is_unhealthy(instance: Instance) -> bool:
    return instance.status != "passing"
