"""What a deploy will do, and why it will do nothing."""

from dataclasses import replace
from typing import Any

import pytest

from hoploom.deploying.job_records import Job, Update
from hoploom.deploying.job_source import JobSource
from hoploom.deploying.plan import Survey, Way, Wish, before, plan, source_of
from hoploom.deploying.sight import Member
from hoploom.kit.errors import ConfigError

JOB = Job("orders", "service", 3, 812, True, False, ("dc2", "dc1"), (Update("orders", 2, 2, 60.0),), "1.4.0")
NEW = replace(JOB, version="1.4.1")
MEMBERS = (Member("orders-1", "1.4.0", "dc1"), Member("orders-2", "1.4.0", "dc2"))
SURVEY = Survey("orders", JOB, (), MEMBERS)
WISH = Wish("1.4.1")
FULL = {"FailedTGAllocs": {"g": {"DimensionExhausted": {"memory": 1}}}}
SOURCE = JobSource('variable "version" {}\nvariable "artifact_url" {}\nvariable "artifact_checksum" {}')


def test_shares_go_from_datacenter_to_datacenter_as_the_job_has_them() -> None:
    made = plan(SURVEY, WISH, NEW, {})
    assert (made.way, made.old, made.modify_index, made.refused) == (Way.CANARY, ("1.4.0",), 812, ())
    assert made.road.datacenters == ("dc2", "dc1") and made.road.count == 2 and made.road.ready_s == 120
    assert [(each.share, each.seconds) for each in made.road.steps] == [(0.1, 60), (0.5, 60), (1.0, 60)]


@pytest.mark.parametrize(
    ("survey", "wish", "new", "way", "shares"),
    [
        (SURVEY, replace(WISH, blue_green=True), NEW, Way.BLUE_GREEN, [1.0]),
        (SURVEY, replace(WISH, at_once=True), NEW, Way.CANARY, [1.0]),
        (replace(SURVEY, is_routed=False), WISH, NEW, Way.BESIDE, []),
        (SURVEY, WISH, replace(NEW, updates=(Update("orders", 2, 0, 60.0),)), Way.ROLLED, []),
        (SURVEY, WISH, replace(NEW, kind="system"), Way.ROLLED, []),
    ],
)
def test_the_way_follows_the_wish_and_the_job(
    survey: Survey, wish: Wish, new: Job, way: Way, shares: list[float]
) -> None:
    made = plan(survey, wish, new, {})
    assert (made.way, [each.share for each in made.road.steps], made.refused) == (way, shares, ())


def test_a_system_job_has_one_on_every_node() -> None:
    assert plan(SURVEY, WISH, replace(NEW, kind="system", updates=(Update("g", 1, 0, 60.0),)), {}).road.count == 2


