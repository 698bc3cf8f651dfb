"""Who may collect in a data set's name."""

import pytest

from hoploom.output_service.collecting import pinning
from hoploom.output_service.collecting.pinning import Pin, Verdict

KNOWN = Pin("known", "host-a", "/sets/main", {"s1": 10, "s2": 5})
SAME, AHEAD = Pin("known", cursors={"s1": 10, "s2": 5}), Pin("known", cursors={"s1": 12, "s2": 5, "s3": 1})
OLDER, LACKING = Pin("known", cursors={"s1": 9, "s2": 5}), Pin("known", cursors={"s1": 10})
OTHER = Pin("other", cursors={"s1": 99})
MAY, RENEWED = Verdict(), Verdict(renews=True)
GOOD: list[tuple[str, Pin | None, Pin | None, str, Verdict]] = [
    ("a free name takes a new folder", None, None, "", MAY),
    ("a free name takes a set that there is", None, OTHER, "", MAY),
    ("the set itself goes on", KNOWN, SAME, "", MAY),
    ("the set itself goes on after what Consul has not heard", KNOWN, AHEAD, "", MAY),
    ("a new folder replaces what is given up", KNOWN, None, "known", MAY),
    ("another set replaces what is given up", KNOWN, OTHER, "known", MAY),
    ("an older copy becomes another set where that is asked for", KNOWN, OLDER, "known", RENEWED),
    ("giving up something else changes nothing for the set itself", KNOWN, SAME, "long-gone", MAY),
]
BAD: list[tuple[str, Pin | None, Pin | None, str, str]] = [
    ("a new folder", KNOWN, None, "", "this folder holds none yet"),
    ("another set", KNOWN, OTHER, "", "this folder holds other"),
    ("another set, and an older one is given up", KNOWN, OTHER, "long-gone", "--new-data-set=known gives that one up"),
    ("an older copy", KNOWN, OLDER, "", "an older copy of data set main, known in /sets/main of host-a"),
    ("a copy that lacks a store", KNOWN, LACKING, "", "lacks what 1 stores"),
]


@pytest.mark.parametrize(("known", "own", "given_up", "verdict"), [each[1:] for each in GOOD], ids=[c[0] for c in GOOD])
def test_who_may(known: Pin | None, own: Pin | None, given_up: str, verdict: Verdict) -> None:
    assert pinning.judged("main", known, own, given_up) == verdict


@pytest.mark.parametrize(("known", "own", "given_up", "words"), [each[1:] for each in BAD], ids=[c[0] for c in BAD])
def test_who_may_not(known: Pin | None, own: Pin | None, given_up: str, words: str) -> None:
    assert words in pinning.judged("main", known, own, given_up).why_not


def test_what_is_entered_is_read_again() -> None:
    assert Pin.from_bytes(KNOWN.to_bytes()) == KNOWN


STRANGE = [b"", b"{", b"[]", b"{}", b'{"uuid": "a", "cursors": 7}', b'{"uuid": "a", "cursors": {"s": "x"}}']


@pytest.mark.parametrize("value", STRANGE)
def test_what_is_not_understood_is_nothing(value: bytes) -> None:
    assert Pin.from_bytes(value) is None
