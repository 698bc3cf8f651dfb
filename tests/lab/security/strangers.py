"""Agents that want to belong to the mesh and may not: without its gossip key, a certificate, or a server's certificate.

They run on a host of the mesh beside its own agents, on other ports, and know whatever the case says.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from lab.hosts import Lab
from lab.security import asked_on_host
from waiting import until

HTTP = 18500
_FOLDER = "/root/stranger"
_JOINED = "Join cluster completed"


class Stranger(NamedTuple):
    """An agent.

    Attributes:
        what: What it lacks, in words.
        engine: consul or nomad.
        settings: Its configuration.
        words: What it has said when it has tried.
        asked: What it is asked for over its own HTTP API.
    """

    what: str
    engine: str
    settings: Mapping[str, Any]
    words: tuple[str, ...]
    asked: tuple[str, ...]


def strangers(address: str, server: str, secrets: Mapping[str, str]) -> list[Stranger]:
    """The cases.

    Args:
        address: Of the host on which they run.
        server: Address of a server of the mesh.
        secrets: What the Vault file says.
    """
    consul, nomad = _consul(address, server), _nomad(address)
    gossip = {"encrypt": secrets["consul_gossip_key"]}
    joined = {"server": {"enabled": True, "bootstrap_expect": 0, "server_join": {"retry_join": [f"{server}:4648"]}}}
    keyed = {"server": {**joined["server"], "encrypt": secrets["nomad_gossip_key"]}}
    quick = {"fingerprint.denylist": "env_aws,env_gce,env_azure,env_digitalocean"}
    client = {"client": {"enabled": True, "servers": [f"{server}:4647"], "options": quick}}
    return [
        Stranger("Consul without the gossip key", "consul", consul, ("Join cluster failed",), ("/v1/catalog/nodes",)),
        Stranger("Consul without a certificate", "consul", {**consul, **gossip}, (_JOINED, "rpc error"),
                 ("/v1/catalog/nodes",)),
        Stranger("a Consul server without a certificate", "consul", {**consul, **gossip, "server": True}, (_JOINED,),
                 ("/v1/catalog/nodes?stale", "/v1/kv/?recurse&stale", "/v1/acl/tokens")),
        Stranger("a Consul server with a client's certificate", "consul",
                 {**consul, **gossip, "server": True, **_consul_tls()}, (_JOINED,),
                 ("/v1/catalog/nodes?stale", "/v1/kv/?recurse&stale", "/v1/acl/tokens")),
        Stranger("a Nomad client without a certificate", "nomad", {**nomad, **client}, ("error registering",),
                 ("/v1/nodes",)),
        Stranger("a Nomad server without the gossip key", "nomad", {**nomad, **joined}, ("join failed",),
                 ("/v1/nodes?stale",)),
        Stranger("a Nomad server with a client's certificate", "nomad", {**nomad, **keyed, **_nomad_tls()},
                 ("retry join completed", "no known peers"),
                 ("/v1/nodes?stale", "/v1/jobs?stale")),
    ]


def problems(lab: Lab, host: str, server: str, each: Stranger) -> list[str]:
    """What a stranger got and must not get.

    Args:
        lab: The lab.
        host: Where it runs.
        server: Name of a server of the mesh.
        each: The stranger.
    """
    packed = base64.b64encode(json.dumps(each.settings).encode()).decode("ascii")
    config = f"{_FOLDER}/agent.json"
    start = (
        f"rm -rf {_FOLDER}; mkdir -m 700 {_FOLDER}; echo {packed} | base64 -d > {config};"
        f" systemd-run --quiet --collect --unit=stranger /usr/local/bin/{each.engine} agent -config={config}"
    ).replace("-config=", "-config-file=" if each.engine == "consul" else "-config=")
    ran = lab.ssh(host, start)
    assert ran.rc == 0, ran.err
    try:
        until(f"{each.what} has tried", lambda: _has_tried(lab, host, each), within_s=60)
        return [*_read(lab, host, each), *_counted(lab, server, each)]
    finally:
        lab.ssh(host, f"systemctl kill --signal=KILL stranger; systemctl reset-failed stranger; rm -rf {_FOLDER}")


def log(lab: Lab, host: str) -> str:
    """What the stranger has said."""
    return lab.ssh(host, "journalctl --unit=stranger --output=cat --lines=300 --since=-60s").out


def _has_tried(lab: Lab, host: str, each: Stranger) -> bool:
    answered = lab.ssh(host, f"curl -sm 3 -o /dev/null http://127.0.0.1:{HTTP}/v1/agent/self").rc == 0
    said = log(lab, host)
    return answered and all(word in said for word in each.words)


def _read(lab: Lab, host: str, each: Stranger) -> list[str]:
    asked = [("GET", path, None) for path in each.asked]
    found = asked_on_host.answers(lab, host, f"http://127.0.0.1:{HTTP}", "", asked)
    return [f"{each.what} reads {path}: {body[:200]}" for path, (status, body) in zip(each.asked, found, strict=True)
            if status == 200 and body.strip() not in ("", "[]", "{}", "null") and not _only_itself(body)]


def _only_itself(body: str) -> bool:
    """Whether an answer knows of nobody but the stranger."""
    found = json.loads(body)
    return isinstance(found, list) and all(isinstance(each, dict) and each.get("Node") == "stranger" for each in found)


def _counted(lab: Lab, server: str, each: Stranger) -> list[str]:
    """Whether the mesh lets it vote, or gives it work."""
    token = "/root/nomad-token" if each.engine == "nomad" else "/root/management-token"
    base = asked_on_host.NOMAD if each.engine == "nomad" else asked_on_host.CONSUL
    [(status, body), (_, nodes)] = asked_on_host.answers(
        lab, server, base, token, [("GET", "/v1/operator/raft/configuration", None), ("GET", "/v1/nodes", None)])
    assert status == 200, body
    found = [f"{each.what} votes" for peer in json.loads(body)["Servers"]
             if peer["Node"].startswith("stranger") and peer["Voter"]]
    return found + ([f"{each.what} is a node for tasks"] if each.engine == "nomad" and "stranger" in nodes else [])


def forget(lab: Lab, server: str) -> None:
    """Let the servers forget them, so that nobody waits for them."""
    asked_on_host.answers(lab, server, asked_on_host.CONSUL, "/root/management-token",
                          [("PUT", "/v1/agent/force-leave/stranger?prune", None)])
    asked_on_host.answers(lab, server, asked_on_host.NOMAD, "/root/nomad-token",
                          [("PUT", "/v1/agent/force-leave?node=stranger.global&prune=true", None)])


def _consul(address: str, server: str) -> dict[str, Any]:
    ports = {"http": HTTP, "serf_lan": 18301, "server": 18300, "serf_wan": -1, "dns": -1, "grpc": -1, "grpc_tls": -1}
    return {
        "datacenter": "dc1", "node_name": "stranger", "data_dir": f"{_FOLDER}/data", "bind_addr": address,
        "client_addr": "127.0.0.1", "ports": ports, "retry_join": [f"{server}:8301"], "retry_interval": "1s",
        "disable_update_check": True,
    }


def _consul_tls() -> dict[str, Any]:
    files = {"ca_file": "/etc/hoploom/ca.pem", "cert_file": "/etc/consul.d/tls/cert.pem",
             "key_file": "/etc/consul.d/tls/key.pem"}
    return {"tls": {"defaults": {**files, "verify_outgoing": True}}}


def _nomad(address: str) -> dict[str, Any]:
    return {
        "name": "stranger", "datacenter": "dc1", "data_dir": f"{_FOLDER}/data", "bind_addr": address,
        "addresses": {"http": "127.0.0.1"}, "ports": {"http": HTTP, "rpc": 18647, "serf": 18648},
        "advertise": {"http": "127.0.0.1", "rpc": address, "serf": address},
        "disable_update_check": True, "consul": {"address": "127.0.0.1:1"},
    }


def _nomad_tls() -> dict[str, Any]:
    return {"tls": {"rpc": True, "ca_file": "/etc/hoploom/ca.pem", "cert_file": "/etc/nomad.d/tls/cert.pem",
                    "key_file": "/etc/nomad.d/tls/key.pem", "verify_server_hostname": True}}
