"""The internet in a process, walked by tools that others wrote: they find what is true. Our own prober has no part."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from hoploom.wire.addresses import column, text, texts
from lab.internet import scamper
from lab.internet.delayed import DelayedEcho, compiler
from lab.internet.score import Map, score
from lab.internet.topology import ECHO_REPLY, ICMP, SILENT, UDP
from lab.internet.tun import Internet
from lab.namespace import in_namespace, needs_root

# What answers after 48.5 ms may take 20 ms more, and so on.
pytestmark = [
    needs_root,
    pytest.mark.timed(0.01),
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


def mapped(declared: str, targets: list[str], options: str) -> tuple[Internet, Map]:
    """What scamper finds on an internet."""

    async def body() -> tuple[Internet, Map]:
        with Internet(declared) as internet:
            return internet, scamper.trace(column(targets), options)[0]

    return in_namespace(body)


def diamonds(options: str) -> tuple[Internet, Map]:
    """What scamper finds of two diamonds in a row by 24 flows."""
    declared = (FOLDER / "diamonds.toml").read_text(encoding="utf-8")
    return mapped(declared, [f"198.18.104.{n}" for n in range(1, 25)], options)


@needs("fping")
def test_fping_gets_every_host_after_the_declared_delay() -> None:
    internet, (printed,) = run("chain", "fping -i1 -p100 -t2000 -c3 -q 198.18.1.1 198.18.1.2 2001:db8:1::5 198.18.3.1")
    found = {
        line.split()[0]: line for line in printed.splitlines() if "xmt" in line
    }  # name : xmt/rcv/%loss = 3/3/0%, min/avg/max = 48.7/48.7/48.7
    assert "3/0/100%" in found.pop("198.18.3.1")
    assert len(found) == 3
    for line in found.values():
        least = float(line.rsplit("= ", 1)[1].split("/")[0])
        assert "3/3/0%" in line and 48.5 <= least < 48.5 + 20
    assert len(internet.seen) == 12 and np.unique(internet.seen["size_bytes"]).tolist() == [84, 104]


@needs("fping")
@pytest.mark.skipif(compiler() is None, reason="no C compiler")
def test_delayed_hosts_answer_each_after_its_own_delay() -> None:
    async def body() -> str:
        with DelayedEcho():
            return _printed("fping -i1 -c50 -p20 -t2000 -q 198.18.1.4 10.2.3.1 203.0.113.6 192.168.0.255")

    for line in in_namespace(body).splitlines():
        due_ms = 2 + 2 * (int(line.split(".")[3].split()[0]) % 4)
        least_ms = float(line.rsplit("= ", 1)[1].split("/")[0])
        assert "= 50/50/0%" in line and due_ms <= least_ms < due_ms + 1


@needs("fping")
def test_what_is_lost_is_lost_to_fping_and_nothing_else() -> None:
    # Few hosts and many turns: all that is on its way at a time has room where fping reads.
    internet, (printed,) = run(
        "chain", "fping -i0 -p50 -t5000 -c40 -q -g 198.18.1.0 198.18.1.63", extra="loss = 0.02\n"
    )
    counts = re.findall(r"%loss = (\d+)/(\d+)/", printed)
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
    internet, _ = diamonds(f"-P {method}")
    assert (internet.seen["protocol"] == protocol).all() and len(internet.seen) >= 24 * 6
    for target in np.unique(internet.seen["target"], axis=0):
        flows = internet.seen["flow"][(internet.seen["target"] == target).all(axis=1)]
        assert (len(np.unique(flows)) == 1) is is_paris


@needs("scamper")
def test_scamper_finds_the_way_of_its_flow_through_diamonds() -> None:
    internet, found = diamonds("-P icmp-paris")
    truth, interfaces = internet.truth(), internet.topology.interfaces
    flow = dict(zip(texts(internet.seen["target"]), internet.seen["flow"].tolist(), strict=True))
    for number, target in enumerate(texts(found.targets)):
        way = truth.paths(found.targets[number, None], np.array([flow[target]], np.uint64))[0]
        assert texts(found.hop_address[found.hop_target == number]) == [
            *texts(interfaces.address[way[way >= 0]]), target,
        ]  # fmt: skip
    # 24 flows take all branches of both diamonds: one of them is passed by with a chance of 1 in 5,000.
    assert {each for each in texts(found.hop_address) if not each.startswith("198.18.104.")} == {
        text(each) for each in truth.all_interfaces() if not text(each).startswith("198.18.3.")
    }


@needs("scamper")
@pytest.mark.parametrize(
    ("method", "is_seen"),
    [("icmp", True), ("icmp-paris", False)],
    ids=["a changing flow claims false links", "a constant flow claims none"],
)
def test_false_links_are_found_in_maps_of_changing_flows(method: str, is_seen: bool) -> None:
    internet, found = diamonds(f"-P {method}")
    judged = score(internet.truth(), internet.seen, found)
    assert bool(judged.false_links) is is_seen and judged.invented == 0


@needs("scamper")
def test_scamper_maps_a_generated_internet() -> None:
    declared = "[generated]\nseed = 4\nprefixes = 60\nhosts = 1.0\nsilent = 0.0\nlimited = 0.0\n"
    internet, found = mapped(declared, [f"10.0.{n}.1" for n in range(60)], "-P icmp-paris")
    judged = score(internet.truth(), internet.seen, found)
    assert judged.share == 1 and judged.interfaces > 40 and not judged.false_links
    assert judged.probes == len(found.hop_ttl) / 60 and not (internet.seen["kind"] == SILENT).any()
