"""An enrolled worker before every instance of a real mesh: let in by its credential, shut out within seconds.

Two managers, inputs and outputs over a real Consul; the worker joins at one manager with the token of the other. In a
second datacenter nobody knows it but by what is pulled there.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine_processes import Child, ConsulAgent, ask, free_ports
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service import enrolling
from hoploom.trust.keys import Signer
from hoploom.wire.batch_codec import MEDIA_TYPE_ZSTD, pack
from unit.wire.batches import make
from waiting import until

MODULES = {"input": "input_service", "output": "output_service", "manager": "manager"}
OPERATOR, SHARED = ({"Authorization": f"Bearer {each}-secret"} for each in ("operator", "worker"))
TIMEOUT_S = 30
REVOKED_WITHIN_S = 5.0


class World(NamedTuple):
    """The processes by service, their folder, and their Consul with the port by which another one joins it."""

    consul: ConsulAgent
    wan: int
    folder: Path
    urls: dict[str, list[str]]
    children: dict[str, list[Child]]


def call(method: str, url: str, headers: dict[str, str], body: object = None) -> tuple[int, Any]:
    """Status and answer; (0, None) where nobody answers."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, None


@pytest.fixture(scope="module")
def world(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("trust")
    [wan] = free_ports(1)
    consul = ConsulAgent(engine_paths["consul"], folder / "consul", serf_wan=wan)
    for name in ("operator", "worker"):
        (folder / name).write_text(f"{name}-secret\n")
    made = World(consul, wan, folder, {each: [] for each in MODULES}, {each: [] for each in MODULES})
    try:
        consul.start()
        for service, port in zip(sorted([*MODULES] * 2), free_ports(2 * len(MODULES)), strict=True):
            started(made, service, port)
        yield made
    finally:
        stopped(made)


@pytest.fixture(scope="module")
def far(world: World, engine_paths: dict[str, Path]) -> Iterator[World]:
    """An input and a manager in a datacenter of their own, whose home is the other."""
    wans = [f"127.0.0.1:{world.wan}"]
    joined: dict[str, Any] = {"datacenter": "dc2", "retry_join_wan": wans, "retry_interval_wan": "1s"}
    [wan] = free_ports(1)
    consul = ConsulAgent(engine_paths["consul"], world.folder / "far", serf_wan=wan, **joined)
    made = World(consul, wan, world.folder, {each: [] for each in MODULES}, {each: [] for each in MODULES})
    try:
        consul.start()
        until("both datacenters are known", lambda: ask("GET", f"{consul.url}/v1/kv/?keys&dc=dc1"), 30)
        for service, port in zip(("input", "manager"), free_ports(2), strict=True):
            started(made, service, port, "--dc", "dc2", "--home-dc", "dc1")
        yield made
    finally:
        stopped(made)


def stopped(world: World) -> None:
    for child in (child for children in world.children.values() for child in children):
        child.stop()
    world.consul.stop()


def started(world: World, service: str, port: int, *words: str) -> None:
    command = [sys.executable, "-m", f"hoploom.{MODULES[service]}", "--consul-addr", world.consul.url,
               "--port", str(port), "--worker-token-file", str(world.folder / "worker"),
               "--operator-token-file", str(world.folder / "operator"), *words]
    if service == "output":
        command += ["--db-dir", str(world.folder / f"output-{port}")]
    child = Child(command, world.folder / f"{service}-{port}.log")
    child.start()
    world.children[service].append(child)
    world.urls[service].append(f"http://127.0.0.1:{port}")


async def joined(world: World, name: str) -> dict[str, str]:
    """Invite a worker at one manager, and let it join at the other; its headers."""
    here, there = world.urls["manager"]
    invited = until(f"an invitation of {name}", lambda: invitation(here, name), 20)
    until("the other manager", lambda: call("GET", f"{there}/load", {})[0], 20)
    http = HttpClient()
    try:
        enrolled = await enrolling.enrol(http, there, invited["token"], Signer.new())
    finally:
        await http.close()
    return {"Authorization": f"Bearer {enrolled.credential}"}


def invitation(manager: str, name: str) -> Any:
    status, answer = call("POST", f"{manager}/api/v1/workers/invites", OPERATOR, {"v": 1, "name": name})
    return answer if status == 200 else None


def doors(world: World, name: str) -> dict[str, Callable[[dict[str, str]], int]]:
    """A door of every instance, by its URL; each answers 200 to whom it lets in."""
    batch = pack(make(int(name.removeprefix("pi-")), worker=name))

    def results(url: str) -> Callable[[dict[str, str]], int]:
        typed = {"Content-Type": MEDIA_TYPE_ZSTD}
        return lambda headers: call("POST", f"{url}/results", {**headers, **typed}, batch)[0]

    def overlay(url: str) -> Callable[[dict[str, str]], int]:
        return lambda headers: call("GET", f"{url}/api/v1/overlay", headers)[0]

    return {
        **{url: results(url) for url in world.urls["output"]},
        **{url: overlay(url) for url in world.urls["input"]},
        **{url: overlay(f"{url}/gateway") for url in world.urls["manager"]},
    }


def let_in(world: World, name: str, headers: dict[str, str], status: int = 200) -> bool:
    return {each(headers) for each in doors(world, name).values()} == {status}


async def test_a_worker_that_joined_at_one_manager_is_let_in_everywhere_and_shut_out_within_five_seconds(
    world: World,
) -> None:
    headers = await joined(world, "pi-1")
    until("pi-1 is let in everywhere", lambda: let_in(world, "pi-1", headers), 20)
    for url in world.urls["input"]:
        # Nobody has made a campaign.
        asked = {"v": 1, "request_id": "r", "worker": "pi-1", "group": "g", "rate_pps": 0, "families": [4]}
        assert call("POST", f"{url}/leases", headers, asked)[0] == 204
        assert call("POST", f"{url}/leases", headers, {**asked, "worker": "pi-2"})[0] == 403
    for url in world.urls["output"]:
        foreign = pack(make(9, worker="pi-2"))
        assert call("POST", f"{url}/results", {**headers, "Content-Type": MEDIA_TYPE_ZSTD}, foreign)[0] == 403
    status, _ = call("POST", f"{world.urls['input'][0]}/api/v1/overlay/revocations", OPERATOR,
                     {"v": 1, "worker": "pi-1", "revoked": True})
    began_s, took_s = time.monotonic(), dict[str, float]()
    assert status == 200
    for url, door in doors(world, "pi-1").items():
        until(f"{url} shuts it out", lambda door=door: door(headers) == 403, REVOKED_WITHIN_S, every_s=0.02)  # type: ignore[misc]
        took_s[url] = time.monotonic() - began_s
    print(f"revoked at the last of {len(took_s)} instances after {max(took_s.values()):.2f} s")
    of_others = {url: door(SHARED) for url, door in doors(world, "pi-2").items() if url not in world.urls["manager"]}
    assert set(of_others.values()) == {200}, "the mesh's own workers go on"


async def test_a_worker_is_known_in_another_datacenter_and_shut_out_there_by_the_home(world: World, far: World) -> None:
    headers = await joined(world, "pi-4")
    [door] = [door for url, door in doors(far, "pi-4").items() if url in far.urls["input"]]
    until("pi-4 is let in by the other datacenter", lambda: door(headers) == 200, 20)
    status, _ = call("POST", f"{world.urls['input'][0]}/api/v1/overlay/revocations", OPERATOR,
                     {"v": 1, "worker": "pi-4", "revoked": True})
    assert status == 200
    until("pi-4 is shut out there", lambda: door(headers) == 403, REVOKED_WITHIN_S, every_s=0.02)


async def test_without_managers_and_without_consul_credentials_are_still_told_from_others(world: World) -> None:
    headers, forged = await joined(world, "pi-3"), Signer.new()
    until("pi-3 is let in everywhere", lambda: let_in(world, "pi-3", headers), 20)
    for child in world.children["manager"]:
        child.stop(kill=True)
    world.urls["manager"].clear()
    world.consul.stop()
    assert let_in(world, "pi-3", headers)
    text = headers["Authorization"].rpartition(".")[0]
    wrong = {"Authorization": f"{text}.{forged.sign(text.removeprefix('Bearer ').encode())}"}
    assert let_in(world, "pi-3", wrong, 401)
