"""A store's files are closed, listed and removed as the settings say, over restarts too."""

import asyncio
import dataclasses
import hashlib
import logging
from pathlib import Path
from typing import Any

import pytest

from hoploom.kit import metrics
from hoploom.kit.errors import ConfigError, Conflict, OutOfSpace, Unavailable
from hoploom.output_service import closing, disk, extract, hop_feed
from hoploom.output_service.archive import Archive, Limits
from hoploom.output_service.closed import ClosedFile
from hoploom.output_service.confirmations import Confirmed
from hoploom.output_service.files import Files
from hoploom.output_service.folder import OLD
from hoploom.output_service.pruning import Policy
from hoploom.output_service.settings import Settings
from hoploom.output_service.store import Store
from unit.output_service.folders import ALWAYS, NEVER, held, names, stepped
from unit.wire.batches import make
from unit.wire.traces import traced

UUID = "00000000-0000-4000-8000-00000000000b"
BY_MAIN = Limits(10**9, 10**9, Policy(("main",)))


async def test_closed_files_are_listed_with_what_is_in_them(filled: Store) -> None:
    found = Archive(filled, NEVER).listing()
    assert [(each["name"], each["first_seq"], each["last_seq"], each["rows"], each["pruned"]) for each in found] == [
        ("results-000001.db", 1, 1, 600, False),
        ("results-000002.db", 2, 2, 600, False),
    ]
    for each in found:
        content = (filled.files.folder / each["name"]).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (each["bytes"], each["sha256"])
        assert each["closed_at_us"] > 0


async def test_a_file_goes_when_the_data_set_of_the_policy_has_it_and_what_was_in_it_stays_known(filled: Store) -> None:
    archive = Archive(filled, BY_MAIN)
    await archive.confirm(Confirmed("other", UUID, 3))
    await archive.step()
    assert names(filled.files.folder) == {"results-000001.db", "results-000002.db", "live-000003.db"}
    await archive.confirm(Confirmed("main", UUID, 1))
    await archive.step()
    assert names(filled.files.folder) == {"results-000002.db", "live-000003.db"}
    assert held(filled) == {2: make(1, 1).batch, 3: make(2, 1).batch}
    assert (await filled.append(make(0, 600))).duplicate
    assert [each["pruned"] for each in archive.listing()] == [True, False]


async def test_the_file_that_is_written_to_never_goes(filled: Store) -> None:
    archive = Archive(filled, Limits(10**9, 10**9, Policy(("main",), 1e-9)))
    await archive.confirm(Confirmed("main", UUID, 3))
    await archive.step()
    assert names(filled.files.folder) == {"live-000003.db"}
    assert held(filled) == {3: make(2, 1).batch}


async def test_old_files_go_unconfirmed_where_that_is_asked_for_and_it_is_said(
    filled: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    await Archive(filled, Limits(10**9, 10**9, Policy((), 1e-9))).step()
    assert names(filled.files.folder) == {"live-000003.db"}
    assert len([each for each in caplog.messages if "not every data set has it" in each]) == 2


async def test_what_was_confirmed_and_pruned_is_known_after_a_restart(filled: Store) -> None:
    archive = Archive(filled, BY_MAIN)
    await archive.confirm(Confirmed("main", UUID, 1))
    await archive.step()
    before = archive.listing()
    filled.close()
    second = Store(filled.files.folder, 8)
    assert Archive(second, BY_MAIN).listing() == before
    assert Archive(second, BY_MAIN).confirmed == {"main": Confirmed("main", UUID, 1)}
    second.close()


async def test_a_file_whose_hops_were_not_told_of_waits_for_that(store: Store) -> None:
    await store.append(traced())
    archive = await stepped(store, ALWAYS)
    archive = Archive(store, BY_MAIN)
    await archive.confirm(Confirmed("main", UUID, 1))
    await archive.step()
    assert "results-000001.db" in names(store.files.folder)
    await store.note(hop_feed.CURSOR, "1")
    await archive.step()
    assert names(store.files.folder) == {"live-000002.db"}


async def test_a_crash_before_a_closed_file_was_noted_or_a_pruned_one_removed_is_put_right(filled: Store) -> None:
    folder, listing = filled.files.folder, Archive(filled, NEVER).listing()
    gone = dataclasses.replace(filled.files.closed[0], pruned=True)
    await filled.note("closed 000001", gone.to_text())
    filled.writer.connection.execute("DELETE FROM meta WHERE name = 'closed 000002'")
    filled.close()
    second = Store(folder, 8)
    assert Archive(second, NEVER).listing() == [{**listing[0], "pruned": True}, listing[1]]
    assert names(folder) == {"results-000002.db", "live-000003.db"}
    second.close()


async def test_a_closed_file_that_somebody_removed_counts_as_pruned(
    filled: Store, caplog: pytest.LogCaptureFixture
) -> None:
    filled.close()
    (filled.files.folder / "results-000001.db").unlink()
    second = Store(filled.files.folder, 8)
    assert [each["pruned"] for each in Archive(second, NEVER).listing()] == [True, False]
    assert any("results-000001.db is gone" in each for each in caplog.messages)
    assert held(second) == {2: make(1, 1).batch, 3: make(2, 1).batch}
    second.close()


async def test_a_damaged_closed_file_that_was_not_noted_is_refused_in_a_sentence(filled: Store) -> None:
    filled.writer.connection.execute("DELETE FROM meta WHERE name = 'closed 000001'")
    filled.close()
    (filled.files.folder / "results-000001.db").write_bytes(b"x" * 9999)
    with pytest.raises(ConfigError, match=r"results-000001\.db cannot be read"):
        Store(filled.files.folder, 8)


async def test_what_is_free_on_the_disk_is_measured(filled: Store) -> None:
    await Archive(filled, NEVER).step()
    assert metrics.registry.get_sample_value("hoploom_output_disk_free_bytes")


async def test_a_store_of_an_older_version_gets_its_number(tmp_path: Path) -> None:
    Store(tmp_path, 8).close()
    (tmp_path / "live-000001.db").rename(tmp_path / OLD)
    store = Store(tmp_path, 8)
    assert names(tmp_path) == {"live-000001.db"}
    store.close()


async def test_a_file_that_is_read_stays_until_nobody_does(store: Store) -> None:
    await store.append(make())
    with store.files.leased(1):
        await stepped(store, ALWAYS)
        assert {"live-000001.db", "results-000001.db"} <= names(store.files.folder)
    await stepped(store)
    assert names(store.files.folder) == {"results-000001.db", "live-000002.db"}


async def test_a_file_that_cannot_be_closed_for_want_of_room_takes_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.append(make())
    assert await store.rotate(0, 0)
    monkeypatch.setattr(disk, "SPARE_BYTES", 2**60)
    monkeypatch.setattr(disk, "SPARE_SHARE", 0.0)
    for where, name, value in ((disk, "SPARE_SHARE", 2.0), (extract, "_FRESH", "PRAGMA max_page_count = 4")):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, value)
            with pytest.raises(OutOfSpace):
                await Archive(store, NEVER).step()
        assert {each.name for each in store.files.folder.glob("*.db")} == {"live-000001.db", "live-000002.db"}
    await stepped(store)
    assert names(store.files.folder) == {"results-000001.db", "live-000002.db"}


