"""How the routers stand: what the leader has found, for all managers and their pages. Pure."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

OLD_S: Final = 180.0
"""What was written so long ago is shown with its age, and is nobody's problem any more: who wrote it may be gone."""

SLOW_S: Final = 2.0
"""Fabios here follow within 0.6 s. What takes longer holds up every deploy, and sends requests to who is gone."""

FOLLOWS, STALLED, UNKNOWN = "follows", "stalled", "unknown"


@dataclass(frozen=True)
class RouterStanding:
    """One router.

    Attributes:
        name: Its own.
        state: "follows", "stalled", or "unknown" before anything was measured.
        since_us: Since when, microseconds since 1970.
        why: What is wrong with it, in a sentence without its full stop; empty where nothing is.
        times: How many times of the last while p50 and p99 are of.
        p50_s: Median seconds from a change to the table that shows it; None without any.
        p99_s: The time that 99 of 100 stay below.
        routes: Routes in its table, without the canary; None where it was not read.
        most: The most of the last quarter of an hour.
        shrunken: In a sentence, that it has lost routes which Consul has not; empty where it has not.
        grave: Whether it has lost more than half.
    """

    name: str
    state: str = UNKNOWN
    since_us: int = 0
    why: str = ""
    times: int = 0
    p50_s: float | None = None
    p99_s: float | None = None
    routes: int | None = None
    most: int | None = None
    shrunken: str = ""
    grave: bool = False

    @property
    def is_slow(self) -> bool:
        """Whether it follows, and takes too long for it."""
        return self.state == FOLLOWS and self.p50_s is not None and self.p50_s > SLOW_S


@dataclass(frozen=True)
class FindingStanding:
    """One finding of two audits in a row; its words are those of `hoploom route audit`."""

    kind: str
    severity: str
    router: str
    subject: str
    problem: str
    cure: str
    since_us: int = 0


@dataclass(frozen=True)
class Standing:
    """All that the leader has found.

    Attributes:
        leader: Id of the manager that audits; empty before anybody has.
        at_us: When it wrote this down, microseconds since 1970.
        routers: Sorted by name.
        findings: The worst first; not all where there are very many.
        more: How many more there are.
        unseen: What could not be looked at, in sentences.
        old: Whether nobody has written for so long that it may not be so any more; said by who reads it.
    """

    leader: str = ""
    at_us: int = 0
    routers: tuple[RouterStanding, ...] = ()
    findings: tuple[FindingStanding, ...] = ()
    more: int = 0
    unseen: tuple[str, ...] = ()
    old: bool = False

    def read_at(self, now_us: int) -> "Standing":
        """The same, as it is to be taken by who reads it now, microseconds since 1970."""
        return replace(self, old=now_us - self.at_us > OLD_S * 1e6)

    def to_json(self) -> dict[str, Any]:
        """As it is stored, and answered."""
        return {"v": 1, **asdict(self)}


def quantile(times: Sequence[float], part: float) -> float | None:
    """The smallest of the times that `part` of them do not exceed; None without any."""
    return sorted(times)[max(0, math.ceil(part * len(times)) - 1)] if times else None
