"""Which slots this instance owns: watches the locks and the passing instances, takes what it should own, hands over.

The rule is `shards.moves`; this shell carries it out. A slot that is handed over is first closed (nothing more is
written), then its lock released with a word who left it, and the successor takes it within milliseconds: it watches.
"""

import asyncio
import json
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hoploom.input_service import keys, shards
from hoploom.kit import Mesh, metrics, watch
from hoploom.kit.belief import Token
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import Instance, KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.session import LockWrite

log = logging.getLogger(__name__)
LOOK_EVERY_S = 0.5
"""Only for what no watch tells: the end of a lock-delay, and of the patience with the one before in rank."""

SUCCESSOR_S = 2.0
"""A slot without an owner is waited for so long before a request is refused."""

WEIGHT = "shard_weight"
_OWNED = metrics.gauge("hoploom_input_slots_owned", "Slots of the input domain that this instance owns.")
_MOVES = metrics.counter("hoploom_input_slot_moves_total", "Slots taken, handed over or lost.", ("move",))


Close = Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Owner:
    """Who holds a slot.

    Attributes:
        instance: Its id.
        url: Where it answers.
        since_us: Wall clock of its acquisition; for people.
    """

    instance: str
    url: str
    since_us: int = 0


@dataclass(frozen=True)
class Term:
    """This instance's time as owner of a slot.

    Attributes:
        slot: The slot.
        lock: Key of its lock.
        token: Fencing token of this acquisition.
        fresh: Whether nobody ever owned the slot before.
    """

    slot: int
    lock: str
    token: Token
    fresh: bool = False


