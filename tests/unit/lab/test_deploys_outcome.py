"""When what was felt is as it should be."""

import pytest

from lab.deploys_outcome import May, Outcome
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
    assert Outcome("a", "orders deployed", quiet, during, may).well is well


def test_an_outcome_is_a_line_for_people() -> None:
    words = Outcome("f", "a Fabio restarted", QUIET, account(200, 0.02, failed=3)).words()
    assert words == (
        "f: a Fabio restarted: 3 of 200 requests failed (in one go 3 within 2.0 s); "
        "p99 20 ms, quiet 10 ms (2.0 x)"
    )
