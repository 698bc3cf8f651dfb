"""A collector with stores that are good, away, broken and hostile; each case is a store's own trouble alone."""

import shutil
from pathlib import Path

import apsw
import pytest

from hoploom.kit import metrics
from hoploom.kit.errors import Unavailable
from hoploom.output_service.collecting import downloads, making, patience, seat
from hoploom.output_service.collecting.held import Held
from hoploom.output_service.collecting.report import AWAY, BLOCKED, COLLECTED, WAITING, Report, StoreRow
from hoploom.output_service.collecting.seat import Seat
from lab.dump_server import DumpServer
from lab.result_files import write
from unit.output_service.collecting.conftest import STORES, Looking, World
from unit.wire.batches import make

IDS = [make(number).batch for number in range(20)]


def rows(report: Report) -> dict[str, StoreRow]:
    return {each.store: each for each in report.stores}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(patience, "LONGEST_PAUSE_S", 0.0)


async def test_closed_files_come_whole_and_the_rest_by_its_numbers(world: World, collector: Looking) -> None:
    output = await world.output(0, *map(make, range(7)))
    output.close_file(3)
    output.close_file(5)
    report = await collector.look()
    assert world.batches() == IDS[:7]
    assert [path for path, _ in output.asked] == [
        "/dumps/results-000001.db", "/dumps/results-000002.db", f"/dump?since={STORES[0]}:5",
    ]
    assert [each["upto"] for each in output.confirmed] == [3, 5, 7]
    assert report.is_whole
    assert rows(report)[STORES[0]] == StoreRow(
        STORES[0], COLLECTED, f"output-{output.url.rpartition(':')[2]}", "dc1", 7, 7, batches=7, rows=42
    )


async def test_a_confirmation_says_whose_it_is(world: World, collector: Looking) -> None:
    output = await world.output(0, make(0))
    uuid = (await collector.look()).uuid
    assert output.confirmed == [{"v": 1, "data_set": "main", "data_set_uuid": uuid, "store": STORES[0], "upto": 1}]


async def test_a_second_look_asks_for_nothing_and_a_later_one_for_what_is_new(
    world: World, collector: Looking
) -> None:
    output = await world.output(0, make(0))
    await collector.look()
    await collector.look()
    assert len(output.asked) == len(output.confirmed) == 1
    output.batches += [make(1), make(2)]
    output.close_file(2)
    await collector.look()
    assert world.batches() == IDS[:3]
    assert [path for path, _ in output.asked[1:]] == [f"/dump?since={STORES[0]}:1&upto=2", f"/dump?since={STORES[0]}:2"]


async def test_what_somebody_else_took_between_two_looks_is_not_fetched_again(
    world: World, collector: Looking
) -> None:
    output = await world.output(0, make(0))
    await collector.look()
    output.batches.append(make(1))
    await Looking(world).look()
    report = await collector.look()
    assert (len(output.asked), rows(report)[STORES[0]].upto) == (2, 2)


async def test_what_is_new_is_in_the_parquet_files_too(world: World, collector: Looking) -> None:
    await world.output(0, make(0, campaign="one"), make(1, campaign="two"))
    assert (await collector.look()).parquet == ""
    found = (world.data_set / "parquet" / "ping_results").glob("campaign=*")
    assert sorted(path.name for path in found) == ["campaign=one", "campaign=two"]


async def test_a_set_without_parquet_files_is_whole_and_says_so(world: World, collector: Looking) -> None:
    (world.data_set / "parquet").write_bytes(b"in the way")
    output = await world.output(0, make(0))
    report = await collector.look()
    assert (report.is_whole, len(output.confirmed), bool(report.parquet)) == (True, 1, True)
    assert "no Parquet files" in report.words()


async def test_what_two_stores_have_is_there_once(world: World, collector: Looking) -> None:
    await world.output(0, make(0), make(1))
    await world.output(1, make(1), make(2))
    report = await collector.look()
    assert world.batches() == IDS[:3]
    assert sum(each.duplicates for each in report.stores) == 1


