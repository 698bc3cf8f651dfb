"""Which anchors are asked, and when an uplink is suspected."""

import numpy as np
import pytest

from hoploom.kit.errors import ConfigError
from hoploom.ping_service import anchors
from hoploom.ping_service.orders import Orders
from hoploom.wire import traces
from hoploom.wire.addresses import texts
from hoploom.wire.batch import ANSWERED, FAILED, LOST, UNREACHABLE
from hoploom.wire.overlay import OptOut, OverlayDocument
from hoploom.wire.traces import GAP, LOOP, REACHED
from unit.ping_service.stations import columns, lease, paths

NOBODY = Orders()
AWAY = Orders(OverlayDocument(version=1, opt_outs=(OptOut(block="8.8.8.8"),)))


def test_addresses_that_cannot_be_read_are_said_at_the_start() -> None:
    assert texts(anchors.parse(" 8.8.8.8, 2001:4860::1 ,")) == ["8.8.8.8", "2001:4860::1"]
    with pytest.raises(ConfigError, match=r"anchors: .*separated by commas"):
        anchors.parse("8.8.8.8, gateway")


@pytest.mark.parametrize(
    ("campaigns", "own", "orders", "private", "family", "asked"),
    [
        ((), "", NOBODY, True, 4, []),
        (("8.8.8.8",), "9.9.9.9", NOBODY, False, 4, ["8.8.8.8", "9.9.9.9"]),
        (("8.8.8.8",), "9.9.9.9", AWAY, False, 4, ["9.9.9.9"]),
        (("8.8.8.8",), "2001:4860::1", NOBODY, False, 4, ["8.8.8.8"]),
        (("8.8.8.8",), "2001:4860::1", NOBODY, False, 6, ["2001:4860::1"]),
        (("8.8.8.8",), "", NOBODY, False, 6, ["8.8.8.8"]),
        (("127.0.0.1",), "10.0.0.1", NOBODY, False, 4, []),
        (("127.0.0.1",), "10.0.0.1", NOBODY, True, 4, ["127.0.0.1", "10.0.0.1"]),
        (("no address",), "9.9.9.9", NOBODY, False, 4, ["9.9.9.9"]),
    ],
)
def test_an_anchor_is_asked_like_any_target(
    campaigns: tuple[str, ...], own: str, orders: Orders, private: bool, family: int, asked: list[str]
) -> None:
    found = anchors.of(
        lease(anchors=campaigns, family=family), anchors.parse(own), orders, allow_private=private
    )
    assert texts(found) == asked


@pytest.mark.parametrize(
    ("outcomes", "silent", "unsent"),
    [
        ([], False, False),
        ([LOST], True, False),
        ([LOST] * 15 + [ANSWERED], False, False),
        ([LOST] * 15 + [UNREACHABLE], False, False),
        ([ANSWERED] + [LOST] * 15, False, False),
        ([ANSWERED] + [LOST] * 16, True, False),
        ([FAILED] * 16, False, True),
        ([FAILED] * 16 + [LOST], True, False),
        ([LOST] * 16 + [FAILED], True, False),
    ],
)
def test_silence_at_the_end_is_suspect_and_what_never_left_is_known(
    outcomes: list[int], silent: bool, unsent: bool
) -> None:
    found = columns(np.array(outcomes, np.uint8))
    assert (anchors.is_silent(found), anchors.is_unsent(found)) == (silent, unsent)


@pytest.mark.parametrize(
    ("outcomes", "silent", "unsent"),
    [
        ([], False, False),
        ([GAP], True, False),
        ([GAP] * 15 + [REACHED], False, False),
        ([GAP] * 15 + [traces.UNREACHABLE], False, False),
        ([GAP] * 15 + [LOOP], False, False),
        ([REACHED] + [GAP] * 15, False, False),
        ([REACHED] + [GAP] * 16, True, False),
        ([traces.FAILED] * 16, False, True),
        ([GAP] * 16 + [traces.FAILED], True, False),
    ],
)
def test_paths_that_all_end_in_silence_are_suspect(outcomes: list[int], silent: bool, unsent: bool) -> None:
    found = paths(np.zeros((len(outcomes), 16), np.uint8), np.array(outcomes, np.uint8))
    assert (anchors.is_silent(found), anchors.is_unsent(found)) == (silent, unsent)


@pytest.mark.parametrize(("received", "silent"), [(3, False), (2, True), (1, True)])
def test_replies_that_stop_during_later_requests_are_suspect_too(received: int, silent: bool) -> None:
    found = columns(np.array([ANSWERED] * 20, np.uint8))
    found.sent[:], found.received[:] = 3, received
    assert anchors.is_silent(found) is silent
