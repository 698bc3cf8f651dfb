"""The tag builder against the real Fabio: what is registered is what its route table says."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from engine_processes import free_ports
from hoploom import engines
from hoploom.kit import fabio_api, tags
from waiting import until

TAGS = [
    "urlprefix-/orders",
    "urlprefix-shop.example.org/",
    "urlprefix-shop.example.org:8080/",
    "urlprefix-/s proto=https tlsskipverify=true",
    "urlprefix-/pkg.Service proto=grpc",
    "urlprefix-/a/b strip=/a prepend=/v1",
    "urlprefix-/x host=dst",
    "urlprefix-/old redirect=301,https://new.example.org$path",
    "urlprefix-/in allow=ip:10.0.0.0/8",
    "urlprefix-/out deny=ip:10.0.0.0/8",
    "urlprefix-/auth auth=basic",
    "urlprefix-:3306 proto=tcp",
    "urlprefix-:25 proto=tcp pxyproto=true",
    "urlprefix-db.example.org/ proto=tcp",
    "urlprefix-/w weight=0.05",
]
# Refused by the builder, taken by Fabio in silence: it drops the option's meaning or the route.
MISREAD = ["urlprefix-/y stripp=/y", "urlprefix-/z proto=ftp"]


class Pair(NamedTuple):
    """A Consul and a Fabio of the test's own."""

    consul: int
    ui: int


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    found = engines.ensure(["consul", "fabio"], report=lambda line: None)
    folder = tmp_path_factory.mktemp("pair")
    http, server, serf, proxy, tcp, ui = free_ports(6)
    consul = [str(found["consul"].path), "agent", "-dev", "-bind=127.0.0.1", f"-http-port={http}",
              f"-server-port={server}", f"-serf-lan-port={serf}", "-serf-wan-port=-1", "-dns-port=-1",
              "-grpc-port=-1", "-grpc-tls-port=-1",
              "-disable-host-node-id", "-log-level=err"]
    fabio = [str(found["fabio"].path), "-proxy.addr", f"127.0.0.1:{proxy},127.0.0.1:{tcp};proto=tcp", "-ui.addr",
             f"127.0.0.1:{ui}", "-registry.consul.addr", f"127.0.0.1:{http}", "-registry.consul.register.enabled=false",
             "-log.level", "WARN", "-proxy.auth", f"name=basic;type=basic;file={folder / 'htpasswd'}"]
    (folder / "htpasswd").write_text("", encoding="ascii")
    log = (folder / "log").open("wb")
    processes = []
    try:
        processes.append(subprocess.Popen(consul, stdout=log, stderr=log))
        until("a Consul leader", lambda: leader(http), 20)
        processes.append(subprocess.Popen(fabio, stdout=log, stderr=log))
        until("Fabio", lambda: answers(f"http://127.0.0.1:{ui}/health"), 10)
        yield Pair(http, ui)
    finally:
        for process in reversed(processes):
            os.kill(process.pid, signal.SIGTERM)
            process.wait(timeout=60)
        log.close()


def fetch(url: str, method: str = "GET", body: Any = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    with urllib.request.urlopen(urllib.request.Request(url, data=data, method=method), timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text.startswith((b"{", b"[", b'"')) else text


def answers(url: str) -> bool:
    try:
        return bool(fetch(url) or True)
    except OSError:
        return False


def leader(port: int) -> bool:
    try:
        return bool(fetch(f"http://127.0.0.1:{port}/v1/status/leader"))
    except OSError:
        return False


def register(pair: Pair, service: str, wanted: list[str]) -> None:
    body = {"ID": service, "Name": service, "Address": "127.0.0.1", "Port": 4711, "Tags": wanted,
            "Check": {"TTL": "10m", "Status": "passing"}}
    fetch(f"http://127.0.0.1:{pair.consul}/v1/agent/service/register", "PUT", body)


def table(pair: Pair, service: str) -> list[dict[str, Any]]:
    found = fetch(f"http://127.0.0.1:{pair.ui}/api/routes")
    # Before its first table Fabio answers with something else.
    return [route for route in found if route["service"] == service] if isinstance(found, list) else []


@pytest.mark.parametrize("tag", TAGS)
def test_fabio_reads_a_tag_as_it_is_meant(pair: Pair, tag: str) -> None:
    route = tags.parse(tag)
    register(pair, "shop", [tag])
    found = until("the route", lambda: [each for each in table(pair, "shop") if each["src"] == route.source], 10)[0]
    scheme = {"https": "https", "tcp": "tcp", "tcp+sni": "tcp", "grpc": "grpc"}.get(str(route.proto), "http")
    if route.redirect is None:
        assert found["dst"].startswith(f"{scheme}://127.0.0.1:4711")
    options = dict(word.split("=", 1) for word in (found["opts"] or "").split())
    written = dict(word.split("=", 1) for word in tag.split(" ")[1:])
    for name in ("strip", "prepend", "host", "allow", "deny", "auth", "pxyproto", "tlsskipverify"):
        assert options.get(name) == written.get(name), (name, found)
    if route.weight is not None:
        assert f"weight {route.weight:g}" in found["cmd"] or found["weight"] in (route.weight, 1)


@pytest.mark.parametrize("tag", MISREAD)
def test_what_the_builder_refuses_fabio_takes_in_silence_or_drops(pair: Pair, tag: str) -> None:
    with pytest.raises(tags.TagError):
        tags.parse(tag)
    register(pair, "other", ["urlprefix-/marker", tag])
    found = until("the marker", lambda: table(pair, "other"), 10)
    source = tag.partition(" ")[0].removeprefix("urlprefix-")
    misread = [each for each in found if each["src"] == source]
    assert all(each["dst"].startswith("http://127.0.0.1:4711") for each in misread)


def test_the_table_is_read_and_asked_by_our_own_client(pair: Pair) -> None:
    register(pair, "mine", ["urlprefix-/mine"])
    until("the route", lambda: table(pair, "mine"), 10)
    entries = [fabio_api.RouteEntry(each["service"], each["src"], each["dst"]) for each in table(pair, "mine")]
    assert fabio_api.lists(entries, "127.0.0.1", 4711)
    assert not fabio_api.lists(entries, "127.0.0.1", 4712)
