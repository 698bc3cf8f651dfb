"""How the kernel's files are read, of this host and of made-up ones."""

import json
import os
import sys
from pathlib import Path

import pytest

from hoploom.doctor import reading
from hoploom.local import ports, processes

ROUTE4 = (
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    "eth0\t0002A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
)
DEFAULT4 = "eth0\t00000000\t0102A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
ZERO = "0" * 32
DEFAULT6 = f"{ZERO} 00 {ZERO} 00 fe80{'0' * 27}1 00000400 00000001 00000000 00000003     eth0\n"
REJECT6 = f"{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo\n"


@pytest.fixture(name="files")
def _files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    files: dict[str, str] = {}
    monkeypatch.setattr(reading, "_text", lambda path: files.get(path, ""))
    return files


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "routes"),
    [
        ("", "", ()),
        (ROUTE4, REJECT6, ()),
        (ROUTE4 + DEFAULT4, REJECT6, (4,)),
        (ROUTE4, DEFAULT6 + REJECT6, (6,)),
        (ROUTE4 + DEFAULT4, REJECT6 + DEFAULT6, (4, 6)),
        ("torn", "torn", ()),
    ],
)
def test_a_default_route_that_rejects_nothing_is_a_way_to_the_world(
    files: dict[str, str], ipv4: str, ipv6: str, routes: tuple[int, ...]
) -> None:
    files["/proc/net/route"], files["/proc/net/ipv6_route"] = ipv4, ipv6
    assert reading.read_routes() == routes


@pytest.mark.parametrize(("text", "groups"), [("1\t0\n", (1, 0)), ("0\t2147483647\n", (0, 2147483647)), ("", None)])
def test_the_range_of_groups(files: dict[str, str], text: str, groups: tuple[int, int] | None) -> None:
    files["/proc/sys/net/ipv4/ping_group_range"] = text
    assert reading.read_ping_groups() == groups


def test_a_connection_table_is_there_or_not(files: dict[str, str]) -> None:
    assert reading.read_conntrack() is None
    files["/proc/sys/net/netfilter/nf_conntrack_max"] = "65536\n"
    files["/proc/sys/net/netfilter/nf_conntrack_count"] = "12\n"
    assert reading.read_conntrack() == (12, 65536)


@pytest.mark.skipif(sys.platform != "linux", reason="adjtimex is Linux's")
def test_the_kernel_says_how_wrong_the_clock_may_be() -> None:
    is_synchronized, error_us = reading.read_clock()
    assert is_synchronized in (True, False) and 0 <= error_us <= 16_000_000


def test_a_port_of_ones_own_mesh_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: port == 9999)
    both = {8500: "Consul", 4646: "Nomad"}
    assert reading.read_taken(tmp_path) == both
    (tmp_path / "demo").mkdir()
    for started, taken in ((processes._started(os.getpid()), {4646: "Nomad"}), ("another", both)):
        mine = {"consul": {"pid": os.getpid(), "started": started}}
        record = {"ports": {"consul_http": 8500}, "processes": mine}
        (tmp_path / "demo" / "mesh.json").write_text(json.dumps(record), encoding="utf-8")
        assert reading.read_taken(tmp_path) == taken
