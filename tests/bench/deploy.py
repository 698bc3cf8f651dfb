"""Deploys that fail no request: what is done to a mesh every day, under vegeta's load, and what clients felt of it.

The cases are those of `python3 tests lab deploys`; a host's own (c, d, gone, and e there) are left out where there can
be none. It says on standard error how far it is, and ends: no case begins a round after its time.
"""

from collections.abc import Iterator

from bench import canary
from hoploom.cli.bench import Figure, at_most
from lab.deploys import NAMES, played
from lab.deploys_outcome import MOST_SLOWER, Outcome
from lab.deploys_rounds import told

MOST_S = {"kill": 3.0, "gone": 20.0, "dcs": 20.0}
"""Seconds for which requests fail through Fabio after a crash: an instance's check, or the agents' of each other; or
while a canary that fails is judged."""


def measure(scale: float) -> list[Figure]:
    """Every case, each so often as it says where `scale` is 1; then the share of requests that a canary gets."""
    felt = [figure for outcome in played(NAMES, scale=scale) for figure in _figures(outcome)]
    told("the share of requests that a canary gets")
    return felt + canary.measure(scale)


def _figures(outcome: Outcome) -> Iterator[Figure]:
    name, failed = f"{outcome.case}: {outcome.what}", len(outcome.during.account.failed)
    if outcome.broke:
        yield at_most(f"{name}: broke off: {outcome.broke[-200:]}", 1, "times", 0)
        return
    sent = ("requests sent", len(outcome.during.account.sent))
    if outcome.may == "fail":
        most, longest_s = outcome.during.account.worst
        yield at_most(f"{name}: requests fail for", longest_s, "s", MOST_S[outcome.case])
        yield at_most(f"{name}: failed after one crash", most, "requests", 200 * MOST_S[outcome.case], sent)
        return
    yield at_most(f"{name}: failed", failed, "requests", 0, sent)
    if outcome.may == "nothing":
        quiet = ("quiet p99 in ms", outcome.quiet.account.within_ms(99))
        yield at_most(f"{name}: p99 against the quiet one", outcome.slower, "times", MOST_SLOWER, quiet)