class Ownership:
    """The slots of this instance, and the owners of all others."""

    def __init__(self, mesh: Mesh) -> None:
        """Own nothing yet."""
        self._mesh = mesh
        self._close: Close = _nothing_to_close
        self._terms: dict[int, Term] = {}
        self._owners: dict[int, Owner] = {}
        self._left: dict[int, str] = {}
        self._own: dict[int, Owner] = {}
        self._indexes: dict[int, int] = {}
        self._free_since_s: dict[int, float] = {}
        self._weights: dict[str, float] = {}
        self._watched = self._leaving = False
        self._changed = asyncio.Event()

    @property
    def me(self) -> str:
        """This instance's id."""
        return self._mesh.id

    def term(self, slot: int) -> Term | None:
        """This instance's term, or None when the slot is another's or the session is not known to be alive."""
        return self._terms.get(slot) if self._mesh.session.valid else None

    def check(self, slot: int) -> Mapping[str, Any] | None:
        """The operation that fences a transaction over a slot's records; None where it is not this instance's."""
        term = self.term(slot)
        return self._mesh.session.check(term.lock) if term else None

    def owner(self, slot: int) -> Owner | None:
        """Who holds a slot, as last seen; None while nobody does."""
        if slot in self._terms:
            return self._own[slot]
        found = self._owners.get(slot)
        # What the watch still shows of this instance itself is over.
        return found if found and found.instance != self._mesh.id else None

    def owners(self) -> dict[int, Owner]:
        """Who holds what, by slot."""
        return {slot: found for slot in range(shards.SLOTS) if (found := self.owner(slot))}

    @property
    def mine(self) -> frozenset[int]:
        """The slots that this instance owns now."""
        return frozenset(self._terms) if self._mesh.session.valid else frozenset()

    async def settled(self, slot: int) -> Owner | None:
        """Who holds a slot; waits a moment where it is changing hands just now."""
        try:
            async with asyncio.timeout(SUCCESSOR_S):
                while (found := self.owner(slot)) is None:
                    await self._changed.wait()
        except TimeoutError:
            return None
        return found

    def lost(self, slot: int) -> None:
        """A write was refused: whoever holds the slot now, it is not this instance."""
        self._drop([slot], "a write was refused")

    async def run(self, close: Close) -> None:
        """Follow locks and instances, and move slots, for ever.

        Args:
            close: Called with a slot before it is released: returns when nothing of it is being written any more.
        """
        self._close = close
        self._mesh.session.on_lost(self._all_lost)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_locks())
            group.create_task(self._follow_instances())
            while True:
                try:
                    await self._move()
                except Unavailable as error:
                    log.warning("slots stay where they are: %s", error)
                await self.news(LOOK_EVERY_S)

    async def hand_over(self) -> None:
        """Give all slots to the others, and wait until they have taken them (or a moment, where there are none)."""
        self._leaving = True
        mine = list(self._terms)
        await self._give(mine)
        if set(self._weights) - {self._mesh.id}:
            await asyncio.gather(*map(self.settled, mine))

    async def _move(self) -> None:
        if self._leaving or not self._watched or not self._mesh.session.valid:
            return
        found = shards.moves(self._mesh.id, self._weights, self._locks(), self._terms)
        await self._give(found.hand_over)
        await self._take(found.take)

    def _locks(self) -> dict[int, shards.Lock]:
        now_s, locks = boottime_s(), {}
        for slot in range(shards.SLOTS):
            owner = self._owners.get(slot)
            if owner and owner.instance == self._mesh.id:
                # Held by this session, and the answer that said so was lost: taking it again is answered again.
                locks[slot] = shards.Lock(left=self._left.get(slot, ""), free_for_s=math.inf)
            elif owner:
                self._free_since_s.pop(slot, None)
                locks[slot] = shards.Lock(holder=owner.instance, left=self._left.get(slot, ""))
            else:
                since_s = self._free_since_s.setdefault(slot, now_s)
                locks[slot] = shards.Lock(left=self._left.get(slot, ""), free_for_s=now_s - since_s)
        return locks

    async def _take(self, slots: Sequence[int]) -> None:
        # Before the locks are taken: the watch may show them sooner than the answer comes.
        left = {slot: self._left.get(slot) for slot in slots}
        at_us = wall_us()
        said = {"v": 1, "instance": self._mesh.id, "url": self._mesh.url, "at_us": at_us}
        tokens = await self._mesh.session.acquire_all([
            LockWrite(keys.lock(slot), _packed({**said, "left": left[slot] or ""}), self._indexes.get(slot, 0))
            for slot in slots
        ])
        taken = {slot: token for slot, token in zip(slots, tokens, strict=True) if token is not None}
        # What is known from an earlier term may be behind: in between a slot was perhaps another's.
        await asyncio.gather(*map(self._close, taken))
        for slot, token in taken.items():
            self._own[slot] = Owner(self._mesh.id, self._mesh.url, at_us)
            self._terms[slot] = Term(slot, keys.lock(slot), token, fresh=left[slot] is None)
        if taken:
            _MOVES.labels("taken").inc(len(taken))
            self._tell()
        if self._leaving:
            await self._give(taken)

    async def _give(self, slots: Iterable[int]) -> None:
        terms = [term for slot in slots if (term := self._terms.pop(slot, None))]
        for term in terms:
            self._owners.pop(term.slot, None)
        await asyncio.gather(*(self._close(term.slot) for term in terms))
        # Whoever leaves is still passing for a moment, and must not be given its slots back.
        value = _packed({"v": 1, "left": self._mesh.id if self._leaving else ""})
        await self._mesh.session.release_all([LockWrite(term.lock, value, term.token.index) for term in terms])
        if terms:
            _MOVES.labels("handed over").inc(len(terms))
            self._tell()

    async def _follow_locks(self) -> None:
        consul = self._mesh.consul
        await watch.follow("locks of shards", lambda index: consul.kv_watch(keys.SHARDS, index), self._learn_locks)

    async def _follow_instances(self) -> None:
        consul = self._mesh.consul
        await watch.follow(
            "input instances", lambda index: consul.instances(self._mesh.name, index=index), self._learn_instances
        )

    def _learn_locks(self, entries: list[KvEntry]) -> None:
        self._watched = True
        self._owners, self._left, self._indexes = {}, {}, {}
        for entry in entries:
            slot, said = _slot(entry.key), _said(entry.value)
            if slot is None:
                continue
            if entry.session and "instance" in said:
                at_us = said.get("at_us", 0)
                shown_us = at_us if isinstance(at_us, int) else 0
                self._owners[slot] = Owner(str(said["instance"]), str(said.get("url", "")), shown_us)
            self._left[slot], self._indexes[slot] = str(said.get("left", "")), entry.modify_index
        self._drop([slot for entry in entries if (slot := self._not_ours(entry)) is not None], "its lock is another's")
        self._tell()

    def _not_ours(self, entry: KvEntry) -> int | None:
        """The slot of a lock that has changed hands since this instance took it."""
        slot = _slot(entry.key)
        term = self._terms.get(slot) if slot is not None else None
        changed = term is not None and entry.modify_index > term.token.index
        return slot if changed and entry.session != self._mesh.session.id else None

    def _learn_instances(self, instances: list[Instance]) -> None:
        # An empty list may be Consul's own trouble; the last known stands.
        if instances:
            self._weights = {each.id: _weight(each) for each in instances}
            self._tell()

    def _all_lost(self) -> None:
        self._drop(list(self._terms), "the session has ended")

    def _drop(self, slots: Sequence[int], why: str) -> None:
        gone = [slot for slot in slots if self._terms.pop(slot, None)]
        if gone:
            log.warning("%s slots are lost (%s): %s", len(gone), why, ", ".join(map(str, gone)))
            _MOVES.labels("lost").inc(len(gone))
            self._tell()

    def _tell(self) -> None:
        _OWNED.set(len(self._terms))
        self._changed.set()
        self._changed = asyncio.Event()

    async def news(self, timeout_s: float) -> None:
        """Wait until something has changed, or for a time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return


async def _nothing_to_close(_: int) -> None:
    """Before `run` nothing is owned."""


def _slot(key: str) -> int | None:
    number = key.removeprefix(keys.SHARDS).removesuffix("/.lock")
    return int(number) if number.isdecimal() and int(number) < shards.SLOTS else None


def _packed(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode()


def _said(value: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(value)
    except ValueError:
        # `consul lock` on the command line writes nothing that is ours.
        return {}
    return said if isinstance(said, dict) else {}


def _weight(instance: Instance) -> float:
    try:
        return max(0.0, float(instance.meta.get(WEIGHT, "1")))
    except ValueError:
        return 1.0
