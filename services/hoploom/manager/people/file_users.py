"""Users in a file, for managers that are all on one host; what another one writes is seen within a second."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Never

from hoploom.kit.errors import Unavailable
from hoploom.manager.people.users import Edit, User
from hoploom.manager.people.users_file import UsersFile

log = logging.getLogger(__name__)
LOOK_EVERY_S = 0.5


class FileUsers:
    """The users of a file."""

    def __init__(self, file: UsersFile) -> None:
        """Know the file, and nobody yet."""
        self._file = file
        self._known: Mapping[str, User] | None = None
        self._stamp: tuple[int, ...] | None = None

    def users(self) -> Mapping[str, User]:
        """See `UserStore.users`."""
        if self._known is None:
            raise Unavailable("the users' file was not read yet")
        return self._known

    async def read(self) -> Mapping[str, User]:
        """See `UserStore.read`."""
        return await asyncio.to_thread(self._file.read)

    async def change(self, name: str, edit: Edit) -> User | None:
        """See `UserStore.change`."""
        found = await asyncio.to_thread(self._file.change, name, edit)
        await self._look()
        return found

    async def follow(self) -> Never:
        """See `UserStore.follow`."""
        told = ""
        while True:
            try:
                await self._look()
                told = ""
            except Unavailable as error:
                if str(error) != told:
                    log.warning("the users known so far are kept: %s", error)
                told = str(error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self) -> None:
        """Read the file if it is another one than before."""
        # Taken first: what changes meanwhile is read again.
        stamp = await asyncio.to_thread(self._file.stamp)
        if stamp is None or stamp != self._stamp:
            self._known = await self.read()
            self._stamp = stamp
