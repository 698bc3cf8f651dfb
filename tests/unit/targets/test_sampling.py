"""The rules of --per-prefix."""

import pytest

from hoploom.kit.errors import ConfigError
from hoploom.targets.sampling import ALL, PerPrefix, Sampling, parse_rule, parse_sampling
from hoploom.targets.special_purpose import Space


@pytest.mark.parametrize(
    ("text", "sampling"),
    [
        ("24:1,48:1", Sampling(PerPrefix(24, 1), PerPrefix(48, 1))),
        ("24:3", Sampling(v4=PerPrefix(24, 3))),
        ("2:3", Sampling(v4=PerPrefix(2, 3))),
        ("48:3", Sampling(v6=PerPrefix(48, 3))),
        ("24:all", Sampling(v4=ALL)),
        ("48:all", Sampling(v6=ALL)),
        ("all", Sampling(v4=ALL)),
        ("all,32:2", Sampling(ALL, PerPrefix(32, 2))),
        (" 24:1 , 48:1 ", Sampling(PerPrefix(24, 1), PerPrefix(48, 1))),
    ],
)
def test_rules_are_read_ipv4_first(text: str, sampling: Sampling) -> None:
    assert parse_sampling(text) == sampling


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not understood"),
        ("24", "not understood"),
        ("24:", "not understood"),
        ("24:-1", "not understood"),
        ("24:0", "would probe nothing"),
        ("0:1", "has 1 to 32 bits"),
        ("33:1,48:1", "has 1 to 32 bits"),
        ("129:1", "has 3 to 128 bits"),
        ("24:1,2:1", "has 3 to 128 bits"),
        ("24:1,48:1,64:1", "more than two parts"),
        ("24:99999999999999999999", "not understood"),
        ("\u0662\u0664:1", "not understood"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_sampling(text)


@pytest.mark.parametrize("rule", [ALL, PerPrefix(24, 1), PerPrefix(32, 1)])
def test_a_rule_comes_back_from_its_text(rule: PerPrefix) -> None:
    assert parse_rule(str(rule), 4) == rule


@pytest.mark.parametrize(
    ("family", "space", "rule"),
    [
        (4, Space.PUBLIC, PerPrefix(24, 1)),
        (6, Space.PUBLIC, PerPrefix(48, 1)),
        (4, Space.PRIVATE, ALL),
        (6, Space.LOOPBACK, ALL),
    ],
)
def test_without_a_word_own_space_is_mapped_whole_and_public_space_is_sampled(
    family: int, space: Space, rule: PerPrefix
) -> None:
    assert Sampling().rule(family, space) == rule


def test_a_rule_that_was_given_holds_everywhere_in_its_family_alone() -> None:
    said = Sampling(v4=PerPrefix(20, 2))
    assert said.rule(4, Space.LOOPBACK) == said.rule(4, Space.PUBLIC) == PerPrefix(20, 2)
    assert said.rule(6, Space.PUBLIC) == PerPrefix(48, 1)
