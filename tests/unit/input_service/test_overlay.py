"""The stored overlay: who hears of a change, and what is kept when Consul is away, restored, or holds nonsense."""

import asyncio
import hashlib
import json
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from hoploom.input_service.overlay import Overlay
from hoploom.kit.consul_api import KvEntry
from hoploom.kit.errors import Unavailable, Unprocessable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.wire.overlay import OptOut, OverlayDocument
from hoploom.wire.overlay_record import KEY, MAX_BYTES
from unit.input_service.instances import BusyConsul
from waiting import eventually

LONG_S = 20.0
DAMAGED = {
    "no zlib": b"overlay",
    "no JSON": zlib.compress(b"{"),
    "no overlay": zlib.compress(b'{"v":1,"version":"x"}'),
}


class Link(FakeConsul):
    """The way to another Consul, which can be cut, or bring what was."""

    def __init__(self, other: FakeConsul) -> None:
        super().__init__()
        self._other, self.cut = other, False
        self.late: list[KvEntry] = []

    async def kv_get(self, key: str, *, consistent: bool = False) -> KvEntry | None:
        self._require()
        return await self._other.kv_get(key, consistent=consistent)

    async def kv_put(self, key: str, value: bytes, *, cas: int | None = None) -> bool:
        self._require()
        return await self._other.kv_put(key, value, cas=cas)

    async def kv_watch(self, prefix: str, index: int, wait_s: float = LONG_S) -> tuple[int, list[KvEntry]]:
        self._require()
        found, entries = await self._other.kv_watch(prefix, index, wait_s)
        self._require()
        late, self.late = self.late, []
        return found, late or entries

    def _require(self) -> None:
        if self.cut:
            raise Unavailable("the way to Consul is cut")


@asynccontextmanager
async def following(*consuls: FakeConsul) -> AsyncIterator[list[Overlay]]:
    """An overlay over each of these that follows and has read once."""
    found = [Overlay(each, lambda: "2026-06-01") for each in consuls]
    tasks = [asyncio.get_running_loop().create_task(each.run()) for each in found]
    try:
        await eventually("all have read", lambda: all(each.current for each in found))
        yield found
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def paused(document: OverlayDocument) -> OverlayDocument:
    return document.with_pause("", paused=True)


def resumed(document: OverlayDocument) -> OverlayDocument:
    return document.with_pause("", paused=False)


def opted_out(block: str, until: str = "") -> Any:
    return lambda document: document.with_opt_out(OptOut(block=block, until=until))


@contextmanager
def waiting_for_news(overlay: Overlay, known: int, wait_s: float = LONG_S) -> Iterator["asyncio.Task[Any]"]:
    task = asyncio.get_running_loop().create_task(overlay.news(known, wait_s))
    try:
        yield task
    finally:
        task.cancel()


async def stored(consul: FakeConsul) -> OverlayDocument:
    entry = await consul.kv_get(KEY)
    assert entry is not None
    return OverlayDocument.from_json(json.loads(zlib.decompress(entry.value)))


async def test_nothing_is_known_before_the_first_read_and_then_an_empty_overlay(fake_consul: FakeConsul) -> None:
    fake_consul.away = True
    overlay = Overlay(fake_consul)
    assert overlay.current is None
    assert await overlay.news(-1, 0) is None
    fake_consul.away = False
    async with following(fake_consul) as [other]:
        assert other.current == OverlayDocument()


@pytest.mark.timed(0.5)
async def test_a_change_at_one_instance_wakes_whoever_waits_at_another(fake_consul: FakeConsul) -> None:
    async with following(fake_consul, fake_consul) as [one, other]:
        with waiting_for_news(other, 0) as news:
            after, new = await one.change(paused)
            assert (after.version, new) == (1, True)
            assert await asyncio.wait_for(news, 1.0) == after
    assert one.current == after


async def test_what_is_so_already_is_not_written_again(fake_consul: FakeConsul) -> None:
    overlay = Overlay(fake_consul)
    await overlay.change(paused)
    before = await fake_consul.kv_get(KEY)
    assert (await overlay.change(paused))[1] is False
    assert await fake_consul.kv_get(KEY) == before


