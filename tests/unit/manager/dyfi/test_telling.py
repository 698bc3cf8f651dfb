"""The line that people see."""

from dataclasses import replace

import pytest

from hoploom.manager.dyfi.record import DAY_S, Record
from hoploom.manager.dyfi.telling import line

A, B = "a.dy.fi", "b.dy.fi"
DAY_US = int(DAY_S * 1e6)
TOLD = Record(claimed_us=DAY_US, updated_us={A: DAY_US, B: 2 * DAY_US}, interval_s=5.5 * DAY_S, address="192.0.2.7")
FAILED = replace(TOLD, missing=[B], failures=2, rest_s=1800.0, answers={A: "good", B: "dnserr"})


@pytest.mark.parametrize(
    ("record", "names", "days", "said"),
    [
        (TOLD, (), 3.0, ""),
        (Record(), (A,), 3.0, "a.dy.fi: not told yet"),
        (TOLD, (A, B), 3.0, "a.dy.fi, b.dy.fi at 192.0.2.7, told 2.0 d ago, next in 3.5 d"),
        (TOLD, (B,), 2.25, "b.dy.fi at 192.0.2.7, told 6 h ago, next in 5.2 d"),
        (replace(TOLD, address=""), (A,), 9.0, "a.dy.fi, told 8.0 d ago, next in 0 min"),
        (FAILED, (A, B), 1.0, "b.dy.fi: 2 tries without a good answer (last dnserr), next in 30 min"),
        (replace(FAILED, answers={}, failures=1), (B,), 1.0, "b.dy.fi: 1 try without a good answer (last no answer), "
         "next in 30 min"),
        (replace(FAILED, stopped="abuse for b.dy.fi: why"), (A, B), 1.0, "a.dy.fi, b.dy.fi: stopped, abuse for "
         "b.dy.fi: why (then `hoploom dyfi resume`)"),
    ],
    ids=["no names", "never", "told", "one of two", "no address", "failed", "unanswered", "stopped"],
)  # fmt: skip
def test_a_line_says_how_the_names_stand(record: Record, names: tuple[str, ...], days: float, said: str) -> None:
    assert line(record, names, int(days * DAY_US)) == said
