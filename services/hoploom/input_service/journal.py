"""The shard records that this instance owns: kept in memory, changed in groups, durable before anybody is answered.

All changes that wait together go into one transaction, which checks each slot's lock and each record's version; so
nothing of a former owner is ever accepted. A write that failed, or of which it is not known, throws the memory away:
the next change reads the record again. A failed read is an error, never an empty record.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from hoploom.input_service import keys
from hoploom.input_service.changes import Change, Job, Open, Step, chains, fail
from hoploom.input_service.leases import Ages
from hoploom.input_service.shard_record import ShardRecord, ShardRef
from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import BadRequest, Unavailable

T = TypeVar("T")
_COMMIT = metrics.histogram("hoploom_input_commit_seconds", "Time to commit a group of changes to Consul.")


class Fence(Protocol):
    """Who says which slots are ours."""

    def check(self, slot: int) -> Mapping[str, Any] | None:
        """The operation that refuses a transaction when the slot's lock is not ours; None where that is known."""

    def lost(self, slot: int) -> None:
        """A transaction over the slot was refused."""


class Beside(Protocol):
    """Who has something to write together with a record."""

    def changed(self, before: ShardRecord, after: ShardRecord) -> Mapping[str, Any] | None:
        """A write for the same transaction, or None."""

    def forget(self, refs: Iterable[ShardRef]) -> None:
        """What is known of these records may be wrong."""

    def close_slot(self, slot: int) -> None:
        """Nothing of a slot is this instance's any more, or not yet."""


