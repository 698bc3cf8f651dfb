"""Somebody else's mesh: a Consul without ACLs, Fabios as they come, and Fabio's own demo server registered there."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine_processes import LOOPBACK, Child, ConsulAgent, ask, free_ports
from held_relay import HeldRelay

KEYS = "kv/?recurse"
TOKEN = "5e88aa-not-to-be-seen"


class ForeignFabio:
    """A Fabio with its own defaults but for its ports, or with these settings."""

    def __init__(self, executable: Path, folder: Path, name: str, consul: str, *settings: str) -> None:
        proxy, pages = free_ports(2)
        self.url, self.pages = f"http://{LOOPBACK}:{proxy}", f"http://{LOOPBACK}:{pages}"
        given = ["-proxy.addr", f"{LOOPBACK}:{proxy}", "-ui.addr", f"{LOOPBACK}:{pages}", "-insecure",
                 "-registry.consul.addr", consul.removeprefix("http://"), "-registry.consul.token", TOKEN,
                 "-registry.consul.register.enabled=false"]  # fmt: skip
        self.child = Child([str(executable), *given, *settings], folder / f"{name}.log")

    def start(self) -> None:
        self.child.start()

    def sources(self, service: str) -> set[str]:
        """What it routes to a service."""
        return {each["src"] for each in ask("GET", f"{self.pages}/api/routes") or [] if each["service"] == service}


@dataclass
class Foreign:
    """Somebody's mesh."""

    consul: ConsulAgent
    relay: HeldRelay
    fabios: list[ForeignFabio]
    demo: Path
    folder: Path
    children: list[Child] = field(default_factory=list)

    def serve(self, name: str, *prefixes: str) -> tuple[Child, str]:
        """Start a demo server, which registers itself; the child and its id in Consul."""
        (port,) = free_ports(1)
        words = [str(self.demo), "-addr", f"{LOOPBACK}:{port}", "-consul", self.consul.url.removeprefix("http://"),
                 "-name", name]  # fmt: skip
        for each in prefixes:
            words += ["-prefix", each]
        child = Child(words, self.folder / f"{name}-{port}.log")
        child.start()
        self.children.append(child)
        return child, f"{name}-{LOOPBACK}:{port}"

    def register(self, name: str, *tags: str, checks: Sequence[str] = ("passing",)) -> None:
        """Enter a service that nobody serves, with checks in these states."""
        given = [{"CheckID": f"{name}:{at}", "TTL": "10m", "Status": each} for at, each in enumerate(checks)]
        body = {"ID": name, "Name": name, "Address": LOOPBACK, "Port": 9, "Tags": list(tags), "Checks": given}
        assert ask("PUT", f"{self.consul.url}/v1/agent/service/register", body) is not None

    def remove(self, instance: str) -> None:
        """Take an instance out of Consul."""
        ask("PUT", f"{self.consul.url}/v1/agent/service/deregister/{instance}")

    def override(self, name: str, text: str) -> None:
        """Write a key of overrides."""
        operation = [{"KV": {"Verb": "set", "Key": f"fabio/config/{name}", "Value": _encoded(text)}}]
        assert ask("PUT", f"{self.consul.url}/v1/txn", operation)

    def forget(self, name: str) -> None:
        """Remove a key of overrides."""
        ask("DELETE", f"{self.consul.url}/v1/kv/fabio/config/{name}")

    def dump(self) -> Any:
        """All that Consul keeps: keys, catalogue, checks, sessions, queries."""
        paths = (KEYS, "catalog/services", "catalog/nodes", "health/state/any", "session/list", "query",
                 "agent/services", "agent/checks")  # fmt: skip
        return {path: ask("GET", f"{self.consul.url}/v1/{path}") for path in paths}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
