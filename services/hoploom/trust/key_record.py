"""The public half of a manager's signing key as it stands in the KV store, at `hoploom/keys/<kid>`. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from hoploom.kit.consul_records import KvEntry
from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.trust.credential import KID
from hoploom.trust.keys import is_public
from hoploom.wire.fields import MAX_INTEGER, PRINTABLE, VERSION, Fields

KEYS = "hoploom/keys/"


@dataclass(frozen=True, kw_only=True)
class KeyRecord:
    """A key that credentials are verified with.

    Attributes:
        kid: Its id, 16 hexadecimal digits.
        public: The public half.
        dc: Datacenter of the manager that signs with it.
        instance: That manager's id in Consul.
        made_us: When it was made, microseconds since 1970; for people.
        until_us: After this nothing that it has signed is good any more, microseconds since 1970.
    """

    kid: str
    public: str
    dc: str
    instance: str
    made_us: int
    until_us: int

    @property
    def stored_at(self) -> str:
        """Its place in the KV store."""
        return f"{KEYS}{self.kid}"

    def to_json(self) -> dict[str, object]:
        """As it is stored."""
        return {"v": VERSION, **asdict(self)}

    @staticmethod
    def from_json(document: object) -> KeyRecord:
        """Read and check.

        Raises:
            BadRequest: A field is missing or of the wrong type.
            Unprocessable: A field is out of bounds.
        """
        known = Fields(document, "a signing key")
        public = known.text("public", PRINTABLE, longest=64)
        if not is_public(public):
            raise Unprocessable("public of a signing key is 32 bytes as base64url")
        return KeyRecord(
            kid=known.text("kid", KID),
            public=public,
            dc=known.text("dc", PRINTABLE, longest=64),
            instance=known.text("instance", PRINTABLE, longest=128),
            made_us=known.integer("made_us", range(MAX_INTEGER)),
            until_us=known.integer("until_us", range(MAX_INTEGER)),
        )


def packed(record: KeyRecord) -> bytes:
    """A record as it is stored."""
    return json.dumps(record.to_json(), separators=(",", ":")).encode()


def stored(entry: KvEntry) -> KeyRecord | None:
    """A record as it was stored; None for one that is damaged, or lies under another's id: it verifies nothing."""
    try:
        record = KeyRecord.from_json(json.loads(entry.value))
    except (BadRequest, ValueError, RecursionError):
        return None
    return record if record.stored_at == entry.key else None
