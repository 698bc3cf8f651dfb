"""Looks outside: what this datacenter's own address is, and what DNS says of the names. A failed look says nothing."""

import asyncio
import re
import socket
from collections.abc import Iterable

from yarl import URL

from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import HttpClient
from hoploom.manager.dyfi.answers import address_in

LOOK_S = 5.0
_MOST_CHARACTERS = 2000
_WORD = re.compile(r"[0-9A-Fa-f.:]{3,45}")
_NO_SUCH = {getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA") if hasattr(socket, name)}


async def own_address(http: HttpClient, url: URL) -> str:
    """The address that a page says of who asks it: the first in its text, plain or HTML.

    Raises:
        Unavailable: It does not answer, or with no address in it.
    """
    answer = await http.request("GET", url, timeout_s=LOOK_S)
    text = answer.body[:_MOST_CHARACTERS].decode("utf-8", "replace") if answer.ok else ""
    found = next(filter(None, map(address_in, _WORD.findall(text))), "")
    if not found:
        raise Unavailable(f"{url} names no address")
    return found


async def named(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """By name, its addresses as this host's resolver tells them; a name about which nobody answers is left out."""
    loop = asyncio.get_running_loop()
    found = {}
    for name in names:
        try:
            async with asyncio.timeout(LOOK_S):
                # With the dot no search list is tried.
                told = await loop.getaddrinfo(f"{name}.", None, type=socket.SOCK_STREAM)
        except TimeoutError:
            continue
        except OSError as error:
            if error.errno in _NO_SUCH:
                found[name] = frozenset[str]()
            continue
        found[name] = frozenset(str(each[4][0]) for each in told)
    return found
