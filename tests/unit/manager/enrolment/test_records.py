"""Invitations and enrolled workers as they are stored."""

import json
from typing import Any

import pytest

from hoploom.kit.errors import BadRequest, Unavailable, Unprocessable
from hoploom.manager.enrolment.records import (
    Described,
    Invite,
    WorkerRecord,
    described,
    invite_key,
    packed,
    read_invite,
    read_worker,
    worker_key,
)
from hoploom.wire.enrolment import token_digest
from hoploom.wire.fields import Fields

KEY = "k" * 43
INVITE = Invite(name="pi", place="Tampere, FI", latitude=61.5, longitude=23.75, max_rate_pps=200, invited_us=1,
                until_us=2, key=KEY)
WORKER = WorkerRecord(name="pi", number=2_000_000_017, key=KEY, invited_us=1, enrolled_us=2)


def test_records_are_stored_and_read_unchanged() -> None:
    assert read_invite(packed(INVITE)) == INVITE
    assert read_worker(packed(WORKER)) == WORKER


def test_an_unused_invitation_has_no_key() -> None:
    assert read_invite(packed(Invite(name="pi", invited_us=1, until_us=2))).key == ""


def test_the_key_of_an_invitation_tells_half_of_the_digest_and_nothing_of_the_token() -> None:
    digest = token_digest("7QK2-M0XD-93FA-TZ4C")
    assert invite_key(digest) == f"hoploom/invites/{digest[:32]}"
    assert worker_key("pi") == "hoploom/workers/pi"


def test_what_was_said_with_the_invitation_is_what_the_worker_gets() -> None:
    assert described(INVITE) == {
        "name": "pi", "place": "Tampere, FI", "latitude": 61.5, "longitude": 23.75, "max_rate_pps": 200
    }


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"latitude": 90.5}, Unprocessable, "degrees from -90 to 90, not 90.5"),
        ({"longitude": -180.1}, Unprocessable, "degrees from -180 to 180, not -180.1"),
        ({"latitude": float("nan")}, Unprocessable, "degrees from -90 to 90, not nan"),
        ({"latitude": "61.5"}, BadRequest, "wrong type"),
        ({"place": "x" * 121}, Unprocessable, "place of"),
        ({"place": "a\x1bb"}, Unprocessable, "place of"),
        ({"name": "Pi"}, Unprocessable, "name of"),
        ({"name": "a/b"}, Unprocessable, "name of"),
    ],
)
def test_what_is_out_of_bounds_is_refused(change: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        Described.read(Fields({"v": 1, "name": "pi", **change}, "an invitation"))


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"v": 1}', b"\xff", json.dumps({"v": 9}).encode(), packed(INVITE)[:-1]]
)
def test_a_damaged_record_is_no_absent_one(damage: bytes) -> None:
    with pytest.raises(Unavailable, match="damaged"):
        read_invite(damage)
    with pytest.raises(Unavailable, match="damaged"):
        read_worker(damage)
