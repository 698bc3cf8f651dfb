"""Rate limits of routers: bursts, refills, and routers that share nothing."""

import numpy as np
import pytest

from lab.internet.compiling import compiled
from lab.internet.declared import Declaration, Interface, Prefix
from lab.internet.limits import ErrorLimits

S = 1_000_000_000
BUSY, SAME, OTHER, FREE = range(4)


def limits() -> ErrorLimits:
    interfaces = {
        "busy": Interface(address="198.18.0.1", router="r", errors_per_s=10, burst=5),
        "same": Interface(address="198.18.0.2", router="r"),
        "other": Interface(address="198.18.0.3", errors_per_s=1, burst=1),
        "free": Interface(address="198.18.0.4"),
    }
    ways = (Prefix(prefix="198.18.1.0/24", path=tuple(interfaces)),)
    return ErrorLimits(compiled(Declaration(interfaces=interfaces, prefixes=ways)).interfaces)


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ([BUSY] * 7, [True] * 5 + [False] * 2),
        ([BUSY, SAME] * 3, [True] * 5 + [False]),
        ([FREE] * 100, [True] * 100),
        ([-1] * 100, [True] * 100),
        ([OTHER, BUSY, OTHER, FREE], [True, True, False, True]),
        ([], []),
    ],
)
def test_a_burst_is_sent_and_then_no_more(asked: list[int], sent: list[bool]) -> None:
    assert limits().allow(np.array(asked, np.int32), S).tolist() == sent


def test_the_bucket_fills_with_time_up_to_the_burst() -> None:
    buckets, many = limits(), np.full(20, BUSY, np.int32)
    assert [int(buckets.allow(many, at).sum()) for at in (S, S, S + S // 10, S + S // 2, 9 * S)] == [5, 0, 1, 4, 5]


def test_over_a_second_the_rate_is_kept_whatever_the_batches() -> None:
    buckets = limits()
    assert sum(int(buckets.allow(np.array([BUSY], np.int32), S + ms * S // 1000).sum()) for ms in range(1000)) == 14
