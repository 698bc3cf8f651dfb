"""A person's record: what is stored, what ends sessions, and that some admin stays."""

import pytest

from hoploom.kit.errors import Conflict, Unavailable
from hoploom.manager.people import users
from hoploom.manager.people.users import Edit, User
from hoploom.wire.people import Role

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"
ANNA = User(name="anna", role=Role.ADMIN, hash=HASH, since_us=7, changed=3)
BERT = User(name="bert", role=Role.ADMIN, hash=HASH)


def test_a_record_is_read_as_it_was_packed() -> None:
    assert users.read(users.packed(ANNA)) == ANNA


def test_a_hash_is_shown_nowhere() -> None:
    assert "argon2" not in f"{ANNA!r}{ANNA.public()}" and ANNA.public()["password"] is True


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"v":2,"name":"anna","role":"admin","changed":0,"since_us":0}',
        b'{"v":1,"name":"../x","role":"admin","changed":0,"since_us":0}',
        b'{"v":1,"name":"anna","role":"king","changed":0,"since_us":0}',
        b'{"v":1,"name":"anna","role":"admin","changed":0,"since_us":0,"hash":"plain"}',
    ],
)
def test_a_damaged_record_is_nobody(value: bytes) -> None:
    with pytest.raises(Unavailable, match="damaged"):
        users.read(value)


@pytest.mark.parametrize(
    ("edit", "ends_sessions"),
    [
        (users.with_role(Role.VIEWER), True),
        (users.with_role(Role.ADMIN), False),
        (users.with_hash("$argon2id$other"), True),
        (users.rehashed(HASH, "$argon2id$newer"), False),
        (users.disabled(on=True), True),
        (users.disabled(on=False), False),
        (users.signed_out(), True),
    ],
)
def test_what_ends_the_sessions_of_before(edit: Edit, ends_sessions: bool) -> None:
    after = edit(ANNA)
    assert after is not None and (after.changed > ANNA.changed) is ends_sessions
    assert edit(None) is None


def test_a_password_that_was_changed_meanwhile_is_not_hashed_anew() -> None:
    assert users.rehashed("$argon2id$before", "$argon2id$newer")(ANNA) == ANNA


@pytest.mark.parametrize(
    ("what", "after"),
    [
        ("removed", None),
        ("demoted", users.with_role(Role.OPERATOR)(ANNA)),
        ("disabled", users.disabled(on=True)(ANNA)),
    ],
)
def test_the_last_admin_stays(what: str, after: User | None) -> None:
    idle = User(name="carl", role=Role.ADMIN)
    shut_out = User(name="dora", role=Role.ADMIN, hash=HASH, disabled=True)
    with pytest.raises(Conflict, match="the only admin who can sign in is anna"):
        users.keep_an_admin(ANNA, after, [idle, shut_out])
    assert users.keep_an_admin(ANNA, after, [idle, BERT]) == ("bert",), what


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, ANNA),
        (ANNA, users.with_hash("$argon2id$other")(ANNA)),
        (User(name="carl", role=Role.ADMIN), None),
        (User(name="carl", role=Role.VIEWER, hash=HASH), None),
    ],
)
def test_other_changes_need_nobody(before: User | None, after: User | None) -> None:
    assert users.keep_an_admin(before, after, []) == ()
