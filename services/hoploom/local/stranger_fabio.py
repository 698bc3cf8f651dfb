"""Somebody else's Fabio: does it route what we register? Its pages are read, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hoploom.kit import tags
from hoploom.kit.errors import ConfigError
from hoploom.local.stranger import Stranger

LEAST = (1, 6, 0)


@dataclass(frozen=True)
class Router:
    """A Fabio that can be used.

    Attributes:
        proxy: Port at which it routes HTTP.
        version: Its version.
        notes: What its owner may want to know, in sentences.
    """

    proxy: int
    version: str
    notes: tuple[str, ...]


async def look(fabio: Stranger, *, routes_said: bool, consul: str) -> Router | None:
    """Read its configuration; None where nobody is there and nobody said so.

    Args:
        fabio: Its pages.
        routes_said: Somebody has named the address at which it routes, so its pages have to be there.
        consul: URL of the Consul that was joined.

    Raises:
        ConfigError: It will not do; with the way out.
    """
    answer = await fabio.first("/api/version")
    if answer is None:
        if routes_said:
            raise ConfigError(f"the pages of Fabio at {fabio.url} do not answer, and routes can be verified nowhere "
                              "else: name them by --fabio-admin, or start one of our own by --fabio own")  # fmt: skip
        return None
    version = answer.body.decode("utf-8", "replace").strip().strip('"')
    fabio.no_older_than(version, LEAST)
    config: Mapping[str, Any] = await fabio.asked("/api/config")
    _require(fabio, config)
    return Router(_port(fabio, config), version, tuple(_notes(config, consul)))


def _require(fabio: Stranger, config: Mapping[str, Any]) -> None:
    """Raises ConfigError for a setting under which it would not route to us."""
    registry = config["Registry"]
    wrong = {
        "registry.backend": (registry["Backend"], "consul"),
        "registry.consul.tagprefix": (registry["Consul"]["TagPrefix"], tags.PREFIX),
        "proxy.matcher": (config["Proxy"]["Matcher"], "prefix"),
    }
    for name, (found, wanted) in wrong.items():
        if found != wanted:
            raise ConfigError(f"{fabio.where} has {name} = {found}, and our routes need {wanted}: {fabio.other()}")


def _port(fabio: Stranger, config: Mapping[str, Any]) -> int:
    for listener in config["Listen"]:
        if listener["Proto"] == "http":
            return int(listener["Addr"].rpartition(":")[2])
    raise ConfigError(f"{fabio.where} has no listener for http: {fabio.other()}")


def _notes(config: Mapping[str, Any], consul: str) -> list[str]:
    registry = config["Registry"]["Consul"]
    notes = []
    if registry["ChecksRequired"] != "all":
        notes.append("Fabio has registry.consul.checksRequired = one: an instance of ours that is not ready is routed "
                     "while it lives; `all` would leave it out")  # fmt: skip
    if urlsplit(f"//{registry['Addr']}").port != urlsplit(consul).port:
        notes.append(f"Fabio reads Consul at {registry['Addr']}: it has to be of the same datacenter as {consul}")
    return notes
