"""Traceroutes by every prober: over loopback, kernel routers, and declared internets, held against the truth."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.kit.errors import ConfigError
from hoploom.prober.interface import Prober
from hoploom.prober.probes import ProbeSettings, Statistics
from hoploom.prober.stop_set import StopSet
from hoploom.prober.traces import OUTCOMES, TraceColumns, TraceSettings
from hoploom.wire.addresses import column, texts
from lab.internet.chain import DROPPED, LOOPING, PROHIBITED, UNREACHABLE, Chain
from lab.internet.score import Map, Score, score
from lab.internet.tun import Internet
from lab.namespace import in_namespace, needs_root
from lab.ordinary_user import as_nobody, needs_setpriv
from lab.probers import ALLOW_DATAGRAM, ENGINES, Engine
from meter import kept_waiting_s

# An answer that comes a turn of SOON too late has been probed for again.
pytestmark = [needs_root, pytest.mark.timed(0.04)]
needs_tun = pytest.mark.skipif(not Path("/dev/net/tun").exists(), reason="a tun device needs /dev/net/tun")
FOLDER = Path(__file__).resolve().parents[1] / "data" / "topologies"
SOON = TraceSettings(interval_s=0.05, timeout_s=0.5, rate_pps=2_000.0)
UDP = replace(SOON, protocol="udp")
PROTOCOLS = pytest.mark.parametrize("asked", [SOON, UDP], ids=["icmp", "udp"])
RAW = {name: engine for name, engine in ENGINES.items() if name.endswith("raw")}
DATAGRAM = {name: engine for name, engine in ENGINES.items() if name.endswith("datagram")}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


@pytest.fixture(params=RAW)
def raw(request: pytest.FixtureRequest) -> Engine:
    return RAW[request.param]


class Traced(NamedTuple):
    """A trace of an internet that has been left."""

    internet: Internet
    targets: NDArray[np.uint8]
    found: TraceColumns
    statistics: Statistics
    waited_s: float

    def score(self) -> Score:
        found = self.found
        claimed = Map(self.targets, found.hop_target, found.hop_ttl, found.hop_address)
        return score(self.internet.truth(), self.internet.seen, claimed)


def run(body: Callable[[], Awaitable[Any]]) -> Any:
    return in_namespace(body, ALLOW_DATAGRAM)


def traced(engine: Engine, declared: str, *targets: str, asked: TraceSettings = SOON) -> Traced:
    """Trace targets over a declared internet: a name of a file, or TOML."""
    text = declared if "\n" in declared else (FOLDER / f"{declared}.toml").read_text(encoding="utf-8")

    async def body() -> Traced:
        with Internet(text) as internet, engine("") as prober:
            rows, before_s = column(targets), kept_waiting_s()
            found = await prober.trace(rows, asked)
            return Traced(internet, rows, found, prober.statistics, kept_waiting_s() - before_s)

    result: Traced = run(body)
    return result


def on_chain(engine: Engine, chain: Chain, *targets: str, asked: TraceSettings = SOON) -> TraceColumns:
    async def body() -> TraceColumns:
        with chain, engine("") as prober:
            return await prober.trace(column(targets), asked)

    result: TraceColumns = run(body)
    return result


def hops(found: TraceColumns, target: int = 0) -> list[str]:
    """Addresses from the first TTL on, empty for silent ones; there is no hole between them."""
    rows = (found.hop_target == target) & (found.hop_ttl < TraceSettings.max_ttl)
    assert found.hop_ttl[rows].tolist() == list(range(1, np.count_nonzero(rows) + 1))
    return texts(found.hop_address[rows])


def outcomes(found: TraceColumns) -> list[str]:
    return [OUTCOMES[each] for each in found.outcome]


def test_loopback_is_one_hop_away(engine: Engine) -> None:
    targets = ["127.0.5.1", "::1", "127.0.5.2"]

    async def body() -> TraceColumns:
        with engine("https://probes.example/p") as prober:
            # So long that a busy machine has taken in the answer before the next turn.
            return await prober.trace(column(targets), replace(SOON, interval_s=1.0))

    found = run(body)
    assert outcomes(found) == ["reached"] * 3 and found.distance.tolist() == [1, 1, 1] and not found.joined_ttl.any()
    assert texts(found.hop_address) == targets and found.hop_ttl.tolist() == [1, 1, 1]
    assert found.hop_icmp_type.tolist() == [0, 129, 0] and not found.hop_icmp_code.any()
    assert (found.hop_reply_ttl[[0, 2]] == 64).all() and (found.hop_quoted_ttl == -1).all()
    assert (found.hop_rtt_us >= 0).all() and (found.hop_rtt_us < 100_000).all()
    assert (found.hop_at_us >= found.at_us).all() and (found.at_us >= 0).all() and (found.sent == 2).all()


@pytest.mark.parametrize("silent", [(), (2,)], ids=["all speak", "one is silent"])
def test_kernel_routers_are_seen_by_both_families(engine: Engine, silent: tuple[int, ...]) -> None:
    chain = Chain(4, silent=silent)
    found = on_chain(engine, chain, chain.host, chain.host_v6)
    assert [hops(found, target) for target in range(2)] == [chain.hops(), chain.hops(is_v6=True)]
    assert outcomes(found) == ["reached"] * 2 and found.distance.tolist() == [5, 5]
    heard = found.hop_address.any(axis=1)
    assert (found.hop_rtt_us[heard] >= 0).all() and (found.hop_rtt_us[~heard] == -1).all()
    assert (found.sent <= 8).all()


@pytest.mark.parametrize(
    ("number", "outcome", "last", "code"),
    [
        (UNREACHABLE, "unreachable", 3, 1),
        (PROHIBITED, "unreachable", 3, 13),
        (DROPPED, "gap", 2, 0),
        (LOOPING, "loop", 3, 0),
    ],
)
def test_the_last_kernel_router_refuses_drops_or_sends_back(
    engine: Engine, number: int, outcome: str, last: int, code: int
) -> None:
    found = on_chain(engine, Chain(3), f"198.18.{number}.9", asked=replace(SOON, is_whole=True))
    assert outcomes(found) == [outcome]
    # The kernel says host unreachable once a second at most, so not at every TTL that is probed.
    seen = list(dict.fromkeys(address for address in texts(found.hop_address) if address))
    assert seen == [f"198.18.{n}.2" for n in range(1, last + 1)]
    assert set(found.hop_icmp_code[found.hop_address.any(axis=1)].tolist()) == {0, code}


def test_kernel_routers_are_seen_by_datagrams(raw: Engine) -> None:
    chain = Chain(4)
    found = on_chain(raw, chain, chain.host, chain.host_v6, asked=UDP)
    assert [hops(found, target) for target in range(2)] == [chain.hops(), chain.hops(is_v6=True)]
    assert found.hop_icmp_type[found.hop_ttl == 5].tolist() == [3, 1], "port unreachable, by the host itself"
    assert outcomes(found) == ["reached"] * 2 and (found.sent <= 8).all()


ORDINARY = """
import asyncio, json, sys
from hoploom.prober.interface import open_prober
from hoploom.prober.traces import TraceSettings
from hoploom.wire.addresses import column, texts

