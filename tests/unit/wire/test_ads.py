"""Ads as they travel, and how two of one sender are ordered."""

import base64
import json
import random
from dataclasses import replace
from typing import Any

import pytest

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.wire import ads
from hoploom.wire.ad_bodies import ManagerBody, WorkerBody
from hoploom.wire.ads import Ad, Answer, Envelope, Order, compare, within_bounds

BODY = WorkerBody(version="1.2", place="Turku", latitude=60.5, longitude=22.25, addresses=("192.0.2.7", "2001:db8::7"),
                  families=(4, 6), skills=("ping",), engine="datagram", rate_pps=100, note="ready", wall_us=1)
PI = Ad(kind=ads.WORKER, id="pi-1", instance="a" * 32, boot=5, generation=7, started_us=3, body=BODY)
MANAGER = Ad(kind=ads.MANAGER, id="manager-1", instance="b" * 32, boot=1, generation=1,
             body=ManagerBody(urls=("https://map.example.org",), dc="dc1", version="1.2"))


def changed(ad: Ad, **fields: Any) -> bytes:
    return json.dumps({**json.loads(ad.to_bytes()), **fields}).encode()


@pytest.mark.parametrize("ad", [PI, MANAGER, replace(PI, down=True, body=WorkerBody())])
def test_an_ad_travels_unchanged(ad: Ad) -> None:
    assert Ad.from_bytes(ad.to_bytes()) == ad


def test_fields_of_later_versions_are_passed_over() -> None:
    body = {**BODY.to_json(), "mood": "good"}
    assert Ad.from_bytes(changed(PI, colour="red", body=body)) == PI


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("no JSON", b"\xff"),
        ("too deep", b"[" * 3000),
        ("too long", b" " * (ads.MAX_AD_BYTES + 1)),
        ("a number of 3,000 digits", b"9" * 3000),
        ("another version", changed(PI, v=9)),
        ("another kind", changed(PI, kind="judge")),
        ("an id with a slash", changed(PI, id="a/b")),
        ("boot 0", changed(PI, boot=0)),
        ("generation 2^63", changed(PI, generation=2**63)),
        ("an instance of another form", changed(PI, instance="A" * 32)),
        ("a time to live of a day", changed(PI, ttl_s=86_400)),
        ("down that is no truth value", changed(PI, down=1)),
        ("no body", changed(PI, body=None)),
        ("a latitude that is no number", changed(PI, body={"latitude": float("nan")})),
        ("a longitude off the earth", changed(PI, body={"longitude": 1e308})),
        ("an address that is a block", changed(PI, body={"addresses": ["192.0.2.0/24"]})),
        ("an address with its prefix", changed(PI, body={"addresses": ["192.0.2.1/32"]})),
        ("more addresses than a host has", changed(PI, body={"addresses": ["192.0.2.1"] * 17})),
        ("a status of its hearers", changed(PI, body={"status": "silent"})),
        ("a note with an escape", changed(PI, body={"note": "\x1b[2J"})),
        ("a note over the limit", changed(PI, body={"note": "x" * 201})),
        ("a negative spool", changed(PI, body={"spool_bytes": -1})),
        ("a URL of another scheme", changed(MANAGER, body={"urls": ["file:///etc/passwd"]})),
        ("a URL with a user", changed(MANAGER, body={"urls": ["http://a@b"]})),
        ("a URL with a query", changed(MANAGER, body={"urls": ["http://b/?x="]})),
        ("more URLs than a manager has", changed(MANAGER, body={"urls": ["http://b"] * 9})),
    ],
)
def test_what_is_no_ad_is_refused(what: str, text: bytes) -> None:
    with pytest.raises(BadRequest):
        Ad.from_bytes(text)


def test_an_envelope_travels_unchanged() -> None:
    worker = Envelope(ad=PI.to_bytes(), signature="c2ln", credential="hw1.e30.c2ln", remaining_s=12.5)
    manager = Envelope(ad=MANAGER.to_bytes(), signature="c2ln", kid="k1")
    for each in (worker, manager):
        assert Envelope.from_json(json.loads(json.dumps(each.to_json()))) == each


