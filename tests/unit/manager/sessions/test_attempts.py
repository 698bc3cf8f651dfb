"""How long who fails to sign in has to wait: security list, line 18."""

import pytest

from hoploom.kit.errors import Unavailable
from hoploom.manager.sessions import attempts
from hoploom.manager.sessions.attempts import ACCOUNT_MOST, LONGEST_WAIT_S, MOST_KEPT, Attempts, account, address

NOW_US, S = 10**15, 10**6
KEY = account("ada")


def tried(times: int, found: Attempts | None = None, now_us: int = NOW_US) -> Attempts:
    found = found or Attempts()
    for _ in range(times):
        found.tried(KEY, now_us)
    return found


@pytest.mark.parametrize(
    ("times", "wait_s"), [(0, 0.0), (4, 0.0), (5, 1.0), (6, 2.0), (8, 8.0), (11, 60.0), (5_000, LONGEST_WAIT_S)]
)
def test_each_failure_over_the_limit_waits_twice_as_long_up_to_a_minute(times: int, wait_s: float) -> None:
    assert tried(times).wait_s(KEY, ACCOUNT_MOST, NOW_US) == pytest.approx(wait_s)


def test_nobody_is_locked_out_for_ever() -> None:
    found = tried(5_000)
    assert found.wait_s(KEY, ACCOUNT_MOST, NOW_US + int(LONGEST_WAIT_S * S)) == 0
    quiet = tried(9)
    assert quiet.wait_s(KEY, ACCOUNT_MOST, NOW_US + 9 * 60 * S) == 0
    assert len(attempts.read("k", quiet.packed(NOW_US + 9 * 60 * S))) == 0


def test_waiting_ends_when_it_was_waited() -> None:
    assert tried(7).wait_s(KEY, ACCOUNT_MOST, NOW_US + 1 * S) == pytest.approx(3.0, abs=0.1)


def test_a_success_is_no_failure() -> None:
    found = tried(4)
    for _ in range(100):
        found.tried(KEY, NOW_US)
        found.succeeded(KEY, NOW_US)
    assert found.wait_s(KEY, ACCOUNT_MOST, NOW_US) == 0


def test_others_are_not_kept_waiting() -> None:
    assert tried(100).wait_s(account("olga"), ACCOUNT_MOST, NOW_US) == 0


def test_managers_add_up_what_each_has_seen() -> None:
    found = [tried(3), tried(3)]
    told = {str(number): attempts.read("k", each.packed(NOW_US)) for number, each in enumerate(found)}
    for number, each in enumerate(found):
        assert each.wait_s(KEY, ACCOUNT_MOST, NOW_US) == 0
        each.learn({name: counts for name, counts in told.items() if name != str(number)})
        assert each.wait_s(KEY, ACCOUNT_MOST, NOW_US) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True), ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True), ("2001:db8::1", "2001:db8:0:1::1", False), ("unix", "unix", True),
    ],
)  # fmt: skip
def test_one_household_is_one_address(one: str, other: str, same: bool) -> None:
    assert (address(one) == address(other)) is same


def test_who_tries_from_everywhere_fills_no_store() -> None:
    found = tried(9)
    for number in range(MOST_KEPT):
        found.tried(address(f"host-{number}"), NOW_US)
    assert len(found.packed(NOW_US)) < 150_000
    assert found.wait_s(KEY, ACCOUNT_MOST, NOW_US) == 0


def test_no_name_that_was_typed_is_stored() -> None:
    """It may have been a password."""
    found = Attempts()
    found.tried(account("correct horse"), NOW_US)
    assert b"horse" not in found.packed(NOW_US)


@pytest.mark.parametrize(
    "value",
    [b"", b"[]", b"{}", b'{"v":1}', b'{"v":1,"counts":[]}', b'{"v":1,"counts":{"a":1}}', b'{"v":1,"counts":{"a":[1]}}',
     b'{"v":1,"counts":{"a":["x",1]}}', b'{"v":1,"counts":{"a":[1,-1]}}', b'{"v":1,"counts":{"a":[NaN,1]}}',
     b'{"v":1,"counts":{"a":[-1,1]}}', b'{"v":2,"counts":{}}', b"[" * 5000],
)  # fmt: skip
def test_what_is_damaged_is_said(value: bytes) -> None:
    with pytest.raises(Unavailable, match="damaged"):
        attempts.read("hoploom/attempts/x", value)
