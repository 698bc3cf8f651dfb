"""Sixty days and a hundred leaders against a provider that counts; then the same with a rule broken, shown red."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from hoploom.manager.dyfi import plan, record, updating
from hoploom.manager.dyfi.record import Record
from hoploom.manager.dyfi.updating import Updater
from lab.dyfi_history import STOPS, findings, most, sixty_days
from lab.dyfi_world import CUT_OFF, GRACEFUL, NAME, OTHER, Site
from lab.dyndns import DAY_S

Make = Callable[..., Site]
Patch = Callable[[pytest.MonkeyPatch], None]
LATER = "203.0.113.9"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes sites whose leaders look less often at what hardly ever changes: most of the time is theirs."""
    monkeypatch.setattr(plan, "POLL_S", 7200.0)
    monkeypatch.setattr(plan, "ASK_EVERY_S", 7200.0)
    made: list[Site] = []

    def make(seed: int, **options: Any) -> Site:
        made.append(Site(seed, **options))
        return made[-1]

    yield make
    for each in made:
        each.end()


def calls(site: Site) -> int:
    return len(site.provider.heard)


def points_here(site: Site) -> bool:
    found = site.provider.resolve(site.names, site.world.now_s)
    return set(found.values()) == {frozenset({site.hosts[0].address})}


@pytest.mark.parametrize("names", [(NAME,), (NAME, OTHER)], ids=["one name", "two names"])
def test_sixty_days_and_a_hundred_leaders_cost_twelve_requests_and_one_for_each_address(
    site: Make, names: tuple[str, ...]
) -> None:
    there = site(len(names), names=names)
    sixty_days(there)
    assert findings(there) == [] and there.changes > 90 and points_here(there)


def test_leaders_with_an_address_each_cost_one_request_for_each_change(site: Make) -> None:
    there = site(3, own_addresses=True)
    sixty_days(there, days=20, moves=0)
    # A claim of one that was stopped before its request may make another call for an address that is told already.
    assert len(there.provider.heard) <= most(there) + there.traps and all(each.leads for each in there.sent)


def test_without_a_place_to_ask_nobody_calls_for_a_new_address_and_the_next_refresh_brings_it(site: Make) -> None:
    there = site(4, asks=False)
    there.run(1)
    there.move(LATER)
    there.run(4)
    assert calls(there) == 1 and not points_here(there)
    there.run(1.2)
    assert calls(there) == 2 and points_here(there)


def test_a_new_address_is_told_within_the_time_between_two_looks(site: Make) -> None:
    there = site(5)
    there.run(1)
    there.move(LATER)
    there.run(0.1)
    assert calls(there) == 2 and points_here(there)


@pytest.mark.parametrize("word", STOPS)
def test_nothing_is_called_after_a_stopping_answer_until_a_person_resumes(site: Make, word: str) -> None:
    there = site(6)
    there.provider.instead = [(401 if word == "badauth" else 200, word)]
    sixty_days(there, days=10)
    assert calls(there) == 1 and there.record().stopped.startswith(word)
    there.resume()
    there.run(0.1)
    assert calls(there) == 2 and points_here(there)


@pytest.mark.parametrize(
    ("trouble", "limit"),
    [("refuses", 0), ("hangs", 18), ("911", 18), ("<html>log in</html>", 18), ("badip", 4)],
)
def test_a_provider_that_is_down_for_three_days_is_asked_ever_less_and_told_soon_after(
    site: Make, trouble: str, limit: int
) -> None:
    there = site(7)
    there.run(1)
    there.move(LATER)
    if trouble in ("refuses", "hangs"):
        setattr(there, trouble, True)
    else:
        there.provider.instead, there.provider.always = [(200, trouble)], True
    there.run(3)
    assert calls(there) - 1 <= limit
    there.refuses = there.hangs = there.provider.always = False
    there.provider.instead = []
    there.run(1.01 if trouble == "badip" else 0.26)
    assert points_here(there)


