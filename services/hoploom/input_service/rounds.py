"""Where the groups stand, in the KV store: read often, changed rarely, by the owner of a shard that is finished."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from hoploom.input_service import keys
from hoploom.input_service.round_record import RoundRecord, finish
from hoploom.input_service.shard_record import ShardRef
from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.wire.campaign import Campaign

FRESH_S = 0.5
"""What an instance knows of a group's round is at most so old; until then it may have nothing to give."""

ENDED_FRESH_S = 30.0
"""What has ended begins anew only where the group was forgotten, or Consul restored from an older copy."""

_TRIES = 100
_ENDED = metrics.counter("hoploom_input_rounds_ended_total", "Rounds of a group that were ended by this instance.")


class Rounds:
    """Reads and changes the groups' rounds."""

    def __init__(self, consul: ConsulApi) -> None:
        """Know the KV store."""
        self._consul = consul
        self._known: dict[str, tuple[float, RoundRecord]] = {}

    async def state(self, campaign: Campaign, group: str) -> RoundRecord:
        """Where a group stands, at most `FRESH_S` ago, or `ENDED_FRESH_S` where it has ended."""
        key = keys.round_of(campaign.id, campaign.edition, group)
        read_at_s, record = self._known.get(key, (float("-inf"), RoundRecord()))
        if boottime_s() - read_at_s <= (ENDED_FRESH_S if record.ended else FRESH_S):
            return record
        began_s = boottime_s()
        record = _read(await self._consul.kv_get(key))
        self._known[key] = (began_s, record)
        return record

    async def all(self, campaign: Campaign) -> dict[str, RoundRecord]:
        """Where every group of a campaign's newest edition stands; who has finished no shard yet is not there."""
        prefix = keys.rounds(campaign.id, campaign.edition)
        return {entry.key.removeprefix(prefix): _read(entry) for entry in await self._consul.kv_list(prefix)}

    async def finish(self, campaign: Campaign, ref: ShardRef, check: Mapping[str, Any]) -> RoundRecord:
        """Note that a shard is finished.

        Args:
            campaign: The campaign.
            ref: The shard.
            check: The operation that fences the write by the shard's lock.

        Raises:
            Unavailable: Consul did not take it, or the shard is another instance's by now.
        """
        key = keys.round_of(campaign.id, campaign.edition, ref.group)
        for _ in range(_TRIES):
            entry = await self._consul.kv_get(key, consistent=True)
            before = _read(entry)
            after = finish(before, campaign, ref.round, (ref.family, ref.shard), wall_us())
            index = entry.modify_index if entry else 0
            write = {"Verb": "cas", "Key": key, "Value": after.to_bytes(), "Index": index}
            if after is before or await self._consul.kv_txn([check, write]) is not None:
                self._known[key] = (boottime_s(), after)
                _ENDED.inc(after.round > ref.round or (after.ended and not before.ended))
                return after
            # Another instance was quicker with another shard, or this one's lock is gone.
            await asyncio.sleep(0)
        raise Unavailable("too many shards of this group are being finished just now")

    def keep(self, wanted: Callable[[str], bool]) -> None:
        """Keep in memory only what is known of campaigns whose ids are wanted."""
        ids = {key: key.removeprefix(keys.ROUNDS).partition("/")[0] for key in self._known}
        self._known = {key: known for key, known in self._known.items() if wanted(ids[key])}

    def groups(self) -> set[tuple[str, int, str]]:
        """Campaign, edition and group of all that is in memory."""
        parts = [key.removeprefix(keys.ROUNDS).split("/") for key in self._known]
        return {(campaign, int(edition), group) for campaign, edition, group in parts}

    def finished(self, ref: ShardRef) -> bool:
        """Whether a shard is finished as far as is known in memory."""
        _, record = self._known.get(keys.round_of(ref.campaign, ref.edition, ref.group), (0.0, RoundRecord()))
        return record.ended or ref.round < record.round or (ref.family, ref.shard) in record.finished

    def drop(self, campaign_id: str, edition: int, group: str) -> None:
        """Keep nothing of a group in memory."""
        self._known.pop(keys.round_of(campaign_id, edition, group), None)

    async def forget(self, campaign: Campaign, group: str, round_number: int) -> None:
        """Remove the shards' records of a round that nobody asks for any more, and what rested in it alone."""
        prefix = keys.group_round(campaign.id, campaign.edition, group, round_number)
        await self._consul.kv_delete(prefix, recurse=True)
        if not campaign.cooldown_minutes:
            cooling = keys.cooling(campaign.id, campaign.edition, group, round_number)
            await self._consul.kv_delete(cooling, recurse=True)


def _read(entry: KvEntry | None) -> RoundRecord:
    if entry is None:
        return RoundRecord()
    try:
        return RoundRecord.from_bytes(entry.value)
    except BadRequest as error:
        raise Unavailable(
            f"{entry.key} in Consul is damaged ({error}); delete that key, and the group begins its first round again"
        ) from error
