"""Where a deploy that was killed is taken up."""

from dataclasses import replace

import pytest

from hoploom.deploying import leftover
from hoploom.deploying.happenings import Begun, Hush, Stop
from hoploom.deploying.job_records import Deployment, Job, Update
from hoploom.deploying.nomad_api import NomadApi
from hoploom.deploying.plan import Survey, Wish
from hoploom.deploying.record import Record
from hoploom.deploying.sight import Member
from hoploom.deploying.standing import Phase
from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import HttpClient

BEFORE = Job("orders", "service", 3, 812, True, False, ("dc1",), (Update("orders", 2, 2, 60.0),), "1.4.0")
AFTER = replace(BEFORE, number=4, version="1.4.1", stable=False)
RECORD = Record("1.4.1", ("1.4.0",), "orders", 3, "canary", ("dc1",), "at 10% in dc1", "anna@deb01", "today")
ROLLED = replace(RECORD, way="rolled")
MEMBERS = (Member("orders-1", "1.4.0"), Member("orders-2", "1.4.1"))
SUBMITTED = Survey("orders", AFTER, (BEFORE,), MEMBERS)


class Nomad(NomadApi):
    """Knows one deployment."""

    def __init__(self, status: str = "running", *, promoted: bool = False) -> None:
        super().__init__(HttpClient(), "http://127.0.0.1:1")
        self._deployment = Deployment("d", 4, status, "", promoted)

    async def deployments(self, job_id: str) -> list[Deployment]:
        assert job_id == "orders"
        return [self._deployment]


@pytest.mark.parametrize(
    ("words", "nomad", "survey", "record", "back", "phase"),
    [
        ("it goes on from its beginning", Nomad(), SUBMITTED, RECORD, False, Phase.NEW),
        ("it is taken back", Nomad(), SUBMITTED, RECORD, True, Phase.SILENCING),
        ("Nomad has given it up", Nomad("failed"), SUBMITTED, RECORD, False, Phase.SILENCING),
        ("it was promoted", Nomad(promoted=True), SUBMITTED, RECORD, False, Phase.DRAINING),
        ("it was promoted and is over", Nomad("successful", promoted=True), SUBMITTED, RECORD, True, Phase.DRAINING),
        ("one by one goes on", Nomad(promoted=True), SUBMITTED, ROLLED, False, Phase.NEW),
        ("one by one was done", Nomad("successful"), SUBMITTED, ROLLED, False, Phase.ROLLING),
        ("one by one is taken back", Nomad(promoted=True), SUBMITTED, ROLLED, True, Phase.GIVING_UP),
        ("it was never submitted", Nomad(), Survey("orders", BEFORE, (), MEMBERS), RECORD, True, Phase.SILENCING),
    ],
)
async def test_it_is_taken_up(
    words: str, nomad: Nomad, survey: Survey, record: Record, back: bool, phase: Phase
) -> None:
    taken = await leftover.taken_up(nomad, survey, record, Wish("" if back else "1.4.1"), back=back)
    assert taken.course is not None and taken.course.phase is phase, words
    assert (taken.before.number, taken.before.version) == (3, "1.4.0")


async def test_what_was_never_submitted_is_planned_anew() -> None:
    taken = await leftover.taken_up(Nomad(), Survey("orders", BEFORE, (), MEMBERS), RECORD, Wish("1.4.1"), back=False)
    assert taken.course is None


async def test_going_on_begins_with_nothing_for_the_new_version_and_back_with_nothing_too() -> None:
    on = await leftover.taken_up(Nomad(), SUBMITTED, RECORD, Wish("1.4.1"), back=False)
    assert on.first == Begun() and on.course is not None and on.course.number == 4
    assert [each.share for each in on.course.road.steps] == [0.1, 0.5, 1.0]
    gone = await leftover.taken_up(Nomad(), SUBMITTED, RECORD, Wish(), back=True)
    assert isinstance(gone.first, list) and (gone.first[0], gone.first[2]) == (Stop(), Hush("dc1"))


async def test_another_version_has_to_wait() -> None:
    with pytest.raises(ConfigError, match=r"broke off at 10% in dc1: go on by --version 1\.4\.1, or"):
        await leftover.taken_up(Nomad(), SUBMITTED, RECORD, Wish("1.4.2"), back=False)


async def test_a_version_before_that_nomad_has_forgotten_is_still_known_by_number() -> None:
    taken = await leftover.taken_up(Nomad(), replace(SUBMITTED, history=()), RECORD, Wish(), back=True)
    assert taken.before.number == 3
