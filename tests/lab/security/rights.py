"""What each token of the mesh must not be able to do in Consul: the table. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

SERVICES = ("input", "output", "manager", "ping", "fabio", "prometheus", "routing")
OTHER = "a2"
"""A node that is not the one on which the tokens are tried."""

_LOCKS = {
    "input": ("hoploom/roles/groups/.lock", "hoploom/roles/documents/.lock", "hoploom/shards/00/.lock"),
    "output": ("hoploom/roles/collect-default/.lock",),
    "manager": tuple(f"hoploom/roles/{role}/.lock" for role in ("manager", "keys", "edge-nodes", "dyfi", "auditor")),
    "routing": ("hoploom/deploys/orders/.lock",),
}
_NAMES = {
    **{each: (each,) for each in SERVICES},
    "fabio": ("fabio", "fabio-routes", "fabio-metrics"),
    "manager": ("manager", "route-canary"),
    "prometheus": ("host-metrics",),
    "routing": (),
}
_READ = ("hoploom/signing/key", "apps/anything")
_OWN_TO_READ = {"manager": ("hoploom/users/root", "hoploom/doors/x", "hoploom/sessions/x", "hoploom/audit")}
"""Hashes of passwords, who is invited, who has signed in, and who has done what."""

_KEPT = {
    "input": ("hoploom/campaigns/x", "hoploom/overlay"),
    "output": ("hoploom/data-sets/x",),
    "routing": ("fabio/config/hoploom",),
    "manager": tuple(f"hoploom/{each}/x" for each in ("keys", "invites", "workers", "orders", "dyfi",
                                                           "users", "doors", "sessions", "attempts", "tokens")),
}
# It enters workers that live elsewhere in the catalogue, on nodes of its own.
_ALSO = {("manager", "ping")}
_RULES = 'key_prefix "" { policy = "write" }'


class Attempt(NamedTuple):
    """Something that Consul must refuse with 403.

    Attributes:
        what: In words.
        method: Of the request.
        path: Path with query.
        body: What is sent as JSON; None for nothing.
    """

    what: str
    method: str
    path: str
    body: object = None


def forbidden(service: str) -> list[Attempt]:
    """What the token of this service must not be able to do."""
    return [*_keys(service), *_names(service), *_nodes(service), *_EVERYWHERE]


def _keys(service: str) -> Iterator[Attempt]:
    for owner, locks in _LOCKS.items():
        for lock in locks if owner != service else ():
            yield Attempt(f"lead in place of {owner}: {lock}", "PUT", f"/v1/kv/{lock}", "mine")
    for owner, keys in _KEPT.items():
        for key in keys if owner != service else ():
            yield Attempt(f"write {key}, which is {owner}'s", "PUT", f"/v1/kv/{key}", "mine")
    others = (key for owner, keys in _OWN_TO_READ.items() if owner != service for key in keys)
    for key in (*_READ, *others):
        yield Attempt(f"read {key}", "GET", f"/v1/kv/{key}")
    yield Attempt("raise the epoch", "PUT", "/v1/kv/hoploom/epoch", 9)
    yield Attempt("override Fabio's routes", "PUT", "/v1/kv/fabio/config", "route add x / http://192.0.2.1/")


def _names(service: str) -> Iterator[Attempt]:
    for name in (name for owner, names in _NAMES.items() if owner != service for name in names):
        if (service, name) in _ALSO:
            continue
        body = {"Name": name, "ID": "security-trial", "Port": 1}
        yield Attempt(f"register as {name}", "PUT", "/v1/agent/service/register", body)


def _nodes(service: str) -> Iterator[Attempt]:
    """Only a manager enters nodes, only those of workers elsewhere, and only with a worker on them."""
    elsewhere = {"Node": "edge-x", "Address": "edge-x.invalid"}
    if service != "manager":
        yield Attempt("enter a worker elsewhere", "PUT", "/v1/txn", [{"Node": {"Verb": "set", "Node": elsewhere}}])
    yield Attempt("enter another service elsewhere", "PUT", "/v1/catalog/register", {**elsewhere, "Service": _SERVICE})
    for verb in ("set", "delete"):
        change = [{"Node": {"Verb": verb, "Node": {"Node": OTHER, "Address": "192.0.2.1"}}}]
        yield Attempt(f"{verb} the node of a host", "PUT", "/v1/txn", change)


_SERVICE = {"Service": "host-metrics-of-nobody", "Port": 1}
_EVERYWHERE = (
    Attempt("a session on another node", "PUT", "/v1/session/create", {"Node": OTHER, "TTL": "10s"}),
    Attempt("read the tokens", "GET", "/v1/acl/tokens"),
    Attempt("make a policy", "PUT", "/v1/acl/policy", {"Name": "mine", "Rules": _RULES}),
    Attempt("make a token", "PUT", "/v1/acl/token", {"Policies": [{"Name": "global-management"}]}),
    Attempt("read the raft peers", "GET", "/v1/operator/raft/configuration"),
    Attempt("read the gossip keys", "GET", "/v1/operator/keyring"),
    Attempt("take a snapshot", "GET", "/v1/snapshot"),
    Attempt("reload the agent", "PUT", "/v1/agent/reload"),
    Attempt("let the agent join somebody", "PUT", "/v1/agent/join/192.0.2.1"),
    Attempt("drive a node out", "PUT", "/v1/agent/force-leave/nobody"),
    Attempt("put the node into maintenance", "PUT", "/v1/agent/maintenance?enable=true"),
    Attempt("give the agent another token", "PUT", "/v1/agent/token/agent", {"Token": "mine"}),
    Attempt("enter a node", "PUT", "/v1/catalog/register", {"Node": "rogue", "Address": "192.0.2.1"}),
    Attempt("remove a node", "PUT", "/v1/catalog/deregister", {"Node": OTHER}),
    Attempt("make a prepared query", "POST", "/v1/query", {"Name": "mine", "Service": {"Service": "consul"}}),
    Attempt("write a central setting", "PUT", "/v1/config",
            {"Kind": "proxy-defaults", "Name": "global"}),
    Attempt("fire an event", "PUT", "/v1/event/fire/mine", {}),
)

# Refused, or answered with nothing in it.
ANONYMOUS = (
    *(Attempt(f"read {path}", "GET", path) for path in (
        "/v1/kv/?recurse", "/v1/kv/?keys", "/v1/catalog/nodes", "/v1/catalog/services", "/v1/health/state/any",
        "/v1/health/service/input", "/v1/agent/self", "/v1/agent/services", "/v1/agent/checks", "/v1/agent/metrics",
        "/v1/agent/members", "/v1/session/list", "/v1/query", "/v1/internal/ui/services", "/v1/internal/ui/nodes",
        "/v1/acl/tokens", "/v1/operator/raft/configuration", "/v1/event/list", "/v1/coordinate/nodes",
    )),
    *(each for each in _EVERYWHERE if each.method != "GET"),
)


def refused(status: int, body: str) -> bool:
    """Whether Consul says that the token may not; it answers a transaction so with the status of a conflict."""
    return status == 403 or (status == 409 and "Permission denied" in body)


def nothing(status: int, body: str) -> bool:
    """Whether an answer is a refusal, or has nothing in it."""
    return status in (401, 403, 404) or (status == 200 and body.strip() in ("", "[]", "{}", "null"))
