"""The registry: who is there, who fell silent, who clashes, and when others are told of it."""

import asyncio
import logging

import pytest

from hoploom.manager import registry
from hoploom.manager.ad_table import Outcome
from hoploom.manager.registry import KEPT_S, Registry
from hoploom.wire.ad_bodies import ManagerBody, WorkerBody
from hoploom.wire.ads import MANAGER, Ad
from unit.manager.ads_made import ad_of, enveloped


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(clock: Clock) -> Registry:
    return Registry(clock)


def tell(known: Registry, ad: Ad, remaining_s: float = 45.0) -> Outcome:
    return known.hear(ad, enveloped(ad, remaining_s))


def statuses(known: Registry) -> dict[str, tuple[str, bool]]:
    return {each.id: (each.status, each.clash) for each in known.workers()}


def test_a_worker_is_seen_with_what_it_says_and_how_long_that_holds(known: Registry, clock: Clock) -> None:
    tell(known, ad_of(body=WorkerBody(place="Turku", status="warning")))
    clock.now_s += 5
    seen = known.workers()[0]
    assert (seen.id, seen.body.place, seen.status, seen.remaining_s, seen.heard_s) == (
        "pi-1", "Turku", "warning", 40.0, 5.0
    )
    assert known.worker("pi-1") == seen
    assert known.worker("pi-2") is None


def test_who_is_not_heard_falls_silent_and_is_forgotten_when_no_copy_is_believed_any_more(
    known: Registry, clock: Clock
) -> None:
    tell(known, ad_of())
    assert statuses(known) == {"pi-1": ("passing", False)}
    clock.now_s += 45
    known.tend()
    assert statuses(known) == {"pi-1": ("silent", False)}
    assert tell(known, ad_of()) is Outcome.OLD
    clock.now_s += KEPT_S + 1
    known.tend()
    assert statuses(known) == {}


def test_who_takes_leave_has_left_and_is_not_silent(known: Registry, clock: Clock) -> None:
    tell(known, ad_of())
    tell(known, ad_of(generation=2, down=True))
    assert statuses(known) == {"pi-1": ("left", False)}
    clock.now_s += 100
    assert statuses(known) == {"pi-1": ("left", False)}


def test_a_clash_is_named_once_in_the_log_and_ends_when_one_falls_silent(
    known: Registry, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for generation in (1, 2, 3):
            tell(known, ad_of(5, "a", generation))
            tell(known, ad_of(5, "b", generation))
            clock.now_s += 10
    assert [each.message for each in caplog.records if "pi-1 runs on more than one machine" in each.message] != []
    assert len(caplog.records) == 1
    assert statuses(known) == {"pi-1": ("warning", True)}
    assert known.is_clash("worker", "pi-1")
    tell(known, ad_of(5, "b", 4))
    clock.now_s += 36
    known.tend()
    assert statuses(known) == {"pi-1": ("passing", False)}
    assert known.workers()[0].ad.instance == "b" * 32


async def test_others_wake_when_something_changes_that_they_act_upon_and_not_with_every_ad(
    known: Registry, clock: Clock
) -> None:
    version = known.version
    waiting = asyncio.ensure_future(known.changed(version))
    await asyncio.sleep(0)
    assert not waiting.done()
    tell(known, ad_of(generation=1))
    version = await waiting
    tell(known, ad_of(generation=2, body=WorkerBody(leases=3, uptime_s=9, wall_us=5, sent_pps=80)))
    known.tend()
    assert known.version == version
    for change in (
        lambda: tell(known, ad_of(generation=3, body=WorkerBody(addresses=("192.0.2.1",)))),
        lambda: tell(known, ad_of(generation=4, body=WorkerBody(status="warning", note="no socket"))),
        lambda: tell(known, ad_of(6, "b", 1, body=WorkerBody(status="warning", note="no socket"))),
        lambda: known.forget("pi-1"),
    ):
        change()
        assert known.version == version + 1
        version = known.version
    assert await known.changed(version - 1) == version
    assert clock.now_s == 100.0


def test_a_wiped_worker_learns_the_highest_boot_and_nobody_elses(known: Registry) -> None:
    tell(known, ad_of(57))
    assert known.highest("worker", "pi-1") == 57
    assert known.highest("worker", "pi-2") == 0
    assert known.highest("manager", "pi-1") == 0


def test_managers_are_listed_while_they_live(known: Registry, clock: Clock) -> None:
    body = ManagerBody(urls=("http://a",), dc="dc1")
    tell(known, ad_of(kind=MANAGER, id="manager-1", body=body))
    tell(known, ad_of(kind=MANAGER, id="manager-2", body=body, down=True))
    assert [(each.id, each.body) for each in known.managers()] == [("manager-1", body)]
    assert known.workers() == []
    clock.now_s += 45
    assert known.managers() == []


def test_a_snapshot_makes_another_manager_know_the_same_with_what_is_left(known: Registry, clock: Clock) -> None:
    tell(known, ad_of(5, "a", 1))
    tell(known, ad_of(5, "b", 1))
    tell(known, ad_of(id="pi-2"), remaining_s=10.0)
    clock.now_s += 15
    other = Registry(Clock())
    for envelope in known.snapshot():
        other.hear(Ad.from_bytes(envelope.ad), envelope)
    assert statuses(other) == statuses(known) == {"pi-1": ("warning", True), "pi-2": ("silent", False)}
    assert [each.remaining_s for each in other.workers()] == [30.0, 0.0]
    assert tell(other, ad_of(id="pi-2")) is Outcome.OLD


def test_an_ad_that_is_here_already_needs_no_look_at_its_signature(known: Registry) -> None:
    tell(known, ad_of(5, "a", 2))
    tell(known, ad_of(5, "b", 2))
    for ad, is_known in ((ad_of(5, "a", 2), True), (ad_of(5, "b", 1), True), (ad_of(5, "a", 3), False),
                         (ad_of(6, "c", 1), False), (ad_of(4, "d", 9), False)):
        assert known.knows(ad) is is_known


def test_a_full_registry_lets_the_longest_ended_go_and_then_refuses(
    known: Registry, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "MAX_SENDERS", 2)
    tell(known, ad_of(id="pi-1"), remaining_s=1.0)
    tell(known, ad_of(id="pi-2"))
    assert tell(known, ad_of(id="pi-3")) is Outcome.REFUSED
    clock.now_s += 2
    assert tell(known, ad_of(id="pi-3")) is Outcome.NEW
    assert sorted(statuses(known)) == ["pi-2", "pi-3"]
