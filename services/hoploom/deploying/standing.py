"""How far a deploy is: the state of `course` and of `taking_back`. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from hoploom.deploying.happenings import Command, End, Forget, Stop, Tell
from hoploom.deploying.sight import Road, Step

NOT_SUBMITTED = -1


class Phase(StrEnum):
    """Where it stands; from `silencing` on it is being taken back."""

    NEW = "new"
    HUSHING = "the routers learn that the new version gets nothing"
    SUBMITTING = "submitting"
    RISING = "the new instances come up"
    ROLLING = "one instance after another is exchanged"
    MOVING = "the routers learn a share"
    WATCHING = "a share is watched"
    PROMOTING = "promoting"
    DRAINING = "the old instances leave"
    TIDYING = "the weights are cleared"
    SILENCING = "the new version gets nothing any more"
    GIVING_UP = "Nomad gives the deployment up"
    FALLING = "the new instances leave"
    CLEANING = "the weights are cleared after it was taken back"
    DONE = "over"


BEFORE_PROMOTION = frozenset(
    {Phase.NEW, Phase.HUSHING, Phase.SUBMITTING, Phase.RISING, Phase.ROLLING, Phase.MOVING, Phase.WATCHING}
)
GOING_BACK = frozenset({Phase.SILENCING, Phase.GIVING_UP, Phase.FALLING, Phase.CLEANING})


@dataclass(frozen=True)
class Course:
    """The state.

    Attributes:
        road: What is to be done.
        phase: Where it stands.
        number: The new version's number as a job of Nomad's.
        dc: Index of the datacenter that gets its shares now.
        step: Index of its step.
        since_s: When the phase began.
        pending: Datacenters whose answer is awaited.
        told: Ids of instances that a person has been told of.
        why: Why it is taken back.
        interrupts: How often a person wanted it to end.
        asked_s: When Nomad was told last what it does not do yet.
        requests: That the new version was sent in all steps so far.
        errors: Failed ones among them.
        began_s: When it began.
    """

    road: Road
    phase: Phase = Phase.NEW
    number: int = NOT_SUBMITTED
    dc: int = 0
    step: int = 0
    since_s: float = 0.0
    pending: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    why: str = ""
    interrupts: int = 0
    asked_s: float = float("-inf")
    requests: int = 0
    errors: int = 0
    began_s: float = 0.0

    @property
    def here(self) -> str:
        """The datacenter that gets its shares now."""
        return self.road.datacenters[self.dc]

    @property
    def stage(self) -> Step:
        """The step that it takes there."""
        return self.road.steps[self.step]

    @property
    def begun(self) -> tuple[str, ...]:
        """The datacenters in which the new version may have got requests, the present one first."""
        return tuple(reversed(self.road.datacenters[: self.dc + 1]))

    def to(self, phase: Phase, now_s: float, **changes: Any) -> "Course":
        """The same, in another phase."""
        return replace(self, phase=phase, since_s=now_s, **changes)


Result = tuple[Course, list[Command]]


def over(course: Course, now_s: float, code: int, *commands: Command) -> Result:
    """It has ended, with everything done that is to be done."""
    return course.to(Phase.DONE, now_s), [*commands, Forget(), End(code)]


def left(course: Course, now_s: float, why: str) -> Result:
    """It has ended in the middle; what is kept of it lets the next deploy go on."""
    told = Tell("left", {"why": why, "where": course.phase.value})
    return course.to(Phase.DONE, now_s), [Stop(), told, End(1)]


def answered(course: Course, dc: str) -> Course:
    """One datacenter less is awaited."""
    return replace(course, pending=course.pending - {dc})


def names(members: Sequence[Any]) -> list[str]:
    """Ids of instances."""
    return [each.id for each in members]