@pytest.mark.parametrize("seed", range(20))
async def test_no_change_of_many_at_once_is_lost(seed: int) -> None:
    consul = BusyConsul(seed)
    overlays = [Overlay(consul) for _ in range(4)]
    blocks = [f"10.0.{number}.0/24" for number in range(12)]
    await asyncio.gather(*(overlays[n % 4].change(opted_out(block)) for n, block in enumerate(blocks)))
    document = await stored(consul)
    assert ({each.block for each in document.opt_outs}, document.version) == (set(blocks), 12)


async def test_what_was_read_last_is_kept_while_consul_is_away(fake_consul: FakeConsul) -> None:
    async with following(fake_consul) as [overlay]:
        after, _ = await overlay.change(paused)
        fake_consul.away = True
        assert overlay.current == after
        assert await overlay.news(0, 0) == after
        with pytest.raises(Unavailable):
            await overlay.change(resumed)


@pytest.mark.parametrize(
    ("known", "told"), [(-1, 2), (0, 2), (1, 2), (2, None), (3, 2)], ids=["none", "empty", "older", "same", "newer"]
)
async def test_whoever_knows_another_version_is_told_at_once(
    fake_consul: FakeConsul, known: int, told: int | None
) -> None:
    overlay = Overlay(fake_consul)
    await overlay.change(paused)
    await overlay.change(resumed)
    found = await overlay.news(known, 0)
    assert (found.version if found else None) == told


async def test_an_instance_that_is_cut_off_takes_back_nothing_that_another_has_said(fake_consul: FakeConsul) -> None:
    link = Link(fake_consul)
    async with following(fake_consul, link) as [one, other]:
        link.cut = True
        after, _ = await one.change(paused)
        assert await other.news(after.version, 0) is None
        assert other.current == OverlayDocument()
        link.cut = False
        assert await other.news(after.version, 0) is None, "the same as the asker knows"
        assert other.current == after, "the question made it read"


async def test_a_read_that_comes_late_takes_back_nothing(fake_consul: FakeConsul) -> None:
    link = Link(fake_consul)
    async with following(link) as [overlay]:
        await overlay.change(paused)
        link.late = await fake_consul.kv_list(KEY)
        after, _ = await overlay.change(resumed)
        await eventually("the late one is read", lambda: not link.late)
        with waiting_for_news(overlay, after.version, 0.05) as news:
            assert await news is None and overlay.current == after
        assert await stored(fake_consul) == after


async def test_an_older_one_is_told_when_consul_itself_has_no_newer(fake_consul: FakeConsul) -> None:
    await Overlay(fake_consul).change(paused)
    async with following(fake_consul) as [overlay]:
        assert await overlay.news(9, LONG_S) == overlay.current


async def test_a_time_without_news_ends_with_nothing(fake_consul: FakeConsul) -> None:
    async with following(fake_consul) as [overlay]:
        assert await overlay.news(0, 0.01) is None


@pytest.mark.timed(0.5)
async def test_whoever_waits_is_sent_away_at_once_when_the_instance_stops(fake_consul: FakeConsul) -> None:
    async with following(fake_consul) as [overlay]:
        with waiting_for_news(overlay, 0) as news:
            await asyncio.sleep(0)
            overlay.close()
            assert await asyncio.wait_for(news, 1.0) is None
        assert await overlay.news(0, LONG_S) is None, "nor does anybody wait afterwards"


async def test_a_change_right_after_a_restored_copy_keeps_what_was_said_since(fake_consul: FakeConsul) -> None:
    # It follows nothing, so only the change itself can notice.
    overlay = Overlay(fake_consul)
    await overlay.change(paused)
    first = await fake_consul.kv_get(KEY)
    assert first is not None
    before, _ = await overlay.change(opted_out("::1"))
    await fake_consul.kv_put(KEY, first.value)
    after, changed = await overlay.change(resumed)
    assert changed and (after.version, after.opt_outs, after.paused) == (before.version + 1, before.opt_outs, False)


