"""Permanent numbers are never given twice."""

import asyncio
import itertools

import pytest

from hoploom.trust.numbers import Numbers, first_number
from hoploom.wire.campaign import FIRST_NUMBER
from unit.input_service.instances import BusyConsul

GOLDEN = 2057175370667008


@pytest.mark.parametrize("seed", range(4))
async def test_numbers_taken_at_once_differ(seed: int) -> None:
    consul = BusyConsul(seed)
    taken = await asyncio.gather(*(Numbers(consul).take(2) for _ in range(10)))
    assert sorted(taken) == list(range(FIRST_NUMBER, FIRST_NUMBER + 20, 2))


@pytest.mark.parametrize("seed", range(4))
async def test_a_worker_has_the_same_number_at_every_instance_for_ever(seed: int) -> None:
    consul = BusyConsul(seed)
    found = await asyncio.gather(*(Numbers(consul).of_worker("w1") for _ in range(5)))
    assert len(set(found)) == 1
    assert await Numbers(consul).of_worker("w2") not in found
    assert await Numbers(consul).of_worker("w1") == found[0]


async def test_a_whole_fleet_of_new_workers_gets_its_numbers_at_once() -> None:
    numbers = Numbers(BusyConsul(0))
    found = await asyncio.gather(*(numbers.of_worker(f"w{each}") for each in range(200)))
    assert len(set(found)) == len(found)


def test_each_datacenter_begins_far_from_all_others_and_below_what_readers_keep_exactly() -> None:
    begins = sorted(first_number(f"dc{number}") for number in range(100))
    assert begins[0] >= FIRST_NUMBER + 2**32 and begins[-1] + 2**32 < 2**53
    assert all(after - before >= 2**32 for before, after in itertools.pairwise(begins))
    assert first_number("dc2") == GOLDEN
