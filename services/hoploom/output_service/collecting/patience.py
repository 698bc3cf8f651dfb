"""When a store is asked for what is new, and when again after a failure. Pure.

A copy of the newest results costs their output a little of its speed, so one that is just being filled is left alone
until it rests, or for as long as results may wait at most.
"""

from dataclasses import dataclass

LOOKS = 10
"""So many looks within the time that results may wait at most; a look costs an output next to nothing."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 120.0


@dataclass(frozen=True)
class Behind:
    """A store that has more than the data set.

    Attributes:
        last_seq: What it had at the last look.
        since_s: When it was first seen to have more.
    """

    last_seq: int
    since_s: float


def seen(before: Behind | None, behind: int, last_seq: int, now_s: float) -> Behind | None:
    """What is known of a store after a look, in which it had so many more batches; None where it had none."""
    return Behind(last_seq, before.since_s if before else now_s) if behind else None


def is_due(before: Behind | None, now: Behind | None, now_s: float, longest_s: float) -> bool:
    """Whether to fetch: the store rests since the look before, or its results have waited for so many seconds."""
    if now is None:
        return False
    return (before is not None and before.last_seq == now.last_seq) or now_s - now.since_s >= longest_s


@dataclass(frozen=True)
class Trouble:
    """A store that could not be collected from.

    Attributes:
        failures: How often in a row.
        until_s: Before that it is not tried again.
    """

    failures: int
    until_s: float


def after(before: Trouble | None, now_s: float, least_s: float = 0.0) -> Trouble:
    """What follows from one more failure; `least_s` is how long the store itself asks to be left alone."""
    failures = before.failures + 1 if before else 1
    pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(failures - 1, 10))
    return Trouble(failures, now_s + max(pause_s, min(least_s, LONGEST_PAUSE_S)))
