"""What programs are told."""

import json
from typing import Any

from hoploom.cli.ping.hosts import DUPLICATE, ERROR, REFUSED, REPLY, TIMEOUT, Event, Host, Icmp, Totals
from hoploom.cli.ping.machine import Machine
from hoploom.cli.ping.options import read
from hoploom.cli.ping.report import Line

MS = 1_000_000
ANSWER = Event(REPLY, 0, 1_700_000_000.1, 5 * MS, 64, 57)
LOST = Event(TIMEOUT, 1, 1_700_000_000.5, is_last=True)


def machine(text: str) -> Machine:
    return Machine(read([*text.split(), "x"]), "portable raw")


def documents(lines: list[Line]) -> list[dict[str, Any]]:
    assert not any(line.is_error for line in lines)
    return [json.loads(line.text) for line in lines]


def told(text: str, *events: Event) -> list[dict[str, Any]]:
    voice, host = machine(text), Host("a.test", "127.0.0.1", "a.test")
    found: list[Line] = []
    for event in events:
        host.note(event)
        found += voice.tell(host, event)
    return documents(found)


def test_a_stream_of_a_count_has_an_object_for_each_request() -> None:
    error = Event(ERROR, 1, 1_700_000_000.2, icmp=Icmp(3, 1, "127.0.9.9"))
    found = told("-c 2 --ndjson", ANSWER, ANSWER._replace(kind=DUPLICATE, ttl=-1), error, LOST)
    assert [each["event"] for each in found] == ["reply", "duplicate", "icmp_error", "timeout"]
    assert found[0] == {"event": "reply", "target": "a.test", "address": "127.0.0.1", "seq": 0, "at": 1_700_000_000.1,
                        "rtt_ms": 5.0, "size_bytes": 64, "ttl": 57}  # fmt: skip
    assert found[1]["ttl"] is None
    assert found[2]["icmp"] == {"type": 3, "code": 1, "from": "127.0.9.9", "name": "ICMP Host Unreachable"}
    assert "rtt_ms" not in found[3]


def test_otherwise_it_has_one_for_each_target_when_it_is_decided() -> None:
    assert [each["event"] for each in told("--ndjson", ANSWER)] == ["target"]
    lost = told("--ndjson", LOST._replace(is_last=False), LOST)
    assert [each["event"] for each in lost] == ["timeout", "timeout", "target"]
    refused = told("--ndjson", Event(REFUSED, 0, 1.0, reason="Network is unreachable", is_last=True))
    assert [each["event"] for each in refused] == ["send_error", "target"]
    assert refused[1]["error"] == "Network is unreachable" and refused[1]["alive"] is False


def test_a_stream_ends_with_what_is_left_to_say() -> None:
    host = Host("a.test", "127.0.0.1", "a.test")
    host.note(ANSWER)
    assert [each["event"] for each in documents(machine("-c 1 --ndjson").finish([host], Totals(), 1.0))] == [
        "target", "summary"]  # fmt: skip
    assert [each["event"] for each in documents(machine("--ndjson").finish([host], Totals(), 1.0))] == ["summary"]


def test_a_document_has_it_all() -> None:
    voice, hosts = machine("-c 2 --json"), [Host("a.test", "127.0.0.1", "a.test", keeps_times=True)]
    assert voice.not_found("b.test", "Name or service not known") == []
    for event in (ANSWER, LOST):
        hosts[0].note(event)
        assert voice.tell(hosts[0], event) == []
    (found,) = documents(voice.finish(hosts, Totals(sent=2, timeouts=1, replies=1, unknown=1), 1.23456))
    assert found["unknown"] == [{"target": "b.test", "error": "Name or service not known"}]
    assert found["summary"]["engine"] == "portable raw" and found["summary"]["seconds"] == 1.235
    assert {name: found["summary"][name] for name in ("targets", "alive", "unreachable", "unknown", "timeouts")} == {
        "targets": 1, "alive": 1, "unreachable": 0, "unknown": 1, "timeouts": 1}  # fmt: skip
    (target,) = found["targets"]
    assert target["rtts_ms"] == [5.0, None] and target["loss_percent"] == 50.0 and target["rtt_avg_ms"] == 5.0
    assert target["icmp"] is None and target["error"] is None and target["ttl"] == 57


def test_nothing_known_is_null() -> None:
    (found,) = documents(machine("--json").finish([Host("a", "::1", "a")], Totals(), 0.0))
    assert found["targets"][0]["loss_percent"] is None and found["targets"][0]["rtt_min_ms"] is None
    assert found["summary"]["rtt_avg_ms"] is None


def test_a_name_that_is_not_found_is_an_event() -> None:
    (found,) = documents(machine("--ndjson").not_found("b.test", "Name or service not known"))
    assert found == {"event": "unknown", "target": "b.test", "error": "Name or service not known"}
    assert machine("--ndjson").interim([], "") == []
