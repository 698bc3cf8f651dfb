"""One way to a service: its instances, what is counted of them, and one that is being asked."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol
from weakref import WeakSet

from hoploom.kit import metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import Unavailable, Unreached
from hoploom.kit.pool import Pool, Turn

log = logging.getLogger(__name__)
_REPEATED = metrics.counter("hoploom_client_repeats_total", "Requests that were sent to a second instance.", ("asked",))
_EJECTED = metrics.counter("hoploom_client_ejections_total", "Times that an instance was left alone.", ("asked",))
_OUT = metrics.gauge("hoploom_client_ejected", "Instances that are left alone now.", ("asked",))
_OUTSTANDING = metrics.gauge("hoploom_client_outstanding", "Requests and streams that are open.", ("asked",))
_POOLS = defaultdict[str, WeakSet[Pool]](WeakSet)
OUTCOMES = ("answered", "error", "unanswered", "unreached", "given_up")
"""What comes of a try: an answer below 500, or not below; broken off, too late, or one of 502, 503, 504, 507; no
connection; nobody waited for it."""

# Of each service, by outcome. Prometheus's own counters take a lock, and more time than the choice of an instance.
_TRIES = defaultdict[str, dict[str, int]](lambda: dict.fromkeys(OUTCOMES, 0))
metrics.kept(
    "hoploom_client_requests_total",
    "Requests to another service by what came of each try.",
    ("asked", "outcome"),
    lambda: [((name, outcome), count) for name, tries in _TRIES.items() for outcome, count in tries.items()],
)


class Source(Protocol):
    """Where instances come from.

    Attributes:
        pool: They are in it.
        is_fresh: Whether `refresh` would do nothing.
    """

    pool: Pool
    is_fresh: bool

    async def refresh(self) -> None:
        """See to it that the pool is as good as it can be; Unavailable where nobody is known."""

    async def everyone(self) -> Sequence[Instance]:
        """All instances; Unavailable where nobody knows."""


class Door:
    """One way to a service: where its instances come from, and what is counted of them."""

    def __init__(self, name: str, source: Source) -> None:
        """Have the counters made: looking them up by name takes longer than all else here."""
        self.name, self.source, self.pool = name, source, source.pool
        self.repeated, self._ejected = _REPEATED.labels(name), _EJECTED.labels(name)
        self._tries = _TRIES[name]
        pools = _POOLS[name]
        pools.add(self.pool)
        _OUT.labels(name).set_function(lambda: sum(each.out for each in pools))
        _OUTSTANDING.labels(name).set_function(lambda: sum(each.outstanding for each in pools))

    def judge(self, turn: Turn, outcome: str) -> None:
        """Say what came of a turn; it counts as busy with it until `close`."""
        self._tell(turn, self.pool.judge(turn, boottime_s(), failed=outcome != "answered"))

    def close(self, turn: Turn, outcome: str) -> None:
        """End a turn that is judged, or "given_up"."""
        self._tries[outcome] += 1
        self.pool.leave(turn, is_judged=outcome != "given_up")

    def end(self, turn: Turn, outcome: str) -> None:
        """Judge a turn and end it: `judge` and `close` at once, which each request pays for."""
        if outcome == "given_up":
            self.close(turn, outcome)
            return
        self._tries[outcome] += 1
        alone_s = self.pool.end(turn, boottime_s, failed=outcome != "answered")
        if alone_s:
            self._tell(turn, alone_s)

    def _tell(self, turn: Turn, alone_s: float) -> None:
        if alone_s:
            self._ejected.inc()
            log.warning("%s at %s is left alone for %.1f s: it fails", self.name, turn.peer.url, alone_s)


class Asked:
    """One instance that is being asked; it counts as busy with it until `close`, or the end of a `with`.

    Attributes:
        url: Where it answers, `http://address:port`.
        turn: What its pool knows of it.
    """

    def __init__(self, door: Door, turn: Turn) -> None:
        """Made by `ServiceClient.instance`."""
        self._door, self.turn, self.url = door, turn, turn.peer.url
        self._outcome = "given_up"

    def answered(self, status: int = 200) -> None:
        """Say that an answer has begun; a stream's goes on until `close`."""
        self._judge(outcome_of(status))

    def failed(self, error: Unavailable) -> None:
        """Say that none came."""
        self._judge(failure(error))

    def close(self) -> None:
        """It is not busy with this any more."""
        self._door.close(self.turn, self._outcome)

    def __enter__(self) -> "Asked":
        """Give it out."""
        return self

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None) -> None:
        """Close it; an `Unavailable` that comes by before an answer has begun is its failure."""
        if isinstance(error, Unavailable):
            self.failed(error)
        self.close()

    def _judge(self, outcome: str) -> None:
        if self._outcome == "given_up":
            self._outcome = outcome
            self._door.judge(self.turn, outcome)


def outcome_of(status: int) -> str:
    """What comes of a try that got this status."""
    return "error" if status >= 500 else "answered"  # noqa: PLR2004 (what HTTP calls the server's failure)


def failure(error: Unavailable) -> str:
    """What comes of a try that got no answer."""
    return "unreached" if isinstance(error, Unreached) else "unanswered"