async def test_a_store_that_is_being_filled_is_left_alone_until_it_rests(world: World, collector: Looking) -> None:
    output = await world.output(0, make(0))
    assert rows(await collector.look(60.0))[STORES[0]].state == WAITING
    output.batches.append(make(1))
    waiting = rows(await collector.look(60.0))[STORES[0]]
    assert (waiting.state, waiting.behind, output.asked) == (WAITING, 2, [])
    assert rows(await collector.look(60.0))[STORES[0]].state == COLLECTED
    assert world.batches() == IDS[:2]


async def test_every_datacenter_is_asked_and_one_that_is_away_is_named(world: World, collector: Looking) -> None:
    await world.output(0, make(0))
    await world.output(1, make(1), dc="dc2")
    world.consul.away_datacenters = {"dc2"}
    report = await collector.look()
    assert (list(report.away), report.is_whole, world.batches()) == (["dc2"], False, IDS[:1])
    world.consul.away_datacenters = set()
    assert (await collector.look()).is_whole
    assert world.batches() == IDS[:2]


async def test_who_was_known_is_asked_while_consul_is_away(world: World, collector: Looking) -> None:
    output = await world.output(0, make(0))
    await collector.look()
    world.consul.away = True
    output.batches.append(make(1))
    report = await collector.look()
    assert ("all" in report.away, report.is_whole, world.batches()) == (True, False, IDS[:2])


async def test_a_store_without_an_instance_is_away_and_never_nothing(world: World, collector: Looking) -> None:
    await world.consul.kv_put(f"hoploom/stores/{STORES[2]}", b"{}")
    report = await collector.look()
    assert (rows(report)[STORES[2]].state, report.is_whole) == (AWAY, False)


async def test_an_output_that_does_not_answer_costs_the_others_nothing(world: World, collector: Looking) -> None:
    gone, _ = await world.output(0, make(0)), await world.output(1, make(1))
    await gone.close()
    report = await collector.look()
    assert (rows(report)[STORES[0]].state, world.batches()) == (AWAY, IDS[1:2])


async def test_fabio_leads_to_an_instance_whose_own_address_is_out_of_reach(world: World) -> None:
    output = await world.output(0, make(0))
    world.fabio = output.url
    await world.consul.deregister(f"output-{output.url.rpartition(':')[2]}")
    world.consul.add_instance("output", "127.0.0.1", 1, meta={"store": STORES[0]})
    async with seat.holding(Seat("main", world.data_set), world.consul) as held:
        assert (await making.collector(world.data_set, world.outside).look(held)).is_whole
    assert world.batches() == IDS[:1]


async def test_fabio_is_not_believed_where_it_leads_to_another_store(world: World) -> None:
    world.fabio = (await world.output(1, make(1))).url
    world.consul.add_instance("output", "127.0.0.1", 1, meta={"store": STORES[0]})
    async with seat.holding(Seat("main", world.data_set), world.consul) as held:
        report = await making.collector(world.data_set, world.outside).look(held)
    assert (rows(report)[STORES[0]].state, world.batches()) == (AWAY, IDS[1:2])


async def test_two_instances_with_one_store_are_given_no_trust(world: World, collector: Looking) -> None:
    await world.output(0, make(0))
    await world.output(0, make(0), make(1))
    row = rows(await collector.look())[STORES[0]]
    assert (row.state, "one of them is a copy" in row.why) == (BLOCKED, True)


async def test_a_transfer_that_broke_off_goes_on_where_it_was(world: World, collector: Looking) -> None:
    output = await world.output(0, *(make(number, 500) for number in range(3)))
    output.close_file(3)
    size, output.cut_after = output.files[0]["bytes"], 50_000
    assert rows(await collector.look())[STORES[0]].state == AWAY
    output.cut_after = 0
    assert (await collector.look()).is_whole
    ranges = [asked for _, asked in output.asked]
    assert ranges[0] == "" and 0 < int(ranges[1].removeprefix("bytes=").removesuffix("-")) <= 50_000 < size


