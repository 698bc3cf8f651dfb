"""What RIPE Atlas measured, read line by line."""

from __future__ import annotations

import copy
import io
import json
import random
import re
import tracemalloc
from typing import Any

import pytest

from hoploom.kit.errors import Unprocessable
from hoploom.results.formats.atlas_reading import MAX_LINE_BYTES, Reader
from hoploom.results.imports import Origin, Record, gathered
from hoploom.results.rows import HopRow, PingRow, TraceRow

COMMON = {"fw": 5020, "lts": 9, "from": "198.51.100.4", "src_addr": "192.168.1.5", "msm_id": 1001, "prb_id": 6012,
          "timestamp": 1_700_000_000, "af": 4, "dst_addr": "192.0.2.1", "dst_name": "example.org"}  # fmt: skip
PING = COMMON | {"type": "ping", "proto": "ICMP", "ttl": 57, "size": 48, "sent": 3, "rcvd": 2, "dup": 1, "step": 240,
                 "min": 1.0004, "avg": 1.5, "max": 2, "result": [{"rtt": 1.0004}, {"rtt": 2}, {"x": "*"}]}  # fmt: skip
HOPS: list[dict[str, Any]] = [
    {"hop": 1, "result": [{"x": "*"}, {"from": "10.0.0.1", "rtt": 0.5, "ttl": 64, "size": 28},
                          {"from": "10.0.0.2", "rtt": 0.6}]},
    {"hop": 2, "result": [{"x": "*"}] * 3},
    {"hop": 3, "result": [{"from": "10.0.0.3", "rtt": 3, "late": 2}, {"from": "10.0.0.4", "rtt": 4.25, "ittl": 2,
      "icmpext": {"version": 2, "rfc4884": 1, "obj": [{"class": 1, "type": 1, "mpls": [
          {"exp": 3, "label": 24001, "s": 1, "ttl": 254}]}]}}]},
    {"hop": 4, "result": [{"from": "192.0.2.1", "rtt": 5, "ttl": 57}]},
    {"hop": 255, "result": [{"x": "*"}]},
]  # fmt: skip
TRACE = COMMON | {"type": "traceroute", "proto": "UDP", "paris_id": 3, "endtime": 1_700_000_009, "result": HOPS}
AT_MS = 1_700_000_000_000


def read(*lines: object) -> list[Record]:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return list(Reader("theirs").records(io.BytesIO(text.encode())))


def test_a_ping_is_what_atlas_says() -> None:
    [found] = read(PING)
    assert found == (
        "line 1",
        Origin("ping", 4, 1001, "atlas-6012", 6012, "theirs"),
        PingRow("192.0.2.1", 0, 3, 2, 1, 1500, 1000, 2000, 57, None, None, None, AT_MS),
    )


