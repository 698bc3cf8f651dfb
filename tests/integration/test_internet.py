"""The internet in a process, walked by tools that others wrote: they find what is true. Our own prober has no part."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hoploom.wire.addresses import column, text, texts
from lab.internet.topology import ECHO_REPLY, ICMP, SILENT, UDP
from lab.internet.tun import Internet
from lab.namespace import in_namespace, needs_root

pytestmark = [
    needs_root,
    pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="a tun device needs /dev/net/tun"),
]
FOLDER = Path(__file__).resolve().parents[1] / "data" / "topologies"


def needs(command: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(command) is None, reason=f"{command} is not installed")


def run(name: str, *commands: str, extra: str = "") -> tuple[Internet, list[str]]:
    """Run commands on an internet; it, left, and what each of them printed."""

    async def body() -> tuple[Internet, list[str]]:
        with Internet(extra + (FOLDER / f"{name}.toml").read_text(encoding="utf-8")) as internet:
            return internet, [_printed(command) for command in commands]

    return in_namespace(body)


def _printed(command: str) -> str:
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr


def traceroute(printed: str) -> list[str]:
    """Hops of traceroute's output; empty text for a silent one."""
    found = re.findall(r"^ *\d+ +(\S+)", printed, re.MULTILINE)
    return ["" if each == "*" else each for each in found]


def scamper(printed: str) -> list[dict[str, Any]]:
    """Traces of scamper's JSON."""
    documents = [json.loads(line) for line in printed.splitlines()]
    return [each for each in documents if each["type"] == "trace"]


@needs("fping")
def test_fping_gets_every_host_after_the_declared_delay() -> None:
    internet, (printed,) = run("chain", "fping -i1 -p100 -c3 -q 198.18.1.1 198.18.1.2 2001:db8:1::5 198.18.3.1")
    found = {
        line.split()[0]: line for line in printed.splitlines() if "xmt" in line
    }  # name : xmt/rcv/%loss = 3/3/0%, min/avg/max = 48.7/48.7/48.7
    assert "3/0/100%" in found.pop("198.18.3.1")
    assert len(found) == 3
    for line in found.values():
        least, _, most = map(float, line.rsplit("= ", 1)[1].split("/"))
        assert "3/3/0%" in line and 48.5 <= least <= most < 48.5 + 20
    assert len(internet.seen) == 12 and np.unique(internet.seen["size_bytes"]).tolist() == [84, 104]


@needs("fping")
def test_what_is_lost_is_lost_to_fping_and_nothing_else() -> None:
    internet, (printed,) = run(
        "chain", "fping -i0 -p20 -t1000 -c10 -q -g 198.18.1.0 198.18.1.255", extra="loss = 0.02\n"
    )
    counts = re.findall(r"= (\d+)/(\d+)/", printed)
    sent, received = (sum(int(each[at]) for each in counts) for at in (0, 1))
    assert sent == len(internet.seen) == 2560
    assert received == (internet.seen["kind"] == ECHO_REPLY).sum() and 0.96 < received / sent < 0.995


@needs("traceroute")
@pytest.mark.parametrize(
    ("name", "command", "hops"),
    [
        ("chain", "-I 198.18.1.9", ["198.18.0.1", "198.18.0.5", "198.18.0.9", "198.18.0.13", "198.18.1.9"]),
        ("chain", "-U 198.18.1.9", ["198.18.0.1", "198.18.0.5", "198.18.0.9", "198.18.0.13", "198.18.1.9"]),
        ("chain", "2001:db8:1::9", ["2001:db8::1", "2001:db8::5", "2001:db8::9", "2001:db8::d", "2001:db8:1::9"]),
        ("trouble", "-I 198.18.101.1", ["198.18.0.1", "", "198.18.0.7", "198.18.101.1"]),
        ("trouble", "-I 198.18.109.1", ["198.18.0.1", "198.18.0.7", *[""] * 6]),
        ("trouble", "-I 198.18.104.1", ["198.18.0.1", *["198.18.0.5", "198.18.0.6"] * 3, "198.18.0.5"]),
        ("trouble", "-I 198.18.105.1", ["198.18.0.1", "198.18.0.7", "198.18.0.7"]),
        ("trouble", "-I 198.18.107.1", ["198.18.0.1", "198.18.0.7", "198.18.107.1"]),
        ("trouble", "-I 2001:db8:105::1", ["2001:db8::1", "2001:db8::7", "2001:db8::7"]),
        ("quotes", "-I 198.18.100.1", [f"198.18.0.{n}" if n not in (3, 4, 5) else "" for n in range(1, 9)]),
    ],
)
def test_traceroute_walks_the_way(name: str, command: str, hops: list[str]) -> None:
    _, (printed,) = run(name, f"traceroute -n -q1 -m8 -w0.3 {command}")
    assert traceroute(printed) == hops