async def test_a_wrong_checksum_is_fetched_again_and_the_third_in_a_row_blocks(
    world: World, collector: Looking
) -> None:
    output = await world.output(0, make(0))
    output.wrong_sums = 2
    assert rows(await collector.look())[STORES[0]].state == AWAY
    assert rows(await collector.look())[STORES[0]].state == AWAY
    assert (await collector.look()).is_whole
    output.batches.append(make(1))
    output.wrong_sums = 3
    states = [rows(await collector.look())[STORES[0]].state for _ in range(4)]
    assert states == [AWAY, AWAY, BLOCKED, BLOCKED]
    assert len(output.asked) == 6


def spoil(path: Path) -> bytes:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TRIGGER t AFTER INSERT ON batches BEGIN DELETE FROM ping_results; END")
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize("bad", ["no database", "a trigger", "another store", "other batches than announced"])
async def test_a_bad_file_blocks_its_store_with_the_reason_and_no_other(
    world: World, collector: Looking, bad: str
) -> None:
    output, _ = await world.output(0, make(0)), await world.output(1, make(1))
    output.spoiled["part"] = {
        "no database": lambda path: b"x" * 5000,
        "a trigger": lambda path: spoil(write(path, STORES[0], [make(0)])),
        "another store": lambda path: write(path, STORES[1], [make(5)], 2).read_bytes(),
        "other batches than announced": lambda path: write(path, STORES[0], [make(0), make(6)]).read_bytes(),
    }[bad](world.folder / "bad.db")
    await collector.look()
    row = rows(await collector.look())[STORES[0]]
    assert (row.state, bool(row.why), len(output.asked)) == (BLOCKED, True, 1)
    assert output.confirmed == []
    assert IDS[1] in world.batches() and IDS[5] not in world.batches()
    assert (world.data_set / "quarantine" / f"{STORES[0]}.txt").read_text().strip() == row.why
    assert [metrics.registry.get_sample_value("hoploom_collector_stores", {"state": each})
            for each in (BLOCKED, COLLECTED, AWAY)] == [1, 1, 0]


async def test_a_blocked_store_is_tried_again_when_its_reason_is_removed(world: World, collector: Looking) -> None:
    output = await world.output(0, make(0))
    output.spoiled["part"] = b"x"
    await collector.look()
    del output.spoiled["part"]
    quarantine = world.data_set / "quarantine"
    assert (quarantine / f"{STORES[0]}.db").read_bytes() == b"x"
    (quarantine / f"{STORES[0]}.txt").unlink()
    assert (await collector.look()).is_whole
    assert list(quarantine.iterdir()) == []


async def test_a_longer_file_than_announced_is_cut_and_blocks(world: World, collector: Looking) -> None:
    output = await world.output(0, make(0))
    output.close_file(1)
    output.spoiled["results-000001.db"] = b"x" * 100_000
    row = rows(await collector.look())[STORES[0]]
    assert (row.state, "longer than" in row.why) == (BLOCKED, True)


async def test_a_file_over_the_limit_is_not_fetched(world: World, collector: Looking) -> None:
    output = await world.output(0, make(0))
    output.close_file(1)
    output.files[0]["bytes"] = 2**40
    row = rows(await collector.look())[STORES[0]]
    assert (row.state, "over the limit" in row.why, output.asked) == (BLOCKED, True, [])


