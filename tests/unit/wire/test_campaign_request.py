"""Requests for campaigns as they travel: defaults, refusals, and digests that stay what they were."""

import json
from typing import Any

import pytest

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.wire.campaign_request import CampaignRequest
from hoploom.wire.probe import Probe

REQUEST: dict[str, Any] = {"v": 1, "id": "demo", "blocks": ["127.0.0.0/20"]}


def test_a_request_takes_defaults_and_travels_unchanged() -> None:
    request = CampaignRequest.from_json(REQUEST)
    assert (request.rate_pps, request.probe, request.allow_private) == (None, Probe(), False)
    assert CampaignRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_no_limit_is_not_the_same_as_no_wish() -> None:
    assert CampaignRequest.from_json({**REQUEST, "rate_pps": 0}).rate_pps == 0


@pytest.mark.parametrize(
    ("change", "error", "reason"),
    [
        ({"id": None}, BadRequest, "lacks id"),
        ({"id": "Demo"}, Unprocessable, "id"),
        ({"id": "a" * 64}, Unprocessable, "id"),
        ({"id": "../demo"}, Unprocessable, "id"),
        ({"blocks": "127.0.0.0/8"}, BadRequest, "blocks"),
        ({"blocks": [1]}, BadRequest, "blocks"),
        ({"blocks": ["::1"] * 200_001}, Unprocessable, "200001 entries"),
        ({"allow_private": "yes"}, BadRequest, "allow_private"),
        ({"alow_private": True}, Unprocessable, "alow_private"),
        ({"name": "a\nb"}, Unprocessable, "name"),
        ({"rate_pps": 10**9}, Unprocessable, "rate_pps"),
        ({"max_targets": -1}, Unprocessable, "max_targets"),
        ({"probe": {"count": 0}}, Unprocessable, "count"),
        ({"probe": {"ttl": 3}}, Unprocessable, "ttl"),
        ({"probe": {"timeout_ms": "1"}}, BadRequest, "timeout_ms"),
        ({"v": 9}, Unprocessable, "version"),
        ({"sources": "amazon"}, BadRequest, "sources"),
        ({"sources": ["amazon"]}, BadRequest, "sources"),
        ({"sources": [["amazon", True]]}, BadRequest, "sources"),
        ({"sources": [["amazon", 2]]}, Unprocessable, "name 2 blocks, and there are 1"),
        ({"sources": [["amazon", 1], ["other", 0]]}, Unprocessable, "a source has"),
        ({"sources": [["", 1]]}, Unprocessable, "a source has"),
        ({"sources": [["a" * 101, 1]]}, Unprocessable, "a source has"),
        ({"sources": [["a\nb", 1]]}, Unprocessable, "a source has"),
        ({"sources": [["a", 1]] * 10_001}, Unprocessable, "10001 entries"),
    ],
)
def test_a_malformed_request_is_refused_with_a_reason(
    change: dict[str, Any], error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        CampaignRequest.from_json({**REQUEST, **change})


@pytest.mark.parametrize(
    "wish",
    [{"slices": {"dc2": 3, "dc1": 1}}, {"apart": True}, {"sources": [["amazon", 1]]}],
    ids=["slices", "apart", "sources"],
)
def test_a_wish_of_later_travels_and_is_not_told_where_nobody_has_it(wish: dict[str, Any]) -> None:
    wanted = CampaignRequest.from_json({**REQUEST, **wish})
    assert CampaignRequest.from_json(json.loads(json.dumps(wanted.to_json()))) == wanted
    # Or every campaign of before would be another's content.
    assert not wish.keys() & CampaignRequest.from_json(REQUEST).to_json().keys()
