"""Who is let in by which token."""

from dataclasses import replace

import pytest

from hoploom.manager.enrolment.admission import STRANGER, Refused, admitted, enrolled, void
from hoploom.manager.enrolment.records import Invite

KEY, OTHER = "k" * 43, "o" * 43
NOW_US = 1_000
OPEN = Invite(name="pi", place="Tampere", max_rate_pps=200, invited_us=1, until_us=2_000)
USED, RECORD = enrolled(OPEN, 2_000_000_017, KEY, NOW_US)


def test_an_open_token_lets_a_new_worker_in() -> None:
    assert admitted(OPEN, None, KEY, NOW_US) is None


def test_the_worker_is_what_the_invitation_said_and_the_token_is_bound_to_its_key() -> None:
    assert (RECORD.name, RECORD.place, RECORD.max_rate_pps, RECORD.key) == ("pi", "Tampere", 200, KEY)
    assert (RECORD.number, RECORD.invited_us, RECORD.enrolled_us) == (2_000_000_017, 1, NOW_US)
    assert USED == replace(OPEN, key=KEY)


@pytest.mark.parametrize("now_us", [NOW_US, 3_000], ids=["in time", "after the token's time"])
def test_the_same_key_is_given_the_same_answer_again(now_us: int) -> None:
    assert admitted(USED, RECORD, KEY, now_us) == RECORD


@pytest.mark.parametrize(
    ("invite", "record", "key", "now_us", "why"),
    [
        (None, None, KEY, NOW_US, "no such token"),
        (USED, RECORD, OTHER, NOW_US, "is used"),
        (USED, None, KEY, NOW_US, "is used"),
        (USED, replace(RECORD, key=OTHER), KEY, NOW_US, "is used"),
        (OPEN, None, KEY, 2_000, "has expired"),
        (OPEN, RECORD, KEY, NOW_US, "enrolled already"),
    ],
    ids=["unknown", "another key", "forgotten since", "the name is another's now", "expired", "the name is taken"],
)
def test_a_stranger_hears_the_same_words_and_the_log_the_reason(
    invite: Invite | None, record: object, key: str, now_us: int, why: str
) -> None:
    with pytest.raises(Refused, match=STRANGER) as found:
        admitted(invite, record, key, now_us)  # type: ignore[arg-type]
    assert why in found.value.why


def test_a_new_invitation_voids_what_nobody_can_use_and_nothing_else() -> None:
    made = replace(OPEN, invited_us=10)
    invites = {
        "older to the same name": OPEN,
        "used": USED,
        "expired, to another": replace(OPEN, name="x", until_us=NOW_US),
        "open, to another": replace(OPEN, name="y"),
        "newer to the same name": replace(OPEN, invited_us=11),
        "itself": made,
    }
    assert void(invites, made, NOW_US) == ["older to the same name", "expired, to another"]
