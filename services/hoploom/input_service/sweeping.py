"""Forgets groups that nobody asks for any more: done by one instance of the mesh, the leader of the role `groups`."""

import asyncio
import logging

from hoploom.input_service import expiry, keys
from hoploom.input_service.expiry import Group, Silence
from hoploom.kit import Term, metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.kit.term import TermEnded

log = logging.getLogger(__name__)
ROLE = "groups"
LOOK_EVERY_S = 3600.0
"""Rarely: all records are read each time, and what is looked for takes days."""

_EXPIRED = metrics.counter("hoploom_input_groups_expired_total", "Groups forgotten because nobody asked for work.")


class Sweeping:
    """Looks at all groups in every term, and removes those that have expired."""

    def __init__(self, consul: ConsulApi, expiry_s: float) -> None:
        """Look at nothing yet.

        Args:
            consul: The KV store.
            expiry_s: After so many seconds a silent group is forgotten; 0 for never.
        """
        self._consul, self._expiry_s = consul, expiry_s

    async def run(self, term: Term) -> None:
        """Look, for as long as the term lasts."""
        if not self._expiry_s:
            return
        looked_s: float | None = None
        while True:
            now_s = boottime_s()
            try:
                await self.look(term, now_s - looked_s if looked_s is not None else 0.0)
                looked_s = now_s
            except TermEnded:
                raise
            except Unavailable as error:
                log.info("groups are looked at later: %s", error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def look(self, term: Term, elapsed_s: float) -> None:
        """Look once.

        Args:
            term: The leader's; every write is fenced by it.
            elapsed_s: Seconds since its look before; 0 at the first one.

        Raises:
            TermEnded: Another instance leads by now.
            Unavailable: Consul is away.
        """
        before = await self._silences()
        listed = [entry for prefix in keys.OF_A_GROUP for entry in await self._consul.kv_list(prefix)]
        found = expiry.grouped((entry.key, entry.modify_index) for entry in listed)
        after = expiry.aged(before, found, elapsed_s)
        for group in expiry.expired(after, self._expiry_s):
            if await self._removed(term, group, found[group]):
                days = after.pop(group).seconds / expiry.DAY_S
                log.info("group %s of %s is forgotten: nobody asked for %.1f days", group.name, group.campaign, days)
                _EXPIRED.inc()
        await self._note(term, after)

    async def _removed(self, term: Term, group: Group, indexes: dict[str, int]) -> bool:
        try:
            for operations in expiry.removals(group, indexes):
                await term.write(operations)
        except TermEnded:
            raise
        except Unavailable as error:
            log.info("group %s of %s stays: %s", group.name, group.campaign, error)
            return False
        return True

    async def _silences(self) -> dict[Group, Silence]:
        found: dict[Group, Silence] = {}
        for entry in await self._consul.kv_list(keys.SILENCE):
            try:
                found |= expiry.read(entry.key, entry.value)
            except BadRequest as error:
                log.warning("groups are looked at anew: %s", error)
        return found

    async def _note(self, term: Term, silences: dict[Group, Silence]) -> None:
        written = expiry.documents(silences)
        for key, value in written.items():
            await term.write([{"Verb": "set", "Key": key, "Value": value}])
        for entry in await self._consul.kv_list(keys.SILENCE):
            if entry.key not in written:
                await term.write([{"Verb": "delete", "Key": entry.key}])
