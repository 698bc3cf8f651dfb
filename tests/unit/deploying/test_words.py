"""A deploy's lines for a person."""

from typing import Any

import pytest

from hoploom.deploying import words
from hoploom.deploying.happenings import Tell
from hoploom.deploying.plan import Plan, Way
from hoploom.deploying.sight import Road, Step

ROAD = Road("1.4.1", frozenset({"1.4.0"}), ("dc1", "dc2"), (Step(0.1, 60), Step(1.0, 60)), beside=True, count=4)
SUM = "sha256 3f9c.. (21.4 MB) is what it should be"
PLAN = Plan("orders", "orders", "1.4.1", ("1.4.0",), Way.CANARY, ROAD, 812, SUM)
COUNTS: dict[str, Any] = {
    "requests": 1204, "errors": 0, "p99_ms": 31.2, "old_requests": 9000, "old_errors": 0, "old_p99_ms": 30.4,
    "enough": True,
}  # fmt: skip


def test_a_plan_says_what_from_what_to_where() -> None:
    assert list(words.planned(PLAN)) == [
        ("plan", f"1.4.0 -> 1.4.1 on 4 instances, dc1 then dc2; archive {SUM}; modify index 812"),
        ("way", "beside the old ones, share after share: 10 % for 60 s, 100 % for 60 s"),
    ]


@pytest.mark.parametrize(
    ("what", "facts", "expected"),
    [
        ("canary", {"id": "orders-2b7e", "node": "deb04", "dc": "dc1", "routers": 2, "after_s": 2.13},
         ("canary", "orders-2b7e on deb04: passing and in 2/2 Fabios after 2.1 s")),
        ("rolled", {"id": "ping-1", "node": "deb04", "dc": "dc1", "routers": 0, "number": 1, "of": 3},
         ("rolled", "1 of 3: ping-1 on deb04: passing")),
        ("weight", {"dc": "dc1", "share": 0.1, "seconds": 60.2, "watched": True, **COUNTS},
         ("weight", "10 % in dc1  60 s  1,204 requests  0 errors  p99 31 ms (old 30)   gate ok")),
        ("weight", {"dc": "dc1", "share": 0.1, "seconds": 120.0, "watched": True, **COUNTS, "enough": False,
                    "requests": 3, "p99_ms": None},
         ("weight", "10 % in dc1  120 s  3 requests  0 errors   too few to judge and none failed: gate ok")),
        ("weight", {"dc": "dc1", "share": 0.1, "seconds": 120.0, "watched": True, **COUNTS, "enough": False,
                    "requests": 0, "p99_ms": None, "old_p99_ms": None},
         ("weight", "10 % in dc1  120 s  0 requests  0 errors   nobody asked, so nothing was judged")),
        ("weight", {"dc": "dc1", "share": 1.0, "seconds": 0.4, "watched": False, **COUNTS},
         ("weight", "100 % in dc1, unwatched")),
        ("breach", {"dc": "dc1", "share": 0.1, **COUNTS, "errors": 60, "why": "5 % failed"},
         ("breach", "10 % in dc1  1,204 requests  60 errors  p99 31 ms (old 30): 5 % failed")),
        ("breach", {"dc": "dc1", "share": None, **COUNTS, "p99_ms": None, "why": "5 % failed"},
         ("breach", "in dc1  1,204 requests  0 errors: 5 % failed")),
        ("back", {"why": "stopped by hand"}, ("back", "stopped by hand: the new version gets nothing from now on")),
        ("silent", {"dc": "dc1", "after_s": 0.204}, ("silent", "weight 0 in dc1 after 0.20 s")),
        ("trouble", {"dc": "dc1", "why": "Consul is away"}, ("trouble", "dc1: Consul is away")),
        ("promoted", {"old": ["1.4.0"], "after_s": 1.44},
         ("promoted", "1.4.0 drained, each gone from every Fabio before it stopped (1.4 s)")),
        ("patience", {"why": "it ends by itself"}, ("patience", "it ends by itself")),
        ("undone", {"old": ["1.4.0"], "new": "1.4.1", "why": "no", "took_s": 12.0},
         ("undone", "1.4.0 runs as before, and nothing of 1.4.1 is left (12.0 s)")),
        ("left", {"why": "Nomad is away", "where": "x"},
         ("left", "Nomad is away. Go on by the same command, or take it back by `hoploom deploy orders --rollback`")),
        ("found", {"who": "anna", "where": "at 10% in dc1", "to": "it goes on"},
         ("found", "a deploy broke off at 10% in dc1 (anna): it goes on")),
        ("done", {"requests": 24377, "errors": 0, "took_s": 128.0},
         ("done", "in 2 min 8 s; of 24,377 requests to the new version 0 failed.    undo: "
          "hoploom deploy orders --rollback")),
        ("done", {"requests": 0, "errors": 0, "took_s": 6.3},
         ("done", "in 6.3 s.    undo: hoploom deploy orders --rollback")),
    ],
)  # fmt: skip
def test_each_turn_has_its_line(what: str, facts: dict[str, Any], expected: tuple[str, str]) -> None:
    assert words.told(Tell(what, facts), "orders") == expected
