"""How far the groups of a campaign are: sums over the shards' records, whoever owns them."""

from collections.abc import Iterable, Mapping
from typing import Any

from hoploom.input_service import keys, round_record, shards
from hoploom.input_service.journal import Journal
from hoploom.input_service.ownership import Ownership
from hoploom.input_service.pace import Pace
from hoploom.input_service.round_record import RoundRecord
from hoploom.input_service.rounds import Rounds
from hoploom.input_service.shard_record import ShardRecord
from hoploom.input_service.work import range_of
from hoploom.kit.clock import boottime_s
from hoploom.wire.campaign import Campaign

PACES = 4096
"""Groups whose speed is remembered; chunks of hops come and go for ever."""


class Progress:
    """Reads progress, and knows how fast it goes from what it has read before."""

    def __init__(self, journal: Journal, rounds: Rounds, ownership: Ownership) -> None:
        """Know where everything is kept."""
        self._journal, self._rounds, self._ownership = journal, rounds, ownership
        self._paces: dict[tuple[str, int, str], Pace] = {}

    async def groups(self, campaign: Campaign) -> dict[str, dict[str, Any]]:
        """Progress by group, in the running round (or the last one).

        Raises:
            Unavailable: Consul is away, or a record is damaged.
        """
        rounds = await self._rounds.all(campaign)
        by_group: dict[str, list[ShardRecord]] = {group: [] for group in rounds}
        for record in await self._journal.stored(keys.groups(campaign.id, campaign.edition)):
            by_group.setdefault(record.ref.group, []).append(record)
        found = {}
        for group, records in by_group.items():
            state = rounds.get(group, RoundRecord())
            running = [each for each in records if each.ref.round == state.round]
            found[group] = {**summed(campaign, state, running), **self._speed(campaign, group, running)}
        return found

    async def shards(self, campaign: Campaign, group: str) -> list[dict[str, Any]]:
        """Every shard of a group's running round: its owner, and how far it is."""
        state = (await self._rounds.all(campaign)).get(group, RoundRecord())
        prefix = keys.group_round(campaign.id, campaign.edition, group, state.round)
        known = {(each.ref.family, each.ref.shard): each for each in await self._journal.stored(prefix)}
        return [
            self._shard(campaign, family, number, known.get((family, number)), state)
            for family, number in round_record.shards(campaign)
        ]

    def _shard(
        self, campaign: Campaign, family: int, number: int, record: ShardRecord | None, state: RoundRecord
    ) -> dict[str, Any]:
        slot = shards.slot_of(campaign.id, family, number)
        owner = self._ownership.owner(slot)
        start, stop = range_of(campaign, (family, number))
        return {
            "family": family,
            "shard": number,
            "slot": slot,
            "owner": owner.instance if owner else "",
            "targets": stop - start,
            "handed_out": record.frontier - record.start if record else 0,
            "done": record.done_count if record else 0,
            "outstanding": record.outstanding if record else 0,
            "reissued": record.reissued if record else 0,
            "finished": (family, number) in state.finished or state.ended,
        }

    def _speed(self, campaign: Campaign, group: str, records: Iterable[ShardRecord]) -> dict[str, float | None]:
        key = (campaign.id, campaign.edition, group)
        # The ones that were looked at last are at the end.
        pace = self._paces[key] = self._paces.pop(key, Pace())
        if len(self._paces) > PACES:
            del self._paces[next(iter(self._paces))]
        done = sum(each.done_count for each in records)
        pace.note(boottime_s(), done)
        per_s = pace.per_s()
        left_s = (campaign.targets_here - done) / per_s if per_s and not campaign.stopped_us else None
        packets = campaign.probe.packets_per_target
        rate_pps = per_s * packets if per_s is not None else None
        return {"targets_per_s": per_s, "rate_pps": rate_pps, "seconds_left": left_s}


def summed(campaign: Campaign, state: RoundRecord, records: list[ShardRecord]) -> Mapping[str, Any]:
    """The numbers of one group's round from its shards' records; shards without one are untouched."""
    return {
        "round": state.round,
        "rounds": campaign.rounds,
        "targets": campaign.targets_here,
        "handed_out": sum(each.frontier - each.start for each in records),
        "done": sum(each.done_count for each in records),
        "outstanding": sum(each.outstanding for each in records),
        "leases": sum(len(each.held) for each in records),
        "reissued": sum(each.reissued for each in records),
        "finished": state.ended,
        "stopped": bool(campaign.stopped_us) and not state.ended,
        "began_at_us": min((each.began_at_us for each in records if each.began_at_us), default=state.began_at_us),
        "changed_at_us": max((each.changed_at_us for each in records), default=state.ended_at_us),
    }
