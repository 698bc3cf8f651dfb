"""Who tries many tokens waits; nobody else does."""

import pytest

from hoploom.manager.enrolment.wrong_tokens import MOST, MOST_ADDRESSES, REFILL_S, WrongTokens


def tried(address: str, times: int, wrong: WrongTokens | None = None) -> WrongTokens:
    found = wrong or WrongTokens()
    for _ in range(times):
        found.wrong(address, 0.0)
    return found


def test_nobody_waits_for_a_few_slips() -> None:
    assert tried("192.0.2.1", MOST - 1).wait_s("192.0.2.1", 0.0) == 0


def test_after_too_many_one_is_allowed_a_minute() -> None:
    wrong = tried("192.0.2.1", MOST)
    assert wrong.wait_s("192.0.2.1", 0.0) == REFILL_S
    assert wrong.wait_s("192.0.2.1", REFILL_S) == 0
    wrong.wrong("192.0.2.1", REFILL_S)
    assert wrong.wait_s("192.0.2.1", REFILL_S) == REFILL_S


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("not an address", "not an address", True),
    ],
)
def test_addresses_of_one_household_count_together(one: str, other: str, *, same: bool) -> None:
    assert (tried(one, MOST).wait_s(other, 0.0) > 0) is same


def test_a_thousand_addresses_cost_a_bounded_memory_and_the_newest_are_kept() -> None:
    wrong = WrongTokens()
    for number in range(MOST_ADDRESSES + 5):
        wrong.wrong(f"address {number}", 0.0)
    tried(f"address {MOST_ADDRESSES}", MOST, wrong)
    assert len(wrong._tried) == MOST_ADDRESSES
    assert wrong.wait_s(f"address {MOST_ADDRESSES}", 0.0) > 0
