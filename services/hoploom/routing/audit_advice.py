"""Which of the settings that this mesh's own Fabios have another one lacks: advice, for it works without. Pure.

Why ours are as they are stands in `fabio/fabio.properties.j2`; what is more than advice is a rule of `audit_settings`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hoploom.routing.audit_findings import AuditFinding, Kind, Severity
from hoploom.routing.audit_observed import SeenRouter, Settings

_UNAVAILABLE, _MONITORS = 503, 16


@dataclass(frozen=True)
class _Advice:
    """One setting.

    Attributes:
        name: As it stands in `fabio.properties`.
        lacks: Whether a Fabio would be better off with another value; False where its value is not known.
        problem: What it does as it is; behind its name.
        wanted: The value to set.
    """

    name: str
    lacks: Callable[[Settings], bool]
    problem: str
    wanted: str


_ADVICE = (
    _Advice(
        "proxy.noroutestatus", lambda each: each.no_route_status not in (None, _UNAVAILABLE),
        "says where it has no route that there is no such address, though that passes, and nobody tries again", "503",
    ),
    _Advice(
        "proxy.deregistergraceperiod", lambda each: each.grace_s == 0,
        "closes its listeners the moment that it stops, before anybody can turn to another Fabio", "5s",
    ),
    _Advice("proxy.shutdownwait", lambda each: each.wait_s == 0, "cuts what is in flight when it stops", "18s"),
    _Advice("proxy.strategy", lambda each: each.strategy == "rr", "takes turns, in step with clients that do", "rnd"),
    _Advice(
        "registry.consul.pollinterval", lambda each: each.poll_s == 0,
        "waits at Consul for changes, and a clean stop of the agent may empty its table", "500ms",
    ),
    _Advice(
        "registry.consul.serviceMonitors", lambda each: each.monitors is not None and each.monitors < _MONITORS,
        "asks Consul for one service after another, and is behind for longer the more there are", str(_MONITORS),
    ),
    _Advice(
        "metrics.target", lambda each: each.metrics is not None and "prometheus" not in each.metrics,
        "has no metrics for Prometheus, by which a deploy tells a bad version", "prometheus",
    ),
)  # fmt: skip


def find(router: SeenRouter, settings: Settings) -> Iterator[AuditFinding]:
    """What could be set better."""
    is_consul = settings.backend == "consul"
    for each in _ADVICE:
        if each.lacks(settings) and (is_consul or not each.name.startswith("registry.consul")):
            text, cure = f"{router.name} {each.problem} ({each.name})", f"set {each.name} = {each.wanted}"
            yield AuditFinding(Kind.RECOMMENDED_SETTING, Severity.ADVICE, router.name, each.name, text, cure)
