"""What listeners are told of what stands in the KV store."""

from collections.abc import Iterable

import pytest

from hoploom.kit.consul_records import KvEntry
from hoploom.kit.errors import Unavailable
from hoploom.kit.fake_consul import FakeConsul
from hoploom.manager.push import feed as feeds
from hoploom.manager.push.feed import Feed
from hoploom.manager.push.hub import Hub
from hoploom.wire.commands import Commands
from hoploom.wire.overlay import OverlayDocument
from hoploom.wire.overlay_record import KEY, pulled_key
from hoploom.wire.push import KEEP_ALIVE, encoded

Told = list[tuple[str, OverlayDocument]]
HOME = pulled_key("dc2")


class Listeners(Hub):
    """Remembers what was said."""

    def __init__(self) -> None:
        super().__init__(0)
        self.heard: list[tuple[bytes, str | None]] = []
        self.dropped: set[str] = set()

    def say(self, message: bytes, to: str | None = None) -> None:
        self.heard.append((message, to))

    def drop(self, names: Iterable[str], why: str) -> None:
        self.dropped |= set(names)


def orders(version: int) -> bytes:
    return encoded("orders", version=version)


def overlay(version: int, key: str = KEY, *revoked: str) -> tuple[str, OverlayDocument]:
    return key, OverlayDocument(version=version, revoked=revoked)


def made(home: str = "", now_s: Iterable[float] = ()) -> tuple[Feed, Listeners]:
    hub, times = Listeners(), iter(now_s)
    return Feed(FakeConsul(), hub, home, lambda: next(times, 0.0)), hub


@pytest.mark.parametrize(
    ("home", "told", "heard"),
    [
        ("", [[overlay(3)]], [3]),
        ("", [[overlay(3)], [overlay(3)], [overlay(2)], [overlay(5)]], [3, 5]),
        ("", [[overlay(3), overlay(9, HOME)]], [3]),
        ("dc2", [[overlay(3)], [overlay(3), overlay(9, HOME)], [overlay(4), overlay(9, HOME)]], [12, 13]),
        ("dc2", [[overlay(3)]], []),
    ],
    ids=["the first", "only newer ones", "at home no other counts", "elsewhere the home's is added", "not before"],
)
def test_each_new_version_is_said_to_all_as_the_input_service_counts(
    home: str, told: list[Told], heard: list[int]
) -> None:
    feed, hub = made(home)
    for each in told:
        feed.learn_overlays(each)
    assert hub.heard == [(orders(each), None) for each in heard]
    assert feed.now("w") == (orders(heard[-1]) if heard else b"")


def test_who_is_revoked_is_let_go_and_not_let_in_again() -> None:
    feed, hub = made()
    feed.learn_overlays([overlay(3, KEY, "pi-1")])
    assert hub.dropped == {"pi-1"} and feed.is_revoked("pi-1") and not feed.is_revoked("pi-2")


def test_each_worker_is_told_its_own_commands_and_all_are_told_those_for_all() -> None:
    feed, hub = made()
    feed.learn_commands([("all", Commands()), ("pi-1", Commands(run=1))])
    hub.heard.clear()
    feed.learn_commands([("all", Commands(rate_pps=9)), ("pi-1", Commands(run=1)), ("pi-2", Commands(run=4))])
    for_all = encoded("settings", worker="all", rate_pps=9) + encoded("run", worker="all", run=0)
    for_one = encoded("settings", worker="pi-2", rate_pps=0) + encoded("run", worker="pi-2", run=4)
    assert hub.heard == [(for_all, None), (for_one, "pi-2")]
    assert feed.now("pi-2") == for_all + for_one


def test_who_has_no_commands_is_told_so_and_nobody_before_they_are_known() -> None:
    feed, _ = made()
    assert feed.now("pi-3") == b""
    feed.learn_commands([])
    assert encoded("run", worker="pi-3", run=0) in feed.now("pi-3")


@pytest.mark.parametrize(
    ("age_s", "sent"), [(0.0, orders(3)), (feeds.FRESH_S, orders(3)), (feeds.FRESH_S + 1, KEEP_ALIVE)]
)
def test_orders_are_confirmed_while_consul_is_heard_and_no_longer(age_s: float, sent: bytes) -> None:
    feed, _ = made(now_s=[100.0, 100.0 + age_s])
    feed.learn_overlays([overlay(3)])
    assert feed.keep_alive() == sent


def test_nothing_is_confirmed_before_anything_is_known() -> None:
    assert made()[0].keep_alive() == KEEP_ALIVE


@pytest.mark.parametrize("value", [b"[", b"{}", b'{"v":1,"run":-1,"settings":{}}'])
def test_damaged_commands_are_no_commands(value: bytes) -> None:
    with pytest.raises(Unavailable, match="delete the key"):
        feeds.read(KvEntry("hoploom/orders/pi-1", value, 1))
