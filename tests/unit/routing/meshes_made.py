"""Made meshes: instances as Consul tells them, tables as Fabio tells them, all well unless a test says otherwise."""

from typing import Any

from hoploom.kit.consul_records import Check, Instance
from hoploom.kit.fabio_api import RouteEntry
from hoploom.routing.audit import Observed, SeenRouter, Settings

GOOD = Settings(
    checks_required="all", consistent=False, stale=True, pages_at="127.0.0.1:9998", access="ro", dial_timeout_s=2,
    globs=False, gogc=800, no_route_status=503, grace_s=5, wait_s=18, poll_s=0.5, monitors=16, metrics="prometheus",
)  # fmt: skip
"""Settings that nobody can object to."""
ALIVE = Check("Serf Health Status", "passing", "", "serfHealth", of_node=True)
GONE = Check("Serf Health Status", "critical", "", "serfHealth", of_node=True)


def check(status: str, name: str = "http") -> Check:
    return Check(name, status, "", f"service:{name}")


def shop(number: int = 1, *checks: Check, tags: tuple[str, ...] = ("urlprefix-/shop",), **more: Any) -> Instance:
    """An instance of a shop; passing where no checks are given."""
    own = checks or (check("passing"),)
    return Instance(
        f"shop-{number}", "shop", "10.0.0.1", 8000 + number, "n1", "dc1", tags, {}, (ALIVE, *own), **more
    )  # fmt: skip


def line(number: int = 1, src: str = "/shop", service: str = "shop") -> RouteEntry:
    host, _, path = src.partition("/")
    return RouteEntry(service, src, f"http://10.0.0.1:{8000 + number}/", host, f"/{path}")


def fabio(*routes: RouteEntry, name: str = "f1", settings: Settings | None = GOOD, **more: Any) -> SeenRouter:
    return SeenRouter(name, routes, "", "http://127.0.0.1:9998", "1.7.2", settings, **more)


def mesh(*instances: Instance, routers: tuple[SeenRouter, ...], **more: Any) -> Observed:
    return Observed(routers, instances, **{"overrides": {"fabio/config": ()}, "dc": "dc1"} | more)
