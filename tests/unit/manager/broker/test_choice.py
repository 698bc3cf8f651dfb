"""Which instance a client is sent to."""

from collections import Counter

import pytest

from hoploom.kit.consul_records import Instance
from hoploom.manager.broker.choice import Candidate, Load, best

IDLE, BUSY, LATE = Load(0, 0.0005), Load(3, 0.0005), Load(0, 0.05)


def candidate(name: str, load: Load | None) -> Candidate:
    return Candidate(Instance(name, "output", "127.0.0.1", 1, dc="dc1"), load)


@pytest.mark.parametrize(
    ("loads", "chosen"),
    [
        ({"a": BUSY, "b": IDLE}, "b"),
        ({"a": LATE, "b": BUSY}, "b"),
        ({"a": IDLE, "b": IDLE}, "a"),
        ({"a": Load(0, 0.0, is_draining=True), "b": BUSY}, "b"),
        ({"a": None, "b": BUSY}, "b"),
        ({"a": None}, "a"),
        ({"a": Load(0, 0.0, is_draining=True)}, None),
        ({}, None),
    ],
    ids=["fewer in flight", "a loop that is late is busy", "either", "not who stops", "not who does not say",
         "rather than none", "nobody who stops", "nobody"],
)  # fmt: skip
def test_the_least_loaded_is_chosen(loads: dict[str, Load | None], chosen: str | None) -> None:
    found = best([candidate(name, load) for name, load in loads.items()], {})
    assert (found.instance.id if found else None) == chosen


def test_who_was_sent_somewhere_counts_there_at_once() -> None:
    candidates, sent = [candidate("a", IDLE), candidate("b", BUSY), candidate("c", IDLE)], Counter[str]()
    for _ in range(9):
        found = best(candidates, sent)
        assert found is not None
        sent[found.instance.id] += 1
    assert sent == {"a": 4, "c": 4, "b": 1}


def test_it_says_why() -> None:
    found = best([candidate("a", BUSY), candidate("b", IDLE)], {})
    assert found is not None and found.why == "0 in flight and 0.5 ms late, the least loaded of 2 in dc1"
