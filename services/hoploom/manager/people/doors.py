"""One-time doors: a key lets somebody in once, to choose a password or, opened by the mesh's owner, to be signed in.

Pure; time is passed in. Of a key only the digest is stored, so that who reads a copy of the store cannot come in by it.
Strangers hear the same words whatever is wrong.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hoploom.kit.errors import BadRequest, Forbidden, Unavailable
from hoploom.manager.people import users
from hoploom.manager.people.users import Edit, User
from hoploom.wire.fields import MAX_INTEGER, VERSION, Fields
from hoploom.wire.people import USER_NAME, Role

DOORS = "hoploom/doors/"
SIGN_IN, PASSWORD = "sign-in", "password"
"""What is behind a door: the pages at once, or the choice of a password first."""

STRANGER = "this link is not known here, used up or expired: ask an admin for a new one"
_DIGEST_DIGITS = 32
_PURPOSE = re.compile(f"{SIGN_IN}|{PASSWORD}")
_WORD = re.compile(r"[a-z]+")


class Refused(Forbidden):
    """Nobody is let in.

    Attributes:
        why: For the log alone.
    """

    def __init__(self, why: str) -> None:
        """Say why to the log, and the same words as ever to who asks."""
        super().__init__(STRANGER)
        self.why = why


@dataclass(frozen=True, kw_only=True)
class Door:
    """What a key stands for.

    Attributes:
        user: Who is let in.
        role: What that person may do, if not known here yet.
        purpose: `SIGN_IN` or `PASSWORD`.
        made_us: When it was made, in microseconds since 1970.
        until_us: When it closes.
    """

    user: str
    role: Role
    purpose: str
    made_us: int
    until_us: int

    def document(self) -> dict[str, Any]:
        """As JSON, without its key."""
        return {
            "user": self.user, "role": self.role.word, "for": self.purpose, "made_us": self.made_us,
            "until_us": self.until_us,
        }  # fmt: skip


def door_key(digest: str) -> str:
    """Where the door is whose key has this SHA-256, in hex."""
    return f"{DOORS}{digest[:_DIGEST_DIGITS]}"


def packed(door: Door) -> bytes:
    """A door as it is stored."""
    return json.dumps({"v": VERSION, **door.document()}, separators=(",", ":")).encode()


def read(value: bytes) -> Door:
    """A door of `packed`; raises Unavailable where it is damaged."""
    try:
        known = Fields(json.loads(value), "a door")
        return Door(
            user=known.text("user", USER_NAME),
            role=Role.of(known.text("role", _WORD)),
            purpose=known.text("for", _PURPOSE),
            made_us=known.integer("made_us", range(MAX_INTEGER)),
            until_us=known.integer("until_us", range(MAX_INTEGER)),
        )
    except (BadRequest, ValueError, RecursionError) as error:
        raise Unavailable(f"a door in Consul's KV store is damaged: {error}") from error


def opened(door: Door | None, purpose: str, user: User | None, now_us: int) -> Door:
    """The door, if it opens.

    Args:
        door: What is stored under the key's digest, if anything.
        purpose: What it is asked to open to.
        user: The record of the person whom it names, if any.
        now_us: The time, in microseconds since 1970.

    Raises:
        Refused: With the reason for the log.
    """
    if door is None:
        raise Refused("no such key")
    if now_us >= door.until_us:
        raise Refused(f"the key of {door.user} has expired")
    if door.purpose != purpose:
        raise Refused(f"the key of {door.user} is for {door.purpose}, not for {purpose}")
    if user is not None and user.disabled:
        raise Refused(f"{door.user} is disabled")
    return door


def void(doors: Mapping[str, Door], made: Door, now_us: int) -> list[str]:
    """Keys of the store that a new door makes superfluous: expired ones, and older ones of the same person.

    Args:
        doors: All that are stored, by key.
        made: The new one.
        now_us: The time, in microseconds since 1970.
    """
    return [
        key
        for key, each in doors.items()
        if now_us >= each.until_us
        or (each.user == made.user and each.purpose == made.purpose and each.made_us < made.made_us)
    ]


def let_in(door: Door, now_us: int, encoded: str = "") -> Edit:
    """The record of who came through a door: a new one, or the known one, with the password where one was chosen.

    Args:
        door: As it opened.
        now_us: The time, in microseconds since 1970.
        encoded: Hash of the chosen password; empty leaves what is there.

    Returns:
        An edit that raises Refused where the person was disabled meanwhile.
    """

    def edited(user: User | None) -> User | None:
        if user is None:
            return User(name=door.user, role=door.role, hash=encoded, since_us=now_us)
        opened(door, door.purpose, user, now_us)
        return users.with_hash(encoded)(user) if encoded else user

    return edited