async def test_a_full_disk_is_said_before_anything_is_fetched_and_passes(
    world: World, collector: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = await world.output(0, make(0))
    output.close_file(1)
    monkeypatch.setattr(downloads, "SPARE_BYTES", shutil.disk_usage(world.folder).total)
    row = rows(await collector.look())[STORES[0]]
    assert (row.state, "left, and" in row.why, output.asked) == (AWAY, True, [])
    monkeypatch.setattr(downloads, "SPARE_BYTES", 0)
    assert (await collector.look()).is_whole


async def test_a_look_that_fails_leaves_nothing_under_way(
    world: World, collector: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.output(0, make(0))
    await world.output(1, make(1))
    known = Held.upto

    async def upto(held: Held, store: str) -> int:
        if store == STORES[0]:
            raise Unavailable("somebody else has the data set")
        return await known(held, store)

    monkeypatch.setattr(Held, "upto", upto)
    with pytest.raises(Unavailable):
        await collector.look()
    assert world.batches() == IDS[1:2]


async def test_a_store_whose_name_is_no_uuid_is_none_and_names_no_file(world: World, collector: Looking) -> None:
    hostile = await DumpServer(world.folder, "../../outside").start(world.consul)
    await world.consul.kv_put("hoploom/stores/../outside", b"{}")
    world.servers.append(hostile)
    assert (await collector.look()).stores == ()
    assert not list(world.folder.rglob("outside*"))


async def test_what_was_pruned_before_is_counted_and_the_rest_is_had(world: World, collector: Looking) -> None:
    output = await world.output(0, *map(make, range(6)))
    for upto in (2, 4):
        output.close_file(upto)
        output.files[-1]["pruned"] = True
    report = await collector.look()
    assert (world.batches(), rows(report)[STORES[0]].lost, report.is_whole) == (IDS[4:6], 4, True)
    assert rows(await collector.look())[STORES[0]].lost == 4


async def test_a_store_of_which_everything_that_lacks_was_pruned_is_asked_for_nothing(
    world: World, collector: Looking
) -> None:
    output = await world.output(0, *map(make, range(2)))
    output.close_file(2)
    output.files[0]["pruned"] = True
    row = rows(await collector.look())[STORES[0]]
    assert (row.state, row.lost, row.behind, output.asked) == (COLLECTED, 2, 0, [])


async def test_a_store_that_was_put_back_is_blocked(world: World, collector: Looking) -> None:
    output = await world.output(0, *map(make, range(3)))
    await collector.look()
    del output.batches[1:]
    row = rows(await collector.look())[STORES[0]]
    assert (row.state, "an older copy of it was put back" in row.why) == (BLOCKED, True)


async def test_a_store_that_was_put_back_and_has_gone_on_since_is_blocked_before_anything_is_passed_over(
    world: World, collector: Looking
) -> None:
    output = await world.output(0, *map(make, range(3)))
    await collector.look()
    output.batches[1:] = map(make, range(10, 15))
    row = rows(await collector.look())[STORES[0]]
    assert (row.state, "an older copy of it was put back" in row.why) == (BLOCKED, True)
    assert ([each["upto"] for each in output.confirmed], len(output.asked)) == ([3], 1)


async def test_a_collector_that_begins_anew_knows_a_store_that_was_put_back(world: World) -> None:
    output = await world.output(0, *map(make, range(3)))
    for state in (COLLECTED, BLOCKED):
        async with seat.holding(Seat("main", world.data_set), world.consul) as held:
            report = await making.collector(world.data_set, world.outside).look(held)
        assert rows(report)[STORES[0]].state == state
        output.batches[1:] = map(make, range(10, 15))
    assert world.batches() == IDS[:3]


async def test_a_confirmation_that_is_not_taken_keeps_nothing_from_being_collected(
    world: World, collector: Looking
) -> None:
    output = await world.output(0, *map(make, range(4)))
    output.close_file(2)
    output.refuses = 503
    row = rows(await collector.look())[STORES[0]]
    assert (row.state, row.upto, world.batches()) == (AWAY, 4, IDS[:4])
    output.refuses = 200
    assert (await collector.look()).is_whole
    assert [each["upto"] for each in output.confirmed] == [4]


async def test_a_collector_that_was_killed_before_it_confirmed_confirms_when_it_is_back(world: World) -> None:
    output = await world.output(0, make(0))
    for refuses in (503, 200):
        output.refuses = refuses
        async with seat.holding(Seat("main", world.data_set), world.consul) as held:
            await making.collector(world.data_set, world.outside).look(held)
    assert ([each["upto"] for each in output.confirmed], len(output.asked)) == ([1], 1)
