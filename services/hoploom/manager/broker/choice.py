"""Which of several instances a client had best ask: the least loaded one. Pure.

Loads are as old as the last look, in which time many clients ask; so each that was sent somewhere counts there at once,
and they spread instead of running to the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hoploom.kit.consul_records import Instance

LAG_OF_A_REQUEST_S = 0.005
"""So late a loop counts as one more request in flight; an idle one is late by some 0.5 ms."""


@dataclass(frozen=True)
class Load:
    """How busy an instance is, as it says itself.

    Attributes:
        in_flight: Requests that it answers now.
        lag_s: How late its event loop last woke.
        is_draining: Whether it is about to stop.
    """

    in_flight: int
    lag_s: float
    is_draining: bool = False

    @property
    def requests(self) -> float:
        """All of it, in requests."""
        return self.in_flight + self.lag_s / LAG_OF_A_REQUEST_S


@dataclass(frozen=True)
class Candidate:
    """An instance that answered.

    Attributes:
        instance: Where it is.
        load: How busy it is; None for one of a version that does not say.
    """

    instance: Instance
    load: Load | None


@dataclass(frozen=True)
class Choice:
    """The instance chosen.

    Attributes:
        instance: Where it is.
        why: In words, for people.
    """

    instance: Instance
    why: str


def best(candidates: Sequence[Candidate], sent: Mapping[str, int]) -> Choice | None:
    """The least loaded one; one that does not say how busy it is only where no other is left.

    Args:
        candidates: Those that answered the last look.
        sent: How many clients were sent to each since then, by the instance's id.

    Returns:
        The choice; None where nobody may be asked.
    """
    serving = [each for each in candidates if not (each.load and each.load.is_draining)]
    if not serving:
        return None

    def rank(each: Candidate) -> tuple[bool, float, str]:
        busy = each.load.requests if each.load else 0.0
        return each.load is None, busy + sent.get(each.instance.id, 0), each.instance.id

    found = min(serving, key=rank)
    return Choice(found.instance, f"{_how_busy(found.load)}, {_of(len(serving))} in {found.instance.dc or 'here'}")


def _how_busy(load: Load | None) -> str:
    if load is None:
        return "nobody says how busy it is"
    return f"{load.in_flight} in flight and {1000 * load.lag_s:.1f} ms late"


def _of(count: int) -> str:
    return f"the least loaded of {count}" if count > 1 else "the only one"
