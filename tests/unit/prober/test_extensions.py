"""Label stacks are read where they are sound; whatever is appended costs nothing else."""

from __future__ import annotations

import pytest

from unit.prober.message_oracle import only
from unit.prober.model_router import COOKIE, TIME_EXCEEDED, Router, echo, probe, structure

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


@FAMILIES
def test_a_long_quote_is_not_taken_for_a_structure(family: int) -> None:
    row = only(family, Router().error(probe(family, echo(family, size=400)), TIME_EXCEEDED[family]))
    assert (row.cookie, row.labels) == (COOKIE, ())


