"""One person's record, and the rule that some admin stays. Pure; time is passed in."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hoploom.kit.errors import BadRequest, Conflict, Unavailable
from hoploom.wire.fields import MAX_INTEGER, VERSION, Fields
from hoploom.wire.people import USER_NAME, Role

_HASH = re.compile(r"|\$argon2id\$[\x21-\x7e]{1,400}")
_ROLE = re.compile(r"[a-z]+")


@dataclass(frozen=True, kw_only=True)
class User:
    """A person who may sign in.

    Attributes:
        name: As `USER_NAME`.
        role: What the person may do.
        hash: Argon2id of the password, encoded with its parameters; empty for who has none yet.
        disabled: Whether the person is kept out.
        since_us: When the record was made, in microseconds since 1970.
        changed: How often role, password or being disabled changed, or all sessions were ended: a session that was
            made under another number is over.
    """

    name: str
    role: Role
    hash: str = field(default="", repr=False)
    disabled: bool = False
    since_us: int = 0
    changed: int = 0

    @property
    def is_usable_admin(self) -> bool:
        """Whether this person can come in by a password and say who may what."""
        return self.role is Role.ADMIN and bool(self.hash) and not self.disabled

    def public(self) -> dict[str, Any]:
        """What others may see, as JSON: not the password's hash, but whether there is one."""
        return {
            "name": self.name, "role": self.role.word, "disabled": self.disabled, "since_us": self.since_us,
            "password": bool(self.hash),
        }  # fmt: skip


Edit = Callable[[User | None], User | None]
"""What a record becomes (None: it is removed, or is not there). Called again when somebody else was faster; raises
BadRequest where it cannot be."""


def document(user: User) -> dict[str, Any]:
    """A record as it is stored."""
    return {**asdict(user), "role": user.role.word}


def from_document(found: object) -> User:
    """A record of `document`; raises BadRequest where it is none."""
    known = Fields(found, "a user's record", versioned=False)
    return User(
        name=known.text("name", USER_NAME),
        role=Role.of(known.text("role", _ROLE)),
        hash=known.text("hash", _HASH, ""),
        disabled=known.flag("disabled", default=False),
        since_us=known.integer("since_us", range(MAX_INTEGER)),
        changed=known.integer("changed", range(MAX_INTEGER)),
    )


def packed(user: User) -> bytes:
    """A record as it is stored alone."""
    return json.dumps({"v": VERSION, **document(user)}, separators=(",", ":")).encode()


def read(value: bytes) -> User:
    """A record of `packed`; raises Unavailable where it is damaged."""
    try:
        found = json.loads(value)
        Fields(found, "a user's record")
        return from_document(found)
    except (BadRequest, ValueError, RecursionError) as error:
        raise Unavailable(f"a user's record is damaged: {error}") from error


def keep_an_admin(before: User | None, after: User | None, others: Collection[User]) -> tuple[str, ...]:
    """Refuse the change that leaves nobody who can come in and say who may what.

    Args:
        before: One person's record as it is.
        after: As it is to be.
        others: Everybody else.

    Returns:
        Names of others on which the change relies: one of them has to be an admin still when it is made.

    Raises:
        Conflict: It takes away the last one.
    """
    if before is None or not before.is_usable_admin or (after is not None and after.is_usable_admin):
        return ()
    left = tuple(sorted(each.name for each in others if each.is_usable_admin))
    if not left:
        raise Conflict(f"the only admin who can sign in is {before.name}: make another one first")
    return left


def with_role(role: Role) -> Edit:
    """Another role; the same again changes nothing."""
    return _of_somebody(lambda user: user if user.role is role else _changed(user, role=role))


def with_hash(encoded: str) -> Edit:
    """Another password: all sessions of before end."""
    return _of_somebody(lambda user: _changed(user, hash=encoded))


def rehashed(before: str, encoded: str) -> Edit:
    """The same password under newer parameters, unless it was changed meanwhile; sessions go on."""
    return _of_somebody(lambda user: replace(user, hash=encoded) if user.hash == before else user)


def disabled(*, on: bool) -> Edit:
    """Kept out, or let in again."""
    return _of_somebody(lambda user: user if user.disabled is on else _changed(user, disabled=on))


def signed_out() -> Edit:
    """All sessions end."""
    return _of_somebody(_changed)


def _of_somebody(edit: Callable[[User], User]) -> Edit:
    def edited(user: User | None) -> User | None:
        return edit(user) if user is not None else None

    return edited


def _changed(user: User, **changes: Any) -> User:
    return replace(user, **changes, changed=user.changed + 1)
