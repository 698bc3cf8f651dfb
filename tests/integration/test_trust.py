"""An enrolled worker before every instance of a real mesh: let in by its credential, shut out within seconds.

Two managers, inputs and outputs over a real Consul; the worker joins at one manager with the token of the other.
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

from engine_processes import Child, ConsulAgent, free_ports
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
    """The processes by service, and their Consul."""

    consul: ConsulAgent
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
    consul = ConsulAgent(engine_paths["consul"], folder / "consul")
    for name in ("operator", "worker"):
        (folder / name).write_text(f"{name}-secret\n")
    made = World(consul, {each: [] for each in MODULES}, {each: [] for each in MODULES})
    try:
        consul.start()
        for service, port in zip(sorted([*MODULES] * 2), free_ports(2 * len(MODULES)), strict=True):
            started(made, service, port, folder)
        yield made
    finally:
        for child in (child for children in made.children.values() for child in children):
            child.stop()
        consul.stop()


def started(world: World, service: str, port: int, folder: Path) -> None:
    command = [sys.executable, "-m", f"hoploom.{MODULES[service]}", "--consul-addr", world.consul.url,
               "--port", str(port), "--worker-token-file", str(folder / "worker"),
               "--operator-token-file", str(folder / "operator")]
    if service == "output":
        command += ["--db-dir", str(folder / f"output-{port}")]
    child = Child(command, folder / f"{service}-{port}.log")
    child.start()
    world.children[service].append(child)
    world.urls[service].append(f"http://127.0.0.1:{port}")


async def joined(world: World, name: str) -> dict[str, str]:
    """Invite a worker at one manager, and let it join at the other; its headers."""
    here, there = world.urls["manager"]
    invited = until(f"an invitation of {name}", lambda: invitation(here, name), 20)
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
