"""What this manager says of itself."""

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from hoploom.kit.clock import wall_us
from hoploom.manager.ads_flood import Flood
from hoploom.manager.registry import Registry
from hoploom.wire.ad_bodies import ManagerBody
from hoploom.wire.ads import EVERY_S, MANAGER, Ad, Envelope


class Signature(Protocol):
    """How a manager signs just now."""

    def __call__(self, message: bytes) -> tuple[str, str] | None:
        """The id of the key and the signature; None while there is no key that others know."""


@dataclass
class OwnAds:
    """The ads of one manager process. Its id is new at every start, so its boot count is 1 always.

    Attributes:
        id: Its instance id.
        body: What it says; asked each time, since the port is known only when it listens.
        sign: How it signs.
    """

    id: str
    body: Callable[[], ManagerBody]
    sign: Signature
    generation: int = 0

    def __post_init__(self) -> None:
        """Name this run."""
        self._instance, self._started_us = uuid.uuid4().hex, wall_us()

    def next(self, *, down: bool = False) -> tuple[Ad, Envelope] | None:
        """The next ad, signed; None while there is no key."""
        ad = Ad(
            kind=MANAGER, id=self.id, instance=self._instance, boot=1, generation=self.generation + 1,
            started_us=self._started_us, down=down, body=self.body(),
        )
        text = ad.to_bytes()
        signed = self.sign(text)
        if signed is None:
            return None
        self.generation += 1
        return ad, Envelope(ad=text, kid=signed[0], signature=signed[1], remaining_s=float(ad.ttl_s))


async def advertise(own: OwnAds, registry: Registry, flood: Flood) -> None:
    """Say so every 15 seconds, for ever."""
    while True:
        made = own.next()
        if made is not None:
            registry.hear(*made)
            flood.pass_on(*made)
        # Not in step with the others; a second after the start nobody may know the key yet.
        await asyncio.sleep(EVERY_S * random.uniform(0.8, 1.0) if own.generation > 1 else 1.0)


async def take_leave(own: OwnAds, registry: Registry, flood: Flood) -> None:
    """Say that this manager stops."""
    made = own.next(down=True)
    if made is not None:
        registry.hear(*made)
        await flood.farewell(made[1])
