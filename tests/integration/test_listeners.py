"""The examples of fabio/examples against the real Fabio and the real Consul: HTTPS, TCP, TCP by server name, gRPC."""

import contextlib
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

import backends
from engine_processes import LOOPBACK, Child, ConsulAgent, FabioRouter, ask, free_ports
from hoploom.kit import tags
from hoploom.local import listeners
from load import Load
from local_cli import Cli
from waiting import until

EXAMPLES = Path(__file__).parents[2] / "fabio" / "examples"
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.json"))
SERVICE = Path(__file__).parents[1] / "orders_service.py"
PER_S = 50.0
GREET = "/example.Greeter/Greet"


@dataclass
class World:
    """The engines, and the port at which Fabio listens for each example."""

    consul: ConsulAgent
    fabio: FabioRouter
    executable: Path
    folder: Path
    at: Mapping[str, int]
    kit_port: int

    def register(self, example: str, ports: Mapping[str, int]) -> None:
        """Enter an example by Consul's own command, with the ports that the test has."""
        text = (EXAMPLES / f"{example}.json").read_text(encoding="utf-8")
        for service in json.loads(text)["services"]:
            text = text.replace(f'"port": {service["port"]},', f'"port": {ports[service["id"]]},')
            text = text.replace(f"{LOOPBACK}:{service['port']}", f"{LOOPBACK}:{ports[service['id']]}")
        usual = listeners.read(described(example)["listener"]).port
        path = self.folder / f"{example}.json"
        path.write_text(text.replace(f"urlprefix-:{usual} ", f"urlprefix-:{self.at[example]} "), encoding="utf-8")
        words = ["services", "register", f"-http-addr={self.consul.url}", str(path)]
        subprocess.run([self.executable, *words], check=True, capture_output=True, timeout=30)
        for name in {each["name"] for each in services(example)}:
            wanted = {f"{LOOPBACK}:{ports[each['id']]}" for each in services(example) if each["name"] == name}
            until(f"{name} in Fabio's table", partial(self.has, name, wanted), 10)

    def has(self, service: str, wanted: set[str]) -> bool:
        """Whether Fabio sends what is for a service there and nowhere else."""
        return self.targets(service) == wanted

    def targets(self, service: str) -> set[str]:
        """Where Fabio sends what is for a service."""
        return {each.rpartition("/")[2] for each in self.fabio.targets(service)}

    def maintenance(self, instance: str, *, on: bool) -> None:
        """As the kit begins its drain."""
        url = f"{self.consul.url}/v1/agent/service/maintenance/{instance}?enable={str(on).lower()}"
        assert ask("PUT", url) is not None

    def put(self, key: str, value: str) -> None:
        """Write a key of the KV store."""
        request = urllib.request.Request(f"{self.consul.url}/v1/kv/{key}", value.encode(), method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.read().strip() == b"true"

    def serial(self, **bounds: ssl.TLSVersion) -> int | None:
        """As `shown`, by HTTPS."""
        return shown(self.at["https"], **bounds)


def services(example: str) -> list[dict[str, Any]]:
    """What an example registers."""
    found: list[dict[str, Any]] = json.loads((EXAMPLES / f"{example}.json").read_text(encoding="utf-8"))["services"]
    return found


def described(example: str) -> dict[str, str]:
    """The metadata of an example, with its listener as `hoploom up --listen` takes it."""
    found: dict[str, str] = services(example)[0]["meta"]
    return found


def untrusting() -> ssl.SSLContext:
    """Takes any certificate, and every version of TLS that it is told to speak."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def shown(port: int, **bounds: ssl.TLSVersion) -> int | None:
    """Serial number of the certificate that Fabio shows; None where it refuses to.

    Args:
        port: Where it ends TLS.
        bounds: `minimum_version` and `maximum_version` that we speak.
    """
    context = untrusting()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        for name, version in bounds.items():
            setattr(context, name, version)
    with contextlib.suppress(ssl.SSLError, ConnectionError), connected(port, context) as spoken:
        found = spoken.getpeercert(binary_form=True)
        return backends.serial(found) if found else None
    return None


@contextlib.contextmanager
def connected(port: int, context: ssl.SSLContext, name: str = "shop.example.org") -> Iterator[ssl.SSLSocket]:
    """A connection by TLS."""
    with socket.create_connection((LOOPBACK, port), 10) as plain:
        with context.wrap_socket(plain, server_hostname=name) as spoken:
            yield spoken


def said(connection: socket.socket, line: str) -> str:
    """What a backend answers to a line."""
    connection.sendall(f"{line}\n".encode())
    return connection.recv(1000).decode().strip()


@pytest.fixture(scope="module")
def world(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("listeners")
    kit_port, *ports = free_ports(len(NAMES) + 1)
    at = dict(zip(NAMES, ports, strict=True))
    # What a person writes, but for the port.
    opened = [
        listeners.read(described(name)["listener"].replace(str(usual(name)), str(port))) for name, port in at.items()
    ]
    opened.append(listeners.read(f":{kit_port};proto=tcp"))
    consul = ConsulAgent(engine_paths["consul"], folder / "consul")
    consul.start()
    fabio = FabioRouter(engine_paths["fabio"], folder / "fabio", "one", consul, "consul", listeners=opened)
    try:
        fabio.start()
        yield World(consul, fabio, engine_paths["consul"], folder, at, kit_port)
    finally:
        fabio.stop()
        consul.stop()


def usual(example: str) -> int:
    """The port of an example's listener."""
    return listeners.read(described(example)["listener"]).port


@pytest.mark.parametrize("example", NAMES)
def test_an_example_has_tags_as_they_are_meant_and_the_listener_that_they_need(example: str) -> None:
    for service in services(example):
        assert tags.lint(service["tags"]) == []
        assert listeners.read(service["meta"]["listener"]).proto == example.replace("-", "+")
        route = tags.parse(service["tags"][0])
        assert route.port in (None, usual(example))


def test_certificates_come_from_consul_and_are_replaced_without_a_restart(world: World) -> None:
    first, second = backends.certificate("shop.example.org"), backends.certificate("shop.example.org")
    world.put("fabio/certs/shop.pem", first)
    before = until("the certificate", world.serial, 10)
    with backends.page("a shop") as port:
        world.register("https", {"shop-1": port})
        with connected(world.at["https"], untrusting()) as spoken:
            spoken.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.org\r\n\r\n")
            assert spoken.recv(1000).endswith(b"a shop")
            world.put("fabio/certs/shop.pem", second)
            after = until("the other certificate", lambda: world.serial() != before and world.serial(), 10)
            # A connection outlives the certificate that it began with.
            spoken.sendall(b"GET / HTTP/1.1\r\nHost: shop.example.org\r\n\r\n")
            assert spoken.recv(1000).endswith(b"a shop")
    assert after == backends.serial(second)


def test_a_broken_certificate_leaves_the_one_that_is_there(world: World) -> None:
    good = backends.certificate("shop.example.org")
    world.put("fabio/certs/shop.pem", good)
    wanted = backends.serial(good)
    until("the certificate", lambda: world.serial() == wanted, 10)
    world.put("fabio/certs/shop.pem", "no certificate")
    log = world.folder / "fabio" / "log"
    until("Fabio's word for it", lambda: "Failed to load certificates" in log.read_text(encoding="utf-8"), 10)
    assert world.serial() == wanted


TLS = [("1.1", "TLSv1_1", False), ("1.2", "TLSv1_2", True), ("1.3", "TLSv1_3", True)]


@pytest.mark.parametrize(("version", "taken"), [each[1:] for each in TLS], ids=[each[0] for each in TLS])
def test_tls_is_1_2_or_newer(world: World, version: str, taken: bool) -> None:
    world.put("fabio/certs/shop.pem", backends.certificate("shop.example.org"))
    until("a certificate", world.serial, 10)
    bounds = {"minimum_version": ssl.TLSVersion[version], "maximum_version": ssl.TLSVersion[version]}
    assert (world.serial(**bounds) is not None) is taken


def test_tcp_is_routed_by_port_and_a_drained_instance_keeps_the_connections_that_it_has(world: World) -> None:
    with backends.lines("one") as one, backends.lines("two") as two:
        world.register("tcp", {"queue-1": one, "queue-2": two})
        world.maintenance("queue-2", on=True)
        until("one alone", lambda: world.targets("queue") == {f"{LOOPBACK}:{one}"}, 10)
        with socket.create_connection((LOOPBACK, world.at["tcp"]), 10) as kept:
            assert said(kept, "hello") == "one hello"
            world.maintenance("queue-2", on=False)
            world.maintenance("queue-1", on=True)
            until("two alone", lambda: world.targets("queue") == {f"{LOOPBACK}:{two}"}, 10)
            assert said(kept, "again") == "one again"
            with socket.create_connection((LOOPBACK, world.at["tcp"]), 10) as fresh:
                assert said(fresh, "hello") == "two hello"


def test_an_instance_on_the_kit_leaves_a_tcp_listener_and_no_request_fails(world: World) -> None:
    url, started = f"http://{LOOPBACK}:{world.kit_port}/orders", list[Child]()
    command = ["env", f"ORDERS_ROUTE=:{world.kit_port} proto=tcp", sys.executable, str(SERVICE)]

    def start(beside: int) -> None:
        (port,) = free_ports(1)
        words = [*command, "--port", str(port), "--consul-addr", world.consul.url]
        started.append(Child(words, world.folder / f"orders-{port}.log"))
        started[-1].start()
        until("it is routed", lambda: len(world.targets("orders")) == beside + 1, 15)

    try:
        for beside in (0, 1):
            start(beside)
        with Load([("GET", url, {}), ("POST", url, {"data": b"x" * 100})], PER_S, at_most_s=60.0) as load:
            until("load", lambda: load.result.answered > PER_S, 10)
            assert started[0].stop() == 0
            assert len(world.targets("orders")) == 1
            enough = load.result.answered + PER_S
            until("load on the other one", lambda: load.result.answered > enough, 10)
    finally:
        for child in started:
            child.stop()
    assert load.result.failures == []


def test_tls_is_passed_on_unopened_by_the_name_that_was_asked_for(world: World, tmp_path: Path) -> None:
    made = {name: backends.certificate(f"{name}.example.org") for name in ("mail", "news")}
    for name, pem in made.items():
        (tmp_path / f"{name}.pem").write_text(pem, encoding="ascii")
    with backends.lines("mail", tmp_path / "mail.pem") as mail, backends.lines("news", tmp_path / "news.pem") as news:
        world.register("tcp-sni", {"mail-1": mail, "news-1": news})
        for name, pem in made.items():
            # Its own certificate, not one of Fabio's.
            context = ssl.create_default_context(cadata=pem)
            with connected(world.at["tcp-sni"], context, f"{name}.example.org") as spoken:
                assert said(spoken, "hello") == f"{name} hello"
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with connected(world.at["tcp-sni"], untrusting(), "nobody.example.org"):
                pass


def test_grpc_is_routed_by_its_service(world: World) -> None:
    with backends.greeter(GREET, lambda request: backends.message("hello " + request[2:].decode())) as port:
        world.register("grpc", {"greeter-1": port})
        with grpc.insecure_channel(f"{LOOPBACK}:{world.at['grpc']}") as channel:
            assert channel.unary_unary(GREET)(backends.message("anna"), timeout=30) == backends.message("hello anna")
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary("/example.Nobody/Greet")(backends.message("anna"), timeout=30)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


@contextlib.contextmanager
def calls(port: int) -> Iterator[list[str]]:
    """Calls of `GREET` through Fabio, one after another, for 30 s at most: how each ended, as they end."""
    ended, enough, now_s = list[str](), threading.Event(), time.monotonic

    def call() -> None:
        until_s = now_s() + 30.0
        with grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel:
            ask_for = channel.unary_unary(GREET)
            while not enough.is_set() and now_s() < until_s:
                try:
                    ended.append("ok" if ask_for(backends.message("anna"), timeout=10) else "empty")
                except grpc.RpcError as error:
                    ended.append(f"{error.code()}: {error.details()}")

    with ThreadPoolExecutor(4) as threads:
        made = [threads.submit(call) for _ in range(4)]
        try:
            yield ended
        finally:
            enough.set()
    for each in made:
        each.result()


def test_a_service_on_the_kit_with_grpc_beside_http_is_rolled_and_no_call_fails(world: World) -> None:
    started = list[Child]()

    def start(beside: int) -> None:
        words = [sys.executable, str(SERVICE.with_name("greeter_service.py")), "--consul-addr", world.consul.url]
        started.append(Child(words, world.folder / f"greeter-{beside}.log"))
        started[-1].start()
        until("both are routed", lambda: routed() == [min(beside, 1) + 1] * 2, 20)

    def routed() -> list[int]:
        return [len(world.targets(each)) for each in ("greeter", "greeter-grpc")]

    try:
        start(0)
        start(1)
        with calls(world.at["grpc"]) as ended:
            until("calls", lambda: len(ended) > PER_S, 20)
            assert started[0].stop() == 0, "it stops while it is called"
            assert routed() == [1, 1]
            start(2)
            assert started[1].stop() == 0
            enough = len(ended) + PER_S
            until("calls of the last one", lambda: len(ended) > enough, 20)
    finally:
        for child in started:
            child.stop()
    assert set(ended) == {"ok"}
    assert world.targets("greeter-grpc") == set()


def test_a_mesh_opens_what_it_is_told_to_and_reads_certificates_with_fabios_own_token(tmp_path: Path) -> None:
    cli, (port,) = Cli(tmp_path, "listening"), free_ports(1)
    try:
        cli.good("up", "--only", "kit", "--detach", "--listen", f":{port};proto=https")
        pem = backends.certificate("shop.example.org")
        url = f"http://127.0.0.1:{cli.port('consul_http')}/v1/kv/fabio/certs/shop.pem"
        request = urllib.request.Request(url, pem.encode(), {"X-Consul-Token": cli.token("management")}, method="PUT")
        urllib.request.urlopen(request, timeout=10).close()
        until("the certificate", lambda: shown(port) == backends.serial(pem), 10)
        # Whoever sees the whole configuration sees no token; the running Fabio keeps what it listens on.
        admin = ask("GET", f"http://127.0.0.1:{cli.port('fabio_ui')}/api/config")
        assert (admin["Registry"]["Consul"]["Token"], admin["Runtime"]["GOGC"]) == ("", 800)
        assert "hoploom down" in cli.run("up", "--only", "kit", "--detach", "--listen", ":1;proto=tcp").stderr
        assert shown(port) == backends.serial(pem)
    finally:
        cli.run("down", "--purge")
