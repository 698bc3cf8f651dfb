"""Resolves names and leaves out addresses that may not be connected to, where it is others who name the hosts.

It is asked at the moment of connecting, so a name that leads elsewhere the second time gains nothing.
"""

import socket
from collections.abc import Callable

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver


class CheckedResolver(AbstractResolver):
    """The system's resolver behind a check."""

    def __init__(self, why_not: Callable[[str], str]) -> None:
        """Leave out what `why_not` objects to, in words; it says nothing for an address that is good."""
        self._why_not, self._resolver = why_not, DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The good addresses of a name.

        Raises:
            OSError: There are none.
        """
        found = await self._resolver.resolve(host, port, family)
        good = [each for each in found if not self._why_not(each["host"])]
        if not good:
            raise OSError(None, f"{host} leads nowhere good: {self._why_not(found[0]['host'])}")
        return good

    async def close(self) -> None:
        """Close the system's."""
        await self._resolver.close()
