"""Quoted packets are read whatever stands before their transport header."""

from __future__ import annotations

import pytest

from unit.prober.message_oracle import only
from unit.prober.model_router import COOKIE, TARGET, TIME_EXCEEDED, Router, probe

FAMILIES = pytest.mark.parametrize("family", [4, 6])


@pytest.mark.parametrize(
    ("what", "family", "options"),
    [
        ("IPv4 options", 4, b"\x01" * 8),
        ("a hop-by-hop header", 6, bytes([58, 0]) + bytes(6)),
        ("hop-by-hop and fragment headers", 6, bytes([44, 1]) + bytes(14) + bytes([58, 200]) + bytes(6)),
        ("four headers", 6, bytes([43, 0, *bytes(6), 44, 0, *bytes(6), 60, 0, *bytes(6), 58, 0, *bytes(6)])),
    ],
)
def test_what_was_put_before_the_quoted_echo_is_stepped_over(what: str, family: int, options: bytes) -> None:
    row = only(family, Router().error(probe(family, options=options), TIME_EXCEEDED[family]))
    assert (row.ident, row.sequence, row.cookie) == (0xABCD, 0x1234, COOKIE), what


@FAMILIES
def test_a_quote_that_a_nat_rewrote_is_read_as_it_stands(family: int) -> None:
    row = only(family, Router(new_ident=0x0101).error(probe(family), TIME_EXCEEDED[family]))
    assert (row.ident, row.sequence, row.cookie, row.about) == (0x0101, 0x1234, COOKIE, TARGET[family])
