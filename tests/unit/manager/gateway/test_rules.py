"""What is relayed, and which headers go with it."""

import pytest
from multidict import CIMultiDict

from hoploom.manager.gateway import rules

SET = "/api/v1/sets/" + "a7" * 32
LEASE = "/leases/city-map.0.3.4.65536.4096.0123456789abcdef"


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/leases", "lease"),
        ("POST", f"{LEASE}/renew", "word"),
        ("POST", f"{LEASE}/done", "word"),
        ("POST", f"{LEASE}/return", "word"),
        ("POST", "/results", "results"),
        ("POST", "/hops", "hops"),
        ("GET", SET, "set"),
        ("GET", "/api/v1/overlay", "overlay"),
    ],
)
def test_what_a_worker_asks_is_relayed(method: str, path: str, kind: str) -> None:
    found = rules.rule_for(method, path)
    assert found is not None and found.kind == kind


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/leases"),
        ("HEAD", SET),
        ("DELETE", "/api/v1/overlay"),
        ("POST", "/api/v1/overlay/pause"),
        ("POST", "/api/v1/campaigns"),
        ("GET", "/api/v1/campaigns"),
        ("GET", "/api/v1/overlay/summary"),
        ("GET", "/targets"),
        ("GET", "/results"),
        ("GET", "/metrics"),
        ("POST", "/leases/"),
        ("POST", "/leases/../renew"),
        ("POST", f"{LEASE}/budget"),
        ("POST", f"{LEASE}/renew/"),
        ("POST", f"{LEASE}/../done"),
        ("POST", "/leases/a%2Fb/renew"),
        ("POST", "/leases\n"),
        ("POST", "//results"),
        ("POST", "/results?campaign=x"),
        ("GET", SET.upper()),
        ("GET", SET[:-1]),
        ("GET", ""),
    ],
)
def test_nothing_else_is(method: str, path: str) -> None:
    assert rules.rule_for(method, path) is None


def test_what_people_and_instances_send_in_headers_stays_behind() -> None:
    sent = CIMultiDict(
        {
            "host": "map.example.org",
            "AUTHORIZATION": "Bearer hw1.x.y",
            "idempotency-key": "k",
            "Content-Type": "application/json",
            "Content-Length": "2",
            "Transfer-Encoding": "chunked",
            "Connection": "keep-alive, X-Secret",
            "Keep-Alive": "5",
            "Upgrade": "h2c",
            "TE": "trailers",
            "Trailer": "Expires",
            "Proxy-Authorization": "Basic eA==",
            "Expect": "100-continue",
            "Cookie": "a=b",
            "X-Forwarded-For": "192.0.2.1",
            "X-Forwarded-Proto": "https",
            "Forwarded": "for=192.0.2.1",
            "X-Hoploom-Relayed": "1",
            "Accept-Encoding": "gzip",
        }
    )
    assert rules.asked_headers(sent, "198.51.100.7") == {
        "Authorization": "Bearer hw1.x.y",
        "Idempotency-Key": "k",
        "Content-Type": "application/json",
        "Content-Length": "2",
        "Accept-Encoding": "identity",
        "X-Forwarded-For": "198.51.100.7",
    }


def test_of_an_answer_the_worker_gets_what_it_needs() -> None:
    came = CIMultiDict(
        {
            "Content-Type": "application/problem+json",
            "Content-Length": "70",
            "Retry-After": "2",
            "Connection": "close",
            "Server": "x",
            "Set-Cookie": "a=b",
            "X-Request-Id": "one",
        }
    )
    assert rules.answered_headers(came) == {
        "Content-Type": "application/problem+json",
        "Content-Length": "70",
        "Retry-After": "2",
    }


def test_of_a_query_goes_on_what_the_rule_names() -> None:
    query = {"known": "7", "wait_s": "20", "campaign": "x"}
    leases, overlay = rules.rule_for("POST", "/leases"), rules.rule_for("GET", "/api/v1/overlay")
    assert leases and overlay
    assert rules.asked_query(leases, query) == {}
    assert rules.asked_query(overlay, query) == {"known": "7", "wait_s": "20"}


def test_a_long_body_has_longer() -> None:
    results, lease = rules.rule_for("POST", "/results"), rules.rule_for("POST", "/leases")
    assert results and lease
    assert results.timeout_s(8 * 2**20) == 30 + 512
    assert lease.timeout_s(1000) == 6
