"""What is taken out of results."""

from __future__ import annotations

import pytest

from hoploom.results.formats.masking import Mask, masked
from hoploom.results.rows import Group, HopRow, PingRow, TraceRow
from hoploom.wire.batch import MAX_NUMBER
from unit.results.groups import group
from unit.results.records import PING


def path(target: str, *hops: str | None) -> TraceRow:
    rows = tuple(HopRow(ttl, hop, 9, 8, 1, 11, 0, "1:0:1:1", ttl) for ttl, hop in enumerate(hops, 1))
    return TraceRow(target, 0, 9, None, len(hops), rows, 0)


def hops_of(row: PingRow | TraceRow) -> list[str | None]:
    assert isinstance(row, TraceRow)
    return [hop.hop for hop in row.hops]


def rows_of(found: Group, mask: Mask) -> list[PingRow | TraceRow]:
    [only] = masked([found], mask)
    return list(only.rows)


@pytest.mark.parametrize(
    ("mask", "left"),
    [
        (Mask(), ["10.0.0.1", "fe80::1", "100.64.0.9", "8.8.4.4", "127.0.0.9", "10.9.9.9"]),
        (Mask(private=True), [None, None, None, "8.8.4.4", None, "10.9.9.9"]),
        (Mask(first_hops=4), [None, None, None, None, "127.0.0.9", "10.9.9.9"]),
        (Mask(first_hops=9), [None] * 6),
    ],
)
def test_hops_are_hidden(mask: Mask, left: list[str | None]) -> None:
    row = path("10.9.9.9", "10.0.0.1", "fe80::1", "100.64.0.9", "8.8.4.4", "127.0.0.9", "10.9.9.9")
    assert hops_of(rows_of(group(row), mask)[0]) == left


def test_a_hidden_hop_keeps_its_ttl_alone() -> None:
    [found] = rows_of(group(path("8.8.8.8", "192.168.1.1")), Mask(private=True))
    assert isinstance(found, TraceRow)
    assert found.hops == (HopRow(1, None, None, None, None, None, None, None, 1),)


@pytest.mark.parametrize(("first_hops", "distance"), [(1, 2), (2, None), (3, None)])
def test_how_near_a_target_is_goes_with_the_hops(first_hops: int, distance: int | None) -> None:
    [found] = rows_of(group(path("8.8.8.8", "9.9.9.9", "8.8.8.8")), Mask(first_hops=first_hops))
    assert isinstance(found, TraceRow) and found.distance == distance


@pytest.mark.parametrize(
    ("sender", "left"), [("172.16.3.4", None), ("fd00::1", None), ("1.1.1.1", "1.1.1.1"), (PING.address, PING.address)]
)
def test_who_refused_a_ping_is_hidden_where_it_is_private(sender: str, left: str | None) -> None:
    [found] = rows_of(group(PING._replace(icmp_from=sender)), Mask(private=True))
    assert isinstance(found, PingRow) and found.icmp_from == left


def test_workers_keep_one_other_name_each() -> None:
    names = ("attic-pi", "cellar-pi", "attic-pi")
    found = list(masked([group(PING, worker=name, worker_group=name) for name in names], Mask(workers=True)))
    assert [each.batch.worker for each in found] == ["worker-1", "worker-2", "worker-1"]
    assert [each.batch.worker_group for each in found] == ["worker-1", "worker-2", "worker-1"]
    assert [each.batch.worker_number for each in found] == [MAX_NUMBER - 1, MAX_NUMBER - 2, MAX_NUMBER - 1]
    assert {(each.batch.lease, each.batch.boot_id) for each in found} == {("masked", "masked")}
