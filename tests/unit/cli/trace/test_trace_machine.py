"""Paths as objects with scamper's keys."""

from hoploom.cli.trace import machine
from hoploom.cli.trace.machine import STOP_REASONS, document, summary, unknown
from hoploom.cli.trace.options import read
from hoploom.cli.trace.paths import paths
from hoploom.prober.traces import OUTCOMES, REACHED, STOPPED, UNREACHABLE
from unit.cli.trace.columns_of import columns_of

OPTIONS = read("-U 7 -q 3 -m 20 -w 1.5 -P udp-paris x".split())


def test_a_path_has_scampers_keys() -> None:
    hops = [(1, "10.0.0.1", 1_500, 11), (2, "", -1, -1), (3, "10.0.0.9", 3_250, 0)]
    columns = columns_of((REACHED, 0, hops), labels=[(0, 16_001 << 12 | 5 << 9 | 1 << 8 | 1)])
    (path,) = paths(columns, [("a.test", "10.0.0.9")])
    found = document(path, OPTIONS, {"10.0.0.1": "gate.test"})
    first, last = found.pop("hops")
    assert found == {
        "type": "trace", "version": "0.1", "userid": 7, "method": "udp-paris", "dst": "10.0.0.9",
        "stop_reason": "COMPLETED", "stop_data": 0, "start": {"sec": 1_700_000_000, "usec": 0}, "hop_count": 3,
        "attempts": 3, "hoplimit": 20, "firsthop": 1, "wait": 1.5, "wait_probe": 0.05, "tos": 0, "probe_size": 32,
        "probe_count": 4, "target": "a.test", "outcome": "reached", "distance": 3, "joined_ttl": None,
    }  # fmt: skip
    assert first == {
        "addr": "10.0.0.1", "probe_ttl": 1, "probe_id": 1, "tx": {"sec": 1_700_000_000, "usec": 0}, "rtt": 1.5,
        "reply_ttl": 63, "icmp_type": 11, "icmp_code": 0, "icmp_q_ttl": 1, "name": "gate.test",
        "icmpext": [{"ie_cn": 1, "ie_ct": 1, "ie_dl": 4, "mpls_labels": [
            {"mpls_ttl": 1, "mpls_s": 1, "mpls_exp": 5, "mpls_label": 16_001}]}],
    }  # fmt: skip
    assert last["tx"] == {"sec": 1_700_000_000, "usec": 2_000} and "icmp_q_ttl" not in last and "icmpext" not in last


def test_somebodys_word_has_its_code() -> None:
    (path,) = paths(columns_of((UNREACHABLE, 2, [(2, "10.0.0.1", 10, 3)])), [("x", "10.0.0.9")])
    found = document(path, OPTIONS, {})
    assert (found["stop_reason"], found["stop_data"], found["joined_ttl"], found["distance"]) == ("UNREACH", 1, 2, None)


def test_every_outcome_has_scampers_word() -> None:
    assert len(STOP_REASONS) == len(machine.OUTCOMES) == len(OUTCOMES) + 1 and machine.OUTCOMES[STOPPED] == "stopped"


def test_totals_and_unknown_names() -> None:
    assert summary([3, 1, 0, 0, 2, 4], 90, 1.23456, "linux raw") == {
        "type": "summary", "targets": 10, "reached": 3, "gap": 1, "unreachable": 0, "loop": 0, "failed": 2,
        "stopped": 4, "probes": 90, "seconds": 1.235, "engine": "linux raw"}  # fmt: skip
    assert unknown("b.test", "why") == {"type": "unknown", "target": "b.test", "error": "why"}
