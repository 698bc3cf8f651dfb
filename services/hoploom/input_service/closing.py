"""Ends what is complete: audits a shard whose targets are all done, and notes it as finished in the group's round.

A shard is complete when its leases say so, and finished when the outputs have its results: what they lack is opened
again. So "finished" is never a matter of acknowledgements alone.
"""

import asyncio
import logging
from collections.abc import Awaitable, Collection, Sequence
from contextlib import suppress
from typing import Protocol

from hoploom.input_service import keys, leases
from hoploom.input_service.campaigns import Campaigns
from hoploom.input_service.journal import Fence, Journal
from hoploom.input_service.rounds import Rounds
from hoploom.input_service.shard_record import ShardRecord, ShardRef
from hoploom.input_service.shards import slot_of
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import NotFound, Unavailable
from hoploom.targets.ranges import Range, intersect, merge, subtract
from hoploom.wire.campaign import Campaign

log = logging.getLogger(__name__)
LOOK_EVERY_S = 2.0
"""For what could not be ended at once: an output was away, or the slot has just been taken."""

FORGET_EVERY_S = 60.0
"""A chunk of hops is closed an hour before its records are removed; until then every instance has forgotten them."""

KEEP_ROUNDS = 2
"""Of each group the records of the running round and of the one before stay, for people."""

_Pass = tuple[str, int, str, int, int]


class Audit(Protocol):
    """Who compares with what is stored."""

    def missing(
        self, campaign: Campaign, round_number: int, group: str, family: int, done: Sequence[Range]
    ) -> Awaitable[list[Range]]:
        """The done positions of which no output has a result; raises Unavailable when that cannot be said."""


class Closing:
    """Audits and ends the complete shards that this instance owns."""

    def __init__(self, campaigns: Campaigns, journal: Journal, rounds: Rounds, audit: Audit, fence: Fence) -> None:
        """Know where everything is kept."""
        self._campaigns, self._journal, self._rounds = campaigns, journal, rounds
        self._audit, self._fence = audit, fence
        self._finished: set[ShardRef] = set()
        self._forget_at_s = boottime_s() + FORGET_EVERY_S
        self._news = asyncio.Event()

    def look(self) -> None:
        """A shard may be complete now."""
        self._news.set()

    async def run(self) -> None:
        """End what is complete, for ever."""
        while True:
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            with suppress(Unavailable):
                await self._forget_closed()
            for one_pass, records in self._complete().items():
                try:
                    await self._close(one_pass, records)
                except Unavailable as error:
                    log.info("the end of %s/%s waits: %s", one_pass[0], one_pass[2], error)
                except NotFound:
                    # Its campaign is gone.
                    self._finished.update(each.ref for each in records)

    async def _forget_closed(self) -> None:
        """Keep no record of chunks of hops in memory that nobody hands out any more: they will be removed."""
        if boottime_s() < self._forget_at_s:
            return
        known = {each.id for each in await self._campaigns.all()}
        self._forget_at_s = boottime_s() + FORGET_EVERY_S
        for ref in [each.ref for each in self._journal.opened() if _is_closed(each.ref.campaign, known)]:
            self._journal.forget(ref.campaign, ref.group, ref.round + 1)
        self._rounds.keep(lambda campaign: not _is_closed(campaign, known))

    def _complete(self) -> dict[_Pass, list[ShardRecord]]:
        """Complete shards by campaign, edition, group, round and family."""
        opened = self._journal.opened()
        self._finished &= {each.ref for each in opened}
        found: dict[_Pass, list[ShardRecord]] = {}
        for record in opened:
            ref = record.ref
            if record.complete and ref not in self._finished:
                one_pass = (ref.campaign, ref.edition, ref.group, ref.round, ref.family)
                found.setdefault(one_pass, []).append(record)
        return found

    async def _close(self, one_pass: _Pass, records: list[ShardRecord]) -> None:
        campaign_id, edition, group, round_number, family = one_pass
        campaign = await self._campaigns.edition(campaign_id, edition)
        done = merge(each for record in records for each in subtract(record.done, record.unaudited))
        missing = await self._audit.missing(campaign, round_number, group, family, done) if done else []
        for record in records:
            lacking = intersect(record.done, missing)
            if lacking:
                await self._reopen(record, lacking)
            else:
                await self._finish(campaign, record)

    async def _reopen(self, record: ShardRecord, lacking: Sequence[Range]) -> None:
        ref = record.ref
        log.warning("%s of %s/%s are done and stored nowhere: handed out again", lacking, ref.campaign, ref.group)
        empty = ShardRecord.empty(ref, record.start, record.stop)
        slot = slot_of(ref.campaign, ref.family, ref.shard)
        await self._journal.change(slot, empty, lambda now, _: (leases.reopen(now, lacking), None))

    async def _finish(self, campaign: Campaign, record: ShardRecord) -> None:
        ref = record.ref
        check = self._fence.check(slot_of(ref.campaign, ref.family, ref.shard))
        if check is None:
            return
        after = await self._rounds.finish(campaign, ref, check)
        self._finished.add(ref)
        if after.round > ref.round:
            log.info("%s/%s has ended round %s", ref.campaign, ref.group, ref.round)
            self._journal.forget(ref.campaign, ref.group, after.round)
            if after.round >= KEEP_ROUNDS:
                await self._rounds.forget(campaign, ref.group, after.round - KEEP_ROUNDS)


def _is_closed(campaign: str, known: Collection[str]) -> bool:
    return campaign.startswith(keys.CHUNK) and campaign not in known
