"""Somebody else's Nomad: can our jobs run on this host there? It is only asked."""

from dataclasses import dataclass
from typing import Any

from hoploom.kit.errors import ConfigError, Unavailable
from hoploom.local.stranger import POLICY, Stranger
from hoploom.local.wishes import is_local

LEAST = (1, 8, 0)
_TINY = {
    "Type": "batch",
    "TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t", "Driver": "raw_exec", "Config": {"command": "true"}}]}],
}
_ACL_OFF = (b"ACL support disabled", b"acls-disabled")
_ALLOW = 'allow it by plugin "raw_exec" { config { enabled = true } } in that client\'s configuration'


@dataclass(frozen=True)
class Client:
    """The Nomad client on this host."""

    id: str
    dc: str
    pool: str
    version: str
    acl: bool


async def look(nomad: Stranger, prefix: str) -> Client | None:
    """See whether a Nomad is there, and whether it will do; None where nobody is there and nobody said so.

    Raises:
        ConfigError: It will not do; with the way out.
    """
    leader = await nomad.first("/v1/status/leader")
    if leader is None or not leader.body.startswith(b'"'):
        return None
    if not leader.json():
        raise ConfigError(f"{nomad.where} has no leader: wait until its servers have elected one, and try again")
    acl = await _has_acl(nomad)
    node = _here(nomad, await nomad.asked("/v1/nodes"))
    nomad.no_older_than(node["Version"], LEAST)
    await _may_submit(nomad, prefix, node)
    return Client(node["ID"], node["Datacenter"], node.get("NodePool") or "default", node["Version"], acl)


async def _has_acl(nomad: Stranger) -> bool:
    try:
        answer = await nomad.call("GET", "/v1/acl/token/self")
    except Unavailable as error:
        raise ConfigError(f"{nomad.where} does not answer as it should: {error}") from error
    # An older one refuses to say, a newer one names a token that stands for none.
    if any(words in answer.body for words in _ACL_OFF):
        return False
    if not answer.ok or not answer.json().get("SecretID"):
        raise ConfigError(f"{nomad.where} has ACLs and does not know our token: {nomad.more_rights()}")
    return True


def _here(nomad: Stranger, nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """The client on this host that can run our jobs."""
    ours = [each for each in nodes if is_local(each["Address"])]
    if not ours:
        raise ConfigError(f"{nomad.where} has no client on this host: run one here, or {nomad.other()}")
    good = [each for each in ours if each["Status"] == "ready" and each["SchedulingEligibility"] == "eligible"]
    if not good:
        raise ConfigError(f"the client of {nomad.where} on this host takes no jobs now: make it ready and eligible")
    able = [each for each in good if (each.get("Drivers") or {}).get("raw_exec", {}).get("Healthy")]
    if not able:
        # `exec` would not do: it shows a task nothing of the folders that hold this installation and its tokens.
        raise ConfigError(f"{nomad.where} has no raw_exec on this host: {_ALLOW}, or use our own by --nomad own")
    return able[0]


async def _may_submit(nomad: Stranger, prefix: str, node: dict[str, Any]) -> None:
    """Let it plan a job of ours, which changes nothing."""
    name = f"{prefix}-input"
    job = {**_TINY, "ID": name, "Name": name, "Datacenters": [node["Datacenter"]]}
    answer = await nomad.call("PUT", f"/v1/job/{name}/plan", {"Job": job})
    if not answer.ok:
        raise ConfigError(f"the token for {nomad.where} may not submit {name} ({answer.reason()}): {POLICY}")
