"""What scamper measured, imported and exported again, beside what scamper's own tool says of it."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import networkx
import pytest
from ripe.atlas.sagan import PingResult, Result

from hoploom.cli import main
from lab.internet.tun import Internet
from lab.namespace import in_namespace, needs_root

pytestmark = [
    needs_root,
    pytest.mark.skipif(shutil.which("scamper") is None, reason="scamper is not installed"),
    pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="a tun device needs /dev/net/tun"),
]
FOLDER = Path(__file__).resolve().parents[1] / "data" / "topologies"
Document = dict[str, Any]
MEASURED = {
    "a chain": ("chain", "trace -P icmp-paris -w 1 -q 1 -g 2", ["198.18.1.1", "198.18.3.1", "2001:db8:1::5"]),
    "labels": ("quotes", "trace -P icmp-paris -w 1 -q 1 -g 2", ["198.18.100.1", "2001:db8:100::1"]),
    "datagrams": ("diamonds", "trace -P udp-paris -w 1 -q 1", [f"198.18.104.{each}" for each in range(1, 9)]),
    "pings": ("chain", "ping -c 2 -i 0.1", ["198.18.1.1", "2001:db8:1::5"]),
}
AS_SCAMPERS = ("type", "version", "dst", "stop_reason", "ping_sent")
OF_A_HOP = ("addr", "probe_ttl", "rtt", "reply_ttl", "icmp_type", "icmp_code", "icmp_q_ttl", "icmpext")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOPLOOM_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)


def measure(name: str) -> None:
    """Leave measured.warts, and measured.db with the same in it."""
    topology, command, targets = MEASURED[name]

    async def body() -> None:
        with Internet((FOLDER / f"{topology}.toml").read_text(encoding="utf-8")):
            words = ["scamper", "-O", "warts", "-o", "measured.warts", "-p", "500", "-c", command, "-i", *targets]
            child = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.DEVNULL)
            assert await asyncio.wait_for(child.wait(), 60) == 0

    in_namespace(body)
    assert main.main(["import", "measured.warts", "-o", "measured.db"]) == 0


def exported(name: str) -> str:
    assert main.main(["export", "--format", name, "measured.db", "-o", f"out.{name}"]) == 0
    return Path(f"out.{name}").read_text(encoding="utf-8")


def scampers() -> dict[str, Document]:
    """What scamper's own reader says, by target."""
    done = subprocess.run(["sc_warts2json", "measured.warts"], capture_output=True, text=True, timeout=60, check=True)
    documents = map(json.loads, done.stdout.splitlines())
    return {each["dst"]: each for each in documents if each["type"] in {"ping", "trace"}}


def picked(document: Document, names: tuple[str, ...]) -> Document:
    return {name: document[name] for name in names if name in document}


def answers(document: Document) -> list[Document]:
    """Hops by TTL, or replies by their RTT: which reply was the first is not kept."""
    found: list[Document] = document.get("hops") or document.get("responses") or []
    return sorted(found, key=lambda each: (each.get("probe_ttl"), each["rtt"]))


@pytest.mark.parametrize("name", MEASURED)
def test_what_scamper_measured_is_exported_as_scamper_says_it(name: str) -> None:
    measure(name)
    theirs = scampers()
    assert set(theirs) == set(MEASURED[name][2])
    check_scamper_json(theirs)
    check_atlas(theirs)
    check_graphml(theirs)


def check_scamper_json(theirs: dict[str, Document]) -> None:
    """All it says is what scamper says; of a mean between two microseconds scamper takes the lower, we the nearer."""
    ours = [json.loads(line) for line in exported("scamper-json").splitlines()]
    assert sorted(each["dst"] for each in ours) == sorted(theirs)
    for each in ours:
        same = theirs[each["dst"]]
        assert set(each) <= set(same)
        assert picked(each, AS_SCAMPERS) == picked(same, AS_SCAMPERS)
        statistics = {name: value for name, value in same.get("statistics", {}).items() if name != "stddev"}
        assert each.get("statistics", {}) == pytest.approx(statistics, abs=0.0015)
        assert each.get("method") in {same["method"], "unknown"}
        mine, others = answers(each), answers(same)
        assert [picked(hop, OF_A_HOP) for hop in mine] == [picked(hop, OF_A_HOP) for hop in others]
        assert all(set(hop) <= set(other) for hop, other in zip(mine, others, strict=True))


def check_atlas(theirs: dict[str, Document]) -> None:
    """Atlas' own reader finds neither errors nor anything malformed, and the same hops and RTTs."""
    lines = exported("atlas-ndjson").splitlines()
    for line in lines:
        found = Result.get(line, on_error=Result.ACTION_IGNORE, on_malformation=Result.ACTION_FAIL)
        assert not found.is_error
        others = answers(theirs[found.destination_address])
        if isinstance(found, PingResult):
            assert sorted(packet.rtt for packet in found.packets) == [each["rtt"] for each in others]
        else:
            hops = [(hop.index, packet.origin, packet.rtt) for hop in found.hops for packet in hop.packets]
            wanted = [(each["probe_ttl"], each["addr"], each["rtt"]) for each in others]
            assert [hop for hop in hops if hop[1]] == wanted
    assert len(lines) == len(theirs)


def check_graphml(theirs: dict[str, Document]) -> None:
    """An edge is read back by networkx for each two answers in a row."""
    exported("graphml")
    paths = [answers(each) for each in theirs.values() if each["type"] == "trace"]
    pairs = {
        (near["addr"], far["addr"])
        for path in paths
        for near, far in pairwise(path)
        if far["probe_ttl"] == near["probe_ttl"] + 1
    }
    assert {(near, far) for near, far, *_ in networkx.read_graphml("out.graphml").edges} == pairs
    assert bool(pairs) == bool(paths)
