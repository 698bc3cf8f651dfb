"""The guard before every door that workers use: who a caller is, from what it shows and from nothing that it says.

Workers that Nomad places share the mesh's own token, and name themselves. An enrolled worker has a credential of its
own: the name in it is the only one that it may speak for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from hoploom.kit import credentials, metrics
from hoploom.kit.errors import BadRequest, Forbidden
from hoploom.trust.credential import SCHEME, Credential
from hoploom.trust.key_set import KeySet
from hoploom.trust.roll import Roll

_REFUSED = metrics.counter("hoploom_workers_refused_total", "Calls that the guard refused, by status.", ("status",))


@dataclass(frozen=True)
class Caller:
    """Who calls.

    Attributes:
        credential: Of an enrolled worker; None for the mesh's own token.
    """

    credential: Credential | None = None

    @property
    def name(self) -> str:
        """Name of the enrolled worker; empty for the mesh's own token."""
        return self.credential.worker if self.credential else ""

    def must_be(self, name: str) -> None:
        """Raises Forbidden when an enrolled worker speaks for another; the mesh's own token may speak for any."""
        if self.credential and name != self.credential.worker:
            _REFUSED.labels("403").inc()
            raise Forbidden(f"the credential is that of {self.name}, which cannot speak for {name[:63]!r}")

    def must_be_the_mesh(self) -> None:
        """Raises Forbidden for an enrolled worker: what instances say among themselves is not for it."""
        if self.credential:
            _REFUSED.labels("403").inc()
            raise Forbidden(f"this is for instances of the mesh, and not for the worker {self.name}")

    def must_be_enrolled(self) -> Credential:
        """The caller's credential; raises Forbidden for the mesh's own token."""
        if not self.credential:
            _REFUSED.labels("403").inc()
            raise Forbidden("this is for enrolled workers: the mesh's own token has no name")
        return self.credential


class Guard:
    """Knows the mesh's token, the managers' keys, and who is revoked."""

    def __init__(
        self, shared_token: str, key_set: KeySet, is_revoked: Callable[[str], bool], roll: Roll | None = None
    ) -> None:
        """Guard one instance.

        Args:
            shared_token: The mesh's own token; empty where this instance was given none.
            key_set: The managers' keys.
            is_revoked: Whether a worker is; raises Unavailable while nobody knows.
            roll: Who is enrolled; None where nobody was ever removed.
        """
        self._shared_token, self._key_set, self._is_revoked = shared_token, key_set, is_revoked
        self._roll = roll or Roll()

    async def caller(self, request: web.Request) -> Caller:
        """Who sends a request.

        Raises:
            Unauthorized: It shows nothing, or something that is wrong or has expired.
            Forbidden: The worker is revoked or removed, or this instance was given no token to compare with.
            Unavailable: It cannot be told now.
        """
        try:
            return await self._caller(request)
        except BadRequest as error:
            _REFUSED.labels(str(error.status)).inc()
            raise

    async def _caller(self, request: web.Request) -> Caller:
        scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not sent.startswith(f"{SCHEME}."):
            credentials.require(request, self._shared_token)
            return Caller()
        return Caller(await self.credential(sent))

    async def credential(self, text: str) -> Credential:
        """An enrolled worker's credential, wherever its text came; raises as `caller`."""
        credential = await self._key_set.read(text)
        if self._is_revoked(credential.worker):
            raise Forbidden(f"the worker {credential.worker} is revoked: ask the operators of the mesh")
        self._roll.require(credential)
        return credential
