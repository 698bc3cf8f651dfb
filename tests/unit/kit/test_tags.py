"""Fabio's tags: what is built, what is read, and what is refused before it is registered."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hoploom.kit import tags
from hoploom.kit.tags import Proto, Redirect, Route, TagError

NETWORK = ipaddress.ip_network("10.0.0.0/8")
GRAMMAR = [
    ("a path", Route(path="/orders"), "urlprefix-/orders"),
    ("host and path", Route(host="shop.example.org", path="/"), "urlprefix-shop.example.org/"),
    ("host with port", Route(host="shop.example.org", port=8080, path="/"), "urlprefix-shop.example.org:8080/"),
    ("a glob", Route(host="*.example.org", path="/x"), "urlprefix-*.example.org/x"),
    ("a datacenter variable", Route(host="$DC.example.org", path="/"), "urlprefix-$DC.example.org/"),
    ("TCP by port", Route(port=3306, proto=Proto.TCP), "urlprefix-:3306 proto=tcp"),
    ("TCP by address", Route(host="10.0.0.1", port=53, proto=Proto.TCP), "urlprefix-10.0.0.1:53 proto=tcp"),
    ("TLS by server name", Route(host="db.example.org", path="/", proto=Proto.TCP_SNI),
     "urlprefix-db.example.org/ proto=tcp"),
    ("HTTPS behind", Route(path="/s", proto=Proto.HTTPS, tls_skip_verify=True),
     "urlprefix-/s proto=https tlsskipverify=true"),
    ("gRPC", Route(path="/pkg.Service", proto=Proto.GRPC), "urlprefix-/pkg.Service proto=grpc"),
    ("gRPC over TLS", Route(path="/p", proto=Proto.GRPCS, grpc_server_name="g.example"),
     "urlprefix-/p proto=grpcs grpcservername=g.example"),
    ("strip and prepend", Route(path="/a/b", strip="/a", prepend="/v1"), "urlprefix-/a/b strip=/a prepend=/v1"),
    ("the instance's own host", Route(path="/x", host_header="dst"), "urlprefix-/x host=dst"),
    ("a redirect", Route(path="/old", redirect=Redirect(301, "https://new.example.org$path")),
     "urlprefix-/old redirect=301,https://new.example.org$path"),
    ("who may", Route(path="/in", allow=(NETWORK,)), "urlprefix-/in allow=ip:10.0.0.0/8"),
    ("who may not", Route(path="/in", deny=(NETWORK,)), "urlprefix-/in deny=ip:10.0.0.0/8"),
    ("authentication", Route(path="/x", auth="basic"), "urlprefix-/x auth=basic"),
    ("the PROXY header", Route(port=25, proto=Proto.TCP, proxy_protocol=True), "urlprefix-:25 proto=tcp pxyproto=true"),
    ("a name of Fabio's own", Route(path="/x", register="web"), "urlprefix-/x register=web"),
    ("a weight", Route(path="/x", weight=0.05), "urlprefix-/x weight=0.05"),
]


@pytest.mark.parametrize(("route", "tag"), [each[1:] for each in GRAMMAR], ids=[each[0] for each in GRAMMAR])
def test_a_route_is_written_and_read_back(route: Route, tag: str) -> None:
    assert route.tag() == tag
    assert tags.parse(tag) == route


REFUSED = [
    ("no prefix", "/orders", "begin with urlprefix-"),
    ("no slash", "urlprefix-orders", "neither host/path"),
    ("a host and port without a path", "urlprefix-foo:80", "no path"),
    ("an unknown option", "urlprefix-/x stripp=/x", "did you mean strip"),
    ("an option twice", "urlprefix-/x strip=/x strip=/y", "twice"),
    ("a second line", "urlprefix-/x\nroute del other", "control character"),
    ("a quote", 'urlprefix-/x" tags', "quote"),
    ("a weight above one", "urlprefix-/x weight=2", "outside 0-1"),
    ("a weight of nothing", "urlprefix-/x weight=0", "even share"),
    ("a weight in words", "urlprefix-/x weight=half", "no number"),
    ("strip without a slash", "urlprefix-/x strip=x", "no leading slash"),
    ("strip of another path", "urlprefix-/x strip=/y", "no beginning"),
    ("a redirect to nowhere", "urlprefix-/x redirect=301,nowhere", "no URL"),
    ("a redirect code", "urlprefix-/x redirect=200,https://a.example/", "300-399"),
    ("an address rule", "urlprefix-/x allow=10.0.0.0/8", "no ip:"),
    ("allow and deny", "urlprefix-/x allow=ip:10.0.0.0/8 deny=ip:10.1.0.0/16", "both off"),
    ("a variable", "urlprefix-$HOME.example.org/", "other than $DC"),
    ("a port alone over HTTP", "urlprefix-:8080", "TCP"),
    ("auth on TCP", "urlprefix-:8080 proto=tcp auth=basic", "does not carry out"),
    ("a protocol", "urlprefix-/x proto=ftp", "no proto=ftp"),
]


@pytest.mark.parametrize(("tag", "reason"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_what_fabio_would_misread_is_refused_with_the_reason(tag: str, reason: str) -> None:
    with pytest.raises(TagError, match="refused") as refused:
        tags.parse(tag)
    assert reason in str(refused.value)


@pytest.mark.parametrize("name", ["two words", "", "a\nb", "ünicode", "x" * 64])
def test_a_service_name_that_would_break_the_table_is_refused(name: str) -> None:
    with pytest.raises(TagError):
        tags.check_service_name(name)


def test_foreign_tags_are_linted_and_others_pass() -> None:
    found = tags.lint(["v1.2", "urlprefix-/good", "urlprefix-/x stripp=/x", "urlprefix-Shop.example/"])
    assert [(each.severity.value, each.tag) for each in found] == [
        ("error", "urlprefix-/x stripp=/x"),
        ("warning", "urlprefix-Shop.example/"),
    ]


@given(
    path=st.from_regex(r"/[a-z0-9/_-]{0,20}", fullmatch=True),
    host=st.from_regex(r"([a-z][a-z0-9-]{0,10}\.example)?", fullmatch=True),
    weight=st.none() | st.floats(min_value=0.001, max_value=1),
    prepend=st.sampled_from(["", "/v1"]),
)
def test_reading_what_was_written_gives_the_route(path: str, host: str, weight: float | None, prepend: str) -> None:
    route = Route(host=host, path=path, weight=weight, prepend=prepend)
    assert tags.parse(route.tag()) == route


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_never_breaks(text: str) -> None:
    try:
        route = tags.parse(f"urlprefix-{text}")
    except TagError:
        return
    assert tags.parse(route.tag()) == route
