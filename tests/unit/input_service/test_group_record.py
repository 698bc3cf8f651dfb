"""A group's record as it is stored."""

import json
from typing import Any

import pytest

from hoploom.input_service.group_record import FamilyProgress, GroupRecord, Held
from hoploom.kit.errors import BadRequest

HELD = Held(
    nonce="0123456789abcdef", request_id="r1", worker="w1", family=4, start=100, stop=300, ttl_s=60, rate_pps=0
)
RECORD = GroupRecord(
    campaign="demo",
    round=0,
    group="all",
    families={4: FamilyProgress(size=1000, frontier=400, done=((0, 99), (300, 349))), 6: FamilyProgress(size=7)},
    held=(HELD,),
    reissued=3,
    began_at_us=1,
    changed_at_us=2,
)


def test_a_record_is_stored_and_read_unchanged() -> None:
    assert GroupRecord.from_bytes(RECORD.to_bytes()) == RECORD


def test_the_counts_follow_from_the_ranges() -> None:
    assert (RECORD.targets, RECORD.handed_out, RECORD.done, RECORD.outstanding) == (1007, 400, 150, 200)
    assert RECORD.families[4].watermark == 100 and RECORD.families[6].watermark == 0 and not RECORD.finished


@pytest.mark.parametrize(
    ("family", "change"),
    [
        ("4", {"done": [[0, 400]]}),
        ("4", {"done": [[50, 60], [0, 10]]}),
        ("4", {"done": [[0, 10], [11, 20]]}),
        ("4", {"done": [[10, 5]]}),
        ("4", {"done": [[1]]}),
        ("4", {"done": "all"}),
        ("4", {"frontier": 1001}),
        ("6", {"size": 0}),
    ],
    ids=[
        "done beyond the frontier",
        "done out of order",
        "done not merged",
        "a range that ends before it starts",
        "half a range",
        "done is no list",
        "the frontier beyond the end",
        "no targets",
    ],
)
def test_a_record_that_contradicts_itself_is_refused(family: str, change: dict[str, Any]) -> None:
    document = json.loads(RECORD.to_bytes())
    document["families"][family] |= change
    with pytest.raises(BadRequest):
        GroupRecord.from_bytes(json.dumps(document).encode())
