"""Leases, their ids and requests as they travel."""

from typing import Any

import pytest

from hoploom.kit.errors import BadRequest, NotFound, Unprocessable
from hoploom.wire.campaign import MAX_EDITION
from hoploom.wire.lease import MAX_LEASE, Lease, LeaseDone, LeaseId, LeaseRequest
from hoploom.wire.probe import Probe

LEASE = Lease(
    id="demo.1.0.4.256.1024.0123456789abcdef",
    campaign="demo",
    campaign_number=2_000_000_000,
    measurement=2_000_000_001,
    worker_number=2_000_000_002,
    revision="ab" * 32,
    family=4,
    round=0,
    group="all",
    start=256,
    stop=1280,
    order_key="cd" * 16,
    ttl_s=60,
    rate_pps=0,
    probe=Probe(count=3),
    allow_private=True,
)
REQUEST: dict[str, Any] = {"v": 1, "request_id": "r1", "worker": "w1", "group": "g", "rate_pps": 100,
                           "families": [6, 4]}


def test_a_lease_travels_unchanged() -> None:
    assert Lease.from_json(LEASE.to_json()) == LEASE


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"v": 2}, Unprocessable),
        ({"stop": 256}, Unprocessable),
        ({"stop": 257 + MAX_LEASE}, Unprocessable),
        ({"family": 5}, Unprocessable),
        ({"order_key": "short"}, Unprocessable),
        ({"worker_number": 7}, Unprocessable),
        ({"ttl_s": "60"}, BadRequest),
        ({"allow_private": 1}, BadRequest),
        ({"start": True}, BadRequest),
        ({"probe": []}, BadRequest),
        ({"revision": None}, BadRequest),
    ],
)
def test_a_lease_that_no_input_sends_is_refused(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Lease.from_json({**LEASE.to_json(), **change})


def test_a_worker_that_says_nothing_knows_pings_alone_and_later_kinds_are_no_fault() -> None:
    assert LeaseRequest.from_json(REQUEST).skills == ("ping",)
    several = LeaseRequest.from_json({**REQUEST, "skills": ["ping", "trace", "survey"]})
    assert several.skills == ("ping", "trace", "survey")
    assert LeaseRequest.from_json(several.to_json()) == several


def test_an_id_says_what_the_lease_covers() -> None:
    lease = LeaseId.parse(LEASE.id)
    assert (lease.campaign, lease.edition, lease.round, lease.family) == ("demo", 1, 0, 4)
    assert (lease.start, lease.stop) == (256, 1280)
    assert str(lease) == LEASE.id


def test_the_longest_id_fits_what_results_may_name() -> None:
    longest = LeaseId(
        campaign="c" * 63,
        edition=MAX_EDITION,
        round=2**31 - 1,
        family=6,
        start=2**53,
        stop=2**53 + MAX_LEASE,
        nonce="f" * 16,
    )
    assert len(str(longest)) <= 128 and LeaseId.parse(str(longest)) == longest


@pytest.mark.parametrize(
    "text", ["", "x", "demo.0.4.0.10", "demo.1.0.5.0.10.0123456789abcdef", "../1.0.4.0.1.0123456789abcdef"]
)
def test_any_other_text_is_no_lease(text: str) -> None:
    with pytest.raises(NotFound):
        LeaseId.parse(text)


def test_a_request_sorts_its_families_and_travels_unchanged() -> None:
    request = LeaseRequest.from_json(REQUEST)
    assert request.families == (4, 6)
    assert LeaseRequest.from_json(request.to_json()) == request


@pytest.mark.parametrize("group", ["", None])
def test_a_worker_without_a_group_is_a_group_of_its_own(group: str | None) -> None:
    if group is None:
        assert LeaseRequest.from_json({**REQUEST, "group": group}).group == "w1"
        return
    with pytest.raises(Unprocessable):
        LeaseRequest.from_json({**REQUEST, "group": group})


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ([], BadRequest),
        ("text", BadRequest),
        ({**REQUEST, "v": None}, BadRequest),
        ({**REQUEST, "worker": "a/b"}, Unprocessable),
        ({**REQUEST, "worker": "w" * 64}, Unprocessable),
        ({**REQUEST, "request_id": "../x"}, Unprocessable),
        ({**REQUEST, "rate_pps": -1}, Unprocessable),
        ({**REQUEST, "rate_pps": 1.5}, BadRequest),
        ({**REQUEST, "families": []}, Unprocessable),
        ({**REQUEST, "families": [4, True]}, Unprocessable),
        ({**REQUEST, "families": 4}, BadRequest),
    ],
)
def test_a_malformed_request_is_refused_with_a_reason(document: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        LeaseRequest.from_json(document)


def test_an_acknowledgement_travels_unchanged() -> None:
    done = LeaseDone(worker="w1", campaign="demo", group="all")
    assert LeaseDone.from_json(done.to_json()) == done
