"""Hops on their way back to become targets: each once in 24 hours, decided by the owner of its slot.

What waits is in memory alone, because the outputs' stores have it: who takes a slot over reads it there
(`hop_recovery`). Until that is done nobody can say whether a hop of the slot is new, and reports of it are refused.
"""

import asyncio
import logging
import math
from collections.abc import Collection, Iterable

from hoploom.input_service import hop_book
from hoploom.input_service.hop_book import HopBook
from hoploom.input_service.hop_chunks import HopChunks
from hoploom.input_service.hop_recovery import HopRecovery
from hoploom.input_service.hop_rules import HopRules
from hoploom.input_service.ownership import Ownership, Term
from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import BadRequest, Unavailable
from hoploom.wire.hops import REMEMBERED_S, Hop, HopAnswer, HopReport

log = logging.getLogger(__name__)
A_WORKER_A_DAY, HOLD_S = 50_000, 300.0
LOOK_EVERY_S = 1.0
RETRY_S = 10.0
"""A store that is away is not there again in a second, and the others would read a million rows for nothing."""

TIDY_EVERY_S = 60.0
_HOPS = metrics.counter("hoploom_input_hops_total", "Hops reported, by what became of them.", ("result",))
_KNOWN = metrics.gauge("hoploom_input_hops_known", "Hops of this instance's slots that are targets, or will be.")
_WAITING = metrics.gauge("hoploom_input_hops_waiting", "Hops of this instance's slots that are no targets yet.")
_RECOVERIES = metrics.counter("hoploom_input_hop_recoveries_total", "Slots of hops taken over.", ("result",))


class Hops:
    """The hops of this instance's slots."""

    def __init__(self, ownership: Ownership, rules: HopRules, chunks: HopChunks, recovery: HopRecovery) -> None:
        """Know no slot yet; `a_worker_a_day` and `hold_s` may be set before `run`."""
        self._ownership, self._rules, self._chunks, self._recovery = ownership, rules, chunks, recovery
        self.a_worker_a_day, self.hold_s = A_WORKER_A_DAY, HOLD_S
        self._books: dict[int, tuple[Term, HopBook]] = {}
        self._making = asyncio.Lock()
        self._recover_at_s, self._tidy_at_s = -math.inf, boottime_s() + TIDY_EVERY_S

    async def take(self, report: HopReport) -> HopAnswer:
        """Take hops that all lie in slots of this instance, or none.

        Raises:
            NotFound: There is no such campaign.
            Unavailable: A slot is another's, or not known yet after a change of owners.
        """
        self._known(report.hops)
        parent, good, held = await self._rules.sift(report.campaign, report.hops)
        taken = hop_book.take(self._known(good), report.worker, parent.id, good, boottime_s())
        answer = HopAnswer(**taken._asdict(), **held)
        for result, count in {**taken._asdict(), **held}.items():
            _HOPS.labels(result).inc(count)
        return answer

    async def run(self) -> None:
        """Learn of slots that were taken over, and make waiting hops targets, for ever."""
        while True:
            for step in (self._recover, self._make_due, self._tidy):
                try:
                    await step()
                except Unavailable as error:
                    log.info("hops wait: %s", error)
            await self._ownership.news(LOOK_EVERY_S)

    async def flush(self) -> None:
        """Make all targets that wait, because this instance stops."""
        try:
            await self._make_due(0.0)
        except Unavailable as error:
            log.info("waiting hops are left to the outputs: %s", error)

    def _mine(self) -> dict[int, HopBook]:
        """The books of the slots that are this instance's and known."""
        return {slot: book for slot, (term, book) in self._books.items() if self._ownership.term(slot) == term}

    def _known(self, hops: Iterable[Hop]) -> dict[int, HopBook]:
        """As `_mine`; raises Unavailable where one of these hops lies in no such slot."""
        mine = self._mine()
        if {hop.slot for hop in hops} - mine.keys():
            raise Unavailable("it is not known yet which of these hops are new", retry_after_s=1.0)
        return mine

    async def _make_due(self, hold_s: float | None = None) -> None:
        hold_s = self.hold_s if hold_s is None else hold_s
        async with self._making:
            while campaigns := hop_book.due(self._mine().values(), boottime_s(), hold_s):
                for campaign in campaigns:
                    # Its slots may have been lost while another campaign's were written.
                    if hops := hop_book.chunk(self._mine().values(), campaign):
                        await self._make(campaign, hops)

    async def _make(self, campaign: str, hops: Collection[Hop]) -> None:
        try:
            made = await self._chunks.make(await self._rules.campaign(campaign), hops)
        except BadRequest as error:
            log.warning("hops of %s become no targets: %s", campaign, error)
            for _, book in self._books.values():
                book.drop(campaign)
        else:
            hop_book.made(self._mine(), made.hops, boottime_s() + REMEMBERED_S - made.age_s)
            log.info("%s hops of %s are targets now, as %s", len(made.hops), campaign, made.campaign.id)

    async def _recover(self) -> None:
        """Learn what there is of slots that this instance has taken."""
        terms = {slot: term for slot in self._ownership.mine if (term := self._ownership.term(slot))}
        new = {slot: term for slot, term in terms.items() if self._books.get(slot, (None,))[0] != term}
        # What nobody has owned before has no hops: a mesh without outputs begins like this.
        self._books |= {slot: (term, self._book()) for slot, term in new.items() if term.fresh}
        taken_over = {slot: (term, self._book()) for slot, term in new.items() if not term.fresh}
        if not taken_over or boottime_s() < self._recover_at_s:
            return
        self._recover_at_s = boottime_s() + RETRY_S
        try:
            await self._recovery.recover({slot: book for slot, (_, book) in taken_over.items()})
        except Unavailable:
            _RECOVERIES.labels("postponed").inc(len(taken_over))
            raise
        self._recover_at_s = -math.inf
        self._books |= taken_over
        _RECOVERIES.labels("done").inc(len(taken_over))

    def _book(self) -> HopBook:
        return HopBook(self.a_worker_a_day)

    async def _tidy(self) -> None:
        if boottime_s() < self._tidy_at_s:
            return
        self._tidy_at_s = boottime_s() + TIDY_EVERY_S
        mine = self._mine()
        self._books = {slot: each for slot, each in self._books.items() if slot in mine}
        for book in mine.values():
            book.forget(boottime_s())
        _KNOWN.set(sum(map(len, mine.values())))
        _WAITING.set(sum(len(book.waiting(each)) for book in mine.values() for each in book.campaigns))
        await self._chunks.end_old(self._ownership.mine)
