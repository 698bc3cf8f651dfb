"""The groups' records in the KV store, changed by compare-and-set: every instance may answer every request.

A lost race is tried again on what the other has written. A failed read is an error, never an empty record.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from hoploom.input_service import keys
from hoploom.input_service.group_record import FamilyProgress, GroupRecord
from hoploom.input_service.pace import Pace
from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.wire.campaign import Campaign

T = TypeVar("T")
ROUND = 0
# Lost races in a row for one request. Requests of one instance wait in line, so only other instances are raced.
_TRIES = 100
_CONFLICTS = metrics.counter("hoploom_input_cas_conflicts_total", "Writes that met another instance's write.")


@dataclass
class _Watched:
    """What this instance itself has seen of one record, by its own clock."""

    since_s: dict[str, float] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)
    line: asyncio.Lock = field(default_factory=asyncio.Lock)

    def look(self, record: GroupRecord) -> dict[str, float]:
        """Note what is out, and how much is done; gives the ages of the leases, by nonce, in seconds."""
        now_s = boottime_s()
        self.pace.note(now_s, record.done)
        self.since_s = {each.nonce: self.since_s.get(each.nonce, now_s) for each in record.held}
        return {nonce: now_s - since_s for nonce, since_s in self.since_s.items()}


class Journal:
    """Reads and changes group records."""

    def __init__(self, consul: ConsulApi) -> None:
        """Know the KV store."""
        self._consul = consul
        self._watched: dict[str, _Watched] = {}

    async def change(
        self, campaign: Campaign, group: str, step: Callable[[GroupRecord, Mapping[str, float]], tuple[GroupRecord, T]]
    ) -> tuple[GroupRecord, T]:
        """Change a group's record, from an empty one where the group is new.

        Args:
            campaign: The campaign.
            group: The group's name.
            step: Takes the record and the ages of its leases; returns the record afterwards and an answer. It may be
                called again when another instance was quicker.

        Raises:
            Unavailable: Consul does not answer, or too many others change the record.
        """
        key = keys.group(campaign.id, ROUND, group)
        watched = self._watched.setdefault(key, _Watched())
        async with watched.line:
            for _ in range(_TRIES):
                entry = await self._consul.kv_get(key)
                record = _record(entry) if entry else _empty(campaign, group)
                changed, answer = step(record, watched.look(record))
                if changed is record:
                    return record, answer
                if await self._consul.kv_put(key, changed.to_bytes(), cas=entry.modify_index if entry else 0):
                    watched.look(changed)
                    return changed, answer
                _CONFLICTS.inc()
        raise Unavailable("too many others take leases of this group just now")

    async def read(self, campaign: Campaign, group: str) -> GroupRecord:
        """A group's record as it stands, empty where the group is new."""
        entry = await self._consul.kv_get(keys.group(campaign.id, ROUND, group))
        return _record(entry) if entry else _empty(campaign, group)

    async def groups(self, campaign_id: str) -> dict[str, tuple[GroupRecord, float | None]]:
        """All groups of a campaign by name, with the pace in targets a second; None where it is not known yet."""
        found = {}
        for entry in await self._consul.kv_list(keys.groups(campaign_id)):
            record = _record(entry)
            watched = self._watched.setdefault(entry.key, _Watched())
            watched.look(record)
            found[record.group] = (record, watched.pace.per_s())
        return found


def _record(entry: KvEntry) -> GroupRecord:
    try:
        return GroupRecord.from_bytes(entry.value)
    except BadRequest as error:
        raise Unavailable(f"the stored record {entry.key} is damaged: {error}") from error


def _empty(campaign: Campaign, group: str) -> GroupRecord:
    families = {family: FamilyProgress(size=each.size) for family, each in campaign.sets.items()}
    return GroupRecord(campaign=campaign.id, round=ROUND, group=group, families=families)
