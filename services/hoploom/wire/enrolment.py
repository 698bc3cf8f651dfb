"""What a worker in somebody else's network and a manager say to each other: joining, staying, leaving. Pure.

A worker proves twice that it has its private key: when it exchanges its token, by a signature over token and key, and
whenever it wants a new credential, by a signature over a challenge that a manager made a moment ago.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import asdict, dataclass
from typing import Any

from hoploom.kit.errors import BadRequest
from hoploom.wire.campaign_request import MAX_RATE_PPS
from hoploom.wire.fields import MAX_INTEGER, PRINTABLE, VERSION, Fields

ROUTE = "/api/v1/workers"
WORKER_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
PUBLIC_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
SIGNATURE = re.compile(r"[A-Za-z0-9_-]{86}")
"""32 and 64 bytes (RFC 8032) in base64url without padding (RFC 4648, section 5)."""

CHALLENGE = re.compile(r"[A-Za-z0-9_.-]{1,600}")
CREDENTIAL = re.compile(r"[A-Za-z0-9_.-]{1,2048}")
RENEW, LEAVE = "renew", "leave"
"""What a challenge is signed for; a signature for one is none for the other."""

TOKEN_BYTES = 10
"""80 random bits: nobody guesses that in a day, and a person can type it."""

MAX_MANAGERS, MAX_TTL_S = 64, 7 * 86_400
# Crockford, "Base 32": no I, L, O and U, and what is read for one of them is taken for what it looks like.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TOKEN = re.compile(rf"[{_ALPHABET}]{{16}}")
_LOOK_ALIKE = str.maketrans({"I": "1", "L": "1", "O": "0", "-": "", " ": ""})
_GROUP, _LONGEST_TOKEN = 4, 64


def token_text(random: bytes) -> str:
    """A one-time token as people see it, such as 7QK2-M0XD-93FA-TZ4C.

    Args:
        random: `TOKEN_BYTES` random bytes.

    Source: Crockford, "Base 32" (crockford.com/base32.html).
    """
    value = int.from_bytes(random)
    digits = "".join(_ALPHABET[value >> shift & 31] for shift in range(8 * TOKEN_BYTES - 5, -1, -5))
    return "-".join(digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP))


def token_digest(token: str) -> str:
    """The SHA-256 of a token in hex, however its groups and letters were typed.

    Raises:
        BadRequest: It is no token at all.
    """
    plain = token.upper().translate(_LOOK_ALIKE)
    if not _TOKEN.fullmatch(plain):
        raise BadRequest("a token is 16 letters and digits, such as 7QK2-M0XD-93FA-TZ4C")
    return hashlib.sha256(plain.encode("ascii")).hexdigest()


def proof_message(digest: str, key: str) -> bytes:
    """What a worker signs to exchange a token.

    Args:
        digest: The token's, of `token_digest`.
        key: The worker's public key.
    """
    return f"hoploom enrol 1\n{digest}\n{key}".encode()


def challenge_message(purpose: str, name: str, challenge: str) -> bytes:
    """What a worker signs to prove who it is.

    Args:
        purpose: `RENEW` or `LEAVE`.
        name: Its name.
        challenge: As a manager gave it.
    """
    return f"hoploom {purpose} 1\n{name}\n{challenge}".encode()


@dataclass(frozen=True, kw_only=True)
class EnrolRequest:
    """A token in exchange for a credential.

    Attributes:
        token: As it was typed.
        key: The worker's public key.
        proof: Signature over `proof_message`.
        version: Of the worker's hoploom.
        machine: The worker's machine, for people, such as "aarch64".
    """

    token: str
    key: str
    proof: str
    version: str = ""
    machine: str = ""

    @staticmethod
    def from_json(document: object) -> EnrolRequest:
        """Read and check; raises BadRequest or Unprocessable."""
        known = Fields(document, "an enrolment")
        return EnrolRequest(
            token=known.text("token", PRINTABLE, longest=_LONGEST_TOKEN),
            key=known.text("key", PUBLIC_KEY),
            proof=known.text("proof", SIGNATURE),
            version=known.text("version", PRINTABLE, "", longest=40),
            machine=known.text("machine", PRINTABLE, "", longest=80),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"v": VERSION, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Proof:
    """A signed challenge: for a new credential, or to leave.

    Attributes:
        name: Who signs.
        challenge: As a manager gave it.
        signature: Over `challenge_message`.
    """

    name: str
    challenge: str
    signature: str

    @staticmethod
    def from_json(document: object) -> Proof:
        """Read and check; raises BadRequest or Unprocessable."""
        known = Fields(document, "a signed challenge")
        return Proof(
            name=known.text("name", WORKER_NAME),
            challenge=known.text("challenge", CHALLENGE),
            signature=known.text("signature", SIGNATURE),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"v": VERSION, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Enrolled:
    """What a manager answers to an enrolment and to a renewal.

    Attributes:
        name: The worker's, which its invitation gave it.
        number: Its permanent number in results.
        credential: For the `Authorization` of every request.
        ttl_s: Seconds that the credential holds from now on; the worker counts them by its own clock since boot.
        gateway: Whether leases and results go to the manager's `/gateway`.
        push: Whether this manager pushes orders.
        managers: Base URLs of the managers that ads go to; empty where only the URL that it joined is known.
        highest_boot: The highest boot count that was heard of it; 0 for none.
        max_rate_pps: Packets a second that it was invited with; 0 for no limit.
    """

    name: str
    number: int
    credential: str
    ttl_s: int
    gateway: bool = True
    push: bool = False
    managers: tuple[str, ...] = ()
    highest_boot: int = 0
    max_rate_pps: int = 0

    @staticmethod
    def from_json(document: object) -> Enrolled:
        """Read and check; raises BadRequest or Unprocessable."""
        known = Fields(document, "the answer to an enrolment")
        return Enrolled(
            name=known.text("name", WORKER_NAME),
            number=known.integer("number", range(MAX_INTEGER)),
            credential=known.text("credential", CREDENTIAL, longest=2048),
            ttl_s=known.integer("ttl_s", range(1, MAX_TTL_S + 1)),
            gateway=known.flag("gateway", default=True),
            push=known.flag("push", default=False),
            managers=known.texts("managers", longest=MAX_MANAGERS, default=[]),
            highest_boot=known.integer("highest_boot", range(MAX_INTEGER), 0),
            max_rate_pps=known.integer("max_rate_pps", range(MAX_RATE_PPS + 1), 0),
        )

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {"v": VERSION, **asdict(self), "managers": list(self.managers)}
