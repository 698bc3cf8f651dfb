"""Makes and removes tokens in the KV store, and lets none outlive what its owner may do."""

import secrets
from collections.abc import Callable, Iterable, Mapping

from hoploom.kit.clock import wall_us
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import Conflict, Forbidden, NotFound, Unavailable
from hoploom.manager.people.users import User
from hoploom.trust.person_token import SCHEME, TOKENS, PersonToken, hashed, packed, stored
from hoploom.wire.people import Role

MOST = 20
"""Of one person: who needs more has forgotten some."""

DEFAULT_DAYS, MAX_DAYS = 90, 366
_BYTES = 16
_DAY_US = 86_400_000_000


class TokenBook:
    """The tokens of all people, as they stand in the KV store."""

    def __init__(self, consul: ConsulApi, wall: Callable[[], int] = wall_us) -> None:
        """Know the store, and the wall clock in microseconds since 1970."""
        self._consul, self._wall = consul, wall

    async def all(self) -> list[PersonToken]:
        """All, the oldest first; raises Unavailable where Consul is away."""
        found = [token for token in map(stored, await self._consul.kv_list(TOKENS)) if token]
        return sorted(found, key=lambda each: (each.made_us, each.hash))

    async def make(self, owner: User, name: str, role: Role, days: int) -> tuple[str, PersonToken]:
        """A new token.

        Args:
            owner: Whose it is.
            name: What it is for.
            role: What it may do.
            days: How long it is good.

        Returns:
            Its text, which is nowhere else, and what is stored.

        Raises:
            Forbidden: The owner may not do as much.
            Conflict: The owner has enough of them, or one of that name.
            Unavailable: Consul is away.
        """
        if owner.disabled or role > owner.role:
            raise Forbidden(f"{owner.name} is {owner.role.word}, and can have no token of a {role.word}")
        own = [each for each in await self.all() if each.user == owner.name]
        if len(own) >= MOST:
            raise Conflict(f"{owner.name} has {len(own)} tokens: remove some with `hoploom token rm` first")
        if any(each.name == name for each in own):
            raise Conflict(f"{owner.name} has a token {name!r} already: choose another name, or remove it first")
        text = SCHEME + secrets.token_urlsafe(_BYTES)
        now_us = self._wall()
        made = PersonToken(
            hash=hashed(text), name=name, user=owner.name, role=role, made_us=now_us, until_us=now_us + days * _DAY_US
        )
        if not await self._consul.kv_put(made.stored_at, packed(made), cas=0):
            raise Unavailable("the token was not stored: ask again")
        return text, made

    async def remove(self, wanted: str, user: str) -> PersonToken:
        """Take a token back; it is good nowhere a moment later.

        Args:
            wanted: Its id.
            user: Whose it has to be; empty for anybody's.

        Raises:
            NotFound: There is no such token of that person.
            Unavailable: Consul is away.
        """
        found = [each for each in await self.all() if each.id == wanted and user in ("", each.user)]
        if not found:
            raise NotFound(f"there is no token {wanted[:20]!r}")
        await self._consul.kv_delete(found[0].stored_at)
        return found[0]

    async def drop(self, tokens: Iterable[PersonToken]) -> None:
        """Remove these; raises Unavailable where Consul is away."""
        for each in tokens:
            await self._consul.kv_delete(each.stored_at)

    def over(self, tokens: Iterable[PersonToken], users: Mapping[str, User]) -> list[PersonToken]:
        """Those that have to go: too old, or of somebody who is gone, disabled, or may do less than they may."""
        now_us = self._wall()
        return [each for each in tokens if each.until_us <= now_us or not may_have(users.get(each.user), each)]


def may_have(owner: User | None, token: PersonToken) -> bool:
    """Whether somebody who is this user now may have such a token."""
    return owner is not None and not owner.disabled and token.role <= owner.role
