"""When what was felt is as it should be."""

import json
import time

import pytest

from lab.deploys_diary import Diary, Happened
from lab.deploys_outcome import Felt, May, Outcome, Stretch, under, why
from vegeta import Account, Sent


def account(count: int, took_s: float = 0.01, failed: int = 0) -> Account:
    return Account(tuple(
        Sent(float(number), took_s, "POST", "http://127.0.0.1/orders", 502 if number < failed else 200, "", True,
             number >= failed)
        for number in range(count)
    ))  # fmt: skip


QUIET = account(200)


@pytest.mark.parametrize(
    ("quiet", "during", "may", "well"),
    [
        pytest.param(QUIET, account(200), "nothing", True, id="nothing failed and nobody waited"),
        pytest.param(QUIET, account(200, failed=1), "nothing", False, id="one request failed"),
        pytest.param(QUIET, account(200, 0.021), "nothing", False, id="they took more than twice as long"),
        pytest.param(QUIET, account(200, 0.021), "wait", True, id="they may take longer"),
        pytest.param(QUIET, account(200, failed=1), "wait", False, id="who may wait may not be refused"),
        pytest.param(QUIET, account(200, 0.5, failed=9), "fail", True, id="a crash may be felt"),
        pytest.param(account(200, failed=1), account(200), "fail", False, id="something was wrong before"),
        pytest.param(account(20), account(200), "nothing", False, id="too few were sent before to compare with"),
    ],
)
def test_what_may_be_felt(quiet: Account, during: Account, may: May, well: bool) -> None:
    outcome = Outcome("a", "orders deployed", Stretch(quiet), Stretch(during), may)
    assert outcome.well is well


def test_who_waited_long_has_lost_nothing() -> None:
    outcome = Outcome("a", "orders deployed", Stretch(QUIET), Stretch(account(200, 0.021)))
    assert (outcome.none_lost, outcome.well) == (True, False)


def test_an_outcome_is_three_lines_for_people() -> None:
    during = Stretch(account(200, 0.02, failed=3), 0.5)
    words = Outcome("f", "a Fabio restarted", Stretch(QUIET, 0.25), during, lasted_s=31.0).words()
    assert words.splitlines() == [
        "f: a Fabio restarted: 3 of 200 requests failed (in one go 3 within 2.0 s); p99 2.0 x the quiet one; 31 s",
        "  quiet:  200 requests, p50 p99 max 10.0 10.0 10.0 ms, sent 0.0 ms late (p99), processors 25% busy",
        "  during: 200 requests, p50 p99 max 20.0 20.0 20.0 ms, sent 0.0 ms late (p99), processors 50% busy",
    ]


def test_who_failed_before_anything_was_done_is_named() -> None:
    words = Outcome("a", "orders deployed", Stretch(account(200, failed=2)), Stretch(account(200))).words()
    assert "  2 had failed before: this says nothing of what was done" in words.splitlines()


def test_as_json_it_says_what_failed_and_what_was_done() -> None:
    happened = (Happened(12.5, "an instance ends"),)
    told = Outcome("a", "", Stretch(QUIET), Stretch(account(200, failed=2)), "nothing", happened, 10.0).told()
    assert told["kinds"] == {"POST /orders 502 (kept)": 2}
    assert told["happened"] == [{"after_s": 2.5, "what": "an instance ends"}]
    assert (told["well"], told["none_lost"]) == (False, False)
    json.dumps(told)


class Sending:
    """A load of two requests since it was entered: one was over by the time of what was done, and one ended in it."""

    def __enter__(self) -> "Sending":
        self.began_s = time.time()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True

    def account(self, from_s: float = 0.0, to_s: float = float("inf")) -> Account:
        assert self.ended and from_s < self.began_s < to_s
        url = "http://127.0.0.1/orders"
        over = Sent(self.began_s - 10, 1.0, "GET", url, 200, "", True, True)
        return Account((over, over._replace(took_s=60.0, code=502, good=False)))


def test_what_breaks_off_ends_the_load_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.deploys_outcome.pause", lambda seconds: None)
    diary = Diary()

    def work() -> None:
        diary.note("it begins")
        raise AssertionError("nobody\n answers")

    [outcome] = under("a", [Felt(lambda: "orders deployed", Sending())], work, diary, dict)
    assert (outcome.broke, outcome.what) == ("AssertionError: nobody answers", "orders deployed")
    assert [each.words for each in outcome.happened] == ["it begins"]
    assert [each.code for each in outcome.quiet.account.sent] == [200]
    assert [each.code for each in outcome.during.account.sent] == [502]
    assert not outcome.none_lost
    assert "it broke off: AssertionError: nobody answers" in outcome.words()


def test_of_a_long_error_the_end_is_told() -> None:
    assert why(AssertionError("x" * 700 + " refused")) == "AssertionError: ... " + "x" * 592 + " refused"
