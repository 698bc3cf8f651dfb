"""Where workers are let in and given credentials: the book, the managers' keys and who is revoked, brought together."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from hoploom.kit.clock import wall_us
from hoploom.kit.errors import Conflict, Forbidden
from hoploom.manager.enrolment import challenges
from hoploom.manager.enrolment.book import Book
from hoploom.manager.enrolment.challenges import Challenge
from hoploom.manager.enrolment.records import Described, Invite, WorkerRecord
from hoploom.manager.signing import Signing
from hoploom.trust.credential import CREDENTIAL_TTL_S
from hoploom.trust.key_set import KeySet
from hoploom.trust.keys import verify
from hoploom.wire.enrolment import (
    TOKEN_BYTES,
    Enrolled,
    EnrolRequest,
    Proof,
    challenge_message,
    proof_message,
    token_digest,
    token_text,
)

_NONCE_BYTES = 16
_US = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What this manager tells a worker besides its credential, as it is now.

    Attributes:
        gateway: Whether leases and results go to the manager's `/gateway`.
        push: Whether this manager pushes orders.
        managers: Base URLs of the managers that ads go to.
        highest_boot: The highest boot count that was heard of the worker; 0 for none.
    """

    gateway: bool = True
    push: bool = False
    managers: tuple[str, ...] = ()
    highest_boot: int = 0


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One manager's.

    Attributes:
        book: Invitations and workers.
        signing: This manager's keys.
        keys: All managers' keys.
        is_revoked: Whether a worker is; raises Unavailable while nobody knows.
        around: What else a worker of this name is told.
        now_us: The wall clock, microseconds since 1970.
    """

    book: Book
    signing: Signing
    keys: KeySet
    is_revoked: Callable[[str], bool]
    around: Callable[[str], Circumstances]
    now_us: Callable[[], int] = wall_us

    async def invite(self, wish: Described, valid_s: int) -> tuple[str, Invite]:
        """A new one-time token, and what it stands for.

        Raises:
            Conflict: A worker of this name is revoked or enrolled.
            Unavailable: Consul is away.
        """
        if self.is_revoked(wish.name):
            raise Conflict(f"{wish.name} is revoked: `hoploom worker revoke {wish.name} --undo` first")
        token = token_text(secrets.token_bytes(TOKEN_BYTES))
        return token, await self.book.invite(wish, token_digest(token), valid_s)

    async def enrol(self, request: EnrolRequest) -> tuple[Enrolled, bool]:
        """Exchange a token for a credential; whether the worker is new.

        Raises:
            BadRequest: It is no token.
            Forbidden: The token is refused, the key is not the asker's, or the worker is revoked.
            Unavailable: It cannot be done now; it may be asked again, here or elsewhere.
        """
        digest = token_digest(request.token)
        if not verify(request.key, proof_message(digest, request.key), request.proof):
            raise Forbidden("the proof is not made with the key that it names")
        record, new = await self.book.enrol(digest, request.key)
        return self._answer(record), new

    def challenge(self) -> str:
        """Something to sign, which any manager will know for a minute."""
        signing = self.signing.current
        until_s = self.now_us() // _US + challenges.TTL_S
        made = Challenge(kid=signing.record.kid, nonce=secrets.token_hex(_NONCE_BYTES), until_s=until_s)
        return challenges.made(signing.signer, made)

    async def renew(self, proof: Proof, purpose: str) -> Enrolled:
        """A new credential for who proves to be an enrolled worker; raises as `proven`, and Forbidden if revoked."""
        return self._answer(await self.proven(proof, purpose))

    async def proven(self, proof: Proof, purpose: str) -> WorkerRecord:
        """The worker that has signed a challenge.

        Args:
            proof: What it sent.
            purpose: What the challenge was to be signed for.

        Raises:
            Unauthorized: The challenge is no manager's, or too old.
            Forbidden: No worker of this name is enrolled with the key that signed.
            Unavailable: It cannot be told now.
        """
        public = await self.keys.public(challenges.claimed(proof.challenge).kid)
        challenges.require(proof.challenge, public, self.now_us() / _US)
        record = await self.book.worker(proof.name)
        message = challenge_message(purpose, proof.name, proof.challenge)
        if record is None or not verify(record.key, message, proof.signature):
            raise Forbidden(f"{proof.name} is not enrolled here with this key: join again with a new token")
        return record

    def _answer(self, record: WorkerRecord) -> Enrolled:
        if self.is_revoked(record.name):
            raise Forbidden(f"{record.name} is revoked: ask the operators of the mesh")
        around = self.around(record.name)
        return Enrolled(
            name=record.name, number=record.number, max_rate_pps=record.max_rate_pps,
            credential=self.signing.issue(record.name, record.number, record.key), ttl_s=CREDENTIAL_TTL_S,
            gateway=around.gateway, push=around.push, managers=around.managers, highest_boot=around.highest_boot,
        )
