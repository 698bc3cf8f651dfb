"""Results as scamper's JSON."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from hoploom.results.formats import scamper_json
from hoploom.results.rows import Group, PingRow
from unit.results.groups import group
from unit.results.records import HOPS, PING, TRACE, silent

TRACE_ROW = TRACE._replace(at_ms=5, hops=tuple(hop._replace(at_ms=hop.at_ms - TRACE.at_ms + 5) for hop in HOPS))


def objects(*groups: Group) -> list[dict[str, Any]]:
    out = io.BytesIO()
    scamper_json.write(groups, out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_path_has_the_hops_that_answered() -> None:
    [found] = objects(group(TRACE_ROW))
    assert (found["type"], found["version"], found["method"]) == ("trace", "0.1", "icmp-echo-paris")
    assert (found["dst"], found["stop_reason"], found["stop_data"]) == ("192.0.2.1", "COMPLETED", 0)
    assert (found["hop_count"], found["firsthop"], found["probe_count"]) == (4, 1, 6)
    assert found["start"] == {"sec": 1_700_000_000, "usec": 5_000, "ftime": "2023-11-14 22:13:20"}
    assert [(hop["addr"], hop["probe_ttl"], hop["rtt"]) for hop in found["hops"]] == [
        ("198.51.100.1", 1, 0.9), ("198.51.100.3", 3, 2.5), ("192.0.2.1", 4, 3.0),
    ]  # fmt: skip
    assert found["hops"][0] | {"tx": None} == {
        "addr": "198.51.100.1", "probe_ttl": 1, "probe_id": 1, "tx": None, "rtt": 0.9, "reply_ttl": 64,
        "icmp_type": 11, "icmp_code": 0, "icmp_q_ttl": 1,
    }  # fmt: skip
    assert "icmp_q_ttl" not in found["hops"][2]


def test_labels_stand_as_an_extension() -> None:
    [found] = objects(group(TRACE_ROW))
    assert found["hops"][1]["icmpext"] == [{
        "ie_cn": 1, "ie_ct": 1, "ie_dl": 8,
        "mpls_labels": [{"mpls_ttl": 1, "mpls_s": 0, "mpls_exp": 0, "mpls_label": 24001},
                        {"mpls_ttl": 254, "mpls_s": 1, "mpls_exp": 5, "mpls_label": 16}],
    }]  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "reason"), list(enumerate(["COMPLETED", "GAPLIMIT", "UNREACH", "LOOP", "ERROR"]))
)
def test_why_a_path_ended_is_said_in_its_words(outcome: int, reason: str) -> None:
    assert objects(group(TRACE_ROW._replace(outcome=outcome)))[0]["stop_reason"] == reason


def test_who_refused_a_path_gives_its_code() -> None:
    hop = TRACE_ROW.hops[0]._replace(icmp_type=3, icmp_code=13)
    assert objects(group(TRACE_ROW._replace(outcome=2, hops=(hop,))))[0]["stop_data"] == 13


def test_a_path_that_is_joined_begins_where_it_was_probed() -> None:
    assert objects(group(TRACE_ROW._replace(joined_ttl=3)))[0]["firsthop"] == 3


def test_a_path_without_answers_has_no_hops_as_scamper_has_none() -> None:
    assert "hops" not in objects(group(TRACE_ROW._replace(outcome=1, hops=())))[0]


PINGS: dict[str, tuple[PingRow, list[float], dict[str, float]]] = {
    "two replies of three": (PING._replace(at_ms=0), [1.0, 2.0],
                             {"replies": 2, "loss": 0.33, "min": 1.0, "max": 2.0, "avg": 1.5}),
    "three replies": (PING._replace(at_ms=0, received=3), [],
                      {"replies": 3, "loss": 0, "min": 1.0, "max": 2.0, "avg": 1.5}),
    "three replies that are alike": (
        PING._replace(at_ms=0, received=3, rtt_min_us=1500, rtt_max_us=1500), [1.5, 1.5, 1.5],
        {"replies": 3, "loss": 0, "min": 1.5, "max": 1.5, "avg": 1.5}),
    "none": (silent(1, 3), [], {"replies": 0, "loss": 1.0}),
    "nothing sent": (silent(3, 0), [], {"replies": 0, "loss": 0}),
}  # fmt: skip


@pytest.mark.parametrize("name", PINGS)
def test_pings_have_the_replies_whose_rtt_is_known(name: str) -> None:
    row, rtts, statistics = PINGS[name]
    [found] = objects(group(row))
    assert (found["type"], found["ping_sent"], found["dst"]) == ("ping", row.sent, "192.0.2.1")
    assert [each["rtt"] for each in found["responses"]] == rtts
    assert found["statistics"] == statistics
