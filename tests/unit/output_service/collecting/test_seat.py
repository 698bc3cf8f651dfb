"""A folder, what stands in Consul of its name, and who may."""

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.output_service.collecting import seat
from hoploom.output_service.collecting.pinning import Pin
from hoploom.output_service.collecting.seat import Seat, Write
from hoploom.results.data_set import DataSet
from lab.result_files import STORE, write
from unit.wire.batches import make

KEY = "hoploom/data-sets/main"


def writer(consul: FakeConsul) -> Write:
    async def put(operation: Any) -> bool:
        return bool(await consul.kv_txn([operation]))

    return put


async def taken(consul: FakeConsul, place: Seat, tmp_path: Path) -> str:
    """The UUID of a data set with two batches, entered."""
    async with seat.holding(place, consul) as held:
        await held.take(write(tmp_path / f"{place.folder.name}.db", STORE, [make(1), make(2)]), STORE, 0)
        await place.enter(consul, held.uuid, {STORE: 2}, writer(consul))
        return held.uuid


async def test_a_new_set_is_made_and_entered_with_its_host_folder_and_cursors(
    fake_consul: FakeConsul, tmp_path: Path
) -> None:
    uuid = await taken(fake_consul, Seat("main", tmp_path / "a"), tmp_path)
    entry = await fake_consul.kv_get(KEY)
    assert entry
    pin = Pin.from_bytes(entry.value)
    assert pin and (pin.uuid, pin.folder, pin.cursors) == (uuid, str(tmp_path / "a"), {STORE: 2})
    assert seat.held_in(tmp_path / "a") == Pin(uuid, folder=str(tmp_path / "a"), cursors={STORE: 2})


async def test_it_is_seen_while_another_has_it_open(fake_consul: FakeConsul, tmp_path: Path) -> None:
    async with seat.holding(Seat("main", tmp_path / "a"), fake_consul) as held:
        found = seat.held_in(tmp_path / "a")
        assert found and found.uuid == held.uuid
        with pytest.raises(ConfigError, match="already owns"):
            async with seat.holding(Seat("main", tmp_path / "a"), fake_consul):
                pass


async def test_another_folder_stays_away_until_the_set_is_given_up(fake_consul: FakeConsul, tmp_path: Path) -> None:
    first = await taken(fake_consul, Seat("main", tmp_path / "a"), tmp_path)
    with pytest.raises(ConfigError, match=f"--new-data-set={first} gives that one up"):
        async with seat.holding(Seat("main", tmp_path / "b"), fake_consul):
            pass
    assert not (tmp_path / "b").exists()
    second = await taken(fake_consul, Seat("main", tmp_path / "b", first), tmp_path)
    assert second != first
    assert "this folder holds" in (await Seat("main", tmp_path / "a").judged(fake_consul)).why_not
    assert not (await Seat("main", tmp_path / "b", first).judged(fake_consul)).why_not


async def test_an_older_copy_stays_away_and_becomes_another_set_where_that_is_asked_for(
    fake_consul: FakeConsul, tmp_path: Path
) -> None:
    place = Seat("main", tmp_path / "a")
    first = await taken(fake_consul, place, tmp_path)
    async with seat.holding(place, fake_consul) as held:
        await place.enter(fake_consul, held.uuid, {STORE: 3}, writer(fake_consul))
    assert "an older copy" in (await place.judged(fake_consul)).why_not
    asked = Seat("main", tmp_path / "a", first)
    async with seat.holding(asked, fake_consul) as held:
        assert held.uuid != first and await held.upto(STORE) == 2
        await asked.enter(fake_consul, held.uuid, {}, writer(fake_consul))
    assert not (await place.judged(fake_consul)).why_not


async def test_cursors_of_stores_that_were_not_looked_at_stay_entered(fake_consul: FakeConsul, tmp_path: Path) -> None:
    place = Seat("main", tmp_path / "a")
    uuid = await taken(fake_consul, place, tmp_path)
    await place.enter(fake_consul, uuid, {"other": 7}, writer(fake_consul))
    entry = await fake_consul.kv_get(KEY)
    pin = Pin.from_bytes(entry.value) if entry else None
    assert pin and pin.cursors == {STORE: 2, "other": 7}


async def test_who_comes_second_does_not_write_over_the_first(fake_consul: FakeConsul, tmp_path: Path) -> None:
    async def too_late(operation: Any) -> bool:
        await fake_consul.kv_put(KEY, Pin("quicker").to_bytes())
        return await writer(fake_consul)(operation)

    with pytest.raises(Unavailable, match="somebody else"):
        await Seat("main", tmp_path / "a").enter(fake_consul, "mine", {}, too_late)


async def test_who_was_given_up_does_not_write_over_the_next(fake_consul: FakeConsul, tmp_path: Path) -> None:
    await fake_consul.kv_put(KEY, Pin("next").to_bytes())
    with pytest.raises(ConfigError, match="--new-data-set=next"):
        await Seat("main", tmp_path / "a", "long-gone").enter(fake_consul, "mine", {}, writer(fake_consul))


async def test_what_is_not_understood_is_not_taken_for_free(fake_consul: FakeConsul, tmp_path: Path) -> None:
    await fake_consul.kv_put(KEY, b"?")
    with pytest.raises(ConfigError, match="not understood"):
        await Seat("main", tmp_path / "a").judged(fake_consul)


async def test_nobody_knows_while_consul_is_away(fake_consul: FakeConsul, tmp_path: Path) -> None:
    fake_consul.away = True
    with pytest.raises(Unavailable):
        await Seat("main", tmp_path / "a").judged(fake_consul)


def test_a_set_whose_collector_was_killed_before_it_had_tables_is_none_yet(tmp_path: Path) -> None:
    (tmp_path / "merged.db").touch()
    assert seat.held_in(tmp_path) is None


def test_a_set_whose_collector_was_killed_in_the_middle_of_a_commit_is_as_it_was_before(tmp_path: Path) -> None:
    with contextlib.closing(DataSet.open(tmp_path / "whole", "main")) as opened:
        connection = opened._connection
        connection.execute("PRAGMA cache_size = 5; BEGIN IMMEDIATE")
        # More than the cache takes, so that some of it is in the file already.
        connection.executemany("INSERT INTO cursors VALUES (?, 7)", ((str(number),) for number in range(20_000)))
        shutil.copytree(tmp_path / "whole", tmp_path / "killed")
        connection.execute("ROLLBACK")
        assert (tmp_path / "killed" / "merged.db-journal").exists()
        assert seat.held_in(tmp_path / "killed") == Pin(opened.uuid, folder=str(tmp_path / "killed"))


def test_a_file_that_is_no_data_set_is_said(tmp_path: Path) -> None:
    (tmp_path / "merged.db").write_bytes(b"x" * 4096)
    with pytest.raises(ConfigError, match="cannot be read as a data set"):
        seat.held_in(tmp_path)


@pytest.mark.parametrize("name", ["", "Main", "a/b", "..", "a" * 41])
def test_a_name_is_part_of_a_role(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        Seat(name, tmp_path)
