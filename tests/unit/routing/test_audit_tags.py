"""Tags as people write them, in public job files, questions and bug reports."""

import pytest

from hoploom.routing import audit_tags
from hoploom.routing.audit import Observed, Settings
from unit.routing.meshes_made import fabio, mesh, shop

WORKING = [
    "urlprefix-/hello", "urlprefix-/", "urlprefix-/httpbin strip=/httpbin", "urlprefix-/promo/ strip=/promo",
    "urlprefix-shop.example.com/", "urlprefix-*.example.com/", "urlprefix-shop.example.com:9999/foo",
    "urlprefix-shop.example.com:80/ redirect=301,https://shop.example.com$path", "urlprefix-:8000 proto=tcp",
    "urlprefix-127.0.0.1:13306 proto=tcp", "urlprefix-db.example.com/ proto=tcp",
    "urlprefix-shop.example.com/sweden strip=/sweden prepend=/optimizer", "urlprefix-$DC.example.com/",
    "urlprefix-/foo proto=https tlsskipverify=true", "urlprefix-/grpc.health.v1.Health proto=grpc",
    "urlprefix-/foo auth=staff", "urlprefix-/api weight=0.1", "urlprefix-/x  strip=/x", " urlprefix-/x ",
    "urlprefix-/x register=x.example.com", "urlprefix-/in allow=ip:10.0.0.0/8,ip:fe80::/10",
    "traefik.enable=true", "v1.4.1", "urlprefix", "",
]  # fmt: skip
"""What Fabio takes as it was meant, and what is nothing to it; tests/integration/test_route_audit.py has it routed."""


def found(*tags: str) -> list[str]:
    return [f"{each.kind} {each.severity}" for each in audit_tags.find(mesh(shop(tags=tags), routers=()))]


@pytest.mark.parametrize("tag", WORKING)
def test_what_works_in_the_field_is_no_finding(tag: str) -> None:
    assert found(tag) == []


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("urlprefix-/foo stripprefix=/foo", ["unknown-option error"]),
        ("urlprefix-/x timeout=5s sticky=true", ["unknown-option error", "unknown-option error"]),
        ("urlprefix-/x opts strip=/x", ["unknown-option error"]),
        ("urlprefix-example.com", ["malformed-tag warning"]),
        ("urlprefix-Example.com/App", ["malformed-tag warning"]),
        ("urlprefix-example.com:8080", ["malformed-tag error"]),
        ("urlprefix-db.example.com:1330 proto=tcp", ["malformed-tag error"]),
        ("urlprefix-/artefacts/installers strip=/installers host=dst", ["malformed-tag error"]),
        ("urlprefix-/api weight=2", ["malformed-tag error"]),
        ("urlprefix-/x allow=10.0.0.0/8", ["malformed-tag error"]),
        ("urlprefix-/x allow=ip:10.0.0.0/8 deny=ip:10.1.0.0/16", ["malformed-tag error"]),
        ("urlprefix-http://example.com/", ["malformed-tag error"]),
        ("urlprefix-/old redirect=302,/new", ["malformed-tag error"]),
    ],
)
def test_what_fabio_takes_otherwise_than_it_was_meant_is_a_finding(tag: str, expected: list[str]) -> None:
    assert found(tag) == expected


@pytest.mark.parametrize(
    "tag", ["urlprefix-", "urlprefix-/api weight=10%", "urlprefix-/[a", "urlprefix-/x strip=\"/x\"", "urlprefix-/a\tb",
            "urlprefix-/old redirect=301,https://a/%zz"],
)  # fmt: skip
def test_what_freezes_the_table_is_said_to(tag: str) -> None:
    (finding,) = audit_tags.find(mesh(shop(tags=(tag,)), routers=()))
    assert (finding.kind, finding.severity) == ("malformed-tag", "error")
    assert "whole table" in finding.problem


def test_a_tag_of_many_instances_is_one_finding() -> None:
    tag = "urlprefix-/shop colour=red"
    observed = mesh(shop(1, tags=(tag,)), shop(2, tags=(tag,)), routers=())
    (finding,) = audit_tags.find(observed)
    assert finding.subject == f"shop: {tag!r}"
    assert "colour" in finding.problem
    assert "strip" in finding.cure


def test_each_router_s_own_prefix_is_looked_at() -> None:
    router = fabio(settings=Settings(tag_prefix="internal-"))
    tags = ("urlprefix-/x colour=red", "internal-/x colour=red")
    assert [each.subject for each in audit_tags.find(Observed((router,), (shop(tags=tags),)))] == [
        "shop: 'internal-/x colour=red'"
    ]
