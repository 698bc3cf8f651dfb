"""What a Fabio's settings cost: who may read and change it, and what happens on a bad day. Pure.

Each rule names the setting as it stands in `fabio.properties`; why ours are as they are stands in
`fabio/fabio.properties.j2`.
"""

import ipaddress
import re
from collections.abc import Callable, Iterator

from hoploom.routing import audit_advice, audit_expected
from hoploom.routing.audit_expected import Due
from hoploom.routing.audit_findings import AuditFinding, Kind, Severity
from hoploom.routing.audit_observed import Observed, SeenRouter, Settings, target, target_of

_LONG_DIAL_S = 10.0
_FABIOS_GOGC = 100
_MANY_HOSTS = 100
_KEPT = {
    "registry.consul.token": "leave it out of the settings, and name its file in Fabio's environment: "
    "CONSUL_HTTP_TOKEN_FILE"
}
"""How a secret is kept out of /api/config, where there is a way (Consul's client reads that variable by itself)."""
_GLOB = re.compile(r"[*?\[{]")


def find(observed: Observed) -> list[AuditFinding]:
    """All that the routers' settings and pages tell."""
    found: list[AuditFinding] = []
    for router in observed.routers:
        if router.settings:
            found += [each for rule in _RULES for each in rule(router, router.settings)]
            found += _reads(observed, router, router.settings)
        elif router.is_open:
            found.append(_open(router, Severity.WARNING, f"answer at {router.pages}"))
        found += _routed_though_failing(observed, router)
    return found