@pytest.mark.parametrize(
    ("field", "value"),
    [("remaining_s", -1), ("remaining_s", float("nan")), ("remaining_s", 1e9), ("remaining_s", None), ("ad", "***"),
     ("ad", "a"), ("ad", "a" * 5000), ("signature", ""), ("credential", "x" * 2000), ("kid", "../k")],
)
def test_what_is_no_envelope_is_refused(field: str, value: object) -> None:
    good = Envelope(ad=b"{}", signature="c2ln", kid="k1").to_json()
    with pytest.raises(BadRequest):
        Envelope.from_json({**good, field: value})


def test_a_message_has_at_most_so_many_ads() -> None:
    one = Envelope(ad=b"{}", signature="c2ln", kid="k1")
    assert ads.read_message(ads.message([one], "manager-1")) == ("manager-1", [one])
    for count in (0, ads.MAX_ADS + 1):
        with pytest.raises(Unprocessable):
            ads.read_message(ads.message([one] * count))


def test_the_longest_ads_of_one_message_fit_into_it_but_for_their_number() -> None:
    packed = len(base64.urlsafe_b64encode(bytes(ads.MAX_AD_BYTES))) + 1200 + 300
    assert ads.MAX_MESSAGE_BYTES // packed >= ads.MAX_ADS // 2


def test_an_answer_travels_unchanged() -> None:
    answer = Answer(managers=("http://a",), highest={"pi-1": 5}, clashes=("pi-1",))
    assert Answer.from_json(answer.to_json()) == answer
    for highest in ({"pi-1": "5"}, {"pi-1": -1}, {"pi-1": True}):
        with pytest.raises(BadRequest):
            Answer.from_json({"v": 1, "highest": highest})


def ad_of(boot: int, instance: str, generation: int) -> Ad:
    return replace(PI, boot=boot, instance=instance * 32, generation=generation)


@pytest.mark.parametrize(
    ("one", "other", "order"),
    [
        (ad_of(5, "a", 8), ad_of(5, "a", 7), Order.NEWER),
        (ad_of(5, "a", 7), ad_of(5, "a", 7), Order.SAME),
        (ad_of(6, "b", 1), ad_of(5, "a", 900), Order.NEWER),
        (ad_of(5, "b", 900), ad_of(5, "a", 1), Order.CLASH),
        (replace(ad_of(6, "b", 1), started_us=1), replace(ad_of(5, "a", 1), started_us=2**50), Order.NEWER),
    ],
)
def test_ads_are_ordered_by_boot_and_generation(one: Ad, other: Ad, order: Order) -> None:
    assert compare(one, other) is order
    opposite = {Order.NEWER: Order.OLDER}.get(order, order)
    assert compare(other, one) is opposite


def test_the_order_is_antisymmetric_and_transitive() -> None:
    chance = random.Random(22)

    def any_ad() -> Ad:
        return ad_of(chance.randint(1, 3), chance.choice("abc"), chance.randint(1, 3))

    for _ in range(3000):
        one, two, three = any_ad(), any_ad(), any_ad()
        back = {Order.NEWER: Order.OLDER, Order.OLDER: Order.NEWER}
        assert compare(two, one) is back.get(compare(one, two), compare(one, two))
        if compare(one, two) is Order.NEWER and compare(two, three) is Order.NEWER:
            assert compare(one, three) is Order.NEWER


@pytest.mark.parametrize(
    ("ad", "known", "good"),
    [
        (ad_of(ads.MAX_FIRST, "a", ads.MAX_FIRST), None, True),
        (ad_of(ads.MAX_FIRST + 1, "a", 1), None, False),
        (ad_of(1, "a", ads.MAX_FIRST + 1), None, False),
        (ad_of(ads.MAX_FIRST + 1, "a", 1), ad_of(ads.MAX_FIRST, "b", 1), True),
        (ad_of(ads.MAX_FIRST + ads.MAX_JUMP + 1, "a", 1), ad_of(ads.MAX_FIRST, "b", 1), False),
        (ad_of(5, "a", ads.MAX_FIRST + 1), ad_of(5, "a", ads.MAX_FIRST), True),
        (ad_of(5, "a", ads.MAX_FIRST + 1), ad_of(5, "b", ads.MAX_FIRST), False),
    ],
)
def test_counts_jump_only_so_far_that_a_successor_can_go_on(ad: Ad, known: Ad | None, good: bool) -> None:
    assert within_bounds(ad, known) is good