@needs("traceroute")
@pytest.mark.parametrize(
    ("target", "code"), [("198.18.105.1", "!H"), ("198.18.106.1", "!X"), ("2001:db8:105::1", "!N")]
)
def test_traceroute_reads_the_codes_of_unreachables(target: str, code: str) -> None:
    _, (printed,) = run("trouble", f"traceroute -n -q1 -I {target}")
    assert printed.splitlines()[-1].endswith(code)


@needs("traceroute")
def test_traceroute_reads_the_labels_of_both_families() -> None:
    targets = ("198.18.100.1", "2001:db8:100::1")
    _, printed = run("quotes", *(f"traceroute -n -q1 -w0.3 -e -I {each}" for each in targets))
    for each in printed:
        assert "<MPLS:L=74565,E=0,S=0,T=1/L=1048575,E=0,S=1,T=255>" in each


@needs("scamper")
@pytest.mark.parametrize(
    ("method", "protocol", "is_paris"),
    [("icmp-paris", ICMP, True), ("udp-paris", UDP, True), ("icmp", ICMP, False), ("udp", UDP, False)],
)
def test_flows_are_constant_where_scamper_keeps_them_so(method: str, protocol: int, is_paris: bool) -> None:
    internet, _ = run("diamonds", f"scamper -O json -p 1000 -c 'trace -P {method}' -i 198.18.104.1 198.18.104.2")
    assert (internet.seen["protocol"] == protocol).all() and len(internet.seen) >= 10
    for target in np.unique(internet.seen["target"], axis=0):
        flows = internet.seen["flow"][(internet.seen["target"] == target).all(axis=1)]
        assert (len(np.unique(flows)) == 1) is is_paris


@needs("scamper")
def test_scamper_finds_the_way_of_its_flow_through_diamonds() -> None:
    targets = [f"198.18.104.{n}" for n in range(1, 25)]
    internet, (printed,) = run("diamonds", f"scamper -O json -p 1000 -c 'trace -P icmp-paris' -i {' '.join(targets)}")
    truth, traces = internet.truth(), scamper(printed)
    assert {trace["dst"] for trace in traces} == set(targets)
    flow = dict(zip(texts(internet.seen["target"]), internet.seen["flow"].tolist(), strict=True))
    found = set()
    for trace in traces:
        hops = [hop["addr"] for hop in sorted(trace["hops"], key=lambda hop: int(hop["probe_ttl"]))]
        way = truth.paths(column([trace["dst"]]), np.array([flow[trace["dst"]]], np.uint64))[0]
        assert hops == [*texts(internet.topology.interfaces.address[way[way >= 0]]), trace["dst"]]
        found |= set(hops) - set(targets)
    # 24 flows take all branches of both diamonds: one of them is passed by with a chance of 1 in 5,000.
    assert found == {text(each) for each in truth.all_interfaces() if not text(each).startswith("198.18.3.")}


@needs("scamper")
@pytest.mark.parametrize(
    ("method", "is_seen"),
    [("icmp", True), ("icmp-paris", False)],
    ids=["a changing flow claims false links", "a constant flow claims none"],
)
def test_false_links_are_found_in_maps_of_changing_flows(method: str, is_seen: bool) -> None:
    targets = [f"198.18.104.{n}" for n in range(1, 25)]
    internet, (printed,) = run("diamonds", f"scamper -O json -p 1000 -c 'trace -P {method}' -i {' '.join(targets)}")
    hops = [
        (number, int(hop["probe_ttl"]), hop["addr"])
        for number, trace in enumerate(scamper(printed))
        for hop in trace["hops"]
    ]
    claimed = internet.truth().false_links(
        column(trace["dst"] for trace in scamper(printed)),
        np.array([hop[0] for hop in hops], np.int32),
        np.array([hop[1] for hop in hops], np.uint8),
        column(hop[2] for hop in hops),
    )
    assert bool(claimed) is is_seen


@needs("scamper")
def test_scamper_maps_a_generated_internet() -> None:
    declared = "[generated]\nseed = 4\nprefixes = 60\nhosts = 1.0\nsilent = 0.0\nlimited = 0.0\n"

    async def body() -> tuple[Internet, str]:
        with Internet(declared) as internet:
            targets = " ".join(f"10.0.{n}.1" for n in range(60))
            return internet, _printed(f"scamper -O json -p 2000 -w 60 -c 'trace -P icmp-paris' -i {targets}")

    internet, printed = in_namespace(body)
    seen, truth = internet.seen, internet.truth()
    found = {hop["addr"] for trace in scamper(printed) for hop in trace["hops"] if hop["addr"] != trace["dst"]}
    true = truth.interfaces(seen["target"], seen["flow"])
    assert found == {text(each) for each in true} and len(found) > 40
    assert not (seen["kind"] == SILENT).any()
