"""What an enrolled worker shows: who it is, signed by a manager, and good for hours. Verified without asking anybody.

`hw1.<payload>.<signature>`: base64url of a JSON object, and the signature over everything before the last dot. It is
good until its time by the verifier's wall clock; a worker renews by its own boottime, so a worker's clock does not
matter. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from hoploom.kit.errors import BadRequest, Unauthorized
from hoploom.trust.keys import Signer, is_public, verify
from hoploom.wire.base64url import decoded, encoded
from hoploom.wire.enrolment import WORKER_NAME
from hoploom.wire.fields import MAX_INTEGER, PRINTABLE, VERSION, Fields

SCHEME = "hw1"
CREDENTIAL_TTL_S = 6 * 3600
"""How long one is good: a manager may be away for some hours, and what was stolen is worth nothing the next day."""

GRACE_S = 60
"""Clocks of verifiers differ by less where they are kept at all."""

MAX_LENGTH = 1024
"""Of its text; a real one has some 350 characters."""

KID = re.compile(r"[0-9a-f]{16}")
_WAY_OUT = "the worker renews it at /api/v1/workers/renew"


@dataclass(frozen=True, kw_only=True)
class Credential:
    """What a credential says.

    Attributes:
        kid: Id of the manager's key that signs it.
        worker: Name of the worker.
        number: Its number, permanent.
        key: Its own public key, with which it signs ads and renewals.
        dc: Datacenter of the manager that issued it.
        expires_s: Until when it is good, seconds since 1970.
    """

    kid: str
    worker: str
    number: int
    key: str
    dc: str
    expires_s: int


@dataclass(frozen=True)
class Sealed:
    """A credential as it came, before anybody has looked at its signature.

    Attributes:
        claimed: What it says; not to be believed before `read` has given it out.
        message: What the signature is over.
        signature: As it came.
    """

    claimed: Credential
    message: bytes
    signature: str


def issue(signer: Signer, credential: Credential) -> str:
    """The text of a credential, signed.

    Args:
        signer: The key of which `credential.kid` is the id.
        credential: What it says.
    """
    payload = json.dumps({"v": VERSION, **asdict(credential)}, separators=(",", ":")).encode()
    message = f"{SCHEME}.{encoded(payload)}"
    return f"{message}.{signer.sign(message.encode())}"


def read(text: str, keys: Mapping[str, str], now_s: float) -> Credential:
    """The credential of a text that a manager has signed, and that is good now.

    Args:
        text: As a worker sends it.
        keys: Public keys of managers by their id.
        now_s: The wall clock here, seconds since 1970.

    Raises:
        Unauthorized: It is none, is not signed by any of the keys, or has expired.
    """
    sealed = parsed(text)
    public = keys.get(sealed.claimed.kid)
    if public is None:
        raise Unauthorized(f"the credential is signed by a key that is not known here (any more): {_WAY_OUT}")
    if not verify(public, sealed.message, sealed.signature):
        raise Unauthorized("the credential's signature is wrong: it was changed, or made by somebody else")
    require_good(sealed.claimed, now_s)
    return sealed.claimed


def require_good(credential: Credential, now_s: float) -> None:
    """Raises Unauthorized when a credential's time is over."""
    late_s = now_s - credential.expires_s
    if late_s > GRACE_S:
        raise Unauthorized(f"the credential of {credential.worker} expired {late_s:.0f} s ago: {_WAY_OUT}")


def parsed(text: str) -> Sealed:
    """The parts of a text, believed by nobody yet; raises Unauthorized when it is no credential."""
    message, _, signature = text.rpartition(".")
    scheme, _, payload = message.partition(".")
    if len(text) > MAX_LENGTH or scheme != SCHEME or not text.isascii():
        raise Unauthorized("send `Authorization: Bearer <credential>` with a credential that a manager gave")
    try:
        claimed = _claimed(json.loads(decoded(payload, "its payload")))
    except BadRequest as error:
        raise Unauthorized(f"the credential is malformed: {error}") from error
    except (ValueError, RecursionError) as error:
        raise Unauthorized("the credential is malformed: its payload is no JSON") from error
    return Sealed(claimed, message.encode(), signature)


def _claimed(document: object) -> Credential:
    known = Fields(document, "a credential")
    key = known.text("key", PRINTABLE, longest=64)
    if not is_public(key):
        raise BadRequest("its key is no public key")
    return Credential(
        kid=known.text("kid", KID),
        worker=known.text("worker", WORKER_NAME),
        number=known.integer("number", range(MAX_INTEGER)),
        key=key,
        dc=known.text("dc", PRINTABLE, longest=64),
        expires_s=known.integer("expires_s", range(MAX_INTEGER)),
    )
