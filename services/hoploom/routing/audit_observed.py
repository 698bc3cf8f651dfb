"""What an audit looks at: Consul's instances and overrides, and every router with its table and settings. Pure.

None says "not known", which is never the same as "nothing": what was not looked at gives no finding, and is told.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from hoploom.kit.consul_records import Instance
from hoploom.kit.fabio_api import RouteEntry
from hoploom.kit.tags import PREFIX

KV_PATH = "fabio/config"
"""Where a Fabio as it comes reads its overrides (registry.consul.kvpath)."""


@dataclass(frozen=True)
class Settings:
    """What of a Fabio's `/api/config` decides about findings; the defaults are Fabio's own (1.7.2, config/default.go).

    Attributes:
        backend: Where its routes come from; only "consul" is held against Consul.
        checks_required: "one" or "all".
        statuses: Of a check that passes for it.
        tag_prefix: Of the tags that it reads.
        kv_path: Of its overrides, without the slash in front.
        consistent: Whether it reads Consul through the leader alone.
        stale: Whether any server of Consul's may answer it.
        pages_at: Address at which its pages listen, such as ":9998".
        access: "rw" or "ro", of its pages.
        dial_timeout_s: How long it tries to reach an instance.
        globs: Whether it matches hosts as globs.
        gogc: Go's garbage collection target, per cent, unless its environment says otherwise.
        secrets: Names of settings in which a secret can be read; never the secrets.
        consul_port: Of the agent that it reads; None where its address has none.
        ports: At which it routes.
        no_route_status: What it answers where it has no route; this and what follows is None where it does not say.
        grace_s: How long it serves on at a stop.
        wait_s: How long what is in flight may take then.
        strategy: How it chooses an instance, "rnd" or "rr".
        poll_s: Time between two questions to Consul; 0 for blocking ones.
        monitors: How many services it asks for at once.
        metrics: Where its metrics go; empty for nowhere.
    """

    backend: str = "consul"
    checks_required: str = "one"
    statuses: tuple[str, ...] = ("passing",)
    tag_prefix: str = PREFIX
    kv_path: str = KV_PATH
    consistent: bool = True
    stale: bool = False
    pages_at: str = ":9998"
    access: str = "rw"
    dial_timeout_s: float = 30.0
    globs: bool = True
    gogc: int = 100
    secrets: tuple[str, ...] = ()
    consul_port: int | None = 8500
    ports: tuple[int, ...] = (9999,)
    no_route_status: int | None = 404
    grace_s: float | None = 0.0
    wait_s: float | None = 0.0
    strategy: str | None = "rnd"
    poll_s: float | None = 0.0
    monitors: int | None = 1
    metrics: str | None = ""


@dataclass(frozen=True)
class SeenRouter:
    """One Fabio.

    Attributes:
        name: Its own.
        routes: Its table; None where it is not known.
        away: Why it did not answer; empty where it did.
        pages: URL by which its pages were asked; empty where only its table was.
        version: Such as "1.7.2"; empty where it is not known.
        settings: Of its configuration; None where that was not to be seen.
        is_open: Whether its pages answered at an address that is not loopback.
    """

    name: str
    routes: tuple[RouteEntry, ...] | None = None
    away: str = ""
    pages: str = ""
    version: str = ""
    settings: Settings | None = None
    is_open: bool = False


@dataclass(frozen=True)
class Override:
    """One key of Consul's with lines of Fabio's route commands."""

    key: str
    text: str


@dataclass(frozen=True)
class Observed:
    """A mesh at one moment, anybody's.

    Attributes:
        routers: Every Fabio that was asked.
        instances: Those in Consul that have tags for a Fabio; None where no Consul was asked.
        overrides: In the order in which Fabio reads them, by the path that they lie under.
        dc: Consul's datacenter.
        servers: How many Consul has in that datacenter; None where that is not to be seen.
        prefix: Of the tags for a router whose settings are not known.
        only: Services that are looked at; None for all. Routes of others are nobody's business then.
        unseen: What was not looked at and why, in sentences.
        looked_at: What was, in sentences.
    """

    routers: tuple[SeenRouter, ...] = ()
    instances: tuple[Instance, ...] | None = None
    overrides: Mapping[str, tuple[Override, ...]] = field(default_factory=dict)
    dc: str = ""
    servers: int | None = None
    prefix: str = PREFIX
    only: frozenset[str] | None = None
    unseen: tuple[str, ...] = ()
    looked_at: tuple[str, ...] = ()

    def prefixes(self) -> tuple[str, ...]:
        """The prefixes of tags that some router reads."""
        known = {each.settings.tag_prefix if each.settings else self.prefix for each in self.routers}
        return tuple(sorted(known or {self.prefix}))

    def with_tables(self) -> Iterator[tuple[SeenRouter, tuple[RouteEntry, ...]]]:
        """The routers whose tables are known, and come from Consul."""
        for each in self.routers:
            if each.routes is not None and (each.settings is None or each.settings.backend == "consul"):
                yield each, each.routes


def target(dst: str) -> str:
    """The `address:port` of a line's destination, without scheme and path; empty for something that has none."""
    try:
        return urlsplit(dst).netloc
    except ValueError:
        # Somebody's redirect to an impossible host is no target.
        return ""


def target_of(instance: Instance) -> str:
    """The `address:port` of an instance, as a table of Fabio's names it."""
    host = f"[{instance.address}]" if ":" in instance.address else instance.address
    return f"{host}:{instance.port}"
