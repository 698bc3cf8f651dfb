"""Which version of the overlay a worker heeds, and what it means for it."""

import pytest

from hoploom.ping_service import orders
from hoploom.ping_service.orders import FRESH_S, PAUSED, REVOKED, UNKNOWN, Orders
from hoploom.prober import politeness
from hoploom.wire.addresses import column
from hoploom.wire.overlay import OptOut, OverlayDocument


def version(number: int) -> OverlayDocument:
    return OverlayDocument(version=number)


@pytest.mark.parametrize(
    ("told", "now_s", "expected"),
    [(None, 5.0, 4), (4, 5.0, 4), (5, 5.0, 5), (3, FRESH_S, 4), (3, FRESH_S + 1, 3)],
)
def test_the_newest_version_counts_until_nobody_confirms_it(told: int | None, now_s: float, expected: int) -> None:
    known = orders.heard(Orders(), version(4), 0.0)
    assert orders.heard(known, None if told is None else version(told), now_s).version == expected


def test_a_version_is_fresh_from_when_it_was_last_confirmed() -> None:
    known = orders.heard(Orders(), version(1), 0.0)
    assert not orders.is_fresh(Orders(), 0.0) and not orders.is_fresh(known, FRESH_S + 1)
    assert orders.is_fresh(orders.heard(known, None, 50.0), FRESH_S + 1)


@pytest.mark.parametrize(
    ("document", "campaign", "why"),
    [
        (None, "demo", ""),
        (OverlayDocument(), "demo", ""),
        (OverlayDocument(paused=True), "demo", PAUSED),
        (OverlayDocument(paused=True), "", PAUSED),
        (OverlayDocument(paused_campaigns=("demo",)), "demo", PAUSED),
        (OverlayDocument(paused_campaigns=("demo",)), "", ""),
        (OverlayDocument(revoked=("w",), paused=True), "demo", REVOKED),
        (OverlayDocument(revoked=("other",)), "demo", ""),
    ],
)
def test_what_stops_a_worker(document: OverlayDocument | None, campaign: str, why: str) -> None:
    assert Orders(document).stops("w", campaign) == why


def test_who_has_heard_nothing_knows_no_limits() -> None:
    known = Orders()
    assert (known.version, known.rate_pps, known.network_pps, len(known.opt_outs.firsts)) == (UNKNOWN, 0, 0, 0)


def test_opt_outs_and_caps_are_the_documents() -> None:
    away = OptOut(block="192.0.2.0/25")
    known = Orders(OverlayDocument(version=1, opt_outs=(away,), rate_pps=7, network_pps=3))
    assert politeness.inside(column(["192.0.2.1", "192.0.2.200"]), known.opt_outs).tolist() == [True, False]
    assert (known.rate_pps, known.network_pps) == (7, 3)


def test_what_to_stay_away_from_is_not_worked_out_again_at_every_confirmation() -> None:
    known = Orders(OverlayDocument(version=1, opt_outs=(OptOut(block="192.0.2.0/25"),)))
    before = known.opt_outs
    assert orders.heard(known, None, 1.0).opt_outs is orders.heard(known, version(1), 2.0).opt_outs is before
    changed = orders.heard(known, OverlayDocument(version=2, opt_outs=(OptOut(block="192.0.2.128/25"),)), 3.0)
    assert politeness.inside(column(["192.0.2.1", "192.0.2.200"]), changed.opt_outs).tolist() == [False, True]