async def main():
    with open_prober() as prober:
        found = await prober.trace(column(sys.argv[1:]), TraceSettings(interval_s=0.05, timeout_s=0.5))
        print(json.dumps([prober.name, texts(found.hop_address), found.hop_rtt_us.tolist()]))

asyncio.run(main())
"""


@needs_setpriv
def test_an_ordinary_user_traces_kernel_routers() -> None:
    async def body() -> tuple[Any, list[str]]:
        with Chain(3) as chain:
            ran = as_nobody("-c", ORDINARY, chain.host, chain.host_v6, in_range=True, is_apart=False)
            assert ran.returncode == 0, ran.stderr
            return json.loads(ran.stdout), [*chain.hops(), *chain.hops(is_v6=True)]

    (name, found, rtts_us), expected = in_namespace(body)
    assert name.endswith("datagram") and found == expected
    assert all(0 <= rtt_us < 100_000 for rtt_us in rtts_us)


@needs_tun
@pytest.mark.parametrize(("kind", "asked"), [*((kind, SOON) for kind in ENGINES), *((kind, UDP) for kind in RAW)])
def test_a_generated_internet_is_found_with_few_probes_and_no_false_link(kind: str, asked: TraceSettings) -> None:
    declared = "[generated]\nseed = 5\nprefixes = 300\n"
    targets = [f"10.{row >> 8}.{row & 255}.{1 + row % 254}" for row in range(300)]
    done = traced(ENGINES[kind], declared, *targets, asked=asked)
    result = done.score()
    assert result.probes <= 10 and result.share >= 0.95
    assert result.false_links == [] and result.invented == 0
    assert done.found.sent.sum() == len(done.internet.seen)
    assert done.statistics.foreign == done.statistics.unmatched == done.statistics.send_errors == 0


@needs_tun
@PROTOCOLS
def test_a_destination_has_one_flow_and_flows_differ(raw: Engine, asked: TraceSettings) -> None:
    targets = [*(f"198.18.104.{n}" for n in range(1, 25)), "198.18.102.7"]
    done = traced(raw, "diamonds", *targets, asked=replace(asked, is_whole=True))
    seen = done.internet.seen
    assert len(seen) >= 6 * len(targets)
    assert len(np.unique(seen[["target", "flow"]])) == len(targets)
    assert len(np.unique(seen["flow"])) == (len(targets) if asked is SOON else 1)
    result = done.score()
    assert result.false_links == [] and result.share == 1.0


@needs_tun
def test_flows_of_datagram_sockets_are_as_constant() -> None:
    for kind in DATAGRAM:
        targets = [*(f"198.18.104.{n}" for n in range(1, 9)), "2001:db8:1::9"]
        done = traced(ENGINES[kind], "diamonds", *targets, asked=replace(SOON, is_whole=True))
        assert len(np.unique(done.internet.seen[["target", "flow"]])) == len(targets)


TROUBLE = {
    # target: outcome, distance, hops of the whole path
    "198.18.101.1": ("reached", 4, ["198.18.0.1", "", "198.18.0.7", "198.18.101.1"]),
    "198.18.105.1": ("unreachable", 0, ["198.18.0.1", "198.18.0.7"]),
    "198.18.106.1": ("unreachable", 0, ["198.18.0.1", "198.18.0.7"]),
    "198.18.107.1": ("reached", 3, ["198.18.0.1", "198.18.0.7", "198.18.107.1"]),
    "198.18.108.1": ("gap", 0, ["198.18.0.1", "198.18.0.7"]),
    "198.18.109.1": ("gap", 0, ["198.18.0.1", "198.18.0.7"]),
    "198.18.200.1": ("gap", 0, []),
    "2001:db8:105::1": ("unreachable", 0, ["2001:db8::1", "2001:db8::7"]),
}


@needs_tun
def test_trouble_on_the_way_is_told_as_it_is(engine: Engine) -> None:
    done = traced(engine, "trouble", *TROUBLE, asked=replace(SOON, is_whole=True))
    found = done.found
    # A datagram socket is not told what TTL is quoted, so a refusal may have a row behind its sender's.
    told = [
        (outcome, int(found.distance[row]), list(dict.fromkeys(hops(found, row))))
        for row, outcome in enumerate(outcomes(found))
    ]
    assert dict(zip(TROUBLE, told, strict=True)) == TROUBLE
    assert done.score().false_links == []


@needs_tun
def test_loops_end_and_lost_or_limited_answers_make_no_false_links(engine: Engine) -> None:
    targets = [f"198.18.{net}.{n}" for net in (102, 103, 104) for n in range(1, 6)]
    done = traced(engine, "trouble", *targets, "2001:db8:104::1", asked=replace(SOON, is_whole=True, attempts=3))
    told = outcomes(done.found)
    assert told[:10] == ["reached"] * 10 and told[10:] == ["loop"] * 6
    result = done.score()
    assert result.false_links == [] and result.share == 1.0 and result.invented == 0
    assert (done.found.sent <= 33 * 3 + 1).all()


@needs_tun
def test_labels_are_told_and_what_a_nat_rewrote_is_foreign(raw: Engine) -> None:
    done = traced(raw, "quotes", "198.18.100.1", "2001:db8:100::1")
    silent = {3: "cut", 4: "rewritten", 5: "a lying length"}
    assert hops(done.found, 0) == [*("" if n in silent else f"198.18.0.{n}" for n in range(1, 9)), "198.18.100.1"]
    assert hops(done.found, 1)[:6] == ["2001:db8::1", "2001:db8::2", "", "", "2001:db8::6", "2001:db8::8"]
    labelled = texts(done.found.hop_address[done.found.mpls_hop])
    assert list(zip(labelled, done.found.mpls_entry.tolist(), strict=True)) == [
        ("198.18.0.7", 0x12345101),
        ("198.18.0.8", 0x12345001),
        ("198.18.0.8", 0xFFFFF1FF),
        ("2001:db8::8", 0x12345001),
        ("2001:db8::8", 0xFFFFF1FF),
    ]
    assert done.statistics.foreign == 3, "one of each family quotes another destination; two holes are probed again"


@needs_tun
@PROTOCOLS
def test_the_rate_is_held_from_the_first_probe_to_the_last(raw: Engine, asked: TraceSettings) -> None:
    targets = [f"198.18.1.{n}" for n in range(1, 61)]
    done = traced(raw, "chain", *targets, asked=replace(asked, rate_pps=200.0, interval_s=0.0, is_whole=True))
    # By the stamps of sending: who sees them may stand still for a moment itself.
    at_s = np.sort(done.found.hop_at_us) / 1e6
    assert 60 * 5 <= len(at_s) <= len(done.internet.seen) == done.statistics.sent
    for window_s in (0.1, 0.5, 1.0):
        most = (np.searchsorted(at_s, at_s + window_s) - np.arange(len(at_s))).max()
        assert most <= 200 * window_s * 1.1 + 6
    assert len(at_s) / (at_s[-1] - at_s[0] - done.waited_s) > 120


@needs_tun
def test_a_network_gets_no_more_than_its_cap(engine: Engine) -> None:
    targets = [*(f"198.18.1.{n}" for n in range(1, 6)), "2001:db8:1::9", "2001:db8:1::a"]
    done = traced(engine, "chain", *targets, asked=replace(SOON, network_pps=50.0, interval_s=0.0))
    seen = done.internet.seen
    is_v6 = seen["target"][:, 0] == 0x20
    for part in (seen[is_v6], seen[~is_v6]):
        at_s = np.sort(part["at_ns"]) / 1e9
        most = (np.searchsorted(at_s, at_s + 0.2) - np.arange(len(at_s))).max()
        assert len(at_s) > 5 and most <= 50 * 0.2 + 2
    assert outcomes(done.found) == ["reached"] * 7


@needs_tun
def test_a_stopped_trace_sends_nothing_more_and_tells_what_is_done(engine: Engine) -> None:
    sent: list[int] = []

    async def body() -> tuple[Internet, float, TraceColumns]:
        with Internet((FOLDER / "chain.toml").read_text(encoding="utf-8")) as internet, engine("") as prober:
            stopped_s = 0.0

            def stopped() -> bool:
                nonlocal stopped_s
                if prober.statistics.sent >= 60 and not sent:
                    sent.append(prober.statistics.sent)
                    stopped_s = time.monotonic()
                return bool(sent)

            targets = column(f"198.18.1.{n}" for n in range(1, 200))
            found = await prober.trace(targets, replace(SOON, rate_pps=500.0), stopped)
            return internet, time.monotonic() - stopped_s, found

    internet, took_s, found = run(body)
    assert len(internet.seen) == sent[0]
    assert took_s < 2 and len(found) == 0


@needs_tun
def test_a_cancelled_trace_leaves_nothing_behind(engine: Engine) -> None:
    async def body() -> tuple[TraceColumns, Statistics]:
        with Internet((FOLDER / "chain.toml").read_text(encoding="utf-8")), engine("") as prober:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await prober.trace(column(f"198.18.1.{n}" for n in range(1, 200)), SOON)
            return await prober.trace(column(["198.18.1.200"]), SOON), prober.statistics

    found, statistics = run(body)
    assert outcomes(found) == ["reached"] and found.distance.tolist() == [5]
    assert statistics.foreign == 0


@needs_tun
def test_a_later_trace_stops_where_an_earlier_one_was_and_pings_may_run_beside(raw: Engine) -> None:
    async def body() -> tuple[TraceColumns, TraceColumns, NDArray[np.uint8]]:
        with Internet((FOLDER / "chain.toml").read_text(encoding="utf-8")), raw("") as prober:
            known = StopSet()
            # So long that a busy machine has taken in each answer before the next turn.
            asked = replace(SOON, interval_s=0.3, timeout_s=3.0)
            first = await prober.trace(column(["198.18.1.1"]), asked, known=known)
            async with asyncio.TaskGroup() as tasks:
                later = tasks.create_task(prober.trace(column(["198.18.1.2"]), replace(asked, flows=1), known=known))
                pinged = tasks.create_task(_pinged(prober))
            return first, later.result(), pinged.result()

    first, later, pinged = run(body)
    assert len(first.hop_ttl) == 5 and not first.joined_ttl[0]
    assert later.joined_ttl.tolist() == [4] and later.hop_ttl.tolist() == [4, 5]
    assert not pinged.any(), "all answered"


async def _pinged(prober: Prober) -> NDArray[np.uint8]:
    settings = ProbeSettings(count=20, interval_s=0.02)
    return (await prober.ping(column([f"198.18.1.{n}" for n in range(1, 20)]), settings)).outcome


def test_datagrams_without_raw_sockets_are_refused_with_the_way_out() -> None:
    async def body() -> None:
        with ENGINES["linux datagram"]("") as prober, pytest.raises(ConfigError, match=r"raw.*ICMP.*setcap"):
            await prober.trace(column(["127.0.0.1"]), UDP)

    run(body)


def test_no_target_is_over_at_once(engine: Engine) -> None:
    async def body() -> TraceColumns:
        with engine("") as prober:
            return await prober.trace(column([]), SOON)

    assert len(run(body)) == 0


def test_what_cannot_be_sent_has_failed(engine: Engine) -> None:
    async def body() -> TraceColumns:
        with engine("") as prober:
            return await prober.trace(column(["198.51.100.9", "127.0.0.1", "2001:db8::9"]), SOON)

    found = run(body)
    assert outcomes(found) == ["failed", "reached", "failed"] and found.sent.tolist() == [0, 2, 0]
