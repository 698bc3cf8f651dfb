"""Names among strangers: keys, services, routes and policies get our prefix, and lose it again."""

from pathlib import Path

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.kit.membership import Mesh
from hoploom.kit.names import PLAIN, Names
from hoploom.kit.registration import record
from hoploom.kit.settings import Settings
from hoploom.kit.tags import parse

APART = Names.apart("loom2")
POLICIES = Path(__file__).resolve().parents[3] / "consul" / "policies"


@pytest.mark.parametrize(
    ("plain", "there"),
    [
        ("hoploom/campaigns/7", "loom2/campaigns/7"),
        ("hoploom", "loom2"),
        ("hoploomx/a", "hoploomx/a"),
        ("apps/hoploom/a", "apps/hoploom/a"),
        ("", ""),
    ],
)
def test_a_key_of_ours_goes_below_the_prefix_and_comes_back(plain: str, there: str) -> None:
    assert APART.key(plain) == there
    assert APART.plain_key(there) == plain
    assert PLAIN.key(plain) == PLAIN.plain_key(plain) == plain


def test_a_service_is_named_with_the_prefix_and_known_without() -> None:
    assert (APART.service("input"), APART.plain_service("loom2-input")) == ("loom2-input", "input")
    assert (PLAIN.service("input"), PLAIN.plain_service("input")) == ("input", "input")


@pytest.mark.parametrize(
    ("tag", "there"),
    [
        ("urlprefix-/", "urlprefix-/loom2/ strip=/loom2"),
        ("urlprefix-/orders", "urlprefix-/loom2/orders strip=/loom2"),
        ("urlprefix-/a/b strip=/a prepend=/v1", "urlprefix-/loom2/a/b strip=/loom2/a prepend=/v1"),
        ("urlprefix-shop.example.org/", "urlprefix-shop.example.org/loom2/ strip=/loom2"),
        ("urlprefix-:3306 proto=tcp", "urlprefix-:3306 proto=tcp"),
        ("urlprefix-/pkg.Service proto=grpc", "urlprefix-/pkg.Service proto=grpc"),
    ],
)
def test_a_route_lies_below_our_path_which_the_instance_never_sees(tag: str, there: str) -> None:
    assert APART.route(parse(tag)).tag() == there
    assert PLAIN.route(parse(tag)).tag() == tag


@pytest.mark.parametrize(
    "wrong",
    [{"prefix": ""}, {"prefix": "a/b"}, {"service_prefix": "A-"}, {"route_prefix": "/a/"}, {"route_prefix": "a"}],
)
def test_a_prefix_that_would_break_a_key_a_name_or_a_route_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="prefix"):
        Names(**wrong)


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.hcl")), ids=lambda path: path.stem)
def test_a_policy_among_strangers_allows_writing_under_the_prefix_alone(path: Path) -> None:
    rules = path.read_text(encoding="utf-8")
    assert PLAIN.policy(rules) == rules
    if path.stem in ("input", "output", "ping", "manager"):
        there = APART.policy(rules)
        assert f'service "loom2-{path.stem}"' in there
        assert '"hoploom/' not in there and f'service "{path.stem}"' not in there


def test_a_fabio_among_strangers_reads_its_own_keys_and_not_theirs() -> None:
    rules = (POLICIES / "fabio.hcl").read_text(encoding="utf-8")
    assert 'key_prefix "loom2/fabio/"' in APART.policy(rules)
    assert '"fabio/"' not in APART.policy(rules)


def test_a_fabio_of_ours_among_strangers_reads_below_our_keys_and_one_key_there_is_written() -> None:
    fabio, routing = ((POLICIES / f"{name}.hcl").read_text(encoding="utf-8") for name in ("fabio", "routing"))
    assert 'key_prefix "loom2/fabio/"' in APART.policy(fabio)
    assert 'key "loom2/fabio/config/hoploom"' in APART.policy(routing)


def test_an_instance_registers_itself_under_these_names() -> None:
    settings = Settings(prefix="loom2", service_prefix="loom2-", route_prefix="/loom2")
    found = record(Mesh("orders", (parse("urlprefix-/orders"),), settings=settings, port=80))
    assert found["Name"] == "loom2-orders"
    assert found["ID"].startswith("loom2-orders-")
    assert found["Tags"][0] == "urlprefix-/loom2/orders strip=/loom2"
