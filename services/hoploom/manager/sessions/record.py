"""A session as Consul's KV store keeps it. Pure.

Of its id only the SHA-256 is stored, as the key: who reads a copy of the store cannot use what is in it.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass

from hoploom.kit.errors import BadRequest, Damaged
from hoploom.wire.fields import MAX_INTEGER, PRINTABLE, SHA256, VERSION, Fields
from hoploom.wire.people import USER_NAME, Role

PREFIX = "hoploom/sessions/"
IDLE_S, ABSOLUTE_S = 12 * 3600, 7 * 24 * 3600
SEEN_EVERY_S = 600
"""A session that is used is written so often: the store need not know of every page."""

ID = re.compile(r"[A-Za-z0-9_-]{43}")
"""256 bits as base64url (ASVS 5.0, 7.2.3 asks for 128)."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Somebody who has signed in.

    Attributes:
        digest: SHA-256 of its id, in hex; its key in the store.
        user: Name of the person.
        changed: The `changed` of the person's record then: another one ends the session.
        role: What the person may do.
        created_us: When it began, in microseconds since 1970.
        csrf: What every change has to say beside the cookie.
        address: Where the person signed in from.
        seen_us: When it was used last, to within `SEEN_EVERY_S`.
    """

    digest: str
    user: str
    changed: int
    role: Role
    created_us: int
    csrf: str
    address: str
    seen_us: int

    @property
    def key(self) -> str:
        """Where it is stored."""
        return f"{PREFIX}{self.digest}"

    def is_over(self, now_us: int) -> bool:
        """Whether it was not used for `IDLE_S`, or is older than `ABSOLUTE_S`."""
        idle_us = now_us - self.seen_us - SEEN_EVERY_S * 10**6
        return idle_us > IDLE_S * 10**6 or now_us - self.created_us > ABSOLUTE_S * 10**6


def digest(session_id: str) -> str:
    """What stands in the store for a session's id."""
    return hashlib.sha256(session_id.encode("utf-8", "surrogateescape")).hexdigest()


def packed(session: Session) -> bytes:
    """A session as it is stored."""
    told = {"v": VERSION, **asdict(session), "role": session.role.word}
    del told["digest"]
    return json.dumps(told, separators=(",", ":")).encode()


def read(key: str, value: bytes) -> Session:
    """A session as it is stored; raises Damaged where it is not understood."""
    try:
        known = Fields(json.loads(value), "a session")
        return Session(
            digest=Fields({"digest": key.removeprefix(PREFIX)}, "a session", versioned=False).text("digest", SHA256),
            user=known.text("user", USER_NAME),
            changed=known.integer("changed", range(MAX_INTEGER)),
            role=Role.of(known.text("role", PRINTABLE)),
            created_us=known.integer("created_us", range(MAX_INTEGER)),
            csrf=known.text("csrf", ID),
            address=known.text("address", PRINTABLE, ""),
            seen_us=known.integer("seen_us", range(MAX_INTEGER)),
        )
    except (BadRequest, ValueError, RecursionError) as error:
        raise Damaged(f"a session stored in Consul at {key} is damaged: delete the key") from error
