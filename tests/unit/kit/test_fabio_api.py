"""Who a route table lists, and which Fabios there are."""

import pytest

from hoploom.kit.consul_api import Instance
from hoploom.kit.errors import Unavailable
from hoploom.kit.fabio_api import RouteEntry, Router, lists, parsed, routers

LISTED = [
    ("the same address and port", "http://127.0.0.1:80/", "127.0.0.1", 80, True),
    ("another port", "http://127.0.0.1:81/", "127.0.0.1", 80, False),
    ("another address", "http://127.0.0.2:80/", "127.0.0.1", 80, False),
    ("an IPv6 address in brackets", "http://[::1]:80/", "::1", 80, True),
    ("an IPv6 address spelt out", "http://[::1]:80/", "0:0:0:0:0:0:0:1", 80, True),
    ("a name in other letters", "http://Host.Example:80/", "host.example", 80, True),
    ("a redirect to an impossible port", "https://a.example:99999/", "127.0.0.1", 80, False),
    ("a TCP target", "tcp://127.0.0.1:3306", "127.0.0.1", 3306, True),
]


@pytest.mark.parametrize(
    ("dst", "address", "port", "expected"), [each[1:] for each in LISTED], ids=[each[0] for each in LISTED]
)
def test_an_instance_is_found_by_its_target(dst: str, address: str, port: int, expected: bool) -> None:
    assert lists([RouteEntry("x", "/x", dst)], address, port) is expected


def test_only_fabios_that_say_where_their_table_is_are_asked() -> None:
    where = {"proxy": "10.0.0.1:9999", "path": "/_mesh/a/api/routes"}
    ours = Instance("a", "fabio-routes", "127.0.0.1", 9998, meta=where)
    found = routers([ours, Instance("b", "fabio-routes", "127.0.0.1", 9998)])
    assert [each.url for each in found] == ["http://10.0.0.1:9999/_mesh/a/api/routes"]
    assert all(isinstance(each, Router) for each in found)


def test_two_of_one_node_are_told_apart_by_their_addresses() -> None:
    at = [("n2", "h:1"), ("n1", "g:1"), ("n2", "h:2")]
    found = [Instance("", "fabio-routes", "", 1, node, meta={"proxy": where, "path": "/"}) for node, where in at]
    assert [each.name for each in routers(found)] == ["n2 at h:1", "n1", "n2 at h:2"]


def test_a_fabio_says_where_its_metrics_are_if_it_says_it() -> None:
    where = {"proxy": "10.0.0.1:9999", "path": "/_mesh/a/api/routes"}
    told = {**where, "metrics": "http://10.0.0.1:9999/_mesh/a/metrics"}
    found = routers([Instance("a", "fabio-routes", "127.0.0.1", 9998, meta=each) for each in (where, told)])
    assert [each.metrics_url for each in found] == ["", "http://10.0.0.1:9999/_mesh/a/metrics"]


@pytest.mark.parametrize("body", [b"", b"<html>", b'[{"service": "a"}]', b"[1]", b"\xff"])
def test_what_is_no_table_is_not_taken_for_an_empty_one(body: bytes) -> None:
    with pytest.raises(Unavailable, match="what u answers is no route table"):
        parsed(body, "u")


def test_fabio_says_null_where_it_has_no_route() -> None:
    assert parsed(b"null", "u") == []
