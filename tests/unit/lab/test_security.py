"""The tables of what a mesh must refuse, and how answers and states are judged."""

import pytest

from lab.security import hardening, rights, state, strangers

SECRETS = {"consul_gossip_key": "k1", "nomad_gossip_key": "k2"}


@pytest.mark.parametrize("service", rights.SERVICES)
def test_no_attempt_is_something_that_the_service_may_do(service: str) -> None:
    attempts = rights.forbidden(service)
    assert len({each.what for each in attempts}) == len(attempts)
    names = [each.body["Name"] for each in attempts if isinstance(each.body, dict) and "register" in each.path
             and "Name" in each.body]
    assert names and service not in names


@pytest.mark.parametrize(("status", "body", "is_nothing"), [
    (403, "Permission denied", True), (404, "", True), (200, "[]", True), (200, "{}\n", True), (200, "null", True),
    (200, '[{"Node": "a1"}]', False), (500, "rpc error", False),
])
def test_an_answer_is_nothing_when_it_refuses_or_is_empty(status: int, body: str, *, is_nothing: bool) -> None:
    assert rights.nothing(status, body) is is_nothing


def test_whatever_is_new_gone_or_other_on_a_host_is_a_difference() -> None:
    before, after = {"a1": ["/etc/a 1", "/etc/b 1"]}, {"a1": ["/etc/a 2", "/etc/b 1"]}
    assert state.differences(before, before) == []
    assert state.differences(before, after) == ["a1: /etc/a 1", "a1: /etc/a 2"]


def test_only_the_engine_that_has_to_be_root_may_do_more() -> None:
    assert hardening.problems({"nomad": 9.6, "consul": 1.1, "fabio": 2.5}) == []
    assert hardening.problems({"fabio": 2.6}) == ["fabio has 2.6, more than 2.5"]


def test_each_stranger_lacks_what_it_is_named_for() -> None:
    found = {each.what: each.settings for each in strangers.strangers("10.71.1.12", "10.71.1.11", SECRETS)}
    assert "encrypt" not in found["Consul without the gossip key"]
    without = found["a Consul server without a certificate"]
    assert without["encrypt"] == "k1" and without["server"] and "tls" not in without
    assert found["a Consul server with a client's certificate"]["tls"]["defaults"]["cert_file"].startswith("/etc")
    assert "encrypt" not in found["a Nomad server without the gossip key"]["server"]
