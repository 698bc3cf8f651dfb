"""Secrets of a mesh: made once, complete, and tokens that nobody can tell without the seed."""

import uuid

from playbook_plugins import filters

FILTERS = filters("mesh_secrets")
COMPLETE = {"ca_certificate": "PEM", **FILTERS["complete_secrets"]({})}


def test_what_is_there_is_kept_and_what_is_missing_is_made() -> None:
    known = {"worker_token": "mine", "operator_token": ""}
    made = FILTERS["complete_secrets"](known)
    assert made["worker_token"] == "mine"
    assert FILTERS["missing_secrets"](made) == ["ca_certificate", "operator_token"], "an empty one is kept, and said"
    assert FILTERS["complete_secrets"](COMPLETE) == COMPLETE


def test_no_two_secrets_are_the_same() -> None:
    assert len(set(COMPLETE.values())) == len(COMPLETE)


def test_gossip_keys_are_32_bytes_of_base64() -> None:
    assert FILTERS["secret_problems"](COMPLETE) == []
    short = FILTERS["secret_problems"]({**COMPLETE, "consul_gossip_key": "c2hvcnQ="})
    assert short == ["consul_gossip_key in the Vault file is no gossip key (32 bytes in base64)"]
    assert "no gossip key" in FILTERS["secret_problems"]({**COMPLETE, "nomad_gossip_key": "?"})[0]


def test_what_is_missing_is_named_with_the_way_out() -> None:
    assert FILTERS["secret_problems"]({})[0].endswith("run secrets.yml with the password of the Vault file")


def test_a_token_is_a_uuid_of_its_service_host_and_seed() -> None:
    token = FILTERS["mesh_token"]
    services, hosts = ("input", "output"), ("a1", "b1")
    all_tokens = {token(seed, service, host) for seed in "st" for service in services for host in hosts}
    assert len(all_tokens) == 8
    assert all(uuid.UUID(each).version == 4 for each in all_tokens)
    assert token("s", "input", "a1") == token("s", "input", "a1")
    assert FILTERS["mesh_accessor"]("input", "a1") not in all_tokens
