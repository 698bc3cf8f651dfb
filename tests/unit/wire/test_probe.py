"""How targets are probed, as it travels: what older versions read, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit.errors import BadRequest, Unprocessable
from hoploom.prober.traces import TraceSettings
from hoploom.wire.campaign_request import CampaignRequest
from hoploom.wire.probe import DEFAULTS, KINDS, PING, SKILLS, TRACE, TRACE_PACKETS, Probe


def test_what_was_written_before_there_were_traceroutes_is_a_ping() -> None:
    old = {"count": 3, "interval_ms": 500, "timeout_ms": 700, "size_bytes": 64}
    assert Probe.from_json(old) == Probe(kind=PING, count=3, interval_ms=500, timeout_ms=700, size_bytes=64)


def test_a_ping_looks_as_it_did_so_that_older_versions_read_it_and_digests_stay() -> None:
    usual = {"count": 1, "interval_ms": 1000, "timeout_ms": 1000, "size_bytes": 56}
    assert Probe().to_json() == usual
    assert CampaignRequest(id="demo", blocks=("127.0.0.0/20",)).to_json()["probe"] == usual


def test_a_traceroute_says_every_field_so_that_other_defaults_elsewhere_change_nothing() -> None:
    assert Probe.from_json({"kind": "trace"}).to_json() == {
        "kind": "trace", "count": 1, "interval_ms": 500, "timeout_ms": 2000, "size_bytes": 32,
        "protocol": "icmp", "max_ttl": 32, "gap_limit": 5,
    }  # fmt: skip


def test_the_usual_traceroute_is_that_of_the_prober() -> None:
    usual, prober = DEFAULTS[TRACE], TraceSettings()
    assert (usual.interval_ms / 1000, usual.timeout_ms / 1000) == (prober.interval_s, prober.timeout_s)
    assert (usual.protocol, usual.count, usual.size_bytes) == (prober.protocol, prober.attempts, prober.size_bytes)
    assert (usual.max_ttl, usual.gap_limit) == (prober.max_ttl, prober.gap_limit)


PROBES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    PING: {"count": st.integers(1, 16), "size_bytes": st.integers(16, 1472)},
    TRACE: {
        "count": st.integers(1, 10),
        "protocol": st.sampled_from(("icmp", "udp")),
        "max_ttl": st.integers(1, 64),
        "gap_limit": st.integers(1, 64),
    },
}


@given(st.data(), st.sampled_from(KINDS))
def test_it_travels_unchanged(data: st.DataObject, kind: str) -> None:
    document = {"kind": kind, **data.draw(st.fixed_dictionaries({}, optional=PROBES[kind]))}
    probe = Probe.from_json(document)
    assert Probe.from_json(json.loads(json.dumps(probe.to_json()))) == probe
    assert {name: getattr(probe, name) for name in document} == document


@pytest.mark.parametrize(
    ("document", "error", "reason"),
    [
        ([], BadRequest, "JSON object"),
        ({"kind": "survey"}, Unprocessable, "kind"),
        ({"kind": 1}, BadRequest, "kind"),
        ({"max_ttl": 3}, Unprocessable, "no field 'max_ttl'"),
        ({"kind": "ping", "protocol": "udp"}, Unprocessable, "no field 'protocol'"),
        ({"count": 17}, Unprocessable, "count"),
        ({"kind": "trace", "count": 11}, Unprocessable, "count"),
        ({"kind": "trace", "protocol": "tcp"}, Unprocessable, "protocol"),
        ({"kind": "trace", "max_ttl": 65}, Unprocessable, "max_ttl"),
        ({"kind": "trace", "max_ttl": 0}, Unprocessable, "max_ttl"),
        ({"kind": "trace", "gap_limit": True}, BadRequest, "gap_limit"),
        ({"kind": "trace", "first_ttl": 1}, Unprocessable, "no field 'first_ttl'"),
    ],
)
def test_a_malformed_probe_is_refused_with_a_reason(document: Any, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        Probe.from_json(document)


@pytest.mark.parametrize(
    ("document", "skill"),
    [
        ({}, "ping"),
        ({"kind": "trace"}, "trace"),
        ({"kind": "trace", "protocol": "icmp"}, "trace"),
        ({"kind": "trace", "protocol": "udp"}, "udp-trace"),
    ],
)
def test_not_every_worker_can_do_everything(document: dict[str, Any], skill: str) -> None:
    assert Probe.from_json(document).skill == skill
    assert skill in SKILLS


def test_packets_of_a_ping_are_counted_and_those_of_a_traceroute_estimated() -> None:
    assert Probe(count=3).packets_per_target == 3
    assert Probe(kind=TRACE).packets_per_target == TRACE_PACKETS
    assert Probe(kind=TRACE, count=2).packets_per_target == 2 * TRACE_PACKETS
