"""What a deploy that was killed has left, and where the next one takes it up. A person's order says which way."""

from dataclasses import dataclass, field, replace

from hoploom.deploying.happenings import Begun, Command, Event
from hoploom.deploying.job_records import Deployment, Job
from hoploom.deploying.looking import deployment_of, number_of
from hoploom.deploying.nomad_api import NomadApi
from hoploom.deploying.plan import Survey, Way, Wish, steps
from hoploom.deploying.record import Record
from hoploom.deploying.sight import Road
from hoploom.deploying.standing import NOT_SUBMITTED, Course, Phase
from hoploom.deploying.taking_back import back
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import ConfigError


@dataclass(frozen=True)
class TakenUp:
    """Where it goes on; without a course there is nothing to go on with."""

    words: str
    before: Job
    course: Course | None = None
    first: Event | list[Command] = field(default_factory=Begun)


async def taken_up(nomad: NomadApi, survey: Survey, record: Record, wish: Wish, *, back: bool) -> TakenUp:
    """Where a deploy that broke off goes on.

    Args:
        nomad: Has its job.
        survey: What runs now.
        record: What it kept of itself.
        wish: What is wanted now.
        back: Whether it shall be taken back.

    Raises:
        ConfigError: Another version is wanted, while this one is half in.
    """
    if not back and wish.version != record.version:
        raise ConfigError(
            f"{record.told()} and broke off {record.where}: go on by --version {record.version}, or take it back by "
            "--rollback"
        )
    history = [survey.job, *survey.history]
    before = next((each for each in history if each.number == record.before), replace(survey.job, number=record.before))
    number = number_of(history, before, record.version)
    deployment = await deployment_of(nomad, record.job, number) if number != NOT_SUBMITTED else None
    course = Course(_road(survey, record, wish), number=number, began_s=boottime_s())
    return _where(course, before, deployment, record, back=back)


def _road(survey: Survey, record: Record, wish: Wish) -> Road:
    way = Way(record.way)
    return Road(
        new=record.version,
        old=frozenset(record.old),
        datacenters=record.datacenters,
        steps=steps(wish, way),
        beside=way is not Way.ROLLED,
        count=survey.job.count or len(survey.members),
        is_routed=survey.is_routed,
    )


def _where(course: Course, before: Job, found: Deployment | None, record: Record, *, back: bool) -> TakenUp:
    now_s = boottime_s()
    if found and course.road.beside and found.promoted:
        return TakenUp("it was promoted already: its end is awaited", before, course.to(Phase.DRAINING, now_s), [])
    if found and not course.road.beside and found.status == "successful":
        return TakenUp("it was done already", before, course.to(Phase.ROLLING, now_s), [])
    if back or (found and not found.is_open):
        why = "taken back by hand" if back else "Nomad had given it up"
        return TakenUp("it is taken back", before, *_back(course, now_s, why))
    if course.number == NOT_SUBMITTED:
        return TakenUp("it had not been submitted", before)
    return TakenUp(f"it goes on with {record.version}", before, course, Begun())


def _back(course: Course, now_s: float, why: str) -> tuple[Course, list[Command]]:
    return back(course, now_s, why)
