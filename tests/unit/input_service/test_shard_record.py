"""A shard's record as it is stored."""

import json
from typing import Any

import pytest

from hoploom.input_service.shard_record import Held, ShardRecord, ShardRef
from hoploom.kit.errors import BadRequest

REF = ShardRef(campaign="demo", edition=1, group="all", round=0, family=4, shard=2)
HELD = Held(
    nonce="0123456789abcdef",
    request_id="r1",
    worker="w1",
    run="",
    start=8300,
    stop=8500,
    stored_upto=8310,
    ttl_s=30,
    lived_s=12,
    rate_pps=0,
    lane_pps=0,
    token="0.77",
    audited=True,
)
RECORD = ShardRecord(
    ref=REF,
    start=8192,
    stop=12_288,
    frontier=8600,
    done=((8192, 8299), (8500, 8549)),
    unaudited=((8500, 8509),),
    held=(HELD,),
    acknowledged=("f" * 16,),
    reissued=3,
    began_at_us=1,
    changed_at_us=2,
)


def test_a_record_is_stored_and_read_unchanged() -> None:
    assert ShardRecord.from_bytes(RECORD.to_bytes()) == RECORD


def test_the_counts_follow_from_the_ranges() -> None:
    assert (RECORD.targets, RECORD.done_count, RECORD.outstanding, RECORD.complete) == (4096, 158, 200, False)
    assert ShardRecord.empty(REF, 0, 10).targets == 10


@pytest.mark.parametrize(
    "change",
    [
        {"done": [[8192, 8600]]},
        {"done": [[8300, 8301], [8200, 8201]]},
        {"done": [[8192, 8199], [8200, 8210]]},
        {"done": [[8210, 8205]]},
        {"done": [[1]]},
        {"done": "all"},
        {"done": [[0, 1]]},
        {"unaudited": [[0, 1]]},
        {"frontier": 12_289},
        {"stop": 8192},
        {"held": [["short"]]},
        {"held": "none"},
        {"v": 2},
        {"campaign": "../x"},
    ],
    ids=[
        "done beyond the frontier",
        "done out of order",
        "done not merged",
        "a range that ends before it starts",
        "half a range",
        "done is no list",
        "done before the shard",
        "unaudited before the shard",
        "the frontier beyond the end",
        "no targets",
        "half a lease",
        "held is no list",
        "another version",
        "no campaign's name",
    ],
)
def test_a_record_that_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        ShardRecord.from_bytes(json.dumps(json.loads(RECORD.to_bytes()) | change).encode())


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b"{"])
def test_what_is_no_record_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequest):
        ShardRecord.from_bytes(content)
