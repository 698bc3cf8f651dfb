"""Which groups still ask: noted by every instance, and written down now and then where nothing else tells it.

A group that has ended all its rounds, or is paused, changes no record however often it asks. What nobody asks for is
also dropped from memory here, so that an instance does not hold on to what the mesh forgets.
"""

import asyncio
import json
import logging

from hoploom.input_service import keys
from hoploom.input_service.expiry import Group
from hoploom.input_service.journal import Journal
from hoploom.input_service.rounds import Rounds
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Unavailable
from hoploom.wire.campaign import Campaign

log = logging.getLogger(__name__)
WRITE_EVERY_S = 3600.0
TOUCHES = 10
"""A group that asks is written down so often in the time after which a silent one is forgotten."""

_WRITES_AT_ONCE = 100


class Activity:
    """What this instance was asked for."""

    def __init__(self, consul: ConsulApi, journal: Journal, rounds: Rounds, expiry_s: float) -> None:
        """Know what to write, and what to drop.

        Args:
            consul: The KV store.
            journal: Records in memory.
            rounds: Where groups stand, in memory.
            expiry_s: After so many seconds a silent group is forgotten; 0 for never.
        """
        self._consul, self._journal, self._rounds = consul, journal, rounds
        self._expiry_s = expiry_s
        self._asked: set[Group] = set()
        self._written_s: dict[Group, float] = {}

    def note(self, campaign: Campaign, group: str) -> None:
        """A worker of a group has asked."""
        self._asked.add(Group(campaign.id, campaign.edition, group))

    async def run(self) -> None:
        """Write down who asks, for ever."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            try:
                await self.write()
            except Unavailable as error:
                log.info("who asks is written down later: %s", error)

    async def write(self) -> None:
        """Write down who has asked since the last time, and drop the others from memory."""
        asked, self._asked = self._asked, set()
        now_s = boottime_s()
        old_s = now_s - self._expiry_s / TOUCHES
        due = sorted(each for each in asked if self._expiry_s and self._written_s.get(each, old_s) <= old_s)
        try:
            for at in range(0, len(due), _WRITES_AT_ONCE):
                await self._touch(due[at : at + _WRITES_AT_ONCE], now_s)
        except Unavailable:
            self._asked |= asked
            raise
        await self._drop_all_but(asked)

    async def _touch(self, groups: list[Group], now_s: float) -> None:
        value = json.dumps({"v": 1, "at_us": wall_us()}).encode()
        await self._consul.kv_txn([{"Verb": "set", "Key": keys.asked(*each), "Value": value} for each in groups])
        self._written_s.update(dict.fromkeys(groups, now_s))

    async def _drop_all_but(self, asked: set[Group]) -> None:
        opened = self._journal.opened()
        # What is complete waits for its audit, whoever asks.
        waits = [each.ref for each in opened if each.held or (each.complete and not self._rounds.finished(each.ref))]
        busy = {Group(ref.campaign, ref.edition, ref.group) for ref in waits}
        known = {Group(each.ref.campaign, each.ref.edition, each.ref.group) for each in opened}
        known |= {Group(*each) for each in self._rounds.groups()}
        async with self._journal.between_commits():
            for group in known - asked - busy - self._asked:
                self._journal.drop(group.campaign, group.edition, group.name)
                self._rounds.drop(group.campaign, group.edition, group.name)
        self._written_s = {group: at_s for group, at_s in self._written_s.items() if group in asked}
