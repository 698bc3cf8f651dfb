"""Reads one Fabio by its pages, and nothing else: its version, its settings, its table. Secrets are never kept."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from hoploom.kit import fabio_api
from hoploom.kit.errors import Unavailable
from hoploom.kit.fabio_api import RouteEntry
from hoploom.kit.http_client import HttpClient
from hoploom.routing.audit_observed import SeenRouter, Settings
from hoploom.routing.audit_settings import is_loopback

T = TypeVar("T")
ASK_S = 3.0
_NANO = 1e9
_VERSION = re.compile(r'"?v?(\d+\.\d+[\w.+-]{0,40})"?')


@dataclass(frozen=True)
class Source:
    """Where a Fabio is asked.

    Attributes:
        name: Its own, as findings call it.
        pages: URL of its admin pages; empty where they are not to be had.
        table: URL of its table alone, as a mesh routes it; empty where the pages have it.
    """

    name: str
    pages: str = ""
    table: str = ""


async def look(http: HttpClient, source: Source) -> SeenRouter:
    """What a Fabio shows; one that does not answer says why in `away`, and nothing is raised."""
    try:
        routes = await _table(http, source.table or f"{source.pages}/api/routes")
    except Unavailable as error:
        return SeenRouter(source.name, away=str(error), pages=source.pages)
    if not source.pages:
        return SeenRouter(source.name, routes)
    version, settings = await _version(http, source.pages), await _settings(http, source.pages)
    is_open = not is_loopback(urlsplit(source.pages).netloc.rpartition("@")[2])
    return SeenRouter(source.name, routes, "", source.pages, version, settings, is_open)


def settings(config: Mapping[str, Any]) -> Settings:
    """What counts of `/api/config`.

    Raises:
        KeyError, TypeError, ValueError: It is no configuration of Fabio's.
    """
    consul, pages, usual = config["Registry"]["Consul"], config["UI"], Settings()
    proxy = config["Proxy"]
    return Settings(
        backend=str(config["Registry"]["Backend"]),
        checks_required=str(consul.get("ChecksRequired", usual.checks_required)),
        statuses=tuple(consul.get("ServiceStatus") or usual.statuses),
        tag_prefix=str(consul["TagPrefix"]),
        kv_path=str(consul["KVPath"]).lstrip("/"),
        # A Fabio too old to know them reads as it did before they came.
        consistent=bool(consul.get("RequireConsistent", usual.consistent)),
        stale=bool(consul.get("AllowStale", usual.stale)),
        pages_at=str(pages["Listen"]["Addr"]),
        access=str(pages["Access"]),
        dial_timeout_s=_seconds(proxy["DialTimeout"]),
        globs=not config.get("GlobMatchingDisabled", False),
        gogc=int(config["Runtime"]["GOGC"]),
        secrets=tuple(_secrets(config)),
        consul_port=urlsplit(f"//{consul.get('Addr', '')}").port,
        ports=tuple(int(each["Addr"].rpartition(":")[2]) for each in config["Listen"]),
        no_route_status=_known(int, proxy.get("NoRouteStatus")),
        grace_s=_known(_seconds, proxy.get("DeregisterGracePeriod")),
        wait_s=_known(_seconds, proxy.get("ShutdownWait")),
        strategy=_known(str, proxy.get("Strategy")),
        poll_s=_known(_seconds, consul.get("PollInterval")),
        monitors=_known(int, consul.get("ServiceMonitors")),
        metrics=_known(str, (config.get("Metrics") or {}).get("Target")),
    )


def _known(read: Callable[[Any], T], value: Any) -> T | None:
    return None if value is None else read(value)


def _seconds(value: Any) -> float:
    return float(value) / _NANO


def _secrets(config: Mapping[str, Any]) -> Iterator[str]:
    """Names of the settings in which a secret stands."""
    if config["Registry"]["Consul"].get("Token"):
        yield "registry.consul.token"
    if (config.get("Metrics") or {}).get("Circonus", {}).get("APIKey"):
        yield "metrics.circonus.apikey"
    if any((each.get("CertSource") or {}).get("VaultFetchToken") for each in config.get("Listen") or ()):
        yield "proxy.cs vaultfetchtoken"
    if any(each.get("Password") for each in (config.get("BGP") or {}).get("Peers") or ()):
        yield "bgp.peers password"


async def has_pages(http: HttpClient, url: str) -> bool:
    """Whether what answers there are the pages of a Fabio."""
    return bool(await _version(http, url))


async def _table(http: HttpClient, url: str) -> tuple[RouteEntry, ...]:
    return tuple(await fabio_api.routes(http.session, url, ASK_S))


async def _version(http: HttpClient, pages: str) -> str:
    try:
        answer = await http.request("GET", f"{pages}/api/version", timeout_s=ASK_S)
    except Unavailable:
        return ""
    found = _VERSION.fullmatch(answer.body.decode("utf-8", "replace").strip())
    return found[1] if found and answer.ok else ""


async def _settings(http: HttpClient, pages: str) -> Settings | None:
    """None where something in front of the pages keeps them to itself."""
    try:
        answer = await http.request("GET", f"{pages}/api/config", timeout_s=ASK_S)
        return settings(json.loads(answer.body)) if answer.ok else None
    except (Unavailable, KeyError, TypeError, ValueError, AttributeError):
        return None
