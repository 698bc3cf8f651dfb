"""Where a group stands in a campaign: its round, and which shards of it are finished. Pure.

Whoever notes the last shard of a round begins the next in the same write, so a round ends exactly once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from hoploom.input_service.shards import shard_count
from hoploom.kit.errors import BadRequest
from hoploom.wire.campaign import FAMILIES, Campaign
from hoploom.wire.fields import MAX_INTEGER, VERSION, Fields
from hoploom.wire.lease import MAX_ROUND

Shard = tuple[int, int]
"""Family and number of a shard."""


@dataclass(frozen=True, kw_only=True)
class RoundRecord:
    """A group's round.

    Attributes:
        round: The round that is running, or the last one, from 0.
        finished: Its shards that are finished.
        ended: Whether the group has done all rounds of the campaign.
        began_at_us: Wall clock at the round's begin, microseconds since 1970; for people.
        ended_at_us: Wall clock at the end of the round before (or of the last one); 0 for none.
    """

    round: int = 0
    finished: frozenset[Shard] = frozenset()
    ended: bool = False
    began_at_us: int = 0
    ended_at_us: int = 0

    def to_bytes(self) -> bytes:
        """As it is stored: the shards of each family as the bits of a hexadecimal number."""
        bits = {str(family): f"{sum(1 << k for f, k in self.finished if f == family):x}" for family in FAMILIES}
        document = {"v": VERSION, **vars(self), "finished": bits}
        return json.dumps(document, separators=(",", ":")).encode()

    @staticmethod
    def from_bytes(content: bytes) -> RoundRecord:
        """Read what `to_bytes` wrote.

        Raises:
            BadRequest: It is damaged, or of a version that is not known here.
        """
        try:
            document = json.loads(content)
            bits = {family: int(document["finished"][str(family)], 16) for family in FAMILIES}
        except (ValueError, KeyError, TypeError) as error:
            raise BadRequest(f"the record is no round's: {error!r}") from error
        known = Fields(document, "a round's record")
        return RoundRecord(
            round=known.integer("round", range(MAX_ROUND)),
            finished=frozenset(
                (family, k) for family, number in bits.items() for k in range(number.bit_length()) if number >> k & 1
            ),
            ended=known.flag("ended"),
            began_at_us=known.integer("began_at_us", range(MAX_INTEGER)),
            ended_at_us=known.integer("ended_at_us", range(MAX_INTEGER)),
        )


def shards(campaign: Campaign) -> list[Shard]:
    """All shards of a campaign's round that are this datacenter's."""
    sizes = {family: stop - start for family in sorted(campaign.sets) for start, stop in [campaign.span(family)]}
    return [(family, k) for family, size in sizes.items() if size for k in range(shard_count(size))]


def unfinished(record: RoundRecord, campaign: Campaign) -> list[Shard]:
    """The shards that are still to do in the running round; none when the group has ended."""
    return [] if record.ended else [each for each in shards(campaign) if each not in record.finished]


def finish(record: RoundRecord, campaign: Campaign, round_number: int, shard: Shard, at_us: int = 0) -> RoundRecord:
    """Note that a shard of a round is finished.

    Args:
        record: The record as it stands.
        campaign: The campaign.
        round_number: The shard's round; one that has ended already changes nothing.
        shard: Which shard.
        at_us: Wall clock, for people.

    Returns:
        The record afterwards: the next round's, or one that has ended, when this was the last shard.
    """
    if record.ended or round_number != record.round or shard in record.finished:
        return record
    after = replace(record, finished=record.finished | {shard})
    if unfinished(after, campaign):
        return after
    if campaign.rounds and round_number + 1 >= campaign.rounds:
        return replace(after, ended=True, ended_at_us=at_us)
    return RoundRecord(round=round_number + 1, began_at_us=at_us, ended_at_us=at_us)
