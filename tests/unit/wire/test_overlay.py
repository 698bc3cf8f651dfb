"""The overlay's document: what it refuses, and what its changes leave as it was."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.targets.notation import parse_block
from hoploom.wire.overlay import OptOut, OverlayDocument

WHOLE = OverlayDocument(
    version=7,
    paused=True,
    paused_campaigns=("demo",),
    opt_outs=(OptOut(block="192.0.2.0/24", since="2026-01-01", until="2027-01-31", note="asked by mail"),),
    rate_pps=1000,
    network_pps=10,
    revoked=("pi-1",),
    stopped_campaigns=("gone",),
)


def of(*blocks: str, until: str = "") -> OverlayDocument:
    document = OverlayDocument()
    for block in blocks:
        document = document.with_opt_out(OptOut(block=block, until=until))
    return document


def ranges(*texts: str) -> list[tuple[int, int]]:
    """`first-last` as integers."""
    return [(parse_block(first).first, parse_block(last).last) for first, last in (each.split("-") for each in texts)]


def test_a_document_travels_unchanged_through_json() -> None:
    assert OverlayDocument.from_json(json.loads(json.dumps(WHOLE.to_json()))) == WHOLE


def test_a_document_of_a_version_alone_stops_nothing() -> None:
    document = OverlayDocument.from_json({"v": 1, "version": 3, "opt_outs": None})
    assert document == OverlayDocument(version=3)
    assert not document.is_paused("demo") and not document.is_revoked("pi-1") and document.away_from(4) == []


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"version": None}, BadRequest, "lacks version"),
        ({"version": -1}, Unprocessable, "version"),
        ({"version": True}, BadRequest, "wrong type"),
        ({"v": 2}, Unprocessable, "version 2"),
        ({"paused": 1}, BadRequest, "paused"),
        ({"paused_campaigns": ["Demo"]}, Unprocessable, "'Demo'"),
        ({"paused_campaigns": "demo"}, BadRequest, "paused_campaigns"),
        ({"stopped_campaigns": ["Demo"]}, Unprocessable, "'Demo'"),
        ({"revoked": ["../x"]}, Unprocessable, "'../x'"),
        ({"rate_pps": 10**9}, Unprocessable, "rate_pps"),
        ({"network_pps": -1}, Unprocessable, "network_pps"),
        ({"opt_outs": ["192.0.2.0/24"]}, BadRequest, "an opt-out is a JSON object"),
        ({"opt_outs": [{}]}, BadRequest, "lacks block"),
        ({"opt_outs": [{"block": "192.0.2.1/24"}]}, Unprocessable, "host bits"),
        ({"opt_outs": [{"block": "2001:DB8::/32"}]}, Unprocessable, "is written 2001:db8::/32"),
        ({"opt_outs": [{"block": "::1", "until": "tomorrow"}]}, Unprocessable, "no day"),
        ({"opt_outs": [{"block": "::1", "until": "2027-02-30"}]}, Unprocessable, "no day"),
        ({"opt_outs": [{"block": "::1", "until": "20270130"}]}, Unprocessable, "no day"),
        ({"opt_outs": [{"block": "::1", "since": "2027-W01-1"}]}, Unprocessable, "no day"),
        ({"opt_outs": [{"block": "::1", "note": "a\nb"}]}, Unprocessable, "note"),
        ({"opt_outs": [{"block": "::1", "note": "x" * 201}]}, Unprocessable, "note"),
    ],
)
def test_what_is_no_overlay_is_refused_with_the_field(
    change: dict[str, Any], error: type[BadRequest], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        OverlayDocument.from_json({**WHOLE.to_json(), **change})


@pytest.mark.parametrize("document", [None, [], "overlay", 7])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(BadRequest, match="JSON object"):
        OverlayDocument.from_json(document)


@pytest.mark.parametrize(
    ("blocks", "expected4", "expected6"),
    [
        ([], [], []),
        (["192.0.2.1"], ["192.0.2.1-192.0.2.1"], []),
        (["::1"], [], ["::1-::1"]),
        (["10.0.0.0/24", "10.0.1.0/24"], ["10.0.0.0-10.0.1.255"], []),
        (["10.0.0.0/8", "10.9.0.0/16"], ["10.0.0.0-10.255.255.255"], []),
        (["10.0.0.0/24", "9.0.0.0/24"], ["9.0.0.0-9.0.0.255", "10.0.0.0-10.0.0.255"], []),
        (["192.0.2.0/24", "2001:db8::/126"], ["192.0.2.0-192.0.2.255"], ["2001:db8::-2001:db8::3"]),
        (["0.0.0.0/0", "::/0"], ["0.0.0.0-255.255.255.255"], ["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]),
    ],
    ids=["none", "one address", "one of IPv6", "neighbours join", "one in another", "sorted", "both", "everything"],
)
def test_blocks_to_stay_away_from_are_merged_ranges_of_each_family(
    blocks: list[str], expected4: list[str], expected6: list[str]
) -> None:
    document = of(*blocks)
    assert (document.away_from(4), document.away_from(6)) == (ranges(*expected4), ranges(*expected6))
    for family, expected in ((4, expected4), (6, expected6)):
        for first, last in ranges(*expected):
            assert document.covers(family, first) and document.covers(family, last)
            assert not document.covers(family, first - 1) and not document.covers(family, last + 1)


@pytest.mark.parametrize(
    ("until", "today", "holds"),
    [
        ("", "9999-12-31", True),
        ("2027-01-31", "2027-01-30", True),
        ("2027-01-31", "2027-01-31", True),
        ("2027-01-31", "2027-02-01", False),
        ("2027-01-31", "2028-01-01", False),
    ],
    ids=["for ever", "before", "on its last day", "a day later", "a year later"],
)
def test_an_opt_out_holds_to_the_end_of_its_last_day(until: str, today: str, holds: bool) -> None:
    document = of("192.0.2.0/24", until=until)
    assert (document.on(today) is document) == holds
    assert bool(document.on(today).away_from(4)) == holds


def test_a_pause_is_of_everything_or_of_one_campaign() -> None:
    document = OverlayDocument().with_pause("demo", paused=True)
    assert document.is_paused("demo") and not document.is_paused("other")
    everything = document.with_pause("", paused=True)
    assert everything.is_paused("other")
    resumed = everything.with_pause("", paused=False)
    assert resumed == document, "what was paused by its name stays paused"
    assert resumed.with_pause("demo", paused=False) == OverlayDocument()


def test_to_whoever_knows_no_stops_a_stopped_campaign_is_paused() -> None:
    document = OverlayDocument().with_pause("demo", paused=True).with_stop("demo", stopped=True)
    assert document.is_paused("demo") and not document.is_paused("other")
    assert (document.paused_campaigns, document.stopped_campaigns) == ((), ("demo",))
    told = document.to_json()
    assert told["paused_campaigns"] == ["demo"]
    del told["stopped_campaigns"]
    # As one of the version before writes it, when it changes something else.
    assert OverlayDocument.from_json(told) == OverlayDocument(paused_campaigns=("demo",))
    assert document.with_stop("demo", stopped=False) == OverlayDocument()
    assert "stopped_campaigns" not in OverlayDocument().to_json()


def test_stops_of_the_past_are_told_no_more() -> None:
    document = OverlayDocument().with_stop("old", stopped=True).with_stop("new", stopped=True, past=["old"])
    assert document.stopped_campaigns == ("new",)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("a pause", lambda document: document.with_pause("", paused=True)),
        ("a campaign's pause", lambda document: document.with_pause("demo", paused=True)),
        ("a stop", lambda document: document.with_stop("demo", stopped=True)),
        ("an opt-out", lambda document: document.with_opt_out(OptOut(block="::1", since="2026-01-01"))),
        ("an opt-out taken back", lambda document: document.without_opt_out("::1")),
        ("a cap", lambda document: document.with_caps(rate_pps=10)),
        ("a revocation", lambda document: document.with_revoked("pi-1", revoked=True)),
        ("a revocation taken back", lambda document: document.with_revoked("pi-1", revoked=False)),
    ],
)
def test_a_change_made_twice_is_a_change_made_once(name: str, change: Any) -> None:
    once = change(OverlayDocument())
    assert change(once) == once, name


def test_an_opt_out_said_again_keeps_its_first_day_and_takes_the_rest() -> None:
    document = of().with_opt_out(OptOut(block="::1", since="2026-01-01", until="2026-06-01", note="first"))
    again = document.with_opt_out(OptOut(block="::1", since="2026-03-01", note="second"))
    assert again.opt_outs == (OptOut(block="::1", since="2026-01-01", note="second"),)


def test_one_cap_leaves_the_other() -> None:
    document = OverlayDocument().with_caps(rate_pps=10).with_caps(network_pps=3)
    assert (document.rate_pps, document.network_pps) == (10, 3)
    assert document.with_caps(rate_pps=0) == OverlayDocument(network_pps=3)


def test_names_and_blocks_are_kept_sorted_so_that_equal_wishes_are_equal_documents() -> None:
    assert of("10.0.0.0/8", "::1") == of("::1", "10.0.0.0/8")
    one = OverlayDocument().with_revoked("b", revoked=True).with_revoked("a", revoked=True)
    assert one.revoked == ("a", "b") and one.is_revoked("a")


def test_of_two_overlays_the_stricter_holds() -> None:
    home = replace(
        of("10.0.0.0/8").with_opt_out(OptOut(block="::1", until="2026-06-01")).with_caps(rate_pps=10),
        version=3, paused_campaigns=("b",), revoked=("w1",), stopped_campaigns=("c",),
    )  # fmt: skip
    own = replace(
        of("192.168.0.0/16").with_opt_out(OptOut(block="::1")).with_caps(rate_pps=20, network_pps=5),
        version=4, paused=True, paused_campaigns=("a",), revoked=("w2",),
    )  # fmt: skip
    both = own.joined(home)
    assert both == home.joined(own)
    assert both.version == 7 and both.paused and both.is_paused("x")
    assert both.stopped_campaigns == ("c",)
    assert (both.paused_campaigns, both.revoked) == (("a", "b"), ("w1", "w2"))
    assert (both.rate_pps, both.network_pps) == (10, 5)
    assert {each.block: each.until for each in both.opt_outs} == {"10.0.0.0/8": "", "192.168.0.0/16": "", "::1": ""}
    assert own.joined(OverlayDocument()) == own