class Journal:
    """Reads and changes shard records."""

    def __init__(self, consul: ConsulApi, fence: Fence, beside: Beside) -> None:
        """Know the KV store, who says what is ours, and who writes along."""
        self._consul, self._fence, self._beside = consul, fence, beside
        self._open: dict[ShardRef, Open] = {}
        self._jobs: list[Job] = []
        self._waiting = asyncio.Event()
        self._cycle = asyncio.Lock()

    def peek(self, ref: ShardRef) -> tuple[ShardRecord, Ages] | None:
        """A record as this instance has it in memory, with the ages of its leases; None where it has not."""
        known = self._open.get(ref)
        return (known.record, known.look(boottime_s())) if known else None

    def opened(self) -> list[ShardRecord]:
        """All records in memory."""
        return [each.record for each in self._open.values()]

    def forget(self, campaign: str, group: str, before: int) -> None:
        """Keep no record of a group's rounds before this one in memory."""
        mine = [ref for ref in self._open if (ref.campaign, ref.group) == (campaign, group)]
        self._forget(ref for ref in mine if ref.round < before)

    def drop(self, campaign: str, edition: int, group: str) -> None:
        """Keep no record of a group in memory; to be called `between_commits`."""
        wanted = (campaign, edition, group)
        self._forget([ref for ref in self._open if (ref.campaign, ref.edition, ref.group) == wanted])

    def heard(self, ref: ShardRef, nonce: str) -> None:
        """A lease's worker has just spoken."""
        if ref in self._open:
            self._open[ref].heard_s[nonce] = boottime_s()

    async def change(self, slot: int, empty: ShardRecord, step: Step[T]) -> T:
        """Change a record, and return the step's answer when that is durable.

        Args:
            slot: The record's slot.
            empty: The record as it is where nothing was stored yet.
            step: Takes the record and the ages of its leases; returns the record afterwards and an answer. Its
                `BadRequest` is raised here.

        Raises:
            Unavailable: The slot is not ours (any more), or Consul did not take the change.
        """
        job = Job(slot, empty, step, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        self._waiting.set()
        answer: T = await job.answer
        return answer

    async def run(self) -> None:
        """Commit what waits, for ever."""
        while True:
            await self._waiting.wait()
            async with self._cycle:
                self._waiting.clear()
                jobs, self._jobs = self._jobs, []
                await self._carry_out(jobs)

    @asynccontextmanager
    async def between_commits(self) -> AsyncIterator[None]:
        """Nothing is being written inside this block."""
        async with self._cycle:
            yield

    async def close_slot(self, slot: int) -> None:
        """Forget a slot's records; returns when nothing of it is being written any more."""
        async with self.between_commits():
            self._forget(ref for ref, each in self._open.items() if each.slot == slot)
            self._beside.close_slot(slot)

    async def stored(self, prefix: str) -> list[ShardRecord]:
        """All stored records below a prefix, whoever owns them.

        Raises:
            Unavailable: Consul is away, or a record is damaged.
        """
        entries = await self._consul.kv_list(prefix)
        # In a thread: 500 groups of 64 shards take a second, in which nobody would be answered.
        return await asyncio.to_thread(lambda: [_read(entry.key, entry.value) for entry in entries])

    async def _carry_out(self, jobs: Sequence[Job]) -> None:
        by_slot: dict[int, list[Job]] = {}
        for job in jobs:
            by_slot.setdefault(job.slot, []).append(job)
        ours = {slot: waiting for slot, waiting in by_slot.items() if self._fence.check(slot)}
        for slot in by_slot.keys() - ours.keys():
            fail(by_slot[slot], Unavailable("another instance serves these targets now", retry_after_s=1.0))
        unread = await self._load({job.empty.ref: job for waiting in ours.values() for job in waiting})
        await asyncio.gather(*map(self._commit_all, chains(self._applied(ours, unread))))

    async def _load(self, wanted: Mapping[ShardRef, Job]) -> dict[ShardRef, str]:
        """Read what is not in memory; returns why of what cannot be read."""
        missing = [job for ref, job in wanted.items() if ref not in self._open]
        found = await asyncio.gather(*map(self._load_one, missing))
        return {job.empty.ref: why for job, why in zip(missing, found, strict=True) if why}

    async def _load_one(self, job: Job) -> str:
        key = keys.shard(job.empty.ref)
        try:
            entry = await self._consul.kv_get(key, consistent=True)
            record = _read(key, entry.value) if entry else job.empty
        except Unavailable as error:
            return str(error)
        self._open[record.ref] = Open(job.slot, record, entry.modify_index if entry else 0)
        return ""

    def _applied(self, by_slot: Mapping[int, list[Job]], unread: Mapping[ShardRef, str]) -> list[Change]:
        changes: dict[ShardRef, Change] = {}
        for slot, jobs in by_slot.items():
            for job in jobs:
                known = self._open.get(job.empty.ref)
                if known is None:
                    why = unread.get(job.empty.ref, "it is being closed")
                    fail([job], Unavailable(f"the record of these targets cannot be read just now: {why}"))
                    continue
                change = changes.setdefault(known.record.ref, Change(slot, known, known.record))
                change.apply(job, boottime_s())
        return list(changes.values())

    async def _commit_all(self, chain: Sequence[Sequence[Change]]) -> None:
        for group in chain:
            await self._commit(group)

    async def _commit(self, changes: Sequence[Change]) -> None:
        """Write a group; one that is refused is tried slot by slot, so that a lost slot costs the others nothing."""
        if await self._written(changes):
            return
        for slot in sorted({each.slot for each in changes}):
            alone = [each for each in changes if each.slot == slot]
            if not await self._written(alone):
                self._fence.lost(slot)
                self._forget(each.after.ref for each in alone)
                for each in alone:
                    fail(each.jobs, Unavailable("another instance serves these targets now", retry_after_s=1.0))

    async def _written(self, changes: Sequence[Change]) -> bool:
        """Whether Consul took the changes; answers those who wait, unless it refused."""
        operations = self._operations(changes)
        if operations is None:
            return False
        try:
            with _COMMIT.time():
                entries = await self._consul.kv_txn(operations)
        except Unavailable as error:
            # It may have been carried out all the same: read again before the next change.
            self._forget(each.after.ref for each in changes)
            for each in changes:
                fail(each.jobs, Unavailable(f"the change is not stored: {error}"))
            return True
        if entries is None:
            return False
        indexes = {entry.key: entry.modify_index for entry in entries}
        for each in changes:
            each.known.record = each.after
            each.known.index = indexes.get(keys.shard(each.after.ref), each.known.index)
            each.succeed()
        return True

    def _operations(self, changes: Sequence[Change]) -> list[Mapping[str, Any]] | None:
        """The transaction of a group; None where a slot is known to be another's.

        The lock is asked for even where nothing changes: whoever lost it unawares knows old records, and would refuse
        what another owner has given.
        """
        changed = [each for each in changes if each.changed]
        checks = {each.slot: self._fence.check(each.slot) for each in changes}
        if not all(checks.values()):
            return None
        beside = [self._beside.changed(each.known.record, each.after) for each in changed]
        writes = [*(each.operation() for each in changed), *(each for each in beside if each)]
        return [*(check for check in checks.values() if check), *writes]

    def _forget(self, refs: Iterable[ShardRef]) -> None:
        gone = list(refs)
        for ref in gone:
            self._open.pop(ref, None)
        self._beside.forget(gone)


def _read(key: str, value: bytes) -> ShardRecord:
    try:
        return ShardRecord.from_bytes(value)
    except BadRequest as error:
        raise Unavailable(
            f"{key} in Consul is damaged ({error}); delete that key, and its targets are handed out again"
        ) from error
