"""The groups' records in the KV store, changed by compare-and-set: every instance may answer every request.

A lost race is tried again on what the other has written. A failed read is an error, never an empty record.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from hoploom.input_service import keys
from hoploom.input_service.group_record import FamilyProgress, GroupRecord
from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.wire.campaign import Campaign

T = TypeVar("T")
ROUND = 0
# Lost races in a row for one request; with dozens of workers at once a handful is usual.
_TRIES = 100
_CONFLICTS = metrics.counter("hoploom_input_cas_conflicts_total", "Writes that met another instance's write.")


@dataclass
class _Seen:
    """When this instance first saw each lease, by its own clock."""

    since_s: dict[str, float] = field(default_factory=dict)

    def ages(self, record: GroupRecord) -> dict[str, float]:
        now = boottime_s()
        self.since_s = {each.nonce: self.since_s.get(each.nonce, now) for each in record.held}
        return {nonce: now - since for nonce, since in self.since_s.items()}


class Journal:
    """Reads and changes group records."""

    def __init__(self, consul: ConsulApi) -> None:
        """Know the KV store."""
        self._consul = consul
        self._seen: dict[str, _Seen] = {}

    async def change(
        self, campaign: Campaign, group: str, step: Callable[[GroupRecord, dict[str, float]], tuple[GroupRecord, T]]
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
        seen = self._seen.setdefault(key, _Seen())
        for _ in range(_TRIES):
            entry = await self._consul.kv_get(key)
            record = GroupRecord.from_bytes(entry.value) if entry else _empty(campaign, group)
            changed, answer = step(record, seen.ages(record))
            if changed is record:
                return record, answer
            index = entry.modify_index if entry else 0
            if await self._consul.kv_put(key, changed.to_bytes(), cas=index):
                return changed, answer
            _CONFLICTS.inc()
        raise Unavailable("too many others take leases of this group just now")

    async def groups(self, campaign_id: str) -> dict[str, GroupRecord]:
        """All groups of a campaign by name; reading them keeps the ages of their leases."""
        found = {}
        for entry in await self._consul.kv_list(keys.groups(campaign_id)):
            record = GroupRecord.from_bytes(entry.value)
            self._seen.setdefault(entry.key, _Seen()).ages(record)
            found[record.group] = record
        return found


def _empty(campaign: Campaign, group: str) -> GroupRecord:
    families = {family: FamilyProgress(size=each.size) for family, each in campaign.sets.items()}
    return GroupRecord(campaign=campaign.id, round=ROUND, group=group, families=families)
