"""The keys by which a manager signs credentials: made in memory, two at a time, and published before they are used.

The private halves are in this process alone; with it they end. The current one signs; the next one lies published in
the KV store for a day before it does, so that no verifier meets a key that it has not seen. A record says until when
anything signed with its key may be good, and who leads the role `keys` removes it then (`key_keeping`).
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from aiohttp import web

from hoploom import kit
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.trust.attaching import KEY_SET
from hoploom.trust.credential import CREDENTIAL_TTL_S, Credential, issue
from hoploom.trust.key_record import KeyRecord, packed
from hoploom.trust.key_set import KeySet
from hoploom.trust.keys import Signer

log = logging.getLogger(__name__)
ROTATE_S = 24 * 3600
LIFE_S = 2 * ROTATE_S + CREDENTIAL_TTL_S + 3600
"""A key waits for a day and signs for a day; an hour is for clocks that differ, and for turns that come late."""

LOOK_EVERY_S, HURRY_S = 10.0, 0.5
"""Between two looks at what is published, and while nothing is yet."""


@dataclass(frozen=True)
class SigningKey:
    """A key with what is published of it."""

    signer: Signer
    record: KeyRecord


def fresh(dc: str, instance: str, now_us: int) -> SigningKey:
    """A new key of a manager; its id is the beginning of the SHA-256 of its public half."""
    signer = Signer.new()
    kid = hashlib.sha256(signer.public.encode()).hexdigest()[:16]
    until_us = now_us + LIFE_S * 10**6
    record = KeyRecord(
        kid=kid, public=signer.public, dc=dc, instance=instance, made_us=now_us, until_us=until_us
    )
    return SigningKey(signer, record)


class Signing:
    """The two active keys of one manager."""

    def __init__(
        self,
        consul: ConsulApi,
        known: KeySet,
        make: Callable[[int], SigningKey],
        clock: Callable[[], float] = boottime_s,
        wall: Callable[[], int] = wall_us,
    ) -> None:
        """Have no key yet.

        Args:
            consul: The KV store.
            known: The keys that are published, as this instance knows them.
            make: Makes a key at a time, microseconds since 1970.
            clock: The time since boot, in seconds; turns go by it.
            wall: The wall clock, microseconds since 1970; what verifiers compare goes by it.
        """
        self._consul, self._known, self._make = consul, known, make
        self._clock, self._wall = clock, wall
        self._keys: tuple[SigningKey, ...] = ()
        self._published: set[str] = set()
        self._since_s, self._retired = clock(), False

    @property
    def current(self) -> SigningKey:
        """The key that signs now.

        Raises:
            Unavailable: It is not published, so nobody could verify what it signs; or this manager stops.
        """
        found = self._keys[0] if self._keys else None
        if found is None or found.record.kid not in self._published or self._is_late(found):
            raise Unavailable("this manager cannot sign now: its key is not in Consul's KV store yet", 2.0)
        return found

    def issue(self, worker: str, number: int, key: str) -> str:
        """A credential for an enrolled worker, good for `CREDENTIAL_TTL_S`.

        Args:
            worker: Its name.
            number: Its number.
            key: Its public key.

        Raises:
            Unavailable: See `current`.
        """
        signing = self.current
        expires_s = self._wall() // 10**6 + CREDENTIAL_TTL_S
        kid, dc = signing.record.kid, signing.record.dc
        return issue(
            signing.signer, Credential(kid=kid, worker=worker, number=number, key=key, dc=dc, expires_s=expires_s)
        )

    async def run(self) -> None:
        """Keep two keys published, for ever."""
        while True:
            try:
                await self.keep()
            except Unavailable as error:
                log.info("keys are published later: %s", error)
            await asyncio.sleep(LOOK_EVERY_S if self._published else HURRY_S)

    async def keep(self) -> None:
        """Make, turn and publish what is due now.

        Raises:
            Unavailable: Consul is away; what was published stays good.
        """
        if self._retired:
            return
        self._turn()
        for each in self._keys:
            if each.record.kid not in self._published or each.record.kid not in self._known.records:
                # Where it is there already, a lagging watch has only not told yet.
                await self._consul.kv_put(each.record.stored_at, packed(each.record), cas=0)
                self._published.add(each.record.kid)

    async def retire(self) -> None:
        """Sign no more: the next key was never used, and the current one's last credential ends in hours."""
        keys, self._keys, self._retired = self._keys, (), True
        for each in keys[1:]:
            await self._consul.kv_delete(each.record.stored_at)
        for each in keys[:1]:
            until_us = min(each.record.until_us, self._wall() + (LIFE_S - 2 * ROTATE_S) * 10**6)
            await self._consul.kv_put(each.record.stored_at, packed(replace(each.record, until_us=until_us)))

    def _turn(self) -> None:
        now_s, now_us = self._clock(), self._wall()
        # A current one that is late: this machine slept, or its wall clock jumped.
        if not self._keys or self._is_late(self._keys[0]):
            self._keys, self._since_s = (self._make(now_us), self._make(now_us)), now_s
        elif now_s - self._since_s >= ROTATE_S and self._keys[1].record.kid in self._published:
            self._keys, self._since_s = (self._keys[1], self._make(now_us)), now_s
        self._published &= {each.record.kid for each in self._keys}

    def _is_late(self, key: SigningKey) -> bool:
        """Whether what it signed now would outlive its record."""
        return self._wall() + CREDENTIAL_TTL_S * 10**6 > key.record.until_us


SIGNING = web.AppKey("manager_signing", Signing)


def attach(app: web.Application) -> None:
    """Give a manager `SIGNING`; after the guard's `attach`, whose key set it needs."""

    async def start(app: web.Application) -> None:
        mesh = kit.mesh(app)

        def make(now_us: int) -> SigningKey:
            return fresh(mesh.dc, mesh.id, now_us)

        app[SIGNING] = Signing(mesh.consul, app[KEY_SET], make)

    async def run(app: web.Application) -> None:
        await app[SIGNING].run()

    async def retire(app: web.Application) -> None:
        await app[SIGNING].retire()

    app.on_startup.append(start)
    kit.background(app, run)
    # Not when it begins to leave: until every router has let go, workers come who want something signed.
    kit.on_left(app, retire)
