"""What stands beside an export."""

from __future__ import annotations

import json

from hoploom.results.formats.campaign_json import Tally, document
from unit.results.groups import group
from unit.results.records import PING, TRACE


def test_it_says_what_was_written() -> None:
    tally = Tally()
    pings = [PING._replace(at_ms=1_000), PING._replace(at_ms=61_000)]
    groups = [group(*pings), group(TRACE._replace(at_ms=5_000), batch_key=9, worker="pi-8", revision="cd" * 32),
              group(batch_key=10, campaign="nothing-of-it")]  # fmt: skip
    for each in tally.count(groups):
        list(each.rows)
    found = document(tally, {"format": "atlas-ndjson"}, {"first-map": {"excludes": "ee" * 32}}, ["a note"])
    assert json.loads(json.dumps(found)) == found
    assert (found["batches"], found["rows"]) == (2, {"ping": 2, "trace": 1, "hop": 4})
    assert (found["first"], found["last"]) == ("2023-11-14T22:13:21Z", "2023-11-14T22:14:21Z")
    assert (found["stores"], found["format"], found["notes"]) == ([group().batch.store], "atlas-ndjson", ["a note"])
    [campaign] = found["campaigns"]
    assert campaign == {
        "id": "first-map", "number": 2_000_000_001, "measurements": [2_000_000_002],
        "revisions": ["ab" * 32, "cd" * 32], "rounds": [0], "workers": 2, "rows": 3,
        "exclusions": "ee" * 32, "document": {"excludes": "ee" * 32},
    }  # fmt: skip


def test_what_nobody_could_be_asked_about_is_null() -> None:
    tally = Tally()
    for each in tally.count([group(PING._replace(at_ms=10**18))]):
        list(each.rows)
    found = document(tally, {}, {}, [])
    assert (found["campaigns"][0]["document"], found["campaigns"][0]["exclusions"]) == (None, None)
    assert (found["first"], found["last"]) == (None, None)
