"""Who this worker is to the mesh: its name, its key, and the credential that it shows with every request.

A worker that Nomad places shows the mesh's own token and has no key. One that joined shows a credential of hours, which
it renews at a third of its life by the clock since boot: the wall clock of a small machine may be years off. Whatever a
manager answers holds from then on; a silent one changes nothing, and who is refused asks again now and then, because a
revocation may be taken back.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable

from hoploom.kit import credentials, metrics
from hoploom.kit.clock import boottime_s
from hoploom.kit.errors import BadRequest, ConfigError, Forbidden, Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.ping_service import enrolling
from hoploom.ping_service.identity_folder import Enrolment, IdentityFolder
from hoploom.trust.keys import Signer
from hoploom.wire.enrolment import Enrolled

log = logging.getLogger(__name__)
RENEW_PART = 3
"""Two more renewals may fail before a credential ends."""

FIRST_PAUSE_S, LONGEST_PAUSE_S, REFUSED_S = 1.0, 60.0, 30.0
SOONEST_S = 10.0
"""Whoever refuses a credential has it renewed, and no more often than this."""

_LEFT = metrics.gauge("hoploom_ping_credential_seconds", "Seconds that the credential held when it was renewed last.")


class Identity:
    """A worker that Nomad places: it shows the mesh's own token, and nothing is to be renewed.

    Attributes:
        name: The worker's lasting name.
        key: What it signs with; None without an enrolment.
        mesh_url: Where it joined, without a slash at the end; empty without an enrolment.
        trouble: Why the mesh refuses it, for people; empty while it does not.
    """

    def __init__(self, name: str, token: str = "") -> None:
        """Show this token."""
        self.name, self.mesh_url, self.trouble = name, "", ""
        self.key: Signer | None = None
        self._token = token

    def headers(self) -> dict[str, str]:
        """The header that every request to the mesh carries."""
        return credentials.header(self._token)

    @property
    def answer(self) -> Enrolled | None:
        """What a manager answered last (number, gateway, push, managers, highest boot, rate); None if not enrolled."""
        return None

    @property
    def gateway(self) -> bool:
        """Whether leases and results go to `mesh_url` + `/gateway`."""
        return bool(self.answer and self.answer.gateway)

    @property
    def ready(self) -> bool:
        """Whether there is a credential that may still hold."""
        return True

    @property
    def renewing(self) -> bool:
        """Whether a new credential is being asked for, or should be."""
        return False

    def renew_soon(self) -> None:
        """Somebody has refused the credential: ask for a new one now, unless that was done a moment ago."""

    async def run(self) -> None:
        """Keep the credential new, for ever."""


class JoinedIdentity(Identity):
    """A worker that joined."""

    def __init__(
        self, folder: IdentityFolder, http: HttpClient, clock: Callable[[], float] = boottime_s
    ) -> None:
        """Take up what the folder holds.

        Args:
            folder: With the key and the enrolment.
            http: The way out.
            clock: Seconds since boot.

        Raises:
            ConfigError: This worker has not joined, or its files are damaged.
        """
        key, known = folder.known_key(), folder.read()
        if key is None or known is None:
            raise ConfigError("this worker has not joined a mesh: say `hoploom worker join URL` on this machine")
        super().__init__(known.answer.name)
        self.key, self._signer, self.mesh_url = key, key, known.mesh_url
        self._folder, self._http, self._clock = folder, http, clock
        self._answer = known.answer
        # How old the kept credential is nobody knows, for the clock may have begun anew: it is tried, and renewed.
        self._renewed_s, self._until_s = float("-inf"), float("inf")
        self._failures = 0
        self._asked = asyncio.Event()
        self._asked.set()

    @property
    def answer(self) -> Enrolled:
        """What a manager answered last."""
        return self._answer

    @property
    def ready(self) -> bool:
        """Whether there is a credential that may still hold."""
        return not self.trouble and self._clock() < self._until_s

    @property
    def renewing(self) -> bool:
        """Whether a new credential is being asked for, or should be."""
        return self._asked.is_set()

    def headers(self) -> dict[str, str]:
        """The header that every request to the mesh carries."""
        return credentials.header(self._answer.credential)

    def renew_soon(self) -> None:
        """Somebody has refused the credential: ask for a new one now, unless that was done a moment ago."""
        if self._clock() - self._renewed_s > SOONEST_S:
            self._asked.set()

    def urls(self) -> list[str]:
        """The managers to ask, the one that it joined at first; over plain HTTP only where it joined so."""
        plain = self.mesh_url.startswith("http://")
        others = [each for each in self._answer.managers if plain or each.startswith("https://")]
        return list(dict.fromkeys([self.mesh_url, *others]))

    async def run(self) -> None:
        """Keep the credential new, for ever."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._rest_s()):
                    await self._asked.wait()
            self._asked.set()
            if await self._renewed():
                self._asked.clear()
            else:
                await asyncio.sleep(self._pause_s(random.random()))

    def _rest_s(self) -> float:
        """Until a third of the credential's life is over."""
        return max(0.0, self._renewed_s + self._answer.ttl_s / RENEW_PART - self._clock())

    def _pause_s(self, chance: float) -> float:
        """After a failure; `chance` in [0, 1) spreads a fleet out whose manager comes back."""
        longest_s = REFUSED_S if self.trouble else LONGEST_PAUSE_S
        return min(longest_s, FIRST_PAUSE_S * 2.0 ** min(self._failures, 10)) * (0.5 + chance / 2)

    async def _renewed(self) -> bool:
        urls = self.urls()
        began_s = self._clock()
        try:
            url = urls[self._failures % len(urls)]
            answer = await enrolling.renew(self._http, url, self.name, self._signer)
        except Forbidden as error:
            if not self.trouble:
                log.warning("the mesh refuses this worker: %s", error)
            self.trouble = str(error)
        except (BadRequest, Unavailable) as error:
            log.log(logging.DEBUG if self._failures else logging.WARNING, "no new credential yet: %s", error)
        else:
            await self._learn(answer, began_s)
            return True
        self._failures += 1
        return False

    async def _learn(self, answer: Enrolled, began_s: float) -> None:
        self._answer, self.trouble, self._failures = answer, "", 0
        # From when it was asked for: an answer that took long has aged on its way.
        self._renewed_s, self._until_s = began_s, began_s + answer.ttl_s
        _LEFT.set(answer.ttl_s)
        try:
            await asyncio.to_thread(self._folder.write, Enrolment(mesh_url=self.mesh_url, answer=answer))
        except ConfigError as error:
            log.warning("%s: it is asked for again after the next start", error)