@pytest.mark.parametrize(
    ("survey", "wish", "new", "planned", "words"),
    [
        (SURVEY, replace(WISH, is_canary=True), replace(NEW, updates=(Update("g", 1, 0, 1.0),)), {}, "no room for two"),
        (SURVEY, replace(WISH, is_canary=True), replace(NEW, kind="system"), {}, "once on every node"),
        (replace(SURVEY, is_routed=False), replace(WISH, blue_green=True), NEW, {}, "no requests to share"),
        (SURVEY, WISH, JOB, {}, "HOPLOOM_VERSION_TAG"),
        (replace(SURVEY, job=replace(JOB, stopped=True)), WISH, NEW, {}, "is stopped"),
        (replace(SURVEY, open_words="a deployment is going on"), WISH, NEW, {}, "is going on"),
        (SURVEY, WISH, NEW, FULL, r"no place for g \(memory"),
        (SURVEY, replace(WISH, datacenters=("dc3",)), NEW, {}, "datacenter dc3"),
        (SURVEY, replace(WISH, shares=(0.00009, 1.0)), NEW, {}, r"0\.009 % cannot be: .* 1 instance is 0\.01 %"),
    ],
)
def test_it_is_refused_with_the_reason(survey: Survey, wish: Wish, new: Job, planned: Any, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        assert plan(survey, wish, new, planned).refused == ()


def test_an_allocation_without_a_registration_is_in_no_datacenter_of_consuls() -> None:
    silent = Member("allocation 1", "1.4.0", dc="")
    assert plan(replace(SURVEY, members=(*MEMBERS, silent)), WISH, NEW, {}).road.datacenters == ("dc2", "dc1")
    nowhere = replace(SURVEY, members=(silent,))
    assert "nobody knows where its requests go" in plan(nowhere, WISH, NEW, {}).refused[0]
    assert plan(replace(nowhere, is_routed=False), WISH, NEW, {}).refused == ()


def test_a_tag_of_nomads_own_registration_tells_versions_apart_too() -> None:
    assert plan(SURVEY, WISH, replace(NEW, version="", tags=frozenset({"1.4.1"})), {}).refused == ()


def test_the_same_version_is_nothing_to_do() -> None:
    assert plan(SURVEY, Wish("1.4.0"), JOB, {}).same and not plan(SURVEY, WISH, NEW, {}).same


def test_differences_are_said_with_their_place() -> None:
    field = {"Name": "Env[X]", "Type": "Edited", "Old": "a", "New": "b"}
    same = {"Name": "Count", "Type": "None", "Old": "2", "New": "2"}
    task = {"Name": "orders", "Type": "Edited", "Fields": [field, same]}
    other = {"Name": "other", "Type": "None", "Fields": [field]}
    groups = [{"Name": "orders", "Type": "Edited", "Tasks": [task]}, other]
    planned = {"Diff": {"TaskGroups": groups, "Objects": [], "Fields": None}}
    assert plan(SURVEY, WISH, NEW, planned).changes == ("orders.orders.Env[X]: a -> b",)


def test_what_is_ill_already_is_a_warning() -> None:
    ill = replace(SURVEY, members=(*MEMBERS, Member("orders-3", "1.4.0", passing=False)))
    assert plan(ill, WISH, NEW, {"Warnings": "old\nsyntax"}).warnings == (
        "not passing now: orders-3", "Nomad warns: old syntax",
    )  # fmt: skip


OLDER = [(2, "1.3.0", True)]


def _past(number: int, version: str, *, stable: bool) -> Job:
    return replace(JOB, number=number, version=version, stable=stable)


@pytest.mark.parametrize(
    ("words", "history", "expected"),
    [
        ("the one that was promoted before", [(3, "1.4.0", True), (2, "1.3.0", True)], 2),
        ("not one that was taken back", [(5, "1.4.0", True), (4, "1.5.0", False), (3, "1.4.0", True), *OLDER], 2),
        ("one whose first minute was slow", [(1, "1.4.0", True), (0, "1.3.0", False)], 0),
        ("forward again after a rollback", [(4, "1.3.0", True), (3, "1.4.0", True), (2, "1.3.0", True)], 3),
    ],
)
def test_the_version_before(words: str, history: list[tuple[int, str, bool]], expected: int) -> None:
    now, *past = [_past(number, version, stable=stable) for number, version, stable in history]
    assert before(Survey("orders", now, tuple(past))).number == expected, words


def test_there_may_be_no_version_before() -> None:
    with pytest.raises(ConfigError, match="keeps no good version"):
        before(Survey("orders", JOB, (_past(2, "1.4.0", stable=True), _past(1, "1.5.0", stable=False), JOB)))


def test_one_that_failed_is_not_gone_back_to_when_nomad_has_forgotten_what_ran_before_it() -> None:
    past = (_past(4, "1.6.0", stable=False), _past(3, "1.4.0", stable=True), _past(2, "1.5.0", stable=False))
    with pytest.raises(ConfigError, match="name one by --version"):
        before(Survey("orders", _past(5, "1.4.0", stable=True), past))


def test_one_that_nomad_was_told_to_keep_is_good_though_it_is_the_oldest_left() -> None:
    past = (_past(9, "1.6.0", stable=False), _past(8, "1.5.0", stable=True), _past(7, "1.6.0", stable=False))
    now, kept = _past(10, "1.5.0", stable=True), replace(_past(2, "1.4.0", stable=False), kept="hoploom-before")
    with pytest.raises(ConfigError):
        before(Survey("orders", now, (*past, replace(kept, kept=""))))
    assert before(Survey("orders", now, (*past, kept))).number == 2


def test_the_archive_follows_the_version_and_loses_its_sum() -> None:
    given = {"artifact_url": "https://x.example/orders-1.4.0.tgz", "artifact_checksum": "sha256:00", "count": "2"}
    now = SOURCE.told(given)
    told = source_of(now, SURVEY, WISH).flags
    assert told == {"version": "1.4.1", "artifact_url": "https://x.example/orders-1.4.1.tgz", "artifact_checksum": "",
                    "count": "2"}  # fmt: skip


def test_a_named_archive_is_taken_as_it_is() -> None:
    named = replace(WISH, values={"artifact_url": "https://y.example/x.tgz", "artifact_checksum": "sha256:11"})
    told = source_of(SOURCE.told({"artifact_url": "https://x.example/o.tgz"}), SURVEY, named).flags
    assert (told["artifact_url"], told["artifact_checksum"]) == ("https://y.example/x.tgz", "sha256:11")


@pytest.mark.parametrize(
    ("source", "wish", "words"),
    [
        (replace(SOURCE, format="json"), WISH, "without variables"),
        (JobSource('job "orders" {}'), WISH, "no variable 'version'"),
        (SOURCE, replace(WISH, values={"colour": "red"}), "no variable 'colour'"),
        (SOURCE.told({"artifact_url": "https://x.example/orders.tgz"}), WISH, "--artifact-url"),
    ],
)
def test_a_job_that_cannot_be_told_a_version_is_refused(source: JobSource, wish: Wish, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        source_of(source, SURVEY, wish)
