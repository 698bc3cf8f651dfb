"""Passwords: which are taken, how they are stored, and that nobody learns who exists, or stops a manager by them."""

import asyncio
import threading
from dataclasses import dataclass, field

import argon2
import pytest

from hoploom.kit.errors import TooMany, Unprocessable
from hoploom.manager.people import password_rules, passwords
from hoploom.manager.people.passwords import Cost, Passwords

CHEAP = Cost(memory_kib=8, passes=1)
GOOD = "correct horse battery staple"


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 12 characters; 15 and more are better"),
        ("eleven char", "at least 12"),
        ("x" * 1025, "more than 1024 bytes"),
        ("ä" * 513, "more than 1024 bytes"),
        ("qwertyuiop123", "the name"),
        ("Qwertyuiop123", "the name"),
        ("321poiuytrewq", "the name"),
        ("qwertyuiop123 2024!", "the name"),
        ("aaaaaaaaaaaaaa", "one character"),
    ],
)
def test_a_password_that_is_guessed_first_is_refused(password: str, why: str) -> None:
    with pytest.raises(Unprocessable, match=why):
        password_rules.require(password, "qwertyuiop123")


def test_the_3000_that_are_used_most_are_refused() -> None:
    common = password_rules._common()
    assert len(common) == password_rules.COMMON and {"password", "123456", "qwerty"} <= common
    long = [each for each in common if len(each) >= password_rules.LEAST]
    assert long, "some are long enough for the other rule"
    for each in long:
        with pytest.raises(Unprocessable, match="used most"):
            password_rules.require(each.upper(), "anna")


@pytest.mark.parametrize("password", [GOOD, "ä" * 6 + "ö" * 6, "x" * 1023 + "y", " a space at ends ", "p" * 63 + "q"])
def test_any_other_password_is_taken(password: str) -> None:
    password_rules.require(password, "anna")


async def test_parameters_are_those_that_owasp_asks_for_and_every_hash_has_its_salt() -> None:
    strong = Passwords()
    first, second = await strong.hashed(GOOD), await strong.hashed(GOOD)
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$") and first != second
    assert await strong.is_right(first, GOOD)
    assert not strong.is_outdated(first)


@pytest.mark.parametrize(
    ("sent", "right"),
    [
        (GOOD, True),
        (GOOD + " ", False),
        (GOOD.upper(), False),
        ("", False),
        ("y" * 2_000_000, False),
    ],
)
async def test_only_the_same_password_is_right(sent: str, *, right: bool) -> None:
    cheap = Passwords(CHEAP)
    assert await cheap.is_right(await cheap.hashed(GOOD), sent) is right


async def test_nothing_is_cut() -> None:
    cheap, long = Passwords(CHEAP), "z" * 1023
    encoded = await cheap.hashed(long + "a")
    assert await cheap.is_right(encoded, long + "a") and not await cheap.is_right(encoded, long + "b")


async def test_letters_may_be_composed_by_another_keyboard() -> None:
    cheap = Passwords(CHEAP)
    assert await cheap.is_right(await cheap.hashed("p\u00e4ssword p\u00e4ss"), "pa\u0308ssword pa\u0308ss")


@pytest.mark.parametrize("encoded", ["", "$argon2id$v=19$m=8,t=1,p=1$damaged", "$argon2id$", "plain"])
async def test_who_has_no_password_never_has_the_right_one(encoded: str) -> None:
    cheap = Passwords(CHEAP)
    for sent in ("", GOOD):
        assert not await cheap.is_right(encoded, sent)


@dataclass
class Noting:
    """Verifies, and notes with which parameters."""

    hasher: argon2.PasswordHasher
    work: list[str] = field(default_factory=list)

    def verify(self, encoded: str, password: bytes) -> bool:
        self.work.append(encoded.rpartition("$")[0].rpartition("$")[0])
        return self.hasher.verify(encoded, password)


async def test_whoever_does_not_exist_costs_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = Passwords(CHEAP)
    known = await cheap.hashed(GOOD)
    noting = Noting(cheap._hasher)
    monkeypatch.setattr(cheap, "_hasher", noting)
    for encoded, sent in ((known, "wrong"), ("", "wrong"), ("", "y" * 100_000)):
        await cheap.is_right(encoded, sent)
    assert noting.work == ["$argon2id$v=19$m=8,t=1,p=1"] * 3


async def test_parameters_that_rise_make_a_hash_outdated() -> None:
    cheap, dearer = Passwords(CHEAP), Passwords(Cost(memory_kib=16, passes=1))
    encoded = await cheap.hashed(GOOD)
    assert dearer.is_outdated(encoded) and not cheap.is_outdated(encoded) and not cheap.is_outdated("damaged")
    assert await dearer.is_right(encoded, GOOD)


@dataclass
class Hasher:
    """Counts how many are in it at once, until it is let go."""

    gate: threading.Semaphore
    inside: int = 0
    most: int = 0

    def verify(self, _: str, __: bytes) -> bool:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.gate.acquire()
        self.inside -= 1
        return True


async def test_two_at_once_are_verified_and_a_flood_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap, hasher = Passwords(CHEAP), Hasher(threading.Semaphore(0))
    monkeypatch.setattr(cheap, "_hasher", hasher)
    waiting = [asyncio.create_task(cheap.is_right("x", GOOD)) for _ in range(passwords.MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany):
        await cheap.is_right("x", GOOD)
    for _ in waiting:
        hasher.gate.release()
    assert all(await asyncio.gather(*waiting)) and hasher.most <= passwords.AT_ONCE
    assert not cheap._waiting
