"""A session as it is stored, and when it is over: security list, line 14."""

from dataclasses import replace

import pytest

from hoploom.kit.errors import Unavailable
from hoploom.manager.sessions import record
from hoploom.manager.sessions.record import ABSOLUTE_S, IDLE_S, SEEN_EVERY_S, Session
from hoploom.wire.people import Role

S, NOW_US = 10**6, 10**15
SESSION = Session(
    digest="ab" * 32, user="ada", changed=3, role=Role.ADMIN, created_us=NOW_US, csrf="c" * 43, address="192.0.2.1",
    seen_us=NOW_US,
)  # fmt: skip


def test_it_is_read_as_it_was_stored() -> None:
    assert record.read(SESSION.key, record.packed(SESSION)) == SESSION


@pytest.mark.parametrize(
    ("seen_s", "age_s", "over"),
    [
        (0, 0, False), (0, IDLE_S - 1, False), (0, IDLE_S + SEEN_EVERY_S + 1, True),
        (ABSOLUTE_S - 1, ABSOLUTE_S - 1, False), (ABSOLUTE_S, ABSOLUTE_S + 1, True),
    ],
    ids=["new", "idle for less", "idle for more", "used for days", "used for too many days"],
)  # fmt: skip
def test_it_is_over_when_nobody_uses_it_and_when_it_is_old(seen_s: int, age_s: int, over: bool) -> None:
    session = replace(SESSION, seen_us=NOW_US + seen_s * S)
    assert session.is_over(NOW_US + age_s * S) is over


@pytest.mark.parametrize(
    "value",
    [b"", b"{}", b"[]", b"\xff", record.packed(SESSION).replace(b"admin", b"root"),
     record.packed(SESSION).replace(b'"csrf":"', b'"csrf":"<'), record.packed(SESSION).replace(b'"v":1', b'"v":2')],
)  # fmt: skip
def test_what_is_damaged_is_said(value: bytes) -> None:
    with pytest.raises(Unavailable, match="damaged"):
        record.read(SESSION.key, value)


def test_a_key_that_is_no_digest_is_damaged() -> None:
    with pytest.raises(Unavailable, match="damaged"):
        record.read(f"{record.PREFIX}x", record.packed(SESSION))
