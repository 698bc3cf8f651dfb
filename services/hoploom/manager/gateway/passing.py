"""Sends a request on to a healthy instance and gives its answer back, both as they flow: nothing is kept in between.

The one module of the gateway that speaks to other services. A body that has begun to flow cannot be sent again, so a
try that failed is repeated only before that; the worker repeats all others itself, by the id that they carry.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from yarl import URL

from hoploom.kit import Mesh, retry
from hoploom.kit.errors import Unavailable
from hoploom.kit.http_client import CONNECT_TIMEOUT_S

Count = Callable[[int], object]


class Flow:
    """A body on its way: no more of it is in memory than what came last.

    Attributes:
        begun: Whether anything of it was asked for; then it cannot be sent again.
    """

    def __init__(self, content: aiohttp.StreamReader, count: Count) -> None:
        """Take it from where it comes, and tell `count` the bytes of each piece."""
        self._content, self._count = content, count
        self.begun = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Piece by piece."""
        self.begun = True
        async for piece in self._content.iter_any():
            self._count(len(piece))
            yield piece


@dataclass(frozen=True)
class Asked:
    """A request that goes on.

    Attributes:
        service: To whom.
        method: Its method.
        path: Its path there.
        query: What stands in its query.
        headers: Its headers.
        body: Its body, if it has one.
    """

    service: str
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Flow | None = None


@asynccontextmanager
async def answer(mesh: Mesh, asked: Asked) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer of an instance, of any status, its body still to be read; the caller bounds the time.

    Raises:
        Unavailable: None has answered, or it broke off.
    """
    with ExitStack() as busy:
        found = await _sent(mesh, asked, busy)
        try:
            yield found
        except (aiohttp.ClientError, ConnectionError) as error:
            reason = str(error) or type(error).__name__
            raise Unavailable(f"the {asked.service} service broke off ({reason})") from error
        finally:
            found.close() if found.content.exception() else found.release()


async def _sent(mesh: Mesh, asked: Asked, busy: ExitStack) -> aiohttp.ClientResponse:
    """The answer; whoever gives it is busy with it until `busy` ends."""
    client, instance = mesh.client(asked.service), None
    async for attempt in retry.once_more():
        with attempt:
            if asked.body is not None and asked.body.begun:
                raise Unavailable(f"the {asked.service} service broke off while the body was on its way")
            instance = await client.instance(instance)
            with ExitStack() as trying:
                trying.enter_context(instance)
                found = await _asked(mesh, URL(instance.url) / asked.path[1:], asked)
                instance.answered(found.status)
                busy.push(trying.pop_all())
            return found
    raise AssertionError("tenacity ends by an answer or an exception")


async def _asked(mesh: Mesh, url: URL, asked: Asked) -> aiohttp.ClientResponse:
    try:
        return await mesh.http.session.request(
            asked.method,
            url.with_query(asked.query),
            data=asked.body,
            headers=asked.headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S),
        )
    except (aiohttp.ClientError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise Unavailable(f"the {asked.service} service gives no answer ({reason})") from error