@pytest.mark.parametrize("damage", ["older", "deleted", "no zlib", "no JSON", "no overlay"])
async def test_a_newer_one_that_an_instance_knows_is_put_back(fake_consul: FakeConsul, damage: str) -> None:
    async with following(fake_consul, fake_consul) as [one, other]:
        await one.change(opted_out("::1"))
        first = await fake_consul.kv_get(KEY)
        after, _ = await one.change(paused)
        await eventually("both know", lambda: one.current == other.current == after)
        if damage == "deleted":
            await fake_consul.kv_delete(KEY)
        else:
            await fake_consul.kv_put(KEY, first.value if first and damage == "older" else DAMAGED[damage])

        async def put_back() -> bool:
            entry = await fake_consul.kv_get(KEY)
            return entry is not None and entry.value not in DAMAGED.values() and await stored(fake_consul) == after

        await eventually("it is put back", put_back)
        assert one.current == other.current == after
        assert (await other.change(resumed))[0].version == after.version + 1


@pytest.mark.parametrize("value", DAMAGED.values(), ids=DAMAGED)
async def test_a_damaged_one_that_nobody_knew_is_named_and_nothing_is_known(
    fake_consul: FakeConsul, value: bytes
) -> None:
    await fake_consul.kv_put(KEY, value)
    overlay = Overlay(fake_consul)
    following_it = asyncio.get_running_loop().create_task(overlay.run())
    try:
        with pytest.raises(Unavailable, match=f"{KEY} is damaged .* delete the key"):
            await overlay.change(paused)
        assert overlay.current is None
        await fake_consul.kv_delete(KEY)
        await eventually("it goes on with an empty one", lambda: overlay.current is not None)
    finally:
        following_it.cancel()
        await asyncio.gather(following_it, return_exceptions=True)


async def test_an_opt_out_that_has_run_out_is_left_out_and_with_the_next_change_removed(
    fake_consul: FakeConsul,
) -> None:
    days = ["2026-06-01"]
    overlay = Overlay(fake_consul, lambda: days[0])
    await overlay.change(opted_out("192.0.2.0/24", until="2026-06-01"))
    held = [overlay.current]
    days[0] = "2026-06-02"
    held.append(overlay.current)
    assert [each and bool(each.away_from(4)) for each in held] == [True, False]
    assert (await stored(fake_consul)).opt_outs
    await overlay.change(paused)
    assert not (await stored(fake_consul)).opt_outs


async def test_a_list_too_long_for_consul_is_refused_and_what_was_stays(fake_consul: FakeConsul) -> None:
    overlay = Overlay(fake_consul)
    before, _ = await overlay.change(opted_out("::1"))
    # Digests do not compress.
    notes = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(2000)]
    long = [OptOut(block=f"2001:db8::{n:x}", note=note) for n, note in enumerate(notes, 2)]
    with pytest.raises(Unprocessable, match=f"over {MAX_BYTES:,}: join neighbouring blocks"):
        await overlay.change(lambda document: OverlayDocument(version=document.version, opt_outs=tuple(long)))
    assert overlay.current == await stored(fake_consul) == before


async def test_ten_thousand_blocks_fit(fake_consul: FakeConsul) -> None:
    blocks = [OptOut(block=f"10.{n // 256}.{n % 256}.0/24", since="2026-01-01") for n in range(10_000)]
    blocks.sort(key=lambda each: each.block)
    overlay = Overlay(fake_consul)
    await overlay.change(lambda document: OverlayDocument(opt_outs=tuple(blocks)))
    entry = await fake_consul.kv_get(KEY)
    assert entry is not None and len(entry.value) < MAX_BYTES
    assert overlay.current is not None and overlay.current is overlay.current, "it is not made anew for every lease"


async def test_who_finds_no_overlay_stores_an_empty_one_since_a_missing_key_wakes_its_watch_at_every_write(
    fake_consul: FakeConsul,
) -> None:
    async with following(fake_consul) as [overlay]:
        assert overlay.current == OverlayDocument()
        entry = await fake_consul.kv_get(KEY)
        assert entry is not None
        assert OverlayDocument.from_json(json.loads(zlib.decompress(entry.value))) == OverlayDocument()
