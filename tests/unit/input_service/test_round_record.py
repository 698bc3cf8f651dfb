"""Rounds end exactly once, whoever notes the last shard."""

import random
from dataclasses import replace

import pytest

from hoploom.input_service.round_record import RoundRecord, finish, shards, unfinished
from hoploom.kit.errors import BadRequest
from hoploom.wire.campaign import Campaign, FamilySet
from hoploom.wire.probe import Probe

CAMPAIGN = Campaign(
    id="demo",
    number=2_000_000_000,
    measurement=2_000_000_001,
    name="demo",
    sets={4: FamilySet(sha256="a" * 64, size=3 * 4096), 6: FamilySet(sha256="b" * 64, size=10)},
    rate_pps=0,
    allow_private=True,
    contact="",
    probe=Probe(),
    content_sha256="c" * 64,
    created_at_us=0,
)


def test_a_campaign_has_the_shards_of_both_families() -> None:
    assert shards(CAMPAIGN) == [(4, 0), (4, 1), (4, 2), (6, 0)]


@pytest.mark.parametrize("seed", range(5))
def test_the_last_shard_ends_the_round_and_the_only_round_ends_the_group(seed: int) -> None:
    order = shards(CAMPAIGN)
    random.Random(seed).shuffle(order)
    record = RoundRecord()
    for number, shard in enumerate(order):
        assert not record.ended and len(unfinished(record, CAMPAIGN)) == len(order) - number
        record = finish(record, CAMPAIGN, 0, shard, 7)
    assert record.ended and record.ended_at_us == 7 and unfinished(record, CAMPAIGN) == []
    assert finish(record, CAMPAIGN, 0, order[0]) is record


@pytest.mark.parametrize("rounds", [2, 3, 0])
def test_the_next_round_begins_in_the_same_write(rounds: int) -> None:
    campaign, record = replace(CAMPAIGN, rounds=rounds), RoundRecord()
    for number in range(rounds or 5):
        assert (record.round, record.ended) == (number, False)
        for shard in shards(campaign):
            record = finish(record, campaign, number, shard)
    assert record.ended is bool(rounds)


def test_a_late_word_about_an_ended_round_changes_nothing() -> None:
    campaign, record = replace(CAMPAIGN, rounds=2), RoundRecord()
    for shard in shards(campaign):
        record = finish(record, campaign, 0, shard)
    assert record.round == 1 and finish(record, campaign, 0, (4, 1)) is record


def test_a_record_is_stored_and_read_unchanged() -> None:
    record = RoundRecord(round=3, finished=frozenset({(4, 0), (4, 63), (6, 5)}), began_at_us=1, ended_at_us=2)
    assert RoundRecord.from_bytes(record.to_bytes()) == record


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"v":1,"finished":{"4":"x","6":"0"}}', b"\xff"])
def test_what_is_no_record_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequest):
        RoundRecord.from_bytes(content)
