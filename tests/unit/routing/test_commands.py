"""Texts of route commands: what freezes a table, what does something else, and what is only odd."""

import pytest

from hoploom.kit.tag_findings import Severity
from hoploom.routing import commands, refusing
from hoploom.routing.lines import Add, Delete

SERVICES = {"orders": ["urlprefix-/orders strip=/orders", "1.4.0", "1.4.1"], "stock": ["urlprefix-/stock", "a"]}
GUARDED = """route add orders /orders http://0.0.0.0:0/ tags "9.9"
route weight orders /orders weight 2 tags "9.9"
route del orders /orders http://0.0.0.0:0/"""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("route weight orders /orders weight 1.5", "is over 1"),
        ("route weight orders /orders weight Inf", "ends Fabio"),
        ("route weight orders /orders weight nan", "ends Fabio"),
        ("route weight orders /orders weight 0", "no share at all"),
        (
            'route weight orders /orders weight 0.7 tags "1.4.0"\nroute weight orders /orders weight 0.7 tags "1.4.1"',
            "line 2: the weights of orders at /orders add up to 1.4",
        ),
        ('route weight orders /orders weight 0.1 tags "9.9"', "no instance of orders has the tag '9.9'"),
        ("route weight nobody /orders weight 0.1", "no service nobody is registered"),
        ("route weight orders /stock2 weight 0.1", "nothing is routed from /stock2"),
        ("route weight orders Host/x weight 0.1", "capital letters"),
        ("route add new /new http://1:1/ weight 2", "is over 1"),
        ("route add new /new http://1:1/ weight inf", "ends Fabio"),
        ("route add new /n[ew http://1:1/", "no glob that compiles"),
        ("route add new /new http://1:port/", "has a host or port that is none"),
        ("route del new /new http://[::1/", "has a host or port that is none"),
        ("route del orders tags 1.4.1", "put the tags in quotes"),
        ("route del tags 1.4.1", "put the tags in quotes"),
        ("nonsense", "line 1: it does not begin with"),
        ("# fine\n\nroute weight orders", "line 3: "),
        ("# " + "x" * commands.MAX_LINE_BYTES, "neither it nor anything behind it"),
    ],
)
def test_what_must_not_be_written_is_an_error(text: str, problem: str) -> None:
    errors = [str(each) for each in commands.errors(commands.lint(text, SERVICES))]
    assert any(problem in each for each in errors), errors


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'route weight orders /orders weight 0.1 tags "1.4.1"\nroute weight orders /orders weight 0.2 tags "1.4.1"',
            "line 1: line 2 gives the same targets another weight",
        ),
        ('route weight orders /orders weight 0.1 tags "1.4.1"\nroute del orders', "line 1: line 2 takes the same"),
        ("route del nobody", "nothing is taken away"),
        ("route add new /new http://1:1/ weight -1", "below 0"),
    ],
)
def test_what_is_only_odd_is_a_warning(text: str, problem: str) -> None:
    found = commands.lint(text, SERVICES)
    assert [each.severity for each in found] == [Severity.WARNING]
    assert problem in str(found[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# a remark\n// another\n\n",
        'route weight orders /orders weight 0.1 tags "1.4.1"',
        'route weight orders /orders weight 0.5 tags "1.4.0"\nroute weight orders /orders weight 0.5 tags "1.4.1"',
        'route add new /new http://1:1/ tags "b"\nroute weight new /new weight 0.1 tags "b"',
        "route del orders",
        "route add tcp :3306 tcp://1:3306",
        GUARDED,
    ],
)
def test_what_is_good_is_left_alone(text: str) -> None:
    assert commands.lint(text, SERVICES) == []


def test_a_guard_that_does_not_hold_is_none() -> None:
    for wrong in (GUARDED.replace('tags "9.9"\nroute weight', 'tags "9.8"\nroute weight'),
                  "\n".join(sorted(GUARDED.split("\n"), key=lambda line: "weight" in line))):  # fmt: skip
        assert any("no instance of orders" in str(each) for each in commands.lint(wrong, SERVICES)), wrong


def test_nobody_can_say_who_is_registered_where_nobody_knows() -> None:
    assert commands.lint('route weight nobody /x weight 0.1 tags "9"') == []


def test_behind_a_line_that_is_too_long_nothing_is_read() -> None:
    found = commands.read("route del a\n# " + "x" * commands.MAX_LINE_BYTES + "\nroute del b")
    assert [each.command for each in found] == [Delete("a"), None]


def test_keys_are_joined_as_fabio_joins_them() -> None:
    text = commands.joined([("fabio/config/b", " route del b\n"), ("fabio/config/a", "route del a")])
    assert text == "# --- fabio/config/a\nroute del a\n\n# --- fabio/config/b\nroute del b"


@pytest.mark.parametrize("url", ["http://127.0.0.1:80/", "tcp://10.0.0.1:3306", "http://[::1]:80/", "https://$host$path",
                                 "https://x.example/a%20b?c#d", "/only/a/path", ""])  # fmt: skip
def test_a_good_url_is_taken(url: str) -> None:
    assert refusing.bad_url(url) == ""


@pytest.mark.parametrize("url", [":80", "%zz", "http://a:b/", "http://[::1/", "http://::1/", "http://a b/", "http://a/%zz",
                                 "http://a#%zz", "http://[a]/", "a:b:c/d\x01", "1a:b", "http://a%41/"])  # fmt: skip
def test_an_url_that_go_refuses_is_none(url: str) -> None:
    assert refusing.bad_url(url)
    assert list(refusing.findings(Add("a", "/x", url)))
