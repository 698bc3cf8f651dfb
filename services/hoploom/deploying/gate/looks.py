"""What there was to see of a service at one moment: counts that only grow, and the difference of two. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hoploom.deploying.gate.buckets import Buckets, together
from hoploom.deploying.gate.pages import ANSWERED, ARRIVED, FAILED, LOST, OWN, PASSED, STATUSES, WITHIN, Series


@dataclass(frozen=True)
class Seen:
    """One instance, since it is counted.

    Attributes:
        routed: What the routers sent it, and how long these took them.
        answered: Requests that it answered; None where it does not say, as a service that is not on the kit.
        failed: Those of them that it answered 5xx.
        lost: Those of these that a router might have answered as well (500, 502, 504).
        arrived: Requests that a router passed on to it and that are done; None where it does not say.
        own: How long its answers took itself.
        let_go: How often a router let go of it, and with that of what it had counted since it was asked last.
    """

    routed: Buckets = field(default_factory=Buckets)
    answered: float | None = None
    failed: float = 0.0
    lost: float = 0.0
    arrived: float | None = None
    own: Buckets = field(default_factory=Buckets)
    let_go: int = 0


@dataclass(frozen=True)
class Look:
    """All instances at one moment. Counts began anywhere: only the difference of two looks of a `Watcher` tells.

    Attributes:
        at_s: When, by a clock that nobody sets.
        instances: By `address:port`.
        failed: What the routers answered with 500, 502 or 504, their own and the instances'.
        passed: What they answered at all.
        silent: Who did not answer this time; its counts are those of before.
        course: The looks before, the last some hundred.
    """

    at_s: float
    instances: Mapping[str, Seen] = field(default_factory=dict)
    failed: float = 0.0
    passed: float = 0.0
    silent: tuple[str, ...] = ()
    course: Sequence["Look"] = field(default=(), compare=False, repr=False)

    def of(self, target: str) -> Seen:
        """One instance; nothing where it is not known."""
        return self.instances.get(target, Seen())


def between(before: Seen, now: Seen) -> Seen:
    """What happened to an instance between two looks."""
    return Seen(
        now.routed.minus(before.routed),
        _more(before.answered, now.answered),
        now.failed - before.failed,
        now.lost - before.lost,
        _more(before.arrived, now.arrived),
        now.own.minus(before.own),
        now.let_go - before.let_go,
    )


def look(
    at_s: float,
    routers: Sequence[Series],
    instances: Mapping[str, Series],
    let_go: Mapping[str, int],
    silent: Iterable[str],
) -> Look:
    """Put together what was counted.

    Args:
        course: The looks before; it may go on growing.
        at_s: Now.
        routers: What each router counted.
        instances: What each instance counted, by `address:port`; empty for one that says nothing.
        let_go: How often routers let go of each.
        silent: Names of who did not answer.
    """
    return Look(
        at_s,
        {target: _seen(routers, target, own, let_go.get(target, 0)) for target, own in instances.items()},
        sum(each.get((STATUSES, FAILED, 0.0), 0.0) for each in routers),
        sum(each.get((STATUSES, PASSED, 0.0), 0.0) for each in routers),
        tuple(silent),
    )


def _seen(routers: Sequence[Series], target: str, own: Series, let_go: int) -> Seen:
    return Seen(
        together(_buckets(each, target) for each in routers),
        own.get((OWN, ANSWERED, 0.0)),
        own.get((OWN, FAILED, 0.0), 0.0),
        own.get((OWN, LOST, 0.0), 0.0),
        own.get((OWN, ARRIVED, 0.0)),
        _buckets(own, OWN),
        let_go,
    )


def _buckets(series: Series, group: str) -> Buckets:
    return Buckets({bound: count for (of, what, bound), count in series.items() if (of, what) == (group, WITHIN)})


def _more(before: float | None, now: float | None) -> float | None:
    return None if now is None else now - (before or 0.0)