def is_loopback(address: str) -> bool:
    """Whether a listening address such as ":9998" or "127.0.0.1:9998" is loopback's alone."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_reachable(router: SeenRouter, settings: Settings) -> bool:
    return router.is_open or not is_loopback(settings.pages_at)


def _pages(router: SeenRouter, settings: Settings) -> Iterator[AuditFinding]:
    if not _is_reachable(router, settings):
        return
    grave = settings.access == "rw" or settings.secrets
    where = f"answer at {router.pages}" if router.is_open else f"listen at {settings.pages_at}, which is no loopback"
    yield _open(router, Severity.ERROR if grave else Severity.WARNING, where)


def _open(router: SeenRouter, severity: Severity, where: str) -> AuditFinding:
    text = f"the admin pages of {router.name} {where}: everybody there sees every route and setting, without a password"
    cure = "set ui.addr = 127.0.0.1:9998, and reach it through ssh or a route with allow="
    return AuditFinding(Kind.OPEN_ADMIN_PORT, severity, router.name, "ui.addr", text, cure)


def _access(router: SeenRouter, settings: Settings) -> Iterator[AuditFinding]:
    if settings.access == "rw":
        severity = Severity.ERROR if _is_reachable(router, settings) else Severity.WARNING
        text = f"whoever reaches the admin pages of {router.name} can change routes there (ui.access = rw)"
        yield AuditFinding(
            Kind.WRITABLE_PAGES, severity, router.name, "ui.access", text,
            "set ui.access = ro, and write overrides into Consul's KV store, which has tokens",
        )  # fmt: skip


def _secrets(router: SeenRouter, settings: Settings) -> Iterator[AuditFinding]:
    reachable = _is_reachable(router, settings)
    who = "everybody who reaches its admin pages" if reachable else "every user of its host"
    severity = Severity.ERROR if reachable else Severity.WARNING
    for name in settings.secrets:
        text = f"{who} can read {name} of {router.name} in /api/config, also where ui.access = ro"
        cure = f"{_KEPT.get(name, 'set ui.addr to loopback')}{', and change the token' if reachable else ''}"
        yield AuditFinding(Kind.READABLE_TOKEN, severity, router.name, name, text, cure)


def _checks(router: SeenRouter, settings: Settings) -> Iterator[AuditFinding]:
    if settings.backend == "consul" and settings.checks_required != "all":
        text = f"{router.name} sends requests to an instance as long as one of its checks passes"
        yield AuditFinding(
            Kind.CHECKS_REQUIRED_ONE, Severity.WARNING, router.name, "registry.consul.checksRequired", text,
            "set registry.consul.checksRequired = all",
        )  # fmt: skip


def _routed_though_failing(observed: Observed, router: SeenRouter) -> Iterator[AuditFinding]:
    """By evidence: an instance that is listed while one of its checks fails."""
    if router.routes is None or (router.settings and router.settings.checks_required == "all"):
        return
    listed = {(each.service, target(each.dst)) for each in router.routes}
    for each in observed.instances or ():
        failing = audit_expected.failing(each)
        if (
            failing and (each.service, target_of(each)) in listed
            and audit_expected.due(each.checks, router.settings) is not Due.UNLISTED
        ):  # fmt: skip
            text = f"{router.name} sends requests to {each.id} though its check {failing[0].name!r} fails"
            yield AuditFinding(
                Kind.CHECKS_REQUIRED_ONE, Severity.ERROR, router.name, each.id, text,
                "set registry.consul.checksRequired = all, so that every check of an instance has to pass",
            )  # fmt: skip


def _reads(observed: Observed, router: SeenRouter, settings: Settings) -> Iterator[AuditFinding]:
    if settings.backend != "consul":
        return
    # An only server is the leader, and nobody answers where there is none.
    is_alone = observed.servers == 1
    if is_alone and settings.stale and not settings.consistent:
        text = f"{router.name} takes stale answers of Consul's only server, which leave routes out while it starts"
        yield AuditFinding(
            Kind.STALE_READS, Severity.ADVICE, router.name, "registry.consul.allowStale", text,
            "set registry.consul.requireConsistent = true and registry.consul.allowStale = false",
        )  # fmt: skip
    if not is_alone and not settings.stale:
        which = "registry.consul.requireConsistent" if settings.consistent else "registry.consul.allowStale"
        text = f"{router.name} asks Consul's leader alone, and loses routes while there is none"
        yield AuditFinding(
            Kind.CONSISTENT_READS, Severity.WARNING, router.name, which, text,
            "set registry.consul.requireConsistent = false and registry.consul.allowStale = true",
        )  # fmt: skip


def _dialling(router: SeenRouter, settings: Settings) -> Iterator[AuditFinding]:
    if settings.dial_timeout_s > _LONG_DIAL_S:
        text = f"{router.name} holds a request for {settings.dial_timeout_s:g} s when the host of an instance is gone"
        yield AuditFinding(
            Kind.DIAL_TIMEOUT, Severity.WARNING, router.name, "proxy.dialtimeout", text, "set proxy.dialtimeout = 2s"
        )


def _globs(router: SeenRouter, settings: Settings) -> Iterator[AuditFinding]:
    hosts = {each.host for each in router.routes or ()}
    if settings.globs and not any(map(_GLOB.search, hosts)):
        severity = Severity.WARNING if len(hosts) > _MANY_HOSTS else Severity.ADVICE
        text = f"{router.name} matches each request with every one of {len(hosts)} hosts as a glob, and none is one"
        yield AuditFinding(
            Kind.GLOB_MATCHING, severity, router.name, "glob.matching.disabled", text,
            "set glob.matching.disabled = true",
        )  # fmt: skip


def _collection(router: SeenRouter, settings: Settings) -> Iterator[AuditFinding]:
    if settings.gogc == _FABIOS_GOGC:
        text = f"{router.name} collects garbage as often as Go does by itself, unless its environment says otherwise"
        yield AuditFinding(
            Kind.GARBAGE_COLLECTION, Severity.ADVICE, router.name, "runtime.gogc", text,
            "set runtime.gogc = 800, or GOGC in its environment, where memory is not short",
        )  # fmt: skip


_RULES: tuple[Callable[[SeenRouter, Settings], Iterator[AuditFinding]], ...] = (
    _pages, _access, _secrets, _checks, _dialling, _globs, _collection, audit_advice.find,
)  # fmt: skip
