"""Readers that wait hear of what is stored, and of nothing else."""

import asyncio

from hoploom.output_service.news import News
from waiting import eventually


async def test_all_that_wait_hear_of_one_ring() -> None:
    news = News()
    heard = [asyncio.create_task(news.after(0, 30)) for _ in range(100)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in heard)
    news.ring()
    await asyncio.wait_for(asyncio.gather(*heard), 60)


async def test_a_ring_between_looking_and_waiting_is_heard() -> None:
    news = News()
    count = news.count
    news.ring()
    await asyncio.wait_for(news.after(count, 30), 60)


async def test_a_wait_ends_by_its_time() -> None:
    news = News()
    await asyncio.wait_for(news.after(0, 0.01), 60)
    assert news.count == 0


async def test_nobody_waits_when_the_instance_stops() -> None:
    news = News()
    waiting = asyncio.create_task(news.after(0, 30))
    await asyncio.sleep(0)
    news.end()
    await eventually("the end of the wait", waiting.done)
    await asyncio.wait_for(news.after(0, 30), 60)
    assert news.is_over
