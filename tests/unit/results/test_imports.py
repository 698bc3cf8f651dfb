"""Records of other tools become batches."""

from __future__ import annotations

from typing import Any

import pytest

from hoploom.kit.errors import Unprocessable
from hoploom.results import imports
from hoploom.results.imports import FIRST_NUMBER, gathered, number
from hoploom.wire import batch_codec
from hoploom.wire.batch import INTEGER_RANGES
from unit.results.records import AT_MS, HOPS, PINGS, TRACES, ping, trace


def test_records_of_one_origin_become_one_batch() -> None:
    found = list(gathered([ping(1), trace(2), ping(3, address="192.0.2.2"), ping(4, PINGS._replace(worker="b"))]))
    assert [(each.batch.kind, each.batch.worker, len(each.rows)) for each in found] == [
        ("ping", "atlas-6012", 2), ("trace", "atlas-6012", 1), ("ping", "b", 1),
    ]  # fmt: skip
    assert found[0].batch.columns.at_us.tolist() == [0, 0]
    assert found[0].batch.started_at_us == AT_MS * 1000


def test_a_batch_travels_as_those_of_workers_do() -> None:
    for each in gathered([ping(), trace()]):
        body = batch_codec.pack(each.batch)
        assert (each.batch.start, each.batch.stop, len(body) > 100) == (0, 1, True)


def test_labels_come_as_entries_of_the_stack() -> None:
    [found] = gathered([trace()])
    assert found.batch.columns.mpls_entry.tolist() == [24001 << 12 | 1, 16 << 12 | 5 << 9 | 1 << 8 | 254]  # type: ignore[union-attr]
    assert found.batch.columns.mpls_hop.tolist() == [2, 2]  # type: ignore[union-attr]


def test_the_same_records_have_the_same_ids_and_others_have_others() -> None:
    def ids(*addresses: str) -> list[str]:
        return [each.batch.batch for each in gathered(ping(address=address) for address in addresses)]

    assert ids("192.0.2.1") == ids("192.0.2.1") != ids("192.0.2.2")
    assert ids("192.0.2.1")[0][14] == "5"


def test_batches_are_cut_where_they_are_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_ROWS", 3)
    found = list(gathered(ping(line, address=f"192.0.2.{line}") for line in range(7)))
    assert [len(each.rows) for each in found] == [3, 3, 1]


def test_a_target_that_was_probed_again_is_in_another_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_ROWS", 3)
    found = list(gathered(ping(line, address=f"192.0.2.{target}") for line, target in enumerate([1, 2, 1, 3, 1, 2, 1])))
    assert [[row.address[-1] for row in each.rows] for each in found] == [
        ["1", "2", "3"], ["1"], ["1", "2"], ["1"],
    ]  # fmt: skip


def test_what_waits_is_bounded_over_all_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "MAX_GATHERED", 10)
    taken = 0

    def records() -> Any:
        nonlocal taken
        for line in range(20):
            taken += 1
            yield trace(line, TRACES._replace(worker=f"w{line}"))

    next(gathered(records()))
    assert taken == 2


BAD_PINGS: dict[str, dict[str, Any]] = {
    "an RTT of more than ten minutes": {"rtt_max_us": 600_000_001},
    "an RTT beyond all integers": {"rtt_us": 10**30, "rtt_max_us": 10**30},
    "a negative RTT": {"rtt_min_us": -5},
    "more received than sent": {"received": 4},
    "no address": {"address": "example.org"},
    "an address of another family": {"address": "2001:db8::1"},
    "a TTL beyond a byte": {"reply_ttl": 256},
    "packets beyond their column": {"sent": 70_000},
    "negative packets": {"sent": -1},
    "a moment beyond all integers": {"at_ms": 10**30},
}


@pytest.mark.parametrize("wrong", BAD_PINGS)
def test_what_no_worker_could_have_sent_is_refused_with_its_place(wrong: str) -> None:
    records = [ping(1), ping(2, **{"address": "192.0.2.2", **BAD_PINGS[wrong]}), ping(3, address="192.0.2.3")]
    with pytest.raises(Unprocessable, match=r"^line 2: "):
        list(gathered(records))
    said: list[str] = []
    [found] = gathered(records, said.append)
    assert (len(found.rows), len(said), said[0].startswith("line 2: ")) == (2, 1, True)


BAD_HOPS: dict[str, dict[str, Any]] = {
    "a TTL twice": {"ttl": 2},
    "a TTL of 65": {"ttl": 65},
    "a label that is none": {"mpls": "1:2"},
    "a hop without a message": {"icmp_type": None},
}


@pytest.mark.parametrize("wrong", BAD_HOPS)
def test_hops_that_there_cannot_be_are_refused(wrong: str) -> None:
    hops = (*HOPS[:2], HOPS[2]._replace(**BAD_HOPS[wrong]))
    with pytest.raises(Unprocessable, match=r"^line 1: "):
        list(gathered([trace(hops=hops)]))


@pytest.mark.parametrize(
    "change", [{"measurement": -1}, {"measurement": 2**53}, {"worker_number": 2**70}, {"worker_number": -7}]
)
def test_numbers_that_could_not_be_stored_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable, match=r"^line 1: its measurement or its vantage point"):
        list(gathered([ping(1, PINGS._replace(**change))]))


@pytest.mark.parametrize("change", [{"worker": "../etc"}, {"worker": ""}, {"campaign": "Not One"}])
def test_names_that_could_not_be_stored_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Unprocessable, match=f"line 1: its {next(iter(change))} does not match"):
        list(gathered([ping(1, PINGS._replace(**change))]))


def test_numbers_of_names_are_ones_that_no_campaign_gets() -> None:
    assert number("imported") == number("imported") != number("other")
    assert FIRST_NUMBER <= number("imported") and number("imported") in INTEGER_RANGES["campaign_number"]
