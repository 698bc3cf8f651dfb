"""How routers stand, written and read; damage is nothing known."""

import json
from dataclasses import replace

import pytest

from hoploom.manager.auditing import record
from hoploom.manager.auditing.record import MOST_BYTES, MOST_FINDINGS
from hoploom.manager.auditing.standing import OLD_S, FindingStanding, RouterStanding, Standing

FINDING = FindingStanding("stale", "error", "a", "x:1", "a sends to x:1", "restart a", 5)
ROUTER = RouterStanding("a", "stalled", 3, "it stands still", 9, 0.25, 0.5, 20, 40, "it has lost routes", grave=True)
WHOLE = Standing("manager-1", 10**15, (ROUTER, RouterStanding("b")), (FINDING,), 2, ("the settings of a",))


def test_what_is_written_is_read() -> None:
    assert record.decoded(record.encoded(WHOLE)) == WHOLE
    assert record.decoded(record.encoded(Standing())) == Standing()


def test_very_many_findings_and_long_words_are_cut() -> None:
    many = replace(WHOLE, findings=(replace(FINDING, problem="x" * 9000),) * 1000)
    written = record.encoded(many)
    found = record.decoded(written)
    assert found and len(found.findings) == MOST_FINDINGS and found.more == 2 + 1000 - MOST_FINDINGS
    assert len(written) < 128 * 1024, "a quarter of what Consul takes"


def test_words_of_four_bytes_a_letter_are_no_more_bytes() -> None:
    wide = "\U0001f600" * 500
    many = replace(WHOLE, findings=(replace(FINDING, subject=wide, problem=wide),) * 200, unseen=(wide,) * 200)
    written = record.encoded(many)
    found = record.decoded(written)
    assert found and len(written) <= MOST_BYTES
    assert 0 < len(found.findings) < MOST_FINDINGS and found.more == 2 + 200 - len(found.findings)


def test_what_somebody_wrote_into_a_tag_is_one_line() -> None:
    found = record.decoded(record.encoded(replace(WHOLE, unseen=("a\x00b\nc",))))
    assert found and found.unseen == ("a b c",)


@pytest.mark.parametrize(
    "value",
    [b"", b"[]", b"{", b'{"v": 2}', b'{"v": 1}', b"\xff", json.dumps({**WHOLE.to_json(), "routers": [1]}).encode(),
     json.dumps({**WHOLE.to_json(), "more": -1}).encode(), b"[" * 100_000],
)  # fmt: skip
def test_damage_is_nothing_known(value: bytes) -> None:
    assert record.decoded(value) is None


def test_what_was_written_long_ago_is_old() -> None:
    now_us = WHOLE.at_us + int(OLD_S * 1e6)
    assert WHOLE.read_at(now_us) == WHOLE and WHOLE.read_at(now_us + 1).old
