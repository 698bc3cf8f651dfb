"""Who may do what in Consul: a token for each service on each host, with the policies it needs and no more."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Vars = Mapping[str, Any]
# Services that lead roles or own shards have sessions, and so has a deploy; on their own node only.
WITH_SESSION = ("input", "output", "manager", "routing")
_ANY_SESSION = re.compile(r'^session_prefix "" \{\n[^}]*\}\n?', re.MULTILINE)
SERVICES = ("input", "output", "manager", "ping")


def hosts_where(hostvars: Mapping[str, Vars], name: str, value: object) -> list[str]:
    """Hosts for which a variable has this value."""
    return [host for host in hostvars if hostvars[host].get(name) == value]


def rights(hostvars: Mapping[str, Vars], groups: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Service, host, policies and node identity of each token; without secrets.

    Args:
        hostvars: Variables by host.
        groups: Hosts by group.
    """
    found: list[dict[str, Any]] = []
    for host in groups["all"]:
        node = {"name": host, "datacenter": str(hostvars[host]["hoploom_dc"])}
        found.append({"service": "agent", "host": host, "policies": [], "node": node})
        for service in _services(host, groups):
            policies = [f"hoploom-{service}"]
            if service in WITH_SESSION:
                policies.append(session_policy(host))
            found.append({"service": service, "host": host, "policies": policies})
    return found


def session_policy(host: str) -> str:
    """Name of the policy that lets a service have sessions on this host."""
    return f"hoploom-session-{host}"


def session_policies(groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """A policy for sessions on each host that runs services, by its name."""
    hosts = groups.get("nomad_clients", ())
    return {session_policy(host): f"session {json.dumps(str(host))} {{\n  policy = \"write\"\n}}\n" for host in hosts}


def on_hosts(rules: str) -> str:
    """A service's policy without its right to sessions on any node, which is for a mesh that is one node."""
    return _ANY_SESSION.sub("", rules)


def _services(host: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    # Where the services' code is, root may move shares and deploy.
    found = [*SERVICES, "routing"] if host in groups.get("nomad_clients", ()) else []
    if host in groups.get("fabio", ()):
        found.append("fabio")
    # Each host shows its agents' metrics to the Prometheus of its datacenter.
    if groups.get("monitoring"):
        found.append("prometheus")
    return found


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> dict[str, Callable[..., object]]:
        """The filters by name."""
        return {"hosts_where": hosts_where, "consul_rights": rights, "session_policies": session_policies,
                "on_hosts": on_hosts}
