"""What leaders leave for one another: a claim is written as if no answer would come, and answers put it right."""

import json
from dataclasses import replace

import pytest

from hoploom.kit.errors import Unavailable
from hoploom.manager.dyfi.answers import Answer
from hoploom.manager.dyfi.record import (
    CHANGED,
    CORRECTED,
    FIRST,
    LEAST_S,
    LONGEST_S,
    REFRESHED,
    Claim,
    Record,
    answered,
    claimed,
    decoded,
    encoded,
    resumed,
)

NAMES = ("a.dy.fi", "b.dy.fi")


def claim(why: str = FIRST, names: tuple[str, ...] = NAMES, at_us: int = 5) -> Claim:
    return Claim(names, why, at_us, 15.0, "0.7", 450_000.0, "192.0.2.7")


def both(word: str, address: str = "") -> tuple[Answer, ...]:
    return tuple(Answer(name, word, address) for name in NAMES)


def test_a_claim_without_an_answer_is_a_failure_that_keeps_what_was_known() -> None:
    before = answered(claimed(Record(), claim()), both("good", "192.0.2.7"))
    after = claimed(before, claim(REFRESHED, at_us=9))
    assert after.open and after.failures == 1 and after.rest_s == LEAST_S and after.token == "0.7"
    assert after.missing == list(NAMES) and after.updated_us == dict.fromkeys(NAMES, 5)


def test_good_answers_leave_nothing_missing() -> None:
    after = answered(claimed(Record(), claim()), both("good", "192.0.2.7"))
    assert (after.open, after.missing, after.failures, after.address) == (False, [], 0, "192.0.2.7")
    assert after.updated_us == dict.fromkeys(NAMES, 5)


def test_one_name_of_two_may_be_missing() -> None:
    after = answered(claimed(Record(), claim()), (Answer("a.dy.fi", "good"), Answer("b.dy.fi", "dnserr")))
    assert (after.missing, after.failures, after.rest_s) == (["b.dy.fi"], 1, 1800)
    assert after.updated_us == {"a.dy.fi": 5} and not after.stopped


def test_tries_at_a_provider_that_is_away_become_rarer_up_to_a_bound() -> None:
    record, rests = Record(), list[float]()
    for _ in range(60):
        record = claimed(record, claim())
        rests.append(record.rest_s)
    assert rests[:3] == [LEAST_S, 2 * LEAST_S, 4 * LEAST_S] and max(rests) == rests[-1] == LONGEST_S


@pytest.mark.parametrize(
    ("why", "answers", "useless"),
    [
        (CHANGED, both("good", "192.0.2.7"), 0),
        (CHANGED, both("good"), 0),
        (CHANGED, both("good", "198.51.100.1"), 3),
        (CHANGED, both("nochg"), 3),
        (CORRECTED, both("good", "192.0.2.7"), 3),
        (REFRESHED, both("nochg"), 2),
    ],
    ids=["it is the own address", "it is not said", "it is another address", "nothing was changed",
         "DNS has to say so", "as ever"],
)  # fmt: skip
def test_calls_that_set_nothing_right_are_counted(why: str, answers: tuple[Answer, ...], useless: int) -> None:
    before = replace(Record(), address="192.0.2.1", useless=2)
    assert answered(claimed(before, claim(why)), answers).useless == useless


@pytest.mark.parametrize(
    ("answers", "address"),
    [(both("good", "192.0.2.9"), "192.0.2.9"), (both("nochg"), "192.0.2.1"), (both("good"), "192.0.2.7"),
     (both("dnserr"), "192.0.2.1")],
    ids=["it says so", "unchanged", "another one, so the own", "no good answer"],
)  # fmt: skip
def test_where_the_names_point_follows_from_the_answer(answers: tuple[Answer, ...], address: str) -> None:
    assert answered(claimed(replace(Record(), address="192.0.2.1"), claim()), answers).address == address


def test_a_stop_holds_until_a_person_resumes() -> None:
    stopped = answered(claimed(Record(), claim()), both("badauth"))
    assert stopped.stopped.startswith("badauth for a.dy.fi, b.dy.fi: ")
    again = resumed(stopped)
    assert (again.stopped, again.rest_s, again.missing) == ("", 0.0, list(NAMES))


def test_it_comes_back_from_consul_as_it_was() -> None:
    record = answered(claimed(Record(), claim()), both("good", "192.0.2.7"))
    assert decoded(encoded(record)) == record
    assert decoded(b'{"v": 1, "later": 7}') == Record()


@pytest.mark.parametrize(
    "value",
    [b"", b"[]", b"null", b"7", b'{"v": 2}', b"{}", b'{"v": 1, "missing": "a"}', b'{"v": 1, "claimed_us": "x"}',
     b"\xff", json.dumps({"v": 1, "updated_us": [1]}).encode()],
)  # fmt: skip
def test_what_is_no_record_of_ours_lets_nobody_call(value: bytes) -> None:
    with pytest.raises(Unavailable, match="remove it to begin anew"):
        decoded(value)
