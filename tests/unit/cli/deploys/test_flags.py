"""What the flags of `hoploom deploy` wish for, and what they refuse."""

import argparse

import pytest

from hoploom.cli.deploys import flags
from hoploom.kit.errors import ConfigError


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    flags.add_arguments(parser)
    return parser.parse_args(["orders", *words])


@pytest.mark.parametrize(
    ("words", "shares"),
    [
        ((), (0.1, 0.5, 1.0)),
        (("--canary", "5%"), (0.05, 0.1, 0.5, 1.0)),
        (("--canary", "10"), (0.1, 0.5, 1.0)),
        (("--canary", "60 %"), (0.6, 1.0)),
        (("--steps", "5,25,50"), (0.05, 0.25, 0.5, 1.0)),
        (("--steps", "1%,100%"), (0.01, 1.0)),
    ],
)
def test_shares_grow_up_to_all(words: tuple[str, ...], shares: tuple[float, ...]) -> None:
    assert flags.wish(given("--version", "1.4.1", *words)).shares == shares


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "either --version V, or --rollback"),
        (("--version", "1", "--rollback"), "either --version V, or --rollback"),
        (("--version", "newest"), "is no version"),
        (("--version", "1", "--canary", "0%"), "above 0"),
        (("--version", "1", "--canary=-5%"), "above 0"),
        (("--version", "1", "--canary", "nan"), "above 0"),
        (("--version", "1", "--canary", "130%"), "up to 100"),
        (("--version", "1", "--canary", "100%"), "--blue-green"),
        (("--version", "1", "--canary", "some"), "percentages"),
        (("--version", "1", "--steps", "50,10"), "grow"),
        (("--version", "1", "--steps", "50", "--canary", "5%"), "one of them"),
        (("--version", "1", "--blue-green", "--canary", "5%"), "exclude each other"),
        (("--version", "1", "--blue-green", "--now"), "exclude each other"),
        (("--version", "1", "--step-seconds", "-1"), "--step-seconds"),
        (("--version", "1", "--step-seconds", "nan"), "--step-seconds"),
        (("--version", "1", "--ready-seconds", "inf"), "--ready-seconds"),
        (("--version", "1", "--var", "colour"), "NAME=VALUE"),
        (("--version", "1", "--var", "=red"), "NAME=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        flags.wish(given(*words))


@pytest.mark.parametrize("words", [("--p99-factor", "nan"), ("--p99-slack-ms", "nan"), ("--errors", "nan")])
def test_a_gate_of_no_number_holds_nothing_and_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError, match=words[0]):
        flags.policy(given("--version", "1", *words))


def test_variables_and_the_archive_are_values_of_the_job() -> None:
    wish = flags.wish(given("--rollback", "--var", "a=b=c", "--var", "count=3", "--artifact-url", "/x-1.tgz",
                            "--artifact-checksum", "sha256:00", "--order", "dc2, dc1"))  # fmt: skip
    assert wish.values == {"a": "b=c", "count": "3", "artifact_url": "/x-1.tgz", "artifact_checksum": "sha256:00"}
    assert (wish.version, wish.datacenters) == ("", ("dc2", "dc1"))


def test_the_gate_is_asked_for_in_percent() -> None:
    policy = flags.policy(given("--rollback", "--errors", "2", "--requests", "50"))
    assert (policy.errors_most, policy.requests_least) == (0.02, 50)


@pytest.mark.parametrize("word", ["--errors=100", "--errors=nan", "--p99-factor=0.5", "--requests=0"])
def test_a_gate_that_cannot_be_meant_is_refused(word: str) -> None:
    with pytest.raises(ConfigError):
        flags.policy(given("--rollback", word))
