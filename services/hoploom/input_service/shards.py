"""Which input instance serves which targets: shards, slots, and who should own a slot. Pure.

A campaign's positions are cut into shards; every shard lies in one of 64 slots, and a slot has one owner at a time: the
holder of its Consul lock. So the number of locks is the same for one campaign and for a thousand. Rendezvous hashing
over the passing instances says who *should* own a slot: when an instance comes or goes, only its own slots move.

Source: Thaler & Ravishankar 1998, "Using name-based mappings to increase hit rates"; the weights are Schindelhauer &
Schomaker's (2005, "Weighted distributed hash tables").
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

SLOTS = 64
"""More than the input instances of any mesh; few enough that one instance takes all of them in a second."""

SHARD_TARGETS = 4096
"""A smaller shard would be a single lease."""

PATIENCE_S = 2.0
"""So long the next in rank waits for the one before it to take a slot that is free."""


def shard_count(size: int) -> int:
    """Into how many shards a family of `size` targets is cut: 1 to 64."""
    return max(1, min(SLOTS, size // SHARD_TARGETS))


def shard_range(size: int, shard: int) -> tuple[int, int]:
    """First position of a shard, and the position after its last."""
    count = shard_count(size)
    return shard * size // count, (shard + 1) * size // count


def shard_at(size: int, position: int) -> int:
    """The shard that holds a position, 0 <= position < size."""
    return ((position + 1) * shard_count(size) - 1) // size


def slot_of(campaign: str, family: int, shard: int) -> int:
    """The slot of a shard; neighbouring shards lie in neighbouring slots, so that a large campaign uses all."""
    return (_hash(f"{campaign} {family}") + shard) % SLOTS


def slot_of_name(name: str) -> int:
    """The slot of anything else that has one owner in the mesh, such as a hop."""
    return _hash(name) % SLOTS


def ranking(what: str, weights: Mapping[str, float]) -> list[str]:
    """Instances in the order in which they should own `what`; those of no weight never do.

    Args:
        what: Name of a slot or of a worker.
        weights: Weight by instance id; twice the weight gets twice the share.
    """
    scores = {each: -weight / math.log(_unit(what, each)) for each, weight in weights.items() if weight > 0}
    return sorted(scores, key=lambda each: (-scores[each], each))


@dataclass(frozen=True)
class Lock:
    """The lock of a slot as Consul shows it.

    Attributes:
        holder: Id of the instance that holds it; empty while it is free.
        left: Id of an instance that is about to stop and has given it up; it comes last, though it may be passing yet.
        free_for_s: How long this instance has seen it free.
    """

    holder: str = ""
    left: str = ""
    free_for_s: float = 0.0


@dataclass(frozen=True)
class Moves:
    """What an instance does next: slots to try to take, and slots to hand over."""

    take: tuple[int, ...] = ()
    hand_over: tuple[int, ...] = ()


def moves(me: str, weights: Mapping[str, float], locks: Mapping[int, Lock], mine: Collection[int]) -> Moves:
    """Compare who owns with who should.

    Args:
        me: This instance's id.
        weights: Weight by instance id, of the instances that are passing.
        locks: The lock of each slot that has one; others are free.
        mine: Slots that this instance holds.
    """
    take, hand_over = [], []
    for slot in range(SLOTS):
        lock = locks.get(slot, Lock())
        order = _last(ranking(f"slot {slot}", weights), lock.left)
        if slot in mine:
            if order and order[0] != me:
                hand_over.append(slot)
        elif not lock.holder and me in order and lock.free_for_s >= order.index(me) * PATIENCE_S:
            take.append(slot)
    return Moves(tuple(take), tuple(hand_over))


def _last(order: list[str], left: str) -> list[str]:
    """The same order with the one that gave up the slot behind all others."""
    return [each for each in order if each != left] + [each for each in order if each == left]


# A request asks 64 times for the slot of a campaign's shard; names are short, and a mesh has some thousand workers.
@lru_cache(maxsize=8192)
def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8, person=b"hoploom-slot").digest(), "big")


def _unit(what: str, instance: str) -> float:
    """A number in (0, 1) that hangs on both names alone."""
    digest = blake2b(f"{what}\0{instance}".encode(), digest_size=7, person=b"hoploom-rank").digest()
    return (int.from_bytes(digest, "big") + 1) / (2**56 + 2)