@pytest.mark.parametrize(
    "happens",
    [lambda there: there.outage(60), lambda there: there.change(GRACEFUL), lambda there: there.change(CUT_OFF)],
    ids=["Consul goes away", "the leader hands over", "the leader is cut off"],
)
def test_an_answer_that_comes_when_the_term_ends_is_kept_and_not_asked_for_again(
    site: Make, happens: Callable[[Site], None]
) -> None:
    there = site(8)
    there.run(0.1)
    # At the moment when the provider hears the next request.
    there.at_call = partial(happens, there)
    there.move(LATER)
    there.run(1)
    assert there.changes == 2
    assert there.record().open is False and calls(there) == 2 and findings(there) == []


@pytest.mark.parametrize(
    ("lie", "limit"),
    [
        (lambda there: setattr(there, "dns_says", frozenset({LATER})), 18),
        (lambda there: setattr(there, "dns_says", frozenset()), 18),
        (lambda there: setattr(there, "address_said", LATER), 8),
    ],
    ids=["DNS names another", "DNS knows nobody", "the page names another"],
)
def test_who_is_lied_to_asks_ever_less(site: Make, lie: Callable[[Site], None], limit: int) -> None:
    there = site(9)
    there.provider.names[NAME].needless = -1000
    there.run(1)
    lie(there)
    there.run(29)
    assert calls(there) <= limit


def test_a_name_that_somebody_else_has_changed_is_corrected_within_the_hour(site: Make) -> None:
    there = site(10)
    there.run(1)
    there.provider.names[NAME].address = LATER
    there.run(0.05)
    assert points_here(there) and calls(there) == 2


def test_a_clock_that_is_a_year_ahead_costs_a_call_and_blocks_nobody(site: Make) -> None:
    there = site(11)
    there.hosts[0].wall_ahead_us += int(365 * DAY_S * 1e6)
    sixty_days(there, days=30)
    assert calls(there) <= 12 + len(there.moved_s) + 12 and points_here(there)


def test_claims_of_which_consul_never_told_cost_no_second_call(site: Make) -> None:
    there = site(12)
    there.lost_answers = 0.2
    sixty_days(there, days=30)
    assert findings(there) == []


def _calls_without_a_look(patch: pytest.MonkeyPatch) -> None:
    tell = Updater._tell

    async def at_once(self: Updater, *given: Any) -> None:
        told = self._outside.tell
        patch.setattr(self, "_outside", updating.Outside(lambda names, _: told(names, lambda: True),
                                                         self._outside.own, self._outside.named))  # fmt: skip
        await tell(self, *given)

    patch.setattr(Updater, "_tell", at_once)


def _rests(there: Site) -> None:
    there.run(30)


def _hangs(there: Site) -> None:
    # What is lost excuses as many calls again; the time between them is what counts.
    there.hangs = True
    there.run(1)


def _is_refused(there: Site) -> None:
    there.provider.instead = [(200, "nohost")]
    there.run(1)


def _is_lied_to(there: Site) -> None:
    there.provider.names[NAME].needless = -1000
    there.run(1)
    there.dns_says = frozenset({LATER})
    there.run(20)


MUTANTS: list[tuple[str, Patch, Callable[[Site], None]]] = [
    ("nobody looks before the request", _calls_without_a_look, sixty_days),
    ("every leader calls to be sure", lambda patch: patch.setattr(updating, "decoded", lambda _: Record()), sixty_days),
    ("a refresh comes early", lambda patch: patch.setattr(plan, "REFRESH_LEAST_S", 3 * DAY_S), _rests),
    ("a refresh comes late", lambda patch: patch.setattr(plan, "REFRESH_MOST_S", 7 * DAY_S), _rests),
    ("no claim is written before", lambda patch: patch.setattr(updating, "claimed", lambda before, _: before), _hangs),
    ("nothing lies between two calls", lambda patch: patch.setattr(plan, "_pause_s", lambda *_: 0.0), _hangs),
    ("nobody stops", lambda patch: patch.setattr(record, "reason_to_stop", lambda _: ""), _is_refused),
    ("lies are believed for ever", lambda patch: patch.setattr(plan, "_pause_s", lambda *_: record.LEAST_S),
     _is_lied_to),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "patch", "days"), MUTANTS, ids=[each[0] for each in MUTANTS])
def test_with_a_rule_broken_it_is_seen(
    rule: str, patch: Patch, days: Callable[[Site], None], site: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch(monkeypatch)
    for seed in range(3):
        there = site(seed)
        days(there)
        if findings(there):
            return
    raise AssertionError(f"nobody notices that {rule}")
