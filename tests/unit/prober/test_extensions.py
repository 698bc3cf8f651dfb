"""Label stacks are read where they are sound; whatever is appended costs nothing else."""

from __future__ import annotations

import pytest

from hoploom.prober.arrivals import parse
from unit.prober.message_oracle import only
from unit.prober.model_router import COOKIE, TIME_EXCEEDED, Router, echo, messages, probe, received, structure

FAMILIES = pytest.mark.parametrize("family", [4, 6])
LABELS = (0x12345_1_40, 0xFFFFF_3_01)


@FAMILIES
@pytest.mark.parametrize(
    ("what", "appended", "is_silent", "labels"),
    [
        ("a stack", structure(*LABELS), False, LABELS),
        ("a stack of an older router", structure(*LABELS), True, LABELS),
        ("a stack behind another object", structure(*LABELS, before=b"\0\x08\2\1abcd"), False, LABELS),
        ("a stack without checksum that is announced", structure(*LABELS, has_checksum=False), False, LABELS),
        ("a stack without checksum that is not", structure(*LABELS, has_checksum=False), True, ()),
        ("a wrong checksum", structure(*LABELS, good=False), False, ()),
        ("a wrong checksum of an older router", structure(*LABELS, good=False), True, ()),
        ("an object of no length", structure(before=b"\0\0\1\1\0\0\0\0"), False, ()),
        ("an object that leads out", structure(before=b"\xff\xff\1\1\0\0\0\0"), False, ()),
        ("an outgoing stack", structure(before=b"\0\x08\1\2abcd"), False, ()),
        ("another version", b"\x10" + structure(*LABELS, has_checksum=False)[1:], False, ()),
        ("a stack as the eighth object", structure(*LABELS, before=b"\0\4\2\1" * 7), False, LABELS),
        ("a stack as the ninth object", structure(*LABELS, before=b"\0\4\2\1" * 8), False, ()),
        ("nothing in it", structure(), False, ()),
    ],
)
@pytest.mark.parametrize("kept", [28, 128], ids=["short quote", "full quote"])
def test_mpls_labels(
    family: int, what: str, appended: bytes, is_silent: bool, labels: tuple[int, ...], kept: int
) -> None:
    kept += 20 if family == 6 else 0
    router = Router(kept=kept, appended=appended, is_silent_about_it=is_silent)
    row = only(family, router.error(probe(family), TIME_EXCEEDED[family]))
    assert row.labels == labels, what
    assert (row.ident, row.sequence) == (0xABCD, 0x1234)
    assert row.cookie == (COOKIE if kept >= 128 else b"")


@FAMILIES
@pytest.mark.parametrize("said", [1, 2, 5, 31, 33, 255])
def test_a_length_field_that_lies_costs_nothing_but_the_labels(family: int, said: int) -> None:
    message = bytearray(Router(appended=structure(*LABELS)).error(probe(family), TIME_EXCEEDED[family]))
    message[5 if family == 4 else 4] = said if family == 4 or said < 128 else 127
    row = only(family, bytes(message))
    assert (row.ident, row.sequence, row.cookie, row.labels) == (0xABCD, 0x1234, COOKIE, ())


@pytest.mark.parametrize(("family", "kind", "has_length"), [(4, 3, True), (4, 11, True), (4, 12, True), (6, 1, True),
                                                            (6, 2, False), (6, 3, True), (6, 4, False)])  # fmt: skip
def test_only_messages_with_a_length_field_announce_a_structure(family: int, kind: int, has_length: bool) -> None:
    router = Router(appended=structure(*LABELS, has_checksum=False))
    row = only(family, router.error(probe(family), kind))
    assert row.labels == (LABELS if has_length else ())


@FAMILIES
@pytest.mark.parametrize("appended", [structure(*LABELS), structure()], ids=["labels", "nothing"])
def test_a_quote_ends_where_its_structure_begins(family: int, appended: bytes) -> None:
    cookie_at = 128 - 28 if family == 4 else 128 - 48
    for before, back in ((0, b""), (3, COOKIE[:3])):
        quoted = probe(family, echo(family, size=400, cookie_at=cookie_at - before))
        message = Router(appended=appended).error(quoted, TIME_EXCEEDED[family])
        assert only(family, message, cookie_at=cookie_at - before).cookie == back


def test_a_reply_that_looks_like_an_error_with_labels_has_none() -> None:
    payload = bytes(128) + structure(*LABELS)
    row = only(4, bytes([0, 0, 0, 0, 0, 0, 0, 7]) + payload, options=b"\x01" * 4)
    assert (row.is_reply, row.labels, row.payload_bytes) == (True, (), len(payload))


def test_labels_of_what_is_about_no_probe_are_dropped_and_the_others_keep_their_rows_and_order() -> None:
    many = tuple(range(1, 31))
    error = received(4, Router(appended=structure(*many)).error(probe(4), 11))
    tcp = received(4, Router(appended=structure(*LABELS)).error(probe(4, protocol=6), 11))
    found = parse(messages([tcp, error, error, tcp, error]), 4, has_header=True, cookie_at=0)
    assert found.mpls_row.tolist() == [0] * 30 + [1] * 30 + [2] * 30
    assert found.mpls_entry.tolist() == list(many) * 3


@FAMILIES
def test_a_long_quote_is_not_taken_for_a_structure(family: int) -> None:
    row = only(family, Router().error(probe(family, echo(family, size=400)), TIME_EXCEEDED[family]))
    assert (row.cookie, row.labels) == (COOKIE, ())
