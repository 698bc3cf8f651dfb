"""A person's token as it is stored."""

import dataclasses
import json

import pytest

from hoploom.kit.consul_api import KvEntry
from hoploom.trust.person_token import TOKENS, PersonToken, hashed, packed, stored
from hoploom.wire.people import Role

TEXT = "hlt_AAAAAAAAAAAAAAAAAAAAAA"
TOKEN = PersonToken(hash=hashed(TEXT), name="nightly", user="anna", role=Role.OPERATOR, made_us=1, until_us=2)


def entry(value: bytes, key: str = TOKEN.stored_at) -> KvEntry:
    return KvEntry(key, value, 1)


def test_what_is_stored_is_read_again_and_does_not_hold_the_token() -> None:
    assert stored(entry(packed(TOKEN))) == TOKEN
    assert TEXT not in packed(TOKEN).decode() + TOKEN.stored_at
    assert TOKEN.stored_at == f"{TOKENS}{TOKEN.hash}" and TOKEN.hash.startswith(TOKEN.id)


@pytest.mark.parametrize(
    ("name", "value"),
    [("role", "god"), ("user", "../x"), ("until_us", -1), ("until_us", "never"), ("name", "a\n"), ("v", 2)],
)
def test_a_damaged_one_opens_nothing(name: str, value: object) -> None:
    assert stored(entry(json.dumps({**json.loads(packed(TOKEN)), name: value}).encode())) is None


@pytest.mark.parametrize("value", [b"", b"[" * 100_000, b"null", b"\xff"])
def test_what_is_no_record_opens_nothing(value: bytes) -> None:
    assert stored(entry(value)) is None


def test_one_under_a_key_that_is_no_digest_opens_nothing() -> None:
    assert stored(entry(packed(TOKEN), f"{TOKENS}x")) is None


def test_what_people_see_has_no_digest() -> None:
    assert TOKEN.hash not in json.dumps(TOKEN.public())
    assert dataclasses.asdict(TOKEN).keys() - TOKEN.public().keys() == {"hash"}
