"""The doors in Consul's KV store: each opens once, at whichever manager."""

import logging
import secrets

from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.manager.people.doors import DOORS, Door, Refused, door_key, packed, read, void
from hoploom.wire.enrolment import TOKEN_BYTES, token_digest, token_text

log = logging.getLogger(__name__)


class DoorBook:
    """All doors of this datacenter."""

    def __init__(self, consul: ConsulApi) -> None:
        """Know the store."""
        self._consul = consul

    async def make(self, door: Door) -> str:
        """Enter a door; older ones of the same person to the same purpose are void.

        Returns:
            Its key, which is nowhere else.

        Raises:
            Unavailable: Consul is away.
        """
        key = token_text(secrets.token_bytes(TOKEN_BYTES))
        if not await self._consul.kv_put(door_key(token_digest(key)), packed(door), cas=0):
            raise Unavailable("the link could not be written: ask again")
        for each in void(await self._stored(), door, door.made_us):
            await self._consul.kv_delete(each)
        return key

    async def look(self, key: str) -> Door | None:
        """What a key stands for, without using it up; None for nothing. Raises BadRequest where it is no key at all."""
        entry = await self._consul.kv_get(door_key(token_digest(key)), consistent=True)
        return read(entry.value) if entry else None

    async def use(self, key: str, door: Door) -> None:
        """Use a key up.

        Args:
            key: As it was typed.
            door: What `look` has found.

        Raises:
            Refused: Somebody else was faster.
            Unavailable: Consul is away; whether it was done is not known.
        """
        place = door_key(token_digest(key))
        entry = await self._consul.kv_get(place, consistent=True)
        if entry is not None and read(entry.value) == door:
            unchanged: dict[str, object] = {"Verb": "check-index", "Key": place, "Index": entry.modify_index}
            if await self._consul.kv_txn([unchanged, {"Verb": "delete", "Key": place}]) is not None:
                return
        raise Refused(f"the key of {door.user} is used")

    async def open_doors(self, now_us: int) -> list[Door]:
        """Those that nobody has used and that have not expired, by name."""
        doors = (each for each in (await self._stored()).values() if now_us < each.until_us)
        return sorted(doors, key=lambda each: (each.user, each.purpose))

    async def close(self, user: str) -> bool:
        """Close all doors of a person; whether there were any."""
        gone = [key for key, each in (await self._stored()).items() if each.user == user]
        for key in gone:
            await self._consul.kv_delete(key)
        return bool(gone)

    async def _stored(self) -> dict[str, Door]:
        """Those that are understood; nobody comes in by another."""
        found = {}
        for each in await self._consul.kv_list(DOORS):
            try:
                found[each.key] = read(each.value)
            except Unavailable as error:
                log.warning("%s is passed over: %s", each.key, error)
        return found
