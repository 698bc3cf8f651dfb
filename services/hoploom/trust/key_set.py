"""The keys that credentials are verified with, followed in the KV store, and the credentials that were verified.

What was read last is kept while Consul is away, so a credential of a known key is verified offline. A key that is not
known is looked for once, by one read for all who ask, at most one a second: a manager's first key is used at once.
"""

import asyncio
from collections.abc import Callable, Mapping

from hoploom.kit import metrics, watch
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unauthorized, Unavailable
from hoploom.trust.credential import Credential, parsed, read, require_good
from hoploom.trust.key_record import KEYS, KeyRecord, stored

LOOK_EVERY_S = 1.0
"""Between two reads for keys that are not known, whoever asks."""

MOST_VERIFIED = 4096
"""Credentials that are remembered as verified; some 800 bytes each."""

_KEYS = metrics.gauge("hoploom_signing_keys", "Keys of managers that credentials are verified with here.")


class KeySet:
    """The keys as this instance knows them."""

    def __init__(self, consul: ConsulApi, wall: Callable[[], int] = wall_us) -> None:
        """Know no key yet.

        Args:
            consul: The KV store.
            wall: The wall clock, microseconds since 1970.
        """
        self._consul, self._wall = consul, wall
        self._records: dict[str, KeyRecord] = {}
        self._public: dict[str, str] = {}
        self._verified: dict[str, Credential] = {}
        self._looking = asyncio.Lock()
        self._looked_s, self._away = float("-inf"), ""

    @property
    def records(self) -> Mapping[str, KeyRecord]:
        """The known keys by their id."""
        return self._records

    async def run(self) -> None:
        """Follow the stored keys, for ever."""
        await watch.follow("the managers' keys", self._read_on, self._learn)

    async def read(self, text: str) -> Credential:
        """The credential of a text that a manager has signed, and that is good now.

        Raises:
            Unauthorized: It is none, is not signed by any manager, or has expired.
            Unavailable: Its key is not known here, and Consul cannot be asked for it.
        """
        known = self._verified.get(text)
        if known is not None and known.kid in self._public:
            require_good(known, self._wall() / 1e6)
            return known
        await self._look_for(parsed(text).claimed.kid)
        found = read(text, self._public, self._wall() / 1e6)
        self._remember(text, found)
        return found

    async def public(self, kid: str) -> str:
        """The public half of a manager's key.

        Args:
            kid: Its id, as somebody claims it.

        Raises:
            Unauthorized: No manager has such a key (any more).
            Unavailable: It is not known here, and Consul cannot be asked for it.
        """
        await self._look_for(kid)
        if kid not in self._public:
            raise Unauthorized("this is signed by a key that no manager has (any more)")
        return self._public[kid]

    def _remember(self, text: str, credential: Credential) -> None:
        """Verifying takes the loop 0.3 ms on a small machine, looking up 1 us; the oldest goes first."""
        if len(self._verified) >= MOST_VERIFIED:
            del self._verified[next(iter(self._verified))]
        self._verified[text] = credential

    async def _look_for(self, kid: str) -> None:
        """Where a key is not known, read them anew, unless that was done for another since this was asked."""
        if kid in self._public:
            return
        asked_s = boottime_s()
        async with self._looking:
            if kid in self._public:
                return
            if self._looked_s < asked_s:
                await asyncio.sleep(self._looked_s + LOOK_EVERY_S - boottime_s())
                await self._look()
            if self._away:
                raise Unavailable(f"whether the credential is good cannot be told now: {self._away}")

    async def _look(self) -> None:
        began_s, self._away = boottime_s(), ""
        try:
            self._learn(await self._consul.kv_list(KEYS))
        except Unavailable as error:
            self._away = str(error)
        self._looked_s = began_s

    async def _read_on(self, index: int) -> tuple[int, list[KvEntry]]:
        if index and not self._records:
            # A query for what is not there returns at every write to the store.
            await asyncio.sleep(LOOK_EVERY_S)
        return await self._consul.kv_watch(KEYS, index)

    def _learn(self, entries: list[KvEntry]) -> None:
        found = [record for record in map(stored, entries) if record]
        self._records = {each.kid: each for each in found}
        self._public = {each.kid: each.public for each in found}
        _KEYS.set(len(found))
