"""What a worker asks of a manager about itself, and what it makes of the answers."""

import pytest

from hoploom.kit.errors import BadRequest, ConfigError, Forbidden, Unavailable
from hoploom.ping_service import enrolling
from hoploom.trust.keys import Signer
from unit.ping_service.managers import ANSWER, TOKEN, URL_A, FakeManagers

SIGNER = Signer.from_bytes(b"w" * 32)


async def test_a_token_is_exchanged_with_a_proof_of_the_key() -> None:
    managers = FakeManagers(SIGNER)
    assert await enrolling.enrol(managers, URL_A, TOKEN.lower(), SIGNER) == ANSWER
    assert managers.asked == [(URL_A, "/enrol")]


async def test_a_renewal_signs_a_fresh_challenge() -> None:
    managers = FakeManagers(SIGNER)
    assert await enrolling.renew(managers, URL_A, "pi", SIGNER) == ANSWER
    assert managers.asked == [(URL_A, "/challenge"), (URL_A, "/renew")]


async def test_leaving_signs_a_challenge_too() -> None:
    managers = FakeManagers(SIGNER)
    await enrolling.leave(managers, URL_A, "pi", SIGNER)
    assert managers.left == ["pi"]


async def test_what_is_no_token_is_not_sent() -> None:
    managers = FakeManagers(SIGNER)
    with pytest.raises(BadRequest, match="16 letters"):
        await enrolling.enrol(managers, URL_A, "hello", SIGNER)
    assert not managers.asked


@pytest.mark.parametrize(
    ("refusal", "error", "words"),
    [
        ((403, "used"), Forbidden, "used"),
        ((401, "stale"), Unavailable, "stale"),
        ((429, "too many"), Unavailable, "too many"),
        ((422, "odd"), BadRequest, "odd"),
        ((404, "POST /api/v1/workers/enrol: Not Found"), Unavailable, "no manager answers"),
        ((500, "a bug"), Unavailable, "no manager answers"),
        ((0, ""), Unavailable, "no JSON"),
    ],
)
async def test_only_a_manager_of_ours_can_turn_a_worker_away(
    refusal: tuple[int, str], error: type[Exception], words: str
) -> None:
    managers = FakeManagers(SIGNER)
    managers.refusal = refusal
    with pytest.raises(error, match=words):
        await enrolling.enrol(managers, URL_A, TOKEN, SIGNER)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://map.example.org", "https://map.example.org"),
        ("https://map.example.org/", "https://map.example.org"),
        ("http://127.0.0.1:9999/hoploom/", "http://127.0.0.1:9999/hoploom"),
    ],
)
def test_an_address_is_taken_without_its_last_slash(text: str, url: str) -> None:
    assert enrolling.mesh_url(text) == url


@pytest.mark.parametrize(
    "text", ["", "map.example.org", "ftp://map.example.org", "https://", "https://me:pw@x", "https://x/?a=b", "https://["]
)
def test_what_is_no_address_is_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match=r"is like https://map\.example\.org"):
        enrolling.mesh_url(text)
