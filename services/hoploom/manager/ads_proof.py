"""Whose an ad is: a worker's by its credential and its own signature, a manager's by its key in the KV store.

A manager's key stands there with the id of the manager, so that none can speak for another.
"""

from collections.abc import Mapping
from typing import Protocol

from hoploom.kit.clock import wall_us
from hoploom.kit.errors import Forbidden, Unauthorized
from hoploom.trust.credential import Credential
from hoploom.trust.key_record import KeyRecord
from hoploom.trust.keys import verify
from hoploom.wire.ads import WORKER, Ad, Envelope


class Keys(Protocol):
    """The managers' keys."""

    @property
    def records(self) -> Mapping[str, KeyRecord]:
        """By their id."""


class Doorkeeper(Protocol):
    """Who reads credentials."""

    async def credential(self, text: str) -> Credential:
        """The credential of a worker that is neither revoked nor removed.

        Raises:
            Unauthorized: It is none that is good.
            Forbidden: The worker is revoked, or removed.
            Unavailable: It cannot be told now.
        """


class Proof:
    """Checks signatures."""

    def __init__(self, doorkeeper: Doorkeeper, keys: Keys) -> None:
        """Believe nobody yet."""
        self._doorkeeper, self._keys = doorkeeper, keys

    async def check(self, ad: Ad, envelope: Envelope) -> None:
        """Let pass an ad that its sender has signed.

        Raises:
            Unauthorized: There is no credential or key that is good, or the signature is wrong.
            Forbidden: The credential is another worker's, or this one is revoked or removed; the key is another's.
            Unavailable: It cannot be told now.
        """
        public = await self._worker_key(ad, envelope) if ad.kind == WORKER else self._manager_key(ad, envelope)
        if not verify(public, envelope.ad, envelope.signature):
            raise Unauthorized(f"the signature of the ad of {ad.id} is wrong: it was changed, or made by somebody else")

    async def _worker_key(self, ad: Ad, envelope: Envelope) -> str:
        if not envelope.credential:
            raise Unauthorized(f"the ad of {ad.id} comes without a credential")
        found = await self._doorkeeper.credential(envelope.credential)
        if found.worker != ad.id:
            raise Forbidden(f"the credential is that of {found.worker}, which cannot speak for {ad.id}")
        return found.key

    def _manager_key(self, ad: Ad, envelope: Envelope) -> str:
        record = self._keys.records.get(envelope.kid)
        if record is None or record.until_us < wall_us():
            raise Unauthorized(f"the key of the manager {ad.id} is not known here (yet, or any more)")
        if record.instance != ad.id:
            raise Forbidden(f"the key is that of {record.instance}, which cannot speak for {ad.id}")
        return record.public
