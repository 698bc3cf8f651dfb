"""Challenges: any manager verifies what another has made, for a minute."""

import pytest

from hoploom.kit.errors import Unauthorized
from hoploom.manager.enrolment.challenges import TTL_S, Challenge, claimed, made, require
from hoploom.trust.keys import Signer
from unit.trust.issuing import KID, MANAGER, NOW_S

CHALLENGE = Challenge(kid=KID, nonce="0" * 32, until_s=NOW_S + TTL_S)
TEXT = made(MANAGER, CHALLENGE)


@pytest.mark.parametrize("clock_s", [-TTL_S, 0, TTL_S, 2 * TTL_S], ids=["behind", "same", "a minute on", "two on"])
def test_a_fresh_challenge_is_good_also_where_clocks_differ_by_a_minute(clock_s: int) -> None:
    require(TEXT, MANAGER.public, NOW_S + clock_s)
    assert claimed(TEXT) == CHALLENGE


@pytest.mark.parametrize("clock_s", [-TTL_S - 1, 2 * TTL_S + 1, 365 * 86_400], ids=["of the future", "old", "a year"])
def test_an_old_one_is_not(clock_s: int) -> None:
    with pytest.raises(Unauthorized, match="too old"):
        require(TEXT, MANAGER.public, NOW_S + clock_s)


@pytest.mark.parametrize(
    "text",
    [
        TEXT[:-2] + ("AA" if TEXT[-2:] != "AA" else "BA"),
        TEXT.rpartition(".")[0],
        made(Signer.new(), CHALLENGE),
        made(MANAGER, CHALLENGE).replace("hc1.", "hc2."),
    ],
    ids=["a changed signature", "no signature", "another's key", "another scheme"],
)
def test_what_no_manager_signed_is_refused(text: str) -> None:
    with pytest.raises(Unauthorized):
        require(text, MANAGER.public, NOW_S)


@pytest.mark.parametrize(
    "text", ["", "hc1", "hc1..", "hw1.e30.x", "hc1.e30.x", "hc1.!!.x", "hc1.bnVsbA.x", "hc1." + "W" * 500 + ".x"]
)
def test_what_is_no_challenge_is_said_to_be_none(text: str) -> None:
    with pytest.raises(Unauthorized, match="no challenge"):
        claimed(text)
