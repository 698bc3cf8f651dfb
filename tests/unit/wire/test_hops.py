"""Hops on the wire: one spelling, one slot, and what is refused."""

import ipaddress
from collections import Counter
from typing import Any

import pytest

from hoploom.input_service import shards
from hoploom.kit.errors import BadRequest
from hoploom.wire.hops import MAX_HOPS, SLOTS, Hop, HopAnswer, HopReport, by_slot

REPORT: dict[str, Any] = {"v": 1, "worker": "pi-7", "campaign": "first-map", "hops": ["8.8.8.8", "2a00::1"]}


def test_a_report_travels_and_names_each_hop_once() -> None:
    report = HopReport.from_json({**REPORT, "hops": ["8.8.8.8", "2A00:0::1", "2a00::1", "8.8.8.8"]})
    assert report.to_json() == REPORT and HopReport.from_json(report.to_json()) == report


@pytest.mark.parametrize("text", ["8.8.8.8", "0.0.0.0", "::", "2a00::1", "::ffff:8.8.8.8", "::8.8.8.8"])
def test_a_hop_packs_as_its_address(text: str) -> None:
    address = ipaddress.ip_address(text)
    mapped = ipaddress.IPv6Address(f"::ffff:{text}").packed if address.version == 4 else address.packed
    assert Hop.parse(text).packed == mapped
    assert Hop.unpacked(mapped).packed == mapped


SLOT_OF = {"8.8.8.8": 16, "1.1.1.1": 48, "2a00::1": 12, "2001:4860:4860::8888": 63}
"""Stored hops are asked for by slot, by programs of other versions: these never change."""


@pytest.mark.parametrize(("text", "slot"), SLOT_OF.items())
def test_the_slot_of_a_hop_never_changes(text: str, slot: int) -> None:
    assert Hop.parse(text).slot == slot


def test_hops_are_sorted_by_slot_in_their_order() -> None:
    first, second, third = (Hop.parse(each) for each in ("8.8.8.8", "1.1.1.1", "8.8.8.8"))
    assert by_slot([first, second, third]) == {16: [first, third], 48: [second]}


def test_answers_of_several_owners_add_up_and_travel() -> None:
    together = HopAnswer(new=1, capped=2) + HopAnswer(new=3, opted_out=1)
    assert together == HopAnswer(new=4, capped=2, opted_out=1)
    assert HopAnswer.from_json(together.to_json()) == together
    with pytest.raises(BadRequest):
        HopAnswer.from_json({"v": 1, "new": 1})


def test_hops_spread_over_all_slots_that_the_input_service_has() -> None:
    found = Counter(Hop(4, number).slot for number in range(6400))
    assert len(found) == SLOTS == shards.SLOTS
    assert max(found.values()) < 160


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"hops": None}, 400),
        ({"hops": "8.8.8.8"}, 400),
        ({"hops": [8]}, 400),
        ({"hops": ["8.8.8.8/32", "8.8.8.0/24"]}, 422),
        ({"hops": ["router.example.org"]}, 422),
        ({"hops": [""]}, 422),
        ({"hops": ["8.8.8.8"] * (MAX_HOPS + 1)}, 422),
        ({"worker": "a/b"}, 422),
        ({"campaign": "Upper"}, 422),
        ({"v": 2}, 422),
    ],
    ids=str,
)
def test_a_report_is_refused_with_a_reason(change: dict[str, Any], status: int) -> None:
    with pytest.raises(BadRequest) as refused:
        HopReport.from_json({**REPORT, **change})
    assert refused.value.status == status and str(refused.value)
