"""What the manager asks of a store of users: Consul's KV store, or a file for the managers of one host."""

from collections.abc import Mapping
from typing import Never, Protocol

from aiohttp import web

from hoploom.manager.people.users import Edit, User


class UserStore(Protocol):
    """The users, as all managers know them."""

    def users(self) -> Mapping[str, User]:
        """Everybody by name, as last followed: nobody waits.

        Raises:
            Unavailable: Nothing was read yet.
        """

    async def read(self) -> Mapping[str, User]:
        """Everybody by name, as stored at this moment.

        Raises:
            Unavailable: The store is away or damaged.
        """

    async def change(self, name: str, edit: Edit) -> User | None:
        """Change one record; nothing that others write meanwhile is lost.

        Args:
            name: Whose.
            edit: What it becomes; called again when somebody else was faster.

        Returns:
            What is stored now; None where there is no such user (any more).

        Raises:
            Conflict: It would leave no admin.
            BadRequest: As the edit raises it.
            Unavailable: The store is away or damaged; whether it was done is not known.
        """

    async def follow(self) -> Never:
        """Learn for ever what anybody changes; the last that is known is kept while the store is away."""


USERS: web.AppKey[UserStore] = web.AppKey("users")
"""The store of this manager; there when it starts."""
