"""Keys as they are stored: read back, and what is damaged or lies elsewhere verifies nothing."""

from dataclasses import replace

import pytest

from hoploom.kit.consul_api import KvEntry
from hoploom.trust.key_record import KeyRecord, packed, stored
from unit.trust.issuing import OTHER_KID, RECORD


def test_a_record_is_read_back() -> None:
    assert stored(KvEntry(RECORD.stored_at, packed(RECORD), 1)) == RECORD
    assert KeyRecord.from_json(RECORD.to_json()) == RECORD


@pytest.mark.parametrize(
    ("why", "key", "value"),
    [
        ("under another's id", f"hoploom/keys/{OTHER_KID}", packed(RECORD)),
        ("no JSON", RECORD.stored_at, b"\xff"),
        ("deep JSON", RECORD.stored_at, b"[" * 100_000),
        ("no public key", RECORD.stored_at, packed(replace(RECORD, public="x"))),
        ("an id with a slash", "hoploom/keys/a/b", packed(replace(RECORD, kid="a/b"))),
        ("empty", RECORD.stored_at, b""),
    ],
)
def test_what_is_damaged_is_no_key(why: str, key: str, value: bytes) -> None:
    assert stored(KvEntry(key, value, 1)) is None, why
