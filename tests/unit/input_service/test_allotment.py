"""What travels between the owners of shards and the keeper of the budget."""

import json
from typing import Any

import pytest

from hoploom.input_service.allotment import Allotment, Claim, Pass, per_network
from hoploom.kit.errors import BadRequest
from hoploom.targets.notation import parse_block
from hoploom.targets.sampling import parse_rule
from hoploom.targets.target_set import Part, TargetSet

CLAIM: dict[str, Any] = {
    "nonce": "00000000000000aa",
    "worker": "w1",
    "campaign": "demo",
    "edition": 1,
    "group": "all",
    "round": 0,
    "campaign_pps": 100,
    "wanted_pps": 0,
    "network_pps": 4,
    "per_network": 1,
    "ttl_s": 30,
    "crowd": 2,
}


@pytest.mark.parametrize("sent", [Claim(**CLAIM), Allotment(**CLAIM, rate_pps=10, lane_pps=1)])
def test_it_arrives_as_it_was_sent(sent: Claim) -> None:
    assert type(sent).from_json(json.loads(json.dumps(sent.to_json()))) == sent


@pytest.mark.parametrize(
    ("name", "value"), [("nonce", "x"), ("ttl_s", 0), ("round", -1), ("crowd", 1e3), ("worker", "")]
)
def test_a_field_out_of_bounds_is_refused(name: str, value: object) -> None:
    with pytest.raises(BadRequest):
        Claim.from_json({"v": 1, **CLAIM, name: value})


def test_an_allotment_without_its_rate_is_refused() -> None:
    with pytest.raises(BadRequest):
        Allotment.from_json({"v": 1, **CLAIM, "lane_pps": 1})


def test_a_claim_knows_its_pass() -> None:
    assert Claim(**CLAIM).one_pass == Pass("demo", 1, "all", 0)


@pytest.mark.parametrize(
    ("blocks", "most"),
    [
        ([("192.0.2.0/24", "24:1")], 1),
        ([("10.0.0.0/8", "24:3")], 3),
        ([("10.0.0.0/8", "20:7")], 7),
        ([("10.0.0.0/8", "26:2")], 8),
        ([("10.0.0.0/8", "all")], 256),
        ([("192.0.2.0/28", "all")], 16),
        ([("192.0.2.0/25", "24:1"), ("192.0.2.128/25", "25:1")], 2),
        ([("2001:db8::/32", "48:1")], 1),
        ([("2001:db8::/32", "56:2")], 512),
    ],
)
def test_the_most_targets_of_one_network(blocks: list[tuple[str, str]], most: int) -> None:
    read = [(parse_block(text), rule) for text, rule in blocks]
    parts = (Part(parse_rule(rule, block.family), ((block.first, block.last),)) for block, rule in read)
    assert per_network(TargetSet(read[0][0].family, bytes(16), tuple(parts))) == most
