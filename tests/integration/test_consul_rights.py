"""The tokens that services have on hosts, on a real Consul: what each must not do is refused, what it lives of is not.

Policies and tokens are those that the role consul makes.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from engine_processes import ConsulAgent, ask
from hoploom.kit import external_nodes
from hoploom.kit.external_nodes import ExternalNode
from hoploom.kit.names import PLAIN
from lab.security.asking import answers
from lab.security.rights import ANONYMOUS, OTHER, SERVICES, forbidden, nothing, refused
from playbook_plugins import filters
from waiting import until

POLICIES = Path(__file__).resolve().parents[2] / "consul" / "policies"
HOST, MANAGEMENT = "a1", "2d0cb9b0-6d5c-4b0c-8b52-8b7d1b3f9d10"
GROUPS = {group: [HOST] for group in ("all", "nomad_clients", "fabio", "monitoring")}
OWN = {
    "input": ("hoploom/roles/groups/.lock", "hoploom/roles/documents/.lock", "hoploom/shards/00/.lock",
              "hoploom/campaigns/x", "hoploom/overlay/dc2", "hoploom/ids/next", "hoploom/stores/x"),
    "output": ("hoploom/roles/collect-default/.lock", "hoploom/stores/x", "hoploom/data-sets/x"),
    "manager": (*(f"hoploom/roles/{role}/.lock" for role in ("manager", "keys", "edge-nodes", "dyfi", "auditor")),
                *(f"hoploom/{each}/x" for each in ("keys", "invites", "workers", "orders", "ids", "users",
                                                       "doors", "sessions", "attempts", "tokens")),
                "hoploom/audit", "hoploom/dyfi", "hoploom/events", "hoploom/routers"),
    "routing": ("fabio/config/hoploom", "hoploom/deploys/orders/.lock"),
}


class Mesh(NamedTuple):
    """A Consul with the tokens of a host: its URL, and the tokens by service."""

    url: str
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def mesh(engine_paths: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    acl = {"enabled": True, "default_policy": "deny", "tokens": {"initial_management": MANAGEMENT, "agent": MANAGEMENT}}
    agent = ConsulAgent(engine_paths["consul"], tmp_path_factory.mktemp("consul"), node_name=HOST, acl=acl)
    try:
        agent.start_bare()
        yield Mesh(agent.url, made(agent.url))
    finally:
        agent.stop()


def made(url: str) -> dict[str, str]:
    """Make the policies and tokens of one host; returns the tokens by service."""
    until("a leader of Consul", lambda: ask("GET", f"{url}/v1/status/leader"), 30)
    # No name of a refused service or node shall be refused for being unknown only.
    wanted = [("PUT", "/v1/catalog/register", {"Node": node, "Address": "127.0.0.1"}) for node in (HOST, OTHER)]
    until("a Consul that takes writes", lambda: ran(url, wanted), 30)
    rules = filters("consul_rights")
    # As Ansible's lookup gives them.
    texts = {f"hoploom-{name}": (POLICIES / f"{name}.hcl").read_text(encoding="utf-8").rstrip() for name in SERVICES}
    texts = {name: rules["on_hosts"](text) for name, text in texts.items()} | rules["session_policies"](GROUPS)
    assert ran(url, [("PUT", "/v1/acl/policy", {"Name": name, "Rules": text}) for name, text in texts.items()])
    seed = {"token_seed": "seed", "replication_token": MANAGEMENT}
    given = rules["consul_rights"]({HOST: {"hoploom_dc": "dc1"}}, GROUPS)
    secrets = {each["service"]: filters("mesh_secrets")["mesh_token"](seed["token_seed"], each["service"], HOST)
               for each in given}
    bodies = [{"SecretID": secrets[each["service"]], "Policies": [{"Name": name} for name in each["policies"]]}
              for each in given]
    assert ran(url, [("PUT", "/v1/acl/token", body) for body in bodies])
    return secrets


def ran(url: str, asked: Sequence[tuple[str, str, object]]) -> bool:
    return all(status == 200 for status, _ in answers(url, MANAGEMENT, asked))


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_must_not_do_is_refused(mesh: Mesh, service: str) -> None:
    attempts = forbidden(service)
    found = answers(mesh.url, mesh.tokens[service], [each[1:] for each in attempts])
    assert {each.what: answer for each, answer in zip(attempts, found, strict=True) if not refused(*answer)} == {}


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_lives_of_is_allowed(mesh: Mesh, service: str) -> None:
    reads = [("GET", path, None) for path in ("/v1/agent/self", "/v1/health/service/input", "/v1/catalog/nodes")]
    writes = [("PUT", f"/v1/kv/{key}", "x") for key in OWN.get(service, ())]
    session = [("PUT", "/v1/session/create", {"Node": HOST, "TTL": "10s"})] if service in OWN else []
    name = "host-metrics" if service == "prometheus" else service
    own = [("PUT", "/v1/agent/service/register", {"Name": name, "ID": f"{name}-1", "Port": 1})]
    # `hoploom route` and `hoploom deploy` are commands, and no service.
    asked: list[tuple[str, str, object]] = [*reads, *writes, *session, *(own if service != "routing" else [])]
    found = answers(mesh.url, mesh.tokens[service], asked)
    assert [(each, answer) for each, answer in zip(asked, found, strict=True) if answer[0] != 200] == []


@pytest.mark.parametrize("service", ["input", "output", "manager"])
def test_who_verifies_credentials_reads_keys_and_revocations(mesh: Mesh, service: str) -> None:
    assert ran(mesh.url, [("PUT", f"/v1/kv/hoploom/{key}", "x") for key in ("keys/y", "overlay")])
    asked = [("GET", f"/v1/kv/hoploom/{key}?recurse", None) for key in ("keys/", "overlay")]
    assert [status for status, _ in answers(mesh.url, mesh.tokens[service], asked)] == [200, 200]


@pytest.mark.parametrize("service", ["input", "output", "manager"])
def test_who_asks_others_reads_what_share_each_version_has(mesh: Mesh, service: str) -> None:
    written = answers(mesh.url, mesh.tokens["routing"], [("PUT", "/v1/kv/fabio/config/hoploom", "x")])
    found = answers(mesh.url, mesh.tokens[service], [("GET", "/v1/kv/fabio/config/hoploom?recurse", None)])
    assert [status for status, _ in (*written, *found)] == [200, 200]


def test_a_manager_enters_workers_elsewhere_and_takes_them_out(mesh: Mesh) -> None:
    pi = ExternalNode("edge-pi", "ping", "ping-pi", ("0.1.0",), {"edge": "true"}, "passing", "heard")
    steps = [external_nodes.entered(pi), external_nodes.judged(pi), external_nodes.removed("edge-pi")]
    sent = [("PUT", "/v1/txn", [external_nodes.as_sent(each, PLAIN) for each in step]) for step in steps]
    found = answers(mesh.url, mesh.tokens["manager"], sent)
    assert [answer for answer in found if answer[0] != 200] == []


def test_who_has_no_token_reads_nothing(mesh: Mesh) -> None:
    found = answers(mesh.url, "", [each[1:] for each in ANONYMOUS])
    assert {each.what: answer for each, answer in zip(ANONYMOUS, found, strict=True) if not nothing(*answer)} == {}
