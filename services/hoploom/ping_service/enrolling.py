"""What a worker asks of a manager about itself: to be let in, a new credential, to be forgotten. Each is one try."""

import platform
from typing import Any

from yarl import URL

from hoploom import __version__
from hoploom.kit.errors import BadRequest, ConfigError, Forbidden, Unauthorized, Unavailable
from hoploom.kit.http_client import Answer, HttpClient
from hoploom.trust.keys import Signer
from hoploom.wire.enrolment import (
    CHALLENGE,
    LEAVE,
    RENEW,
    ROUTE,
    Enrolled,
    EnrolRequest,
    Proof,
    challenge_message,
    proof_message,
    token_digest,
)
from hoploom.wire.fields import Fields

TIMEOUT_S = 10.0
_CLIENT_ERRORS = range(400, 500)
_TOO_MANY = 429


def mesh_url(text: str) -> str:
    """An address as a person gives it, without a slash at the end.

    Raises:
        ConfigError: It is no http or https URL with a host.
    """
    try:
        url = URL(text)
        good = url.scheme in ("http", "https") and url.host and not (url.query_string or url.fragment or url.user)
    except ValueError:
        good = False
    if not good:
        raise ConfigError(f"the mesh's address is like https://map.example.org, not {text[:200]!r}")
    return text.rstrip("/")


async def enrol(http: HttpClient, url: str, token: str, key: Signer) -> Enrolled:
    """Exchange a one-time token; with the same key it may be asked again, at any manager.

    Raises:
        Unavailable: Nobody answers who could; whether it was done is not known.
        Forbidden: The token is used, expired or unknown.
        BadRequest: It is no token, or nothing that is understood came back.
    """
    request = EnrolRequest(
        token=token, key=key.public, proof=key.sign(proof_message(token_digest(token), key.public)),
        version=__version__, machine=platform.machine(),
    )
    return Enrolled.from_json(await _post(http, url, "enrol", request.to_json()))


async def renew(http: HttpClient, url: str, name: str, key: Signer) -> Enrolled:
    """A new credential, however long the last one is gone.

    Raises:
        Unavailable: Nobody answers who could.
        Forbidden: This worker was revoked or forgotten.
        BadRequest: What came back is not understood.
    """
    proof = await _proof(http, url, RENEW, name, key)
    return Enrolled.from_json(await _post(http, url, RENEW, proof.to_json()))


async def leave(http: HttpClient, url: str, name: str, key: Signer) -> None:
    """Have the mesh forget this worker; raises as `renew`, and Forbidden where it was forgotten already."""
    proof = await _proof(http, url, LEAVE, name, key)
    await _post(http, url, LEAVE, proof.to_json())


async def _proof(http: HttpClient, url: str, purpose: str, name: str, key: Signer) -> Proof:
    answer = Fields(await _post(http, url, "challenge", {"v": 1}), "a challenge")
    challenge = answer.text("challenge", CHALLENGE)
    return Proof(name=name, challenge=challenge, signature=key.sign(challenge_message(purpose, name, challenge)))


async def _post(http: HttpClient, url: str, path: str, document: dict[str, Any]) -> object:
    answer = await http.request("POST", f"{url}{ROUTE}/{path}", json=document, timeout_s=TIMEOUT_S)
    if answer.ok:
        return answer.json()
    raise _refusal(answer)


def _refusal(answer: Answer) -> BadRequest | Unavailable:
    # Whoever is no manager says nothing of this worker: a captive portal, a router's error page, an older version.
    if not answer.is_problem or answer.is_elsewhere or answer.status not in _CLIENT_ERRORS:
        return Unavailable(f"no manager answers there now ({answer.status})")
    if answer.status == _TOO_MANY:
        return Unavailable(answer.reason(), retry_after_s=float(answer.headers.get("Retry-After", "60")))
    if answer.status == Unauthorized.status:
        # The challenge was too old, or its manager is gone since: nothing is said about this worker.
        return Unavailable(answer.reason())
    if answer.status == Forbidden.status:
        return Forbidden(answer.reason())
    return BadRequest(answer.reason())
