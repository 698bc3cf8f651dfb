"""Warts beside scamper (CAIDA), whose own tools read what we write and whose own files we read."""

from __future__ import annotations

import io
import json
import random
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from hoploom.cli.main import main
from hoploom.results.formats import warts
from hoploom.results.formats.warts_records import (
    COMPLETED,
    GAP_LIMIT,
    LOOP,
    UNREACHABLE,
    CycleStart,
    CycleStop,
    Hop,
    List,
    Ping,
    Record,
    Reply,
    Trace,
)
from lab.internet.tun import Internet
from lab.namespace import in_namespace, needs_root

pytestmark = pytest.mark.skipif(shutil.which("sc_warts2json") is None, reason="scamper is not installed")
FOLDER = Path(__file__).resolve().parents[1] / "data" / "topologies"
STOPS = {COMPLETED: "COMPLETED", UNREACHABLE: "UNREACH", LOOP: "LOOP", GAP_LIMIT: "GAPLIMIT", 7: "HOPLIMIT"}
BEGIN_US = 1_700_000_000_000_000
Document = dict[str, Any]


def documents(file: Path) -> list[Document]:
    """A file as scamper's own reader understands it; it says on standard error what it does not."""
    done = subprocess.run(["sc_warts2json", str(file)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def moment(us: int) -> dict[str, int]:
    return {"sec": us // 1_000_000, "usec": us % 1_000_000}


def label(entry: int) -> dict[str, int]:
    return {"mpls_ttl": entry & 255, "mpls_s": entry >> 8 & 1, "mpls_exp": entry >> 9 & 7, "mpls_label": entry >> 12}


def pick(document: Document, names: str) -> Document:
    return {name: document[name] for name in names.split() if name in document}


def hop_document(hop: Hop) -> Document:
    """What scamper says of a hop in JSON; its RTT in microseconds."""
    found: Document = {
        "addr": hop.address, "probe_ttl": hop.ttl, "probe_id": hop.attempt + 1, "rtt": hop.rtt_us,
        "reply_ttl": hop.reply_ttl, "icmp_type": hop.icmp_type, "icmp_code": hop.icmp_code,
        "icmp_q_ttl": hop.quoted_ttl, "tx": None if hop.sent_us is None else moment(hop.sent_us),
        "labels": list(map(label, hop.labels)),
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def as_said(hop: Document) -> Document:
    names = "addr probe_ttl probe_id reply_ttl icmp_type icmp_code icmp_q_ttl tx"
    labels = [each for extension in hop.get("icmpext", ()) for each in extension["mpls_labels"]]
    return {**pick(hop, names), "rtt": round(hop["rtt"] * 1000), "labels": labels}


def check_trace(trace: Trace, document: Document) -> None:
    assert [as_said(hop) for hop in document.get("hops", ())] == [hop_document(hop) for hop in trace.hops]
    expected = {
        "dst": trace.target, "src": trace.source, "start": moment(trace.start_us), "firsthop": trace.first_ttl,
        "hop_count": trace.probed_hops, "probe_count": trace.sent, "stop_data": trace.stop_data,
        "stop_reason": STOPS[trace.stop_reason],
    }  # fmt: skip
    document["start"].pop("ftime", None)
    assert pick(document, " ".join(expected)) == expected


def check_ping(ping: Ping, document: Document) -> None:
    names = "seq from reply_ttl icmp_type icmp_code tx"
    found = [{**pick(each, names), "rtt": round(each["rtt"] * 1000)} for each in document["responses"]]
    assert found == [
        {"from": each.address, "seq": each.probe, "reply_ttl": each.reply_ttl, "rtt": each.rtt_us,
         "icmp_type": each.icmp_type, "icmp_code": each.icmp_code, "tx": moment(each.sent_us or 0)}
        for each in ping.replies
    ]  # fmt: skip
    assert (document["src"], document["dst"], document["ping_sent"]) == (ping.source, ping.target, ping.sent)
    assert pick(document["start"], "sec usec") == moment(ping.start_us)


def check(records: list[Record], said: list[Document]) -> None:
    """Traceroutes and pings of a file are those that scamper says of it."""
    measurements = [each for each in records if isinstance(each, Trace | Ping)]
    kinds = ["trace" if isinstance(each, Trace) else "ping" for each in measurements]
    assert [each["type"] for each in said if each["type"] in {"trace", "ping"}] == kinds
    for record, document in zip(measurements, (each for each in said if each["type"] in kinds), strict=True):
        if isinstance(record, Trace):
            check_trace(record, document)
        else:
            check_ping(record, document)


class Drawn:
    """Measurements that a seed draws."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def address(self, is_v6: bool) -> str:
        return f"2001:db8::{self._random.randrange(1, 4096):x}" if is_v6 else f"10.1.{self._random.randrange(16)}.7"

    def trace(self) -> Trace:
        draw, is_v6 = self._random, self._random.random() < 0.4
        first_ttl = draw.choice([1, 1, 1, 4])
        ttls = [ttl for ttl in range(first_ttl, draw.randrange(5, 32)) if draw.random() < 0.8]
        return Trace(
            target=self.address(is_v6), source="::" if is_v6 else "0.0.0.0", start_us=BEGIN_US + draw.randrange(10**9),
            hops=tuple(self._hop(ttl, is_v6) for ttl in ttls), stop_reason=draw.choice(list(STOPS)),
            stop_data=draw.randrange(16), first_ttl=first_ttl, probed_hops=max(ttls, default=0),
            sent=draw.randrange(65_536),
        )  # fmt: skip

    def _hop(self, ttl: int, is_v6: bool) -> Hop:
        draw = self._random
        # Of longer stacks its JSON is cut off in the middle.
        return Hop(
            ttl=ttl, address=self.address(is_v6), rtt_us=draw.randrange(9_000_000), reply_ttl=draw.randrange(256),
            quoted_ttl=draw.choice([0, 1, 1, 7]), icmp_type=3 if is_v6 else 11, icmp_code=draw.randrange(2),
            labels=tuple(draw.randrange(2**32) for _ in range(draw.choice([0, 0, 0, 1, 2, 5]))),
            sent_us=draw.choice([None, BEGIN_US + draw.randrange(10**9)]), attempt=draw.randrange(3),
        )  # fmt: skip

    def ping(self) -> Ping:
        draw, is_v6 = self._random, self._random.random() < 0.4
        target, start_us = self.address(is_v6), BEGIN_US + draw.randrange(10**9)
        replies = tuple(
            Reply(address=target, rtt_us=draw.randrange(9_000_000), probe=probe, reply_ttl=draw.randrange(1, 256),
                  icmp_type=129 if is_v6 else 0, icmp_code=0, sent_us=start_us + probe)
            for probe in range(draw.randrange(4))
        )  # fmt: skip
        return Ping(target=target, source="::" if is_v6 else "0.0.0.0", start_us=start_us, sent=5, replies=replies)


def test_scamper_reads_what_is_written(tmp_path: Path) -> None:
    drawn = Drawn(6)
    written: list[Record] = [List(1, "first-map"), CycleStart(1, 1, 1_700_000_000, "pi-7", 3)]
    written += [drawn.trace() for _ in range(400)] + [drawn.ping() for _ in range(100)]
    written.append(CycleStop(1, 1_700_000_600))
    path = tmp_path / "ours.warts"
    path.write_bytes(b"".join(map(warts.to_bytes, written)))
    said = documents(path)
    check(written, said)
    begin, end = said[0], said[-1]
    assert (begin["list_name"], begin["id"], begin["hostname"], begin["start_time"]) == ("first-map", 3, "pi-7", 17e8)
    assert (end["type"], end["stop_time"]) == ("cycle-stop", 1_700_000_600)
    seen = [each for each in written if isinstance(each, Trace)]
    assert any(len({hop.address for hop in each.hops}) < len(each.hops) for each in seen), "none has an address twice"


def scamper(command: str, targets: list[str], folder: Path) -> Path:
    [found] = scampers([command], targets, folder)
    return found


def scampers(commands: Iterable[str], targets: list[str], folder: Path) -> list[Path]:
    """The files of several runs at a time: each waits most of its own."""
    listed = folder / "targets"
    listed.write_text("\n".join(targets), encoding="ascii")
    # The window is as large as the list: only the rate holds it back.
    asked = ["scamper", "-O", "warts", "-p", "2000", "-w", "100", "-f", str(listed)]
    files = {folder / f"found-{number}.warts": command for number, command in enumerate(commands)}
    runs = [subprocess.Popen([*asked, "-c", command, "-o", str(path)]) for path, command in files.items()]
    assert [run.wait(60) for run in runs] == [0] * len(runs)
    return list(files)


LOOPBACK = {
    "three pings": "ping -c 3 -i 0.1",
    "a ping with recorded route": "ping -c 1 -R",
    "a ping with timestamps": "ping -c 1 -T tsandaddr",
    "a ping with timestamps of chosen routers": "ping -c 1 -T tsprespec=127.0.0.1,127.0.0.9",
    "a ping with a payload": "ping -c 2 -i 0.1 -p 00ff",
    "a traceroute with a user's number": "trace -P icmp-paris -U 7 -f 3",
    "a traceroute in vain": "trace -P tcp -w 1 -q 1 -g 1",
}


@pytest.fixture(scope="module")
def on_loopback(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A file of scamper's for each case."""

    async def body() -> list[Path]:
        return scampers(LOOPBACK.values(), ["127.0.0.1", "127.0.0.5"], tmp_path_factory.mktemp("loopback"))

    return dict(zip(LOOPBACK, in_namespace(body), strict=True))


@needs_root
@pytest.mark.parametrize("case", LOOPBACK)
def test_files_of_scamper_on_loopback_are_read_as_it_reads_them(on_loopback: dict[str, Path], case: str) -> None:
    read_alike(on_loopback[case], 2)


def read_alike(file: Path, count: int) -> list[Record]:
    """Read a file; what is found is what scamper says of it, and as much as it should be."""
    found = list(warts.records(io.BytesIO(file.read_bytes())))
    check(found, documents(file))
    assert sum(isinstance(each, Trace | Ping) for each in found) == count
    return found


QUOTED = {(), (0x12345101,), (0x12345001, 0xFFFFF1FF)}
INTERNETS = {
    "chain": ("trace -P icmp-paris -w 1 -q 1 -g 2", ["198.18.1.1", "198.18.1.2", "198.18.3.1", "2001:db8:1::5"]),
    "quotes": ("trace -P icmp-paris -w 1 -q 1", ["198.18.100.1", "198.18.100.2", "2001:db8:100::1"]),
    "diamonds": ("trace -P udp-paris -w 1 -q 1", [f"198.18.104.{each}" for each in range(1, 20)]),
}


@needs_root
@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="a tun device needs /dev/net/tun")
@pytest.mark.parametrize("name", INTERNETS)
def test_files_of_scamper_on_an_internet_are_read_as_it_reads_them(tmp_path: Path, name: str) -> None:
    command, targets = INTERNETS[name]

    async def body() -> Path:
        with Internet((FOLDER / f"{name}.toml").read_text(encoding="utf-8")):
            return scamper(command, targets, tmp_path)

    found = read_alike(in_namespace(body), len(targets))
    again = tmp_path / "again.warts"
    again.write_bytes(b"".join(map(warts.to_bytes, found)))
    read_alike(again, len(targets))
    labels = {each.labels for trace in found if isinstance(trace, Trace) for each in trace.hops}
    assert labels == (QUOTED if name == "quotes" else {()})


@needs_root
@pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="a tun device needs /dev/net/tun")
def test_what_scamper_measured_goes_through_an_import_and_an_export(tmp_path: Path) -> None:
    targets = ["198.18.1.1", "198.18.1.2", "2001:db8:1::5", "198.18.1.1"]

    async def body() -> Path:
        with Internet((FOLDER / "chain.toml").read_text(encoding="utf-8")):
            return scamper("trace -P icmp-paris -w 1", targets, tmp_path)

    theirs, database, ours = in_namespace(body), tmp_path / "imported.db", tmp_path / "ours.warts"
    for words in (["import", "-o", str(database), str(theirs)], ["import", "-o", str(database), str(theirs)],
                  ["export", "--format", "warts", "-o", str(ours), str(database)]):  # fmt: skip
        assert main(words) == 0
    names = "dst method stop_reason stop_data start hop_count firsthop probe_count"
    before, after = (
        sorted(
            ({**pick(each, names), "hops": list(map(as_said, each["hops"]))}
             for each in documents(path) if each["type"] == "trace"),
            key=str,
        )
        for path in (theirs, ours)
    )  # fmt: skip
    assert [_to_ms(each) for each in after] == [_to_ms(each) for each in before] and len(after) == len(targets)


def _to_ms(document: Document) -> Document:
    """A document whose moments are whole milliseconds, as results keep them."""
    moments = [document["start"], *(hop["tx"] for hop in document["hops"])]
    for each in moments:
        each["usec"] //= 1000
    return document
