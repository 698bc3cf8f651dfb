"""A person's token for programs as it stands in the KV store, at `hoploom/tokens/<SHA-256 of its text>`. Pure.

The text is seen once, by whoever made it; nobody can make it of what is stored.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from hoploom.kit.consul_records import KvEntry
from hoploom.kit.errors import BadRequest
from hoploom.wire.fields import MAX_INTEGER, PRINTABLE, SHA256, VERSION, Fields
from hoploom.wire.people import USER_NAME, Role

TOKENS = "hoploom/tokens/"
SCHEME = "hlt_"
"""What each begins with, so that people and scanners of secrets know one when they see it."""

MAX_LENGTH = 64
LONGEST_NAME = 60
_ID_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class PersonToken:
    """What is known of a token.

    Attributes:
        hash: SHA-256 of its text, hexadecimal.
        name: What it is for, in its owner's words.
        user: Whose it is.
        role: What it may do; never more than its owner.
        made_us: When it was made, microseconds since 1970.
        until_us: After this it is good no more.
    """

    hash: str
    name: str
    user: str
    role: Role
    made_us: int
    until_us: int

    @property
    def id(self) -> str:
        """By which people speak of it; it opens nothing."""
        return self.hash[:_ID_DIGITS]

    @property
    def stored_at(self) -> str:
        """Its place in the KV store."""
        return f"{TOKENS}{self.hash}"

    def public(self) -> dict[str, Any]:
        """What its owner may see, as JSON."""
        return {"id": self.id, "name": self.name, "user": self.user, "role": self.role.word, "made_us": self.made_us,
                "until_us": self.until_us}  # fmt: skip


def hashed(text: str) -> str:
    """Under what a token is stored. It is random and long, so a plain digest cannot be guessed back."""
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def packed(token: PersonToken) -> bytes:
    """A token as it is stored."""
    known = {name: value for name, value in token.public().items() if name != "id"}
    return json.dumps({"v": VERSION, **known}, separators=(",", ":")).encode()


def stored(entry: KvEntry) -> PersonToken | None:
    """A token as it was stored; None for one that is damaged: it opens nothing."""
    try:
        known = Fields(json.loads(entry.value), "a token")
        found = PersonToken(
            hash=entry.key.removeprefix(TOKENS),
            name=known.text("name", PRINTABLE, longest=LONGEST_NAME),
            user=known.text("user", USER_NAME),
            role=Role.of(known.text("role", PRINTABLE, longest=16)),
            made_us=known.integer("made_us", range(MAX_INTEGER)),
            until_us=known.integer("until_us", range(MAX_INTEGER)),
        )
    except (BadRequest, ValueError, RecursionError):
        return None
    return found if SHA256.fullmatch(found.hash) else None