async def test_confirmations_at_once_are_taken_one_after_another(filled: Store) -> None:
    archive, other = Archive(filled, BY_MAIN), UUID.replace("b", "c")
    await archive.confirm(Confirmed("main", UUID, 1))
    said = [Confirmed("main", *each) for each in ((other, 0), (UUID, 3), (other, 2), (other, 1))]
    results = await asyncio.gather(*map(archive.confirm, said), return_exceptions=True)
    assert [type(each) for each in results] == [Confirmed, Conflict, Confirmed, Confirmed]
    assert archive.confirmed["main"] == Confirmed("main", other, 2, (UUID,))


async def test_what_makes_room_is_done_before_what_needs_it(filled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: float) -> bool:
        raise Unavailable("the disk is full")

    monkeypatch.setattr(filled, "rotate", full)
    archive = Archive(filled, BY_MAIN)
    await archive.confirm(Confirmed("main", UUID, 2))
    with pytest.raises(Unavailable):
        await archive.step()
    assert names(filled.files.folder) == {"live-000003.db"}


async def test_a_disk_too_full_for_a_note_still_lets_confirmed_files_go(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, keep = Archive(filled, BY_MAIN), filled.note

    async def note(name: str, value: str) -> None:
        if (filled.files.folder / "results-000001.db").exists():
            raise OutOfSpace("full")
        await keep(name, value)

    monkeypatch.setattr(filled, "note", note)
    said = Confirmed("main", UUID, 1)
    for _ in range(2):
        with pytest.raises(OutOfSpace):
            await archive.confirm(said)
    await archive.step()
    assert names(filled.files.folder) == {"results-000002.db", "live-000003.db"}
    assert await archive.confirm(said) == said
    filled.close()
    again = Store(filled.files.folder, 8)
    assert (again.confirmed["main"], [file.pruned for file in again.files.closed]) == (said, [True, False])
    again.close()


async def test_a_file_that_cannot_be_read_holds_up_none_after_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(2):
        await store.append(make(number))
        await store.rotate(0, 0)
    close = closing.close

    def damaged(files: Files, number: int, *others: Any) -> ClosedFile:
        if number == 1:
            raise Unavailable("damaged")
        return close(files, number, *others)

    monkeypatch.setattr(closing, "close", damaged)
    with pytest.raises(Unavailable, match="damaged"):
        await Archive(store, NEVER).step()
    assert (store.files.unclosed, [file.number for file in store.files.closed]) == ([1], [2])
    monkeypatch.undo()
    await Archive(store, NEVER).step()
    assert [file.number for file in store.files.closed] == [1, 2]


async def test_the_words_for_people_say_what_waits(filled: Store) -> None:
    assert Archive(filled, NEVER).report() == "live-000003.db is written to, 2 files before it"
    assert "waits for its data sets for 0 hours" in Archive(filled, BY_MAIN).report()
    archive = Archive(filled, BY_MAIN)
    await archive.confirm(Confirmed("main", UUID, 2))
    assert archive.report() == "live-000003.db is written to, 2 files before it"


def test_the_policy_is_what_the_settings_say() -> None:
    settings = Settings(prune_confirmed_by="main, copy,", keep_days=7)
    assert Limits.of(settings) == Limits(2**30, 86_400, Policy(("main", "copy"), 7))
    with pytest.raises(ConfigError, match="no name"):
        Limits.of(Settings(prune_confirmed_by="../main"))


def test_a_record_of_a_closed_file_is_small() -> None:
    assert len(ClosedFile(1, 1, 10**9, 10**9, 2**40, "ab" * 32, 2**60).to_text()) < 300
