"""What a declared internet answers, table by table; the files are those of tests/data/topologies."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from hoploom.wire.addresses import column, texts
from lab.internet.files import topology
from lab.internet.topology import ECHO_REPLY, ICMP, SILENT, TIME_EXCEEDED, UDP, UNREACHABLE, Responses, Topology

FOLDER = Path(__file__).resolve().parents[2] / "data" / "topologies"


def read(name: str) -> Topology:
    return topology((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def walk(internet: Topology, target: str, most: int = 8, protocol: int = ICMP, flow: int = 7) -> Responses:
    """The answers to TTL 1, 2, ... for one target by one flow."""
    targets = np.repeat(column([target]), most, axis=0)
    return internet.respond(targets, np.arange(1, most + 1, dtype=np.uint8), flows(flow, most), protocol=protocol)


def flows(value: int, count: int) -> NDArray[np.uint64]:
    return np.full(count, value, np.uint64)


@pytest.mark.parametrize(
    ("target", "hops"),
    [
        ("198.18.1.9", ["198.18.0.1", "198.18.0.5", "198.18.0.9", "198.18.0.13", "198.18.1.9", "198.18.1.9"]),
        ("2001:db8:1::9", ["2001:db8::1", "2001:db8::5", "2001:db8::9", "2001:db8::d", *["2001:db8:1::9"] * 2]),
        ("198.18.3.9", ["198.18.0.1", "198.18.0.5", "", "", "", ""]),
        ("203.0.113.9", [""] * 6),
        ("2001:db8:2::9", [""] * 6),
    ],
)
def test_a_way_is_walked_hop_by_hop(target: str, hops: list[str]) -> None:
    found = walk(read("chain"), target, 6)
    assert texts(found.address) == hops
    assert [kind != SILENT for kind in found.kind] == [bool(hop) for hop in hops]


@pytest.mark.parametrize(
    ("target", "protocol", "types", "codes"),
    [
        ("198.18.1.9", ICMP, (11, 0), (0, 0)),
        ("198.18.1.9", UDP, (11, 3), (0, 3)),
        ("2001:db8:1::9", ICMP, (3, 129), (0, 0)),
        ("2001:db8:1::9", UDP, (3, 1), (0, 4)),
    ],
)
def test_routers_and_hosts_answer_with_the_types_of_their_family(
    target: str, protocol: int, types: tuple[int, int], codes: tuple[int, int]
) -> None:
    found = walk(read("chain"), target, 5, protocol)
    assert found.icmp_type.tolist() == [types[0]] * 4 + [types[1]]
    assert found.icmp_code.tolist() == [codes[0]] * 4 + [codes[1]]
    assert found.kind.tolist() == [TIME_EXCEEDED] * 4 + [ECHO_REPLY if protocol == ICMP else UNREACHABLE]


def test_an_answer_takes_twice_the_delays_of_its_way() -> None:
    assert walk(read("chain"), "198.18.1.9", 6).delay_ns.tolist() == [
        1_000_000, 6_000_000, 46_000_000, 48_000_000, 48_500_000, 48_500_000,
    ]  # fmt: skip


def test_ttls_tell_the_distance_both_ways() -> None:
    found = walk(read("chain"), "198.18.1.9", 7, UDP)
    assert found.quoted_ttl.tolist() == [1, 1, 1, 1, 1, 2, 3]
    assert found.reply_ttl.tolist() == [255, 254, 253, 61, 60, 60, 60]
    assert walk(read("chain"), "198.18.1.9", 7).quoted_ttl.tolist() == [1, 1, 1, 1, -1, -1, -1]


def test_half_of_the_addresses_are_hosts_always_the_same_ones() -> None:
    internet, targets = read("chain"), column(f"198.18.2.{n}" for n in range(256))
    is_host = internet.is_host(targets)
    assert 90 < is_host.sum() < 166
    found = internet.respond(targets, np.full(256, 60, np.uint8), flows(1, 256))
    assert ((found.kind == ECHO_REPLY) == is_host).all() and set(found.kind.tolist()) == {SILENT, ECHO_REPLY}


def test_a_silent_hop_lies_between_others() -> None:
    assert texts(walk(read("trouble"), "198.18.101.1", 4).address) == [
        "198.18.0.1", "", "198.18.0.7", "198.18.101.1",
    ]  # fmt: skip


def test_a_loop_goes_round_until_the_largest_ttl() -> None:
    found = walk(read("trouble"), "198.18.104.1", 64)
    assert texts(found.address) == ["198.18.0.1", *["198.18.0.5", "198.18.0.6"] * 31, "198.18.0.5"]
    assert (np.diff(found.delay_ns) > 0).all()


@pytest.mark.parametrize(
    ("target", "icmp_type", "code", "sender"),
    [
        ("198.18.105.1", 3, 1, "198.18.0.7"),
        ("198.18.106.1", 3, 13, "198.18.0.7"),
        ("198.18.107.1", 3, 10, "198.18.107.1"),
        ("198.18.108.1", 4, 0, "198.18.0.7"),
        ("198.18.109.1", -1, -1, ""),
        ("2001:db8:105::1", 1, 0, "2001:db8::7"),
    ],
)
def test_what_is_said_of_addresses_without_a_host(target: str, icmp_type: int, code: int, sender: str) -> None:
    found = walk(read("trouble"), target, 4)
    assert found.icmp_type[2:].tolist() == [icmp_type] * 2 and found.icmp_code[2:].tolist() == [code] * 2
    assert texts(found.address)[2:] == [sender] * 2
    assert found.kind[2:].tolist() == [UNREACHABLE if sender else SILENT] * 2
    if sender == "198.18.0.7":
        # The last router says so when the probe passed it, and is as near as when its own TTL was asked.
        assert found.quoted_ttl[1:].tolist() == [1, 2, 3]
        assert (found.delay_ns[1:] == found.delay_ns[1]).all() and (found.reply_ttl[1:] == 254).all()


def test_a_lossy_link_loses_both_ways_and_only_what_passes_it() -> None:
    internet, count = read("trouble"), 20_000
    targets = np.repeat(column(["198.18.102.1"]), count, axis=0)
    for ttl, share in ((1, 1.0), (2, 0.49), (3, 0.49), (9, 0.49)):
        found = internet.respond(
            targets, np.full(count, ttl, np.uint8), flows(1, count), random=np.random.default_rng(ttl)
        )
        assert (found.kind != SILENT).mean() == pytest.approx(share, abs=0.02)


def test_loss_of_the_whole_internet_touches_every_hop() -> None:
    internet, count = topology("loss = 0.25\n" + (FOLDER / "chain.toml").read_text(encoding="utf-8")), 20_000
    targets = np.repeat(column(["198.18.1.1"]), count, axis=0)
    ttls = (np.arange(count) % 8 + 1).astype(np.uint8)
    found = internet.respond(targets, ttls, flows(1, count), random=np.random.default_rng(1))
    for ttl in range(1, 9):
        assert (found.kind[ttls == ttl] != SILENT).mean() == pytest.approx(0.75, abs=0.04)


def test_a_flow_stays_on_its_branch_and_flows_take_all_branches() -> None:
    internet = read("diamonds")
    branches = {tuple(texts(walk(internet, "198.18.102.9", 4, flow=flow).address[1:3])) for flow in range(60)}
    assert branches == {(f"198.18.2.{n}", f"198.18.2.{n + 1}") for n in (1, 5, 9)}


def test_diamonds_in_a_row_choose_apart_from_each_other() -> None:
    internet = read("diamonds")
    pairs = {tuple(texts(walk(internet, "198.18.104.9", 4, flow=flow).address[1:3])) for flow in range(100)}
    assert len(pairs) == 6


def test_a_balancer_by_packet_spreads_one_flow() -> None:
    internet, random = read("diamonds"), np.random.default_rng(5)
    targets, ttls = np.repeat(column(["198.18.103.9"]), 400, axis=0), np.full(400, 2, np.uint8)
    seen = texts(internet.respond(targets, ttls, flows(3, 400), random=random).address)
    assert 140 < seen.count("198.18.3.1") < 260 and set(seen) == {"198.18.3.1", "198.18.3.2"}
