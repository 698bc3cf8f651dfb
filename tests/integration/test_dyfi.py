"""Two real managers, a real Consul and a provider on loopback, in a namespace from which nothing leads out."""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import hoploom
from engine_processes import Child, ConsulAgent, ask, free_ports
from lab.dyndns import Provider
from lab.dyndns_server import Server, served
from lab.namespace import in_namespace, needs_root
from waiting import eventually

NAME = "a.dy.fi"
LOCK = "hoploom/roles/dyfi/.lock"
LEADS = 'role="dyfi"'
OPERATOR = "chief"
pytestmark = needs_root


def manager(folder: Path, consul: str, server: Server, number: int) -> tuple[Child, str]:
    """A manager, not started, and its URL."""
    [port] = free_ports(1)
    flags: Mapping[str, object] = {
        "port": port,
        "consul-addr": consul,
        "fabio-addr": "http://127.0.0.1:1",
        "dyfi-hosts": NAME,
        "dyfi-user": "me",
        "dyfi-password-file": folder / "password",
        "dyfi-url": server.url,
        "dyfi-address-url": server.address_url,
        "operator-token-file": folder / OPERATOR,
    }
    words = [f"--{name}={value}" for name, value in flags.items()]
    child = Child([sys.executable, "-m", "hoploom.manager", *words], folder / f"manager-{number}.log")
    return child, f"http://127.0.0.1:{port}"


async def record(url: str) -> dict[str, object]:
    found: dict[str, object] = await asyncio.to_thread(ask, "GET", f"{url}/api/v1/dyfi", None, OPERATOR) or {}
    return found


async def leader(urls: dict[str, Child], consul: str) -> str:
    """URL of the manager that the lock names as its holder; empty for none."""
    entry = (await asyncio.to_thread(ask, "GET", f"{consul}/v1/kv/{LOCK}") or [{}])[0]
    held = await asyncio.to_thread(ask, "GET", f"{consul}/v1/session/info/{entry.get('Session', '')}")
    names = [each["Name"] for each in held or []]
    ids = await asyncio.to_thread(ask, "GET", f"{consul}/v1/agent/services") or {}
    ports = {f"http://127.0.0.1:{each['Port']}" for name, each in ids.items() if name in names}
    return next((url for url in urls if url in ports), "")


def test_one_of_two_managers_calls_once_and_its_successor_not_again(
    engine_paths: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(hoploom.__file__).parents[1]))
    for name, text in (("password", "secret"), (OPERATOR, OPERATOR)):
        (tmp_path / name).write_text(f"{text}\n", encoding="utf-8")

    async def body() -> None:
        consul = ConsulAgent(engine_paths["consul"], tmp_path / "consul")
        async with served(Provider.of(NAME)) as server:
            await asyncio.to_thread(consul.start)
            # Who led last said that it left, so nobody has to be waited for.
            await asyncio.to_thread(ask, "PUT", f"{consul.url}/v1/kv/{LOCK}", {"v": 1, "left": "manager-0"})
            made = [manager(tmp_path, consul.url, server, number) for number in range(2)]
            children = {url: child for child, url in made}
            try:
                for child in children.values():
                    child.start()
                await lived(children, consul.url, server)
            finally:
                for child in children.values():
                    await asyncio.to_thread(child.stop, kill=True)
                await asyncio.to_thread(consul.stop)

    in_namespace(body)


async def lived(children: dict[str, Child], consul: str, server: Server) -> None:
    """They call once, whoever leads; the other shows the same, takes over, and has nothing to say to the provider."""

    async def told() -> bool:
        return all([(await record(url)).get("address") == "127.0.0.1" for url in children])

    await eventually("both show that the name was told", told, 20)
    first = await eventually("a leader", lambda: leader(children, consul), 5)
    before = await record(first)
    os.kill(children[first].pid, signal.SIGTERM)
    [second] = set(children) - {first}

    async def leads() -> bool:
        return await leader(children, consul) == second

    await eventually("the other leads", leads, 10)
    assert await record(second) == {**before, "line": (await record(second))["line"]}
    assert (before["missing"], before["open"], before["failures"]) == ([], False, 0)
    assert server.connections == 1 and server.provider.heard[0].names == (NAME,)
