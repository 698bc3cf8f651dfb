"""Somebody else's Consul: can a mesh be a guest there? It is only asked; what is entered is `guest`'s matter."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.kit.names import Names
from hoploom.local.stranger import FORBIDDEN, POLICY, Stranger
from hoploom.local.wishes import is_local

LEAST = (1, 14, 0)
SERVICES = ("input", "output", "manager", "ping", "fabio-routes", "route-canary", "fabio")
_ACL_OFF, _NOT_FOUND = 401, 404


@dataclass(frozen=True)
class Host:
    """What a Consul agent says of itself."""

    dc: str
    node: str
    version: str
    acl: bool
    makes_tokens: bool


async def look(consul: Stranger, names: Names) -> Host | None:
    """See whether a Consul is there, and whether it will do; None where nobody is there and nobody said so.

    Raises:
        ConfigError: It will not do; with the way out.
    """
    leader = await consul.first("/v1/status/leader")
    if leader is None or not leader.body.startswith(b'"'):
        return None
    if not leader.json():
        raise ConfigError(f"{consul.where} has no leader: wait until its servers have elected one, and try again")
    if not is_local(urlsplit(consul.url).hostname or ""):
        raise ConfigError(f"{consul.where} is not on this host: services register at the agent of their own host; "
                          "run one here that joins it, and name that")  # fmt: skip
    acl = await _has_acl(consul)
    found: dict[str, Any] = (await consul.asked("/v1/agent/self"))["Config"]
    consul.no_older_than(found["Version"], LEAST)
    makes_tokens = await _may(consul, names, found["NodeName"]) if acl else False
    return Host(found["Datacenter"], found["NodeName"], found["Version"], acl, makes_tokens)


async def _has_acl(consul: Stranger) -> bool:
    """Whether it wants a token; raises ConfigError where it does not know ours."""
    try:
        answer = await consul.call("GET", "/v1/acl/token/self")
    except Unavailable as error:
        raise ConfigError(f"{consul.where} does not answer as it should: {error}") from error
    if answer.status == _ACL_OFF and b"disabled" in answer.body:
        return False
    if not answer.ok:
        raise ConfigError(f"{consul.where} has ACLs and does not know our token: {consul.more_rights()}")
    return True


async def _may(consul: Stranger, names: Names, node: str) -> bool:
    """Whether the token may make tokens; raises ConfigError where it may not do what a mesh does."""
    wanted = [
        {"Resource": "key", "Segment": f"{names.prefix}/x", "Access": "write"},
        *({"Resource": "service", "Segment": names.service(each), "Access": "write"} for each in SERVICES),
        {"Resource": "session", "Segment": node, "Access": "write"},
        {"Resource": "query", "Segment": names.query("input"), "Access": "write"},
        {"Resource": "agent", "Segment": node, "Access": "read"},
        {"Resource": "node", "Segment": node, "Access": "read"},
        {"Resource": "node", "Segment": names.service("edge-x"), "Access": "write"},
    ]
    answer = await consul.call("POST", "/v1/internal/acl/authorize", [*wanted, {"Resource": "acl", "Access": "write"}])
    if answer.status in (FORBIDDEN, _NOT_FOUND):
        return False
    *told, tokens = answer.json()
    missing = [f"{each['Resource']} {each['Segment']}: {each['Access']}" for each in told if not each["Allow"]]
    if missing:
        raise ConfigError(f"the token for {consul.where} may not do {'; '.join(missing)}: {POLICY}")
    return bool(tokens["Allow"])
