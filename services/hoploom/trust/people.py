"""People's tokens, followed in the KV store by every service that people's programs call: who a token's owner is.

What was read last is kept while Consul is away. Managers remove the tokens of whoever is disabled, removed or may do
less than before, so input and outputs need not know the people themselves.
"""

import asyncio
from collections.abc import Callable, Iterable

from aiohttp import web

from hoploom.kit import credentials, watch
from hoploom.kit.clock import wall_us
from hoploom.kit.consul_api import ConsulApi, KvEntry
from hoploom.kit.errors import Forbidden, Unauthorized, Unavailable
from hoploom.trust.person_token import MAX_LENGTH, SCHEME, TOKENS, PersonToken, hashed, stored
from hoploom.wire.people import Role

PACE_S = 1.0
"""A query for what is not there returns at every write to the store."""

OPERATOR = "operator"
"""Who has the operators' token of the mesh, which names nobody."""


class People:
    """The tokens as this instance knows them."""

    def __init__(self, consul: ConsulApi, wall: Callable[[], int] = wall_us) -> None:
        """Know none yet.

        Args:
            consul: The KV store.
            wall: The wall clock, microseconds since 1970.
        """
        self._consul, self._wall = consul, wall
        self._known: dict[str, PersonToken] | None = None

    def tokens(self) -> list[PersonToken]:
        """All, the oldest first; raises Unavailable before the first read."""
        if self._known is None:
            raise Unavailable("people's tokens are not known here yet")
        return sorted(self._known.values(), key=lambda each: (each.made_us, each.hash))

    def find(self, text: str) -> PersonToken | None:
        """The token of a text, None where it is none that is good now; raises Unavailable before the first read."""
        if not is_one(text):
            return None
        if self._known is None:
            raise Unavailable("people's tokens are not known here yet")
        found = self._known.get(hashed(text))
        return found if found and self._wall() < found.until_us else None

    def learn(self, entries: Iterable[KvEntry]) -> None:
        """What stands in the store now."""
        found = [token for token in map(stored, entries) if token]
        self._known = {each.hash: each for each in found}

    async def run(self) -> None:
        """Follow the stored tokens, for ever."""
        await watch.follow("people's tokens", self._read_on, self.learn)

    async def _read_on(self, index: int) -> tuple[int, list[KvEntry]]:
        if index and not self._known:
            await asyncio.sleep(PACE_S)
        return await self._consul.kv_watch(TOKENS, index)


PEOPLE = web.AppKey("people_tokens", People)


def is_one(text: str) -> bool:
    """Whether a text looks like a person's token."""
    return text.startswith(SCHEME) and len(text) <= MAX_LENGTH


def shown(request: web.Request) -> PersonToken | None:
    """The person's token that a request shows; None where it shows something else, or nothing.

    Raises:
        Unauthorized: It shows one that is not good (any more).
        Unavailable: That cannot be told yet.
    """
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not is_one(sent):
        return None
    found = request.app[PEOPLE].find(sent)
    if found is None:
        raise Unauthorized("this token is wrong, or is good no more: `hoploom token new` makes another")
    return found


def steers(request: web.Request, operator_token: str) -> str:
    """Who may steer the mesh: whoever has the operators' token, or one of a person who is operator or more.

    Args:
        request: The request with its `Authorization` header.
        operator_token: The operators' token; empty where this instance was given none.

    Returns:
        The person's name, or `operator`.

    Raises:
        Unauthorized: It shows nothing, or something that is no good.
        Forbidden: The token's role does not reach, or this instance was given no operators' token.
        Unavailable: It cannot be told yet.
    """
    token = shown(request)
    if token is None:
        credentials.require(request, operator_token)
        return OPERATOR
    if token.role < Role.OPERATOR:
        raise Forbidden(f"this needs the role operator, and the token is one of a {token.role.word}")
    return token.user
