"""Changes of shard records that wait together: one record and its waiting jobs each, cut into transactions."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from hoploom.input_service import keys
from hoploom.input_service.leases import Ages
from hoploom.input_service.shard_record import ShardRecord
from hoploom.kit import metrics
from hoploom.kit.errors import BadRequest, Unavailable

T = TypeVar("T")
Step = Callable[[ShardRecord, Ages], tuple[ShardRecord, T]]
MAX_RECORDS = 40
"""Of a transaction: a record takes one of Consul's 128 operations, its slot's lock and what goes beside it another."""

MAX_BYTES = 256 * 1024
"""Of a transaction: Consul takes 512 KB by default, and the values grow by a third on the way."""

_GROUPED = metrics.counter("hoploom_input_changes_total", "Changes of shard records, committed in groups.", ("result",))


@dataclass
class Open:
    """One record in memory.

    Attributes:
        slot: Its slot.
        record: As it is stored.
        index: Modify index of its key; 0 where there is none yet.
        heard_s: When each lease was last heard of, by this process's boottime clock.
        given_s: When each lease was given, by the same clock.
    """

    slot: int
    record: ShardRecord
    index: int
    heard_s: dict[str, float] = field(default_factory=dict)
    given_s: dict[str, float] = field(default_factory=dict)

    def look(self, now_s: float) -> Ages:
        """How old its leases are; begins to count for those that are new here."""
        self.heard_s = {each.nonce: self.heard_s.get(each.nonce, now_s) for each in self.record.held}
        self.given_s = {each.nonce: self.given_s.get(each.nonce, now_s - each.lived_s) for each in self.record.held}
        return Ages(
            {nonce: now_s - at_s for nonce, at_s in self.heard_s.items()},
            {nonce: now_s - at_s for nonce, at_s in self.given_s.items()},
        )


@dataclass
class Job:
    """One change that waits.

    Attributes:
        slot: The record's slot.
        empty: The record as it is where nothing was stored yet.
        step: What to do with it.
        answer: Who waits for it.
        outcome: What the step has answered, told when all is durable.
        refused: What the step has raised instead.
    """

    slot: int
    empty: ShardRecord
    step: Step[Any]
    answer: asyncio.Future[Any]
    outcome: Any = None
    refused: BadRequest | None = None


@dataclass
class Change:
    """What a group of jobs makes of one record.

    Attributes:
        slot: The record's slot.
        known: The record in memory.
        after: The record when all jobs are done.
        jobs: Who waits for it.
    """

    slot: int
    known: Open
    after: ShardRecord
    jobs: list[Job] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether there is anything to write."""
        return self.after is not self.known.record

    def apply(self, job: Job, now_s: float) -> None:
        """Take one step further; the outcome is told when all is durable."""
        self.jobs.append(job)
        before = self.known.record
        try:
            self.known.record = self.after
            self.after, job.outcome = job.step(self.after, self.known.look(now_s))
        except BadRequest as error:
            job.refused = error
        finally:
            self.known.record = before

    @cached_property
    def value(self) -> bytes:
        """The record as it will be stored; asked for when all steps are taken."""
        return self.after.to_bytes()

    def operation(self) -> Mapping[str, Any]:
        """The write of the record, if it still is what was read."""
        return {"Verb": "cas", "Key": keys.shard(self.after.ref), "Value": self.value, "Index": self.known.index}

    def succeed(self) -> None:
        """Tell everybody what came of it."""
        _GROUPED.labels("committed").inc(len(self.jobs))
        for job in self.jobs:
            if job.answer.done():
                continue
            if job.refused:
                job.answer.set_exception(job.refused)
            else:
                job.answer.set_result(job.outcome)


def chains(changes: Sequence[Change]) -> list[list[list[Change]]]:
    """Changes cut into transactions that Consul takes, as lists that are written at the same time.

    Those of one slot are in one list, one after another: records of one shard write the same rests beside them.
    """
    by_slot: dict[int, list[Change]] = {}
    for change in changes:
        by_slot.setdefault(change.slot, []).append(change)
    found: list[list[list[Change]]] = []
    for mine in by_slot.values():
        groups = _groups(mine)
        if found and len(found[-1]) == len(groups) == 1 and _fits([*found[-1][0], *groups[0]]):
            found[-1][0] += groups[0]
        else:
            found.append(groups)
    return found


def _groups(changes: Sequence[Change]) -> list[list[Change]]:
    groups: list[list[Change]] = []
    for change in changes:
        if groups and _fits([*groups[-1], change]):
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _fits(changes: Sequence[Change]) -> bool:
    """Whether Consul takes so much in one transaction."""
    size = sum(len(each.value) for each in changes if each.changed)
    return len(changes) <= MAX_RECORDS and size <= MAX_BYTES


def fail(jobs: Iterable[Job], error: Unavailable) -> None:
    """Tell those that still wait that nothing came of it."""
    for job in jobs:
        if not job.answer.done():
            _GROUPED.labels("refused").inc()
            job.answer.set_exception(error)