OUTCOMES: dict[str, tuple[dict[str, Any], int]] = {
    "lost": ({"rcvd": 0, "result": [{"x": "*"}] * 3, "min": -1, "avg": -1, "max": -1}, 1),
    "lost, without RTTs": ({"rcvd": 0, "min": None, "avg": None, "max": None}, 1),
    "never sent": ({"rcvd": 0, "sent": 0, "result": []}, 3),
    "refused by the probe's own system": ({"rcvd": 0, "result": [{"error": "sendto failed"}] * 3}, 3),
    "one of them refused": ({"rcvd": 0, "result": [{"error": "sendto failed"}, {"x": "*"}]}, 1),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_pings_without_an_answer(name: str) -> None:
    changes, outcome = OUTCOMES[name]
    [found] = read(PING | changes)
    assert isinstance(found.row, PingRow)
    assert (found.row.outcome, found.row.rtt_us, found.row.reply_ttl) == (outcome, None, None)
    assert len(list(gathered([found]))) == 1


def test_a_traceroute_has_the_first_answer_in_time_of_each_hop() -> None:
    [found] = read(TRACE)
    assert isinstance(found.row, TraceRow)
    assert found.row.hops == (
        HopRow(1, "10.0.0.1", 500, 64, 1, 11, 0, None, AT_MS),
        HopRow(2, None, None, None, None, None, None, None, AT_MS),
        HopRow(3, "10.0.0.4", 4250, None, 2, 11, 0, "24001:3:1:254", AT_MS),
        HopRow(4, "192.0.2.1", 5000, 57, None, 3, 3, None, AT_MS),
    )
    assert (found.row.outcome, found.row.distance, found.row.sent, found.row.joined_ttl) == (0, 4, 10, None)
    assert len(list(gathered([found]))) == 1


def answered(**packet: Any) -> dict[str, Any]:
    return TRACE | {"result": [{"hop": 1, "result": [{"from": "10.0.0.1", "rtt": 1} | packet]}]}


MESSAGES: dict[str, tuple[dict[str, Any], tuple[int, int], int]] = {
    "time exceeded": (answered(), (11, 0), 1),
    "no route": (answered(err="N"), (3, 0), 2),
    "a filter": (answered(err="A"), (3, 9), 2),
    "a code without a letter": (answered(err=5), (3, 5), 2),
    "an echo reply": (answered(**{"from": "192.0.2.1"}) | {"proto": "ICMP"}, (0, 0), 0),
    "a port that nobody listens on": (answered(**{"from": "192.0.2.1"}), (3, 3), 0),
    "an echo reply of IPv6": (
        answered(**{"from": "2001:DB8::1"}) | {"proto": "ICMP", "dst_addr": "2001:db8::1", "af": 6}, (129, 0), 0),
    "nobody home, in IPv6": (answered(**{"from": "2001:db8::9"}, err="H") | {"dst_addr": "2001:db8::1"}, (1, 3), 2),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_is_what_the_answer_tells(name: str) -> None:
    line, message, outcome = MESSAGES[name]
    [found] = read(line)
    assert isinstance(found.row, TraceRow)
    assert ((found.row.hops[0].icmp_type, found.row.hops[0].icmp_code), found.row.outcome) == (message, outcome)
    assert len(list(gathered([found]))) == 1


@pytest.mark.parametrize("result", [[], [{"error": "connect failed"}], [{"hop": 1, "error": "x"}], HOPS[1:2] * 1])
def test_paths_without_an_answer_end_in_a_gap(result: list[Any]) -> None:
    [found] = read(TRACE | {"result": result})
    assert isinstance(found.row, TraceRow)
    assert (found.row.outcome, found.row.hops) == (1, ())


def test_results_without_an_address_are_counted_and_are_no_fault() -> None:
    reader = Reader("theirs")
    line = json.dumps(PING | {"dst_addr": None, "dnserr": "non-recoverable failure in name resolution (1)"})
    assert list(reader.records(io.BytesIO(f"{line}\n\n{line}\n".encode()))) == []
    assert reader.without_address == 2


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PING.items() if key != name}


BAD: dict[str, object] = {
    "no JSON": "{",
    "a list": json.dumps([PING]),
    "a number": "7",
    "deep nesting": "{\"a\":" * 100_000,
    "a list in a thousand lists": "[" * 100_000,
    "NaN": json.dumps(PING | {"avg": float("nan")}),
    "infinity": json.dumps(PING | {"avg": float("inf")}),
    "infinity that looks finite": json.dumps(PING).replace('"avg": 1.5', '"avg": 1e999'),
    "an RTT of 1e308": PING | {"max": 1e308},
    "a negative RTT": PING | {"min": -5},
    "an RTT that is text": PING | {"min": "1"},
    "an RTT that is true": PING | {"min": True},
    "a number of 400 digits": json.dumps(PING).replace('"avg": 1.5', f'"avg": {"9" * 400}'),
    "a number of 5,000 digits": json.dumps(PING).replace('"avg": 1.5', f'"avg": {"9" * 5000}'),
    "no mean": without("avg"),
    "another type": PING | {"type": "dns"},
    "no type": without("type"),
    "no time": without("timestamp"),
    "a time before 1970": PING | {"timestamp": -1},
    "a time beyond all calendars": PING | {"timestamp": 2**60},
    "a probe that is text": PING | {"prb_id": "6012"},
    "a measurement beyond all numbers": PING | {"msm_id": 2**60},
    "a name as an address": PING | {"dst_addr": "example.org"},
    "a block as an address": PING | {"dst_addr": "192.0.2.0/24"},
    "a hop that is no address": answered(**{"from": "<script>"}),
    "an RTT of a hop of 1e308": answered(rtt=1e308),
    "an unknown refusal": answered(err="Q"),
    "TCP": TRACE | {"proto": "TCP"},
    "a label beyond its bits": answered(icmpext={"obj": [{"mpls": [{"label": 2**20, "exp": 0, "s": 1, "ttl": 1}]}]}),
    "packets that are no objects": TRACE | {"result": [{"hop": 1, "result": [7]}]},
    "hops that are no objects": TRACE | {"result": [7]},
    "a TTL that is text": TRACE | {"result": [{"hop": "1", "result": []}]},
    "half a character": b"\xc3".decode("latin-1"),
    "an outcome of ours that is none": PING | {"hoploom": {"outcome": "perfect"}},
    "a path of ours that is joined nowhere": TRACE | {"hoploom": {"outcome": "reached", "joined_ttl": 0}},
    "a distance of ours that is none": TRACE | {"hoploom": {"outcome": "reached", "distance": 65}},
    "a worker of ours that is none": PING | {"hoploom": {"worker": "../../etc"}},
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_result_is_refused_with_its_line(name: str) -> None:
    with pytest.raises(Unprocessable, match=r"^line 2: ") as caught:
        read(PING, BAD[name], PING)
    assert len(str(caught.value)) < 300


UNSOUND: dict[str, object] = {
    "more received than sent": PING | {"rcvd": 4},
    "a mean above the largest": PING | {"avg": 3},
    "a TTL twice": TRACE | {"result": [HOPS[0], HOPS[0]]},
    "a TTL of nothing": TRACE | {"result": [HOPS[0] | {"hop": 0}]},
    "a hop of another family": answered(**{"from": "2001:db8::1"}),
    "an IPv4 address written as IPv6": PING | {"dst_addr": "::ffff:192.0.2.1"},
}


@pytest.mark.parametrize("name", UNSOUND)
def test_what_no_worker_could_have_sent_is_refused_where_it_is_gathered(name: str) -> None:
    with pytest.raises(Unprocessable, match=r"^line 1: "):
        list(gathered(read(UNSOUND[name])))


def test_a_line_without_end_takes_no_memory() -> None:
    class Endless(io.RawIOBase):
        left = 64 * MAX_LINE_BYTES

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            size = min(len(buffer), self.left)
            buffer[:size] = b"x" * size
            self.left -= size
            return size

    said: list[str] = []
    tracemalloc.start()
    try:
        assert list(Reader("theirs", said.append).records(io.BufferedReader(Endless()))) == []
        assert tracemalloc.get_traced_memory()[1] < 6 * MAX_LINE_BYTES
    finally:
        tracemalloc.stop()
    assert said == [f"line 1: it has more than {MAX_LINE_BYTES} bytes"]


def test_lines_after_a_bad_one_keep_their_numbers() -> None:
    said: list[str] = []
    text = f"{json.dumps(PING)}\n{'x' * (MAX_LINE_BYTES + 1)}\n\n{json.dumps(PING)}\nx\n"
    found = list(Reader("theirs", said.append).records(io.BytesIO(text.encode())))
    assert [each.place for each in found] == ["line 1", "line 4"]
    assert [each.split(":")[0] for each in said] == ["line 2", "line 5"]


ODD: list[Any] = [
    *(None, True, 0, -1, 1.5, 1e308, -1e308, 2**31, 2**63, 10**30, 64, 65, 255, 256, 65_535, 65_536, 2**53, 1e-320),
    *("", "x", "1", "N", "192.0.2.1", "::1", "fe80::1%eth0", "\x00", "\ud800", [], {}, [[]], [{}], {"hop": 1}, [None]),
]


def mutated(document: Any, draw: random.Random) -> Any:
    """A result with one to four values in it replaced by odd ones, or missing."""
    found = json.loads(json.dumps(document))
    for _ in range(draw.choice([1, 1, 2, 4])):
        places: list[tuple[Any, Any]] = []
        waiting: list[Any] = [found]
        while waiting:
            each = waiting.pop()
            keys = list(each) if isinstance(each, dict) else list(range(len(each)))
            places += [(each, key) for key in keys]
            waiting += [each[key] for key in keys if isinstance(each[key], dict | list)]
        each, key = draw.choice(places)
        each[key] = copy.deepcopy(draw.choice(ODD))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_whatever_stands_in_a_line_it_is_taken_or_refused_in_a_sentence(seed: int) -> None:
    draw = random.Random(seed)
    ours = {"hoploom": {"worker": "pi", "outcome": "reached", "at_ms": 5, "sent": 9, "joined_ttl": 2, "distance": 4}}
    lines = [json.dumps(mutated(draw.choice([PING, TRACE, TRACE | ours]), draw)) for _ in range(300)]
    said: list[str] = []
    records = Reader("theirs", said.append).records(io.BytesIO("\n".join(lines).encode()))
    taken = sum(len(each.rows) for each in gathered(records, said.append))
    assert taken > 30 and len(said) > 30
    assert all(re.match(r"line \d+: ", each) for each in said)
