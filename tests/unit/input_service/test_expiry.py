"""When a group is forgotten: silence adds up only while somebody looks, and any change ends it."""

import pytest

from hoploom.input_service import expiry, keys
from hoploom.input_service.expiry import DAY_S, MAX_GROUPS, SHORTEST_S, Group, Silence, aged, expired, grouped, removals
from hoploom.kit.errors import BadRequest

ONE = Group("demo", 1, "one")
ROUND = keys.round_of(*ONE)
SHARD = "hoploom/groups/demo/1/one/0/4-0"


def test_every_key_of_a_group_is_found_and_no_other() -> None:
    found = grouped(
        [
            (ROUND, 5),
            (SHARD, 7),
            ("hoploom/groups/demo/1/two/3/6-0", 8),
            ("hoploom/groups/demo/2/one/0/4-0", 9),
            ("hoploom/cooling/demo/1/one/0/4-0", 6),
            ("hoploom/cooling/demo/1/_mesh/0/4-0", 6),
            (keys.asked(*ONE), 4),
            ("hoploom/rounds/demo/", 1),
            ("hoploom/rounds/", 1),
        ]
    )
    assert found == {
        ONE: {ROUND: 5, SHARD: 7, "hoploom/cooling/demo/1/one/0/4-0": 6, keys.asked(*ONE): 4},
        Group("demo", 1, "two"): {"hoploom/groups/demo/1/two/3/6-0": 8},
        Group("demo", 2, "one"): {"hoploom/groups/demo/2/one/0/4-0": 9},
    }


@pytest.mark.parametrize(
    ("before", "elapsed_s", "after"),
    [
        ({}, 3600.0, Silence(7, 0.0)),
        ({ONE: Silence(7, 100.0)}, 3600.0, Silence(7, 3700.0)),
        ({ONE: Silence(7, 100.0)}, 0.0, Silence(7, 100.0)),
        ({ONE: Silence(6, 100.0)}, 3600.0, Silence(7, 0.0)),
        ({ONE: Silence(8, 100.0)}, 3600.0, Silence(7, 0.0)),
    ],
    ids=["seen for the first time", "unchanged", "a new looker adds nothing yet", "changed", "a newer key has gone"],
)
def test_a_group_ages_while_it_is_seen_unchanged(
    before: dict[Group, Silence], elapsed_s: float, after: Silence
) -> None:
    assert aged(before, {ONE: {ROUND: 5, SHARD: 7}}, elapsed_s) == {ONE: after}


def test_a_group_that_is_gone_is_no_more_heard_of() -> None:
    assert aged({ONE: Silence(7, 100.0)}, {}, 1.0) == {}


@pytest.mark.parametrize(
    ("seconds", "expiry_s", "ends"),
    [
        (30 * DAY_S - 1, 30 * DAY_S, False),
        (30 * DAY_S, 30 * DAY_S, True),
        (60.0, 60.0, False),
        (SHORTEST_S, 60.0, True),
    ],
    ids=["not yet", "now", "a lease may still be out", "no lease can be out any more"],
)
def test_a_group_expires_when_it_was_silent_for_long_enough(seconds: float, expiry_s: float, *, ends: bool) -> None:
    assert (expired({ONE: Silence(7, seconds)}, expiry_s) == [ONE]) is ends


def test_a_removal_is_refused_by_any_change_and_begins_with_where_the_group_stands() -> None:
    (only,) = removals(ONE, {SHARD: 7, ROUND: 5})
    assert only == [
        {"Verb": "check-not-exists", "Key": keys.asked(*ONE)},
        {"Verb": "check-index", "Key": ROUND, "Index": 5},
        {"Verb": "delete", "Key": ROUND},
        {"Verb": "check-index", "Key": SHARD, "Index": 7},
        {"Verb": "delete", "Key": SHARD},
    ]


def test_transactions_are_bounded_and_remove_each_key_once() -> None:
    indexes = {f"hoploom/groups/demo/1/one/0/4-{at}": at for at in range(200)} | {ROUND: 5}
    found = removals(ONE, indexes)
    assert max(map(len, found)) <= 127 and any(each["Key"] == ROUND for each in found[0])
    gone = [each["Key"] for operations in found for each in operations if each["Verb"] == "delete"]
    assert sorted(gone) == sorted(indexes)


def test_silences_are_read_as_they_were_written() -> None:
    silences = {ONE: Silence(7, 100.0), Group("demo", 1, "two"): Silence(8, 0.0), Group("x", 3, "one"): Silence(9, 1.0)}
    written = expiry.documents(silences)
    assert set(written) == {keys.silence("demo", 1), keys.silence("x", 3)}
    assert {k: v for key, content in written.items() for k, v in expiry.read(key, content).items()} == silences


def test_a_document_is_bounded_and_keeps_the_most_silent() -> None:
    silences = {Group("demo", 1, f"w{at}"): Silence(10**9, float(at)) for at in range(MAX_GROUPS + 10)}
    ((key, content),) = expiry.documents(silences).items()
    found = expiry.read(key, content)
    assert len(found) == MAX_GROUPS and len(content) < 400_000
    assert min(each.seconds for each in found.values()) == 10.0


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"silent": [["one", 1]]}', b'{"silent": [["one", "x", 1]]}'])
def test_a_damaged_document_is_refused(content: bytes) -> None:
    with pytest.raises(BadRequest):
        expiry.read(keys.silence("demo", 1), content)
