"""Objects of RIPE Atlas, read by Atlas' own reader."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from ripe.atlas.sagan import PingResult, Result, TracerouteResult

from hoploom.results.formats import atlas
from hoploom.results.rows import Group, HopRow, PingRow, TraceRow
from unit.results.groups import group
from unit.results.records import HOPS, PING, SILENT, TRACE, silent

PING_ROW = PING._replace(at_ms=1_234)
HOP_ROWS = tuple(hop._replace(at_ms=hop.at_ms - TRACE.at_ms + 2_500) for hop in HOPS)
TRACE_ROW = TRACE._replace(at_ms=2_500, hops=HOP_ROWS)
HOSTILE = 'x"},\n{"type":"ping"}<script>\u2028\x00'


def lines(*groups: Group) -> list[bytes]:
    out = io.BytesIO()
    atlas.write(groups, out)
    return out.getvalue().splitlines()


def parsed(found: Group) -> Any:
    [line] = lines(found)
    result = Result.get(
        line.decode(), on_error=Result.ACTION_FAIL, on_malformation=Result.ACTION_FAIL
    )
    assert not result.is_error and not result.is_malformed
    return result


PINGS: dict[str, tuple[PingRow, list[float | None], tuple[float | None, ...]]] = {
    "one reply": (PING_ROW._replace(sent=1, received=1, rtt_us=1500, rtt_min_us=1500, rtt_max_us=1500), [1.5],
                  (1.5, 1.5, 1.5)),
    "two replies of three": (PING_ROW, [1.0, 2.0, None], (1.0, 1.5, 2.0)),
    "three replies of which smallest and largest are known": (
        PING_ROW._replace(received=3), [None, None, None], (1.0, 1.5, 2.0)),
    "three replies that are alike": (
        PING_ROW._replace(received=3, rtt_min_us=1500, rtt_max_us=1500), [1.5] * 3, (1.5, 1.5, 1.5)),
    "none": (silent(1, 2), [None, None], (None, None, None)),
    "a reply in no time": (PING_ROW._replace(sent=1, received=1, rtt_us=0, rtt_min_us=0, rtt_max_us=0), [0.0],
                           (0.0, 0.0, 0.0)),
}  # fmt: skip


@pytest.mark.parametrize("name", PINGS)
def test_pings_are_understood(name: str) -> None:
    row, rtts, (least, mean, most) = PINGS[name]
    found = parsed(group(row))
    assert isinstance(found, PingResult)
    assert (found.measurement_id, found.probe_id, found.firmware) == (2_000_000_002, 2_000_000_003, 5000)
    assert (found.packets_sent, found.packets_received, found.protocol, found.af) == (row.sent, row.received, "ICMP", 4)
    assert [packet.rtt for packet in found.packets] == rtts
    assert (found.rtt_min, found.rtt_average, found.rtt_max) == (least, mean, most)
    assert (found.destination_address, found.origin, found.seconds_since_sync) == ("192.0.2.1", None, None)


def test_silent_requests_are_told_from_replies_whose_rtt_is_not_kept() -> None:
    [line] = lines(group(PING_ROW._replace(sent=4, received=3)))
    assert json.loads(line)["result"] == [{"ttl": 57}] * 3 + [{"x": "*"}]


def test_what_refused_a_ping_is_said() -> None:
    refused = PingRow("192.0.2.1", 2, 2, 0, 0, None, None, None, None, 3, 1, "198.51.100.7", 0)
    [line] = lines(group(refused))
    found = json.loads(line)
    assert found["result"] == [{"error": "ICMP type 3 code 1 from 198.51.100.7"}, {"x": "*"}]
    assert parsed(group(refused)).rtt_average is None


def test_what_was_never_sent_is_an_error_of_its_request_alone() -> None:
    found = parsed(group(silent(3, 0)))
    assert (found.packets_sent, found.raw_data["result"]) == (0, [{"error": "not sent"}])


def test_traceroutes_are_understood() -> None:
    found = parsed(group(TRACE_ROW))
    assert isinstance(found, TracerouteResult)
    assert (found.total_hops, found.is_success, found.destination_ip_responded) == (4, True, True)
    assert found.ip_path == [["198.51.100.1"], [None], ["198.51.100.3"], ["192.0.2.1"]]
    assert [hop.median_rtt for hop in found.hops] == [0.9, None, 2.5, 3.0]
    assert (found.paris_id, found.protocol, found.created_timestamp) == (1, "ICMP", 1_700_000_002)
    assert found.end_time_timestamp == 1_700_000_002
    mpls = found.hops[2].packets[0].icmp_header.objects[0]["mpls"]
    assert mpls == [{"label": 24001, "exp": 0, "s": 0, "ttl": 1}, {"label": 16, "exp": 5, "s": 1, "ttl": 254}]
    assert found.raw_data["result"][1] == {"hop": 2, "result": [{"x": "*"}]}


def test_a_protocol_that_nothing_tells_is_left_out() -> None:
    assert "proto" not in json.loads(lines(group(TRACE_ROW, protocol=""))[0])
    assert parsed(group(TRACE_ROW, protocol="")).protocol is None
    assert parsed(group(TRACE_ROW, protocol="udp")).protocol == "UDP"


ERRORS = {
    (4, 3, 0): "Network unreachable",
    (4, 3, 1): "Destination unreachable",
    (4, 3, 2): "Protocol unreachable",
    (4, 3, 3): "Port unreachable",
    (4, 3, 13): "Administratively prohibited",
    (6, 1, 0): "Network unreachable",
    (6, 1, 1): "Administratively prohibited",
    (6, 1, 3): "Destination unreachable",
    (4, 3, 5): "5",
    (4, 11, 0): None,
}


@pytest.mark.parametrize("message", ERRORS)
def test_what_hops_refuse_is_said_by_atlas_letters(message: tuple[int, int, int]) -> None:
    family, icmp_type, icmp_code = message
    hop = HOP_ROWS[0]._replace(icmp_type=icmp_type, icmp_code=icmp_code)
    [line] = lines(group(TRACE_ROW._replace(outcome=2, hops=(hop,)), family=family))
    found = TracerouteResult(line.decode(), on_error=Result.ACTION_IGNORE)
    assert (found.is_error, found.hops[0].packets[0].error_message) == (False, ERRORS[message])


def test_a_target_that_is_reached_by_its_refusal_is_no_error() -> None:
    hop = HOP_ROWS[3]._replace(icmp_type=3, icmp_code=3)
    assert parsed(group(TRACE_ROW._replace(hops=(*HOP_ROWS[:3], hop)), protocol="udp")).is_success


@pytest.mark.parametrize("outcome", [0, 1, 2, 3, 4])
def test_paths_without_any_hop_are_understood(outcome: int) -> None:
    assert parsed(group(TraceRow("192.0.2.1", outcome, 1, None, None, (), 0))).total_hops == 0


@pytest.mark.parametrize("name", ["campaign", "worker"])
def test_names_cannot_break_a_line(name: str) -> None:
    found = lines(group(PING_ROW, **{name: HOSTILE}), group(TRACE_ROW, **{name: HOSTILE}))
    assert [json.loads(line)["hoploom"][name] for line in found] == [HOSTILE, HOSTILE]


def test_what_was_masked_is_a_silent_hop() -> None:
    hops = (HopRow(1, None, None, None, None, None, None, None, 0), SILENT._replace(at_ms=0))
    assert parsed(group(TRACE_ROW._replace(outcome=1, hops=hops))).ip_path == [[None], [None]]
