"""Carries out what `plan` says, under the role `dyfi`: claim first, then one call, then its answer over the claim.

The claim and the check of the term are one transaction. The call begins only where all of its five seconds lie within
the term, and looks once more before its first byte. What was answered is written over the claim itself and over
nothing else, so it is kept also when the term has ended meanwhile, or Consul is away: it waits here until it is told.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from hoploom.kit import metrics
from hoploom.kit.belief import Token
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.term import TermEnded
from hoploom.manager.dyfi import plan
from hoploom.manager.dyfi.answers import TABLE, Answer
from hoploom.manager.dyfi.plan import Ask, Call, Look, Moment, Rest, View, Wish
from hoploom.manager.dyfi.provider import CALL_S
from hoploom.manager.dyfi.record import KEY, Claim, Record, answered, claimed, decoded, encoded

log = logging.getLogger(__name__)
ROLE = "dyfi"
LASTS_S = 3 * CALL_S
"""From the claim to the end of the call: it is written, a renewal may be waited for, the call is made."""

AWAY_S = 5.0
"""Between two tries while Consul is away."""

LOOK_AGAIN_S = 0.1
_CALLS = metrics.counter("hoploom_dyfi_calls_total", "Answers of the provider, one for each name.", ("word",))
_STOPPED = metrics.gauge("hoploom_dyfi_stopped", "1 while nothing is called until a person acts; the leader tells.")
_FAILURES = metrics.gauge("hoploom_dyfi_failures", "Calls in a row without a good answer; the leader tells.")
_AGE = metrics.gauge("hoploom_dyfi_age_seconds", "Since the name told longest ago was told; the leader tells, 0 else.")


class Leads(Protocol):
    """What is needed of `kit.Term`."""

    token: Token

    @property
    def valid(self) -> bool:
        """Whether an effect may start now."""

    @property
    def deadline_s(self) -> float:
        """Until when it may be believed in."""

    async def write(self, operations: Sequence[Mapping[str, Any]]) -> tuple[KvEntry, ...]:
        """Carry out KV operations, unless the term is over."""


@dataclass(frozen=True)
class Outside:
    """All that is outside of the mesh.

    Attributes:
        tell: Makes the call, as `provider.tell` does.
        own: Tells the own address; None where nobody is asked.
        named: Looks names up, as `outlook.named` does.
    """

    tell: Callable[[Sequence[str], Callable[[], bool]], Awaitable[tuple[Answer, ...]]]
    own: Callable[[], Awaitable[str]] | None
    named: Callable[[Sequence[str]], Awaitable[dict[str, frozenset[str]]]]


@dataclass(frozen=True)
class Clocks:
    """The clocks of this process."""

    boottime_s: Callable[[], float] = boottime_s
    wall_us: Callable[[], int] = wall_us


class Updater:
    """Keeps the names, for as long as it leads."""

    def __init__(
        self, consul: ConsulApi, names: tuple[str, ...], outside: Outside, chance: random.Random, clocks: Clocks
    ) -> None:
        """Have nothing under way.

        Args:
            consul: The local agent.
            names: The names that are to point here.
            outside: What is asked and told.
            chance: Draws when the next call is due.
            clocks: The clocks.
        """
        self._consul, self._outside, self._chance, self._clocks = consul, outside, chance, clocks
        self._wish = Wish(names, outside.own is not None)
        self._view = View(clocks.boottime_s())
        self._unsaved: asyncio.Queue[tuple[Record, int]] = asyncio.Queue()

    async def run(self, term: Leads) -> None:
        """Do what is to be done, for as long as the term lasts."""
        self._view = View(self._clocks.boottime_s())
        try:
            while True:
                try:
                    await self._one(term)
                except TermEnded:
                    raise
                except Unavailable as error:
                    log.info("dyfi: tried again in %g s: %s", AWAY_S, error)
                    await asyncio.sleep(AWAY_S)
        finally:
            for gauge in (_STOPPED, _FAILURES, _AGE):
                gauge.set(0)

    async def save(self) -> None:
        """Write what was answered, for ever; a claim that came meanwhile is not written over."""
        while True:
            record, index = await self._unsaved.get()
            await self._saved(record, index)
            self._unsaved.task_done()

    async def _saved(self, record: Record, index: int) -> None:
        while True:
            try:
                if not await self._consul.kv_put(KEY, encoded(record), cas=index):
                    log.info("dyfi: the record is another one already, as this answer's claim is not the last")
            except Unavailable as error:
                log.info("dyfi: an answer is not written yet: %s", error)
                await asyncio.sleep(AWAY_S)
            else:
                return

    async def _one(self, term: Leads) -> None:
        # What was answered last may not be there yet.
        await self._unsaved.join()
        entry = await self._consul.kv_get(KEY, consistent=True)
        record = decoded(entry.value) if entry else Record()
        index = entry.modify_index if entry else 0
        moment = self._moment()
        if record.claimed_us != self._view.known_us:
            self._view = replace(self._view, known_us=record.claimed_us, known_s=moment.now_s)
        self._tell_metrics(record, moment)
        match plan.next_step(self._wish, record, self._view, moment):
            case Rest(seconds):
                await asyncio.sleep(seconds)
            case Ask():
                await self._ask()
            case Look():
                await self._look(record, index, term)
            case Call() as call:
                await self._call(call, record, index, term)

    async def _ask(self) -> None:
        assert self._outside.own is not None, "nobody plans to ask nobody"
        try:
            own = await self._outside.own()
        except Unavailable as error:
            log.info("dyfi: the own address is not known just now: %s", error)
            own = self._view.own
        self._view = replace(self._view, own=own, asked_s=self._clocks.boottime_s())

    async def _look(self, record: Record, index: int, term: Leads) -> None:
        named = await self._outside.named(self._wish.names)
        self._view = replace(self._view, named=named, looked_s=self._clocks.boottime_s())
        wrong = plan.disagreeing(record, self._view)
        if wrong:
            log.warning("dyfi: DNS says of %s: %s", ", ".join(wrong), sorted(named[wrong[0]]) or "nothing")
        after = plan.learnt(record, self._view, self._moment())
        if after != record and index:
            await term.write([{"Verb": "cas", "Key": KEY, "Value": encoded(after), "Index": index}])

    async def _call(self, call: Call, record: Record, index: int, term: Leads) -> None:
        moment = self._moment()
        interval_s = self._chance.uniform(plan.REFRESH_LEAST_S, plan.REFRESH_MOST_S)
        claim = Claim(call.names, call.why, moment.wall_us, LASTS_S, str(term.token), interval_s, self._view.own)
        after = claimed(record, claim)
        # Whether or not an answer comes: it may have been written.
        self._view = replace(self._view, known_us=claim.at_us, known_s=moment.now_s)
        *_, entry = await term.write([{"Verb": "cas", "Key": KEY, "Value": encoded(after), "Index": index}])
        await self._tell(call, term, moment.now_s + LASTS_S, (after, entry.modify_index))

    async def _tell(self, call: Call, term: Leads, end_s: float, claim: tuple[Record, int]) -> None:
        """Make the call where it fits into the term and before the claim is over, and have its answer written."""
        now = self._clocks.boottime_s
        while term.deadline_s - now() < CALL_S or not term.valid:
            if now() + CALL_S > end_s:
                raise Unavailable("the call was not made: the term was not confirmed in time")
            await asyncio.sleep(LOOK_AGAIN_S)
        until_s = min(end_s, now() + CALL_S)
        told = asyncio.ensure_future(self._outside.tell(call.names, lambda: term.valid and now() < until_s))
        try:
            await asyncio.shield(told)
        finally:
            # Also where the term is handed over: what is on its way cannot be called back, and ends in time.
            await asyncio.wait([told])
            if not told.exception():
                self._note(call, told.result(), claim)

    def _note(self, call: Call, answers: tuple[Answer, ...], claim: tuple[Record, int]) -> None:
        log.info("dyfi: %s (%s)", ", ".join(f"{each.name} {each.word}" for each in answers), call.why)
        for each in answers:
            _CALLS.labels(each.word if each.word in TABLE else "strange").inc()
        record, index = claim
        self._unsaved.put_nowait((answered(record, answers), index))

    def _moment(self) -> Moment:
        return Moment(self._clocks.boottime_s(), self._clocks.wall_us())

    def _tell_metrics(self, record: Record, moment: Moment) -> None:
        _STOPPED.set(bool(record.stopped))
        _FAILURES.set(record.failures)
        told = [record.updated_us[name] for name in self._wish.names if name in record.updated_us]
        _AGE.set(max(0.0, (moment.wall_us - min(told)) / 1e6) if told else 0.0)
