"""Challenges that a worker signs to prove who it is: made by any manager, verified by any other, stored by none.

`hc1.<payload>.<signature>`: base64url of a JSON object, and the manager's signature over everything before the last
dot. Pure. Whoever takes a signed one off the wire could use it again within its minute; what it gets is bound to the
worker's own name and key, and TLS keeps the wire.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from hoploom.kit.errors import BadRequest, Unauthorized
from hoploom.trust.credential import KID
from hoploom.trust.keys import Signer, verify
from hoploom.wire.base64url import decoded, encoded
from hoploom.wire.fields import MAX_INTEGER, VERSION, Fields

SCHEME = "hc1"
TTL_S = 60
"""Long enough for a slow line; managers' clocks differ by less where they are kept at all."""

_NONCE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """What a challenge says.

    Attributes:
        kid: Id of the manager's key that signs it.
        nonce: 128 random bits, in hex.
        until_s: Until when it may be answered, seconds since 1970 by the managers' clocks.
    """

    kid: str
    nonce: str
    until_s: int


def made(signer: Signer, challenge: Challenge) -> str:
    """The text of a challenge, signed by the key of which `challenge.kid` is the id."""
    payload = json.dumps({"v": VERSION, **asdict(challenge)}, separators=(",", ":")).encode()
    message = f"{SCHEME}.{encoded(payload)}"
    return f"{message}.{signer.sign(message.encode())}"


def claimed(text: str) -> Challenge:
    """What a text says, believed by nobody yet; raises Unauthorized when it is no challenge."""
    scheme, _, rest = text.partition(".")
    payload, _, _ = rest.partition(".")
    try:
        if scheme != SCHEME:
            raise BadRequest("it does not begin as one")
        known = Fields(json.loads(decoded(payload, "its payload")), "a challenge")
        return Challenge(
            kid=known.text("kid", KID),
            nonce=known.text("nonce", _NONCE),
            until_s=known.integer("until_s", range(MAX_INTEGER)),
        )
    except (BadRequest, ValueError, RecursionError) as error:
        raise Unauthorized(f"this is no challenge: {error}") from error


def require(text: str, public: str, now_s: float) -> None:
    """Let pass only a challenge that the owner of a key has made a moment ago.

    Args:
        text: As a worker sends it back.
        public: The public key of the manager that it names.
        now_s: The wall clock here, seconds since 1970.

    Raises:
        Unauthorized: It is another's, or too old, or from the future.
    """
    message, _, signature = text.rpartition(".")
    if not verify(public, message.encode(), signature):
        raise Unauthorized("the challenge was changed, or made by somebody else")
    # Twice: the other manager's clock may be ahead of ours as well as behind.
    if not -TTL_S <= claimed(text).until_s - now_s <= 2 * TTL_S:
        raise Unauthorized("the challenge is too old: ask for a new one")
