"""Doors: what opens, what is stored, and what strangers hear."""

import pytest

from hoploom.kit.errors import Unavailable
from hoploom.manager.people import doors
from hoploom.manager.people.doors import PASSWORD, SIGN_IN, STRANGER, Door, Refused
from hoploom.manager.people.users import User, disabled
from hoploom.wire.people import Role
from unit.manager.people.records import ANNA, CARL, HASH

DOOR = Door(user="anna", role=Role.ADMIN, purpose=PASSWORD, made_us=10, until_us=20)


def test_a_door_is_read_as_it_was_packed() -> None:
    assert doors.read(doors.packed(DOOR)) == DOOR


@pytest.mark.parametrize("value", [b"", b"{", b"[]", doors.packed(DOOR).replace(b'"password"', b'"roof"')])
def test_a_damaged_door_is_none(value: bytes) -> None:
    with pytest.raises(Unavailable, match="damaged"):
        doors.read(value)


@pytest.mark.parametrize(
    ("door", "purpose", "user", "now_us", "why"),
    [
        (None, PASSWORD, None, 15, "no such key"),
        (DOOR, PASSWORD, ANNA, 20, "has expired"),
        (DOOR, SIGN_IN, ANNA, 15, "is for password, not for sign-in"),
        (DOOR, PASSWORD, disabled(on=True)(ANNA), 15, "anna is disabled"),
    ],
)
def test_strangers_hear_the_same_whatever_is_wrong(
    door: Door | None, purpose: str, user: User | None, now_us: int, why: str
) -> None:
    with pytest.raises(Refused) as refused:
        doors.opened(door, purpose, user, now_us)
    assert str(refused.value) == STRANGER and why in refused.value.why


def test_a_good_door_opens() -> None:
    assert doors.opened(DOOR, PASSWORD, ANNA, 19) == doors.opened(DOOR, PASSWORD, None, 10) == DOOR


def test_a_new_door_makes_expired_ones_void_and_older_ones_of_the_same_person() -> None:
    known = {
        "mine": Door(user="anna", role=Role.ADMIN, purpose=PASSWORD, made_us=30, until_us=90),
        "older": Door(user="anna", role=Role.ADMIN, purpose=PASSWORD, made_us=29, until_us=90),
        "another way": Door(user="anna", role=Role.ADMIN, purpose=SIGN_IN, made_us=29, until_us=90),
        "of another": Door(user="bert", role=Role.ADMIN, purpose=PASSWORD, made_us=29, until_us=90),
        "expired": Door(user="bert", role=Role.ADMIN, purpose=PASSWORD, made_us=1, until_us=30),
    }
    assert doors.void(known, known["mine"], 30) == ["older", "expired"]


def test_who_comes_through_is_made_once_and_keeps_the_role_that_was_given_since() -> None:
    edit = doors.let_in(DOOR, 15, HASH)
    assert edit(None) == User(name="anna", role=Role.ADMIN, hash=HASH, since_us=15)
    known = edit(CARL)
    assert known is not None and known.role is Role.VIEWER and known.changed == CARL.changed + 1
    assert doors.let_in(DOOR, 15)(CARL) == CARL
    with pytest.raises(Refused):
        edit(disabled(on=True)(CARL))
