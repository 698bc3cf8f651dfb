"""The plan of a request: the same for whoever computes it, and what it says."""

from typing import Any

import pytest

from hoploom.kit.errors import Forbidden, Unprocessable
from hoploom.wire import plans
from hoploom.wire.campaign_request import CampaignRequest

CONTACT = "noc@example.org"


def request(*blocks: str, **wishes: Any) -> CampaignRequest:
    return CampaignRequest(id="demo", blocks=blocks, **wishes)


def shown(*blocks: str, **wishes: Any) -> dict[str, Any]:
    wanted = request(*blocks, **wishes)
    return plans.shown(plans.planned(wanted), wanted)


@pytest.mark.parametrize(
    ("blocks", "wishes", "expected"),
    [
        (
            ("8.8.8.0/23", "8.8.8.0/24"),
            {"contact": CONTACT},
            {"blocks": 2, "addresses": 512, "targets": 2, "rate_pps": 100, "seconds": 0.02, "lacks_contact": False,
             "needs_contact": True, "sampling": ["at most 1 a /24"]},
        ),
        (("8.8.8.8",), {}, {"targets": 1, "needs_contact": True, "lacks_contact": True}),
        (
            ("127.0.0.1",),
            {"allow_private": True},
            {"targets": 1, "rate_pps": 0, "seconds": None, "mbit_s": None, "lacks_contact": False},
        ),
        (
            ("8.8.8.0/24", "240.0.0.0/24"),
            {"excludes": ("8.8.8.0/25",)},
            {"special": 256, "excluded": 128, "spaces": {"public": 128}},
        ),
    ],
    ids=["public space", "one address without a contact", "one's own address", "what nobody may probe"],
)  # fmt: skip
def test_a_plan_says_what_would_be_sent(
    blocks: tuple[str, ...], wishes: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = shown(*blocks, **wishes)
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("wanted", "cap", "error", "reason"),
    [
        (request(), 10, Unprocessable, "no block"),
        (request("2a00::/12"), 10**7, Unprocessable, "more than 10,000,000"),
        (request("8.0.0.0/16", max_targets=100), 10, Unprocessable, "more than 10:"),
        (request("8.0.0.0/16", max_targets=10), 100, Unprocessable, "more than 10:"),
        (request("10.0.0.0/24"), 10**7, Forbidden, "own key"),
        (request("8.8.8.8", per_prefix="x"), 10, Unprocessable, "per-prefix"),
        (request("8.8.8.8/33"), 10, Unprocessable, "8.8.8.8/33"),
    ],
    ids=["0 blocks", "public IPv6", "the planner's cap", "the request's cap", "no key", "rules", "a bad block"],
)
def test_what_cannot_be_probed_has_no_plan(
    wanted: CampaignRequest, cap: int, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        plans.planned(wanted, cap)
