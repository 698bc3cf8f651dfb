"""HTTP to other services: one pooled session, time-outs always, and our errors only."""

import json
import re
import socket
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

import aiohttp
from aiohttp.connector import AddrInfoType
from yarl import URL

from hoploom.kit.authorities import trusted
from hoploom.kit.checked_resolver import CheckedResolver
from hoploom.kit.errors import Unavailable, Unreached
from hoploom.kit.logs import request_id

CONNECT_TIMEOUT_S = 2.0
TIMEOUT_S = 5.0
# 502 and 504 come from a router whose instance is gone; 503 and 507 from an instance that asks to be left alone.
_AWAY = frozenset({502, 503, 504, 507})
# Raised while the connection is made, TLS included; aiohttp writes the request on one that stands, and not before. With
# an idempotent method (RFC 9110, 9.2.2) it asks once more by itself where a kept connection turns out to be closed, so
# that a first try may have left before this is raised: such a request may be repeated anyway.
_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
_NOT_FOUND, _METHOD_NOT_ALLOWED = 404, 405
_ABOUT_THE_PATH = re.compile("[A-Z]+ /")


@dataclass(frozen=True)
class Answer:
    """What a service answered; never a 502, 503, 504 or 507."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return self.status // 100 == 2  # noqa: PLR2004

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            Unavailable: The body is no JSON, so whoever answered was not the service.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Unavailable("the answer is no JSON: something else answers at that address") from error

    def reason(self) -> str:
        """Why it was refused, from a problem document where there is one."""
        try:
            document = json.loads(self.body)
        except (ValueError, RecursionError):
            return self.body.decode("utf-8", "replace").strip()[:200] or f"status {self.status}"
        return str(document.get("detail", document)) if isinstance(document, dict) else str(document)

    @property
    def title(self) -> str:
        """The title of a problem document; empty for anything else."""
        try:
            document = json.loads(self.body) if self.is_problem else None
        except (ValueError, RecursionError):
            return ""
        return str(document.get("title", "")) if isinstance(document, dict) else ""

    @property
    def is_problem(self) -> bool:
        """Whether it comes from a service of ours, which says what it has to object (RFC 9457)."""
        return self.headers.get("Content-Type", "").startswith("application/problem+json")

    @property
    def is_elsewhere(self) -> bool:
        """Whether somebody without such a path answered: who is asked is not routed now, or is older than the path."""
        if self.status == _METHOD_NOT_ALLOWED:
            return True
        # Of ours, whoever has no such path names the path, and not what is wrong with the request.
        is_about_it = self.is_problem and not _ABOUT_THE_PATH.match(self.reason())
        return self.status == _NOT_FOUND and not is_about_it


class HttpClient:
    """One connection pool for all outgoing calls of this process."""

    def __init__(
        self, ca_file: str = "", why_not: Callable[[str], str] | None = None, *, unacked_s: float = 0.0
    ) -> None:
        """Open nothing yet: the session is made at the first call, inside the running loop.

        Args:
            ca_file: Certificates that are trusted, and no others; empty trusts those of the system.
            why_not: Where others name the hosts: what speaks against an address that a name leads to, empty for
                nothing. An URL with an address in it is for the caller to look at.
            unacked_s: Where what is sent is worth nothing later: seconds after which the system gives up a connection
                that nobody acknowledges, and sends no more of it; 0 leaves it at minutes.

        Raises:
            ConfigError: The file cannot be read, or holds no certificate.
        """
        self._session: aiohttp.ClientSession | None = None
        self._why_not, self._unacked_s = why_not, unacked_s
        self._trusted = trusted(ca_file)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The pooled session."""
        if self._session is None:
            resolver = CheckedResolver(self._why_not) if self._why_not else None
            factory = partial(impatient_socket, self._unacked_s) if self._unacked_s else None
            connector = aiohttp.TCPConnector(
                limit=0, ssl=self._trusted, resolver=resolver, socket_factory=factory
            )
            # A cookie that one service sets is nothing to be shown to another, or again for the next caller.
            self._session = aiohttp.ClientSession(
                connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return self._session

    async def request(
        self, method: str, url: str | URL, *, timeout_s: float = TIMEOUT_S, **options: Any
    ) -> Answer:
        """Send one request, once.

        Args:
            method: "GET", "POST", ...
            url: Where to.
            timeout_s: Seconds until the whole answer has to be there.
            options: `json=`, `data=`, `headers=` or `params=` as aiohttp takes them.

        Raises:
            Unreached: No connection came about in time; nothing was sent.
            Unavailable: No answer in time, or one of 502, 503, 504 and 507.
        """
        if asked_by := request_id.get():
            options["headers"] = {"X-Request-Id": asked_by, **(options.get("headers") or {})}
        try:
            answer = await self.session.request(
                method, url, timeout=_within(timeout_s), allow_redirects=False, **options
            )
            # Read to its end or not, the connection is given back, or closed: no `async with` is needed for that.
            body = await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            away = Unreached if isinstance(error, _NOT_CONNECTED) else Unavailable
            raise away(f"{method} {url} got no answer ({str(error) or type(error).__name__})") from error
        if answer.status in _AWAY:
            reason = Answer(answer.status, body).reason()
            raise Unavailable(f"{method} {url} answered {answer.status}: {reason}", _retry_after(answer.headers))
        return Answer(answer.status, body, answer.headers)

    async def stream(self, url: str, *, silent_s: float, headers: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """What comes in answer to a GET, as it comes; ends when the other side ends it.

        Args:
            url: Where to.
            silent_s: Seconds without a byte after which nobody is taken to be there any more.
            headers: Of the request.

        Raises:
            Unavailable: Another answer than 200, the connection broke, or nothing came for so long.
        """
        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_TIMEOUT_S, sock_read=silent_s)
        try:
            async with self.session.get(url, timeout=timeout, allow_redirects=False, headers=headers) as answer:
                if answer.status != HTTPStatus.OK:
                    reason = Answer(answer.status, await answer.read()).reason()
                    raise Unavailable(f"GET {url} answered {answer.status}: {reason}", _retry_after(answer.headers))
                async for data in answer.content.iter_any():
                    yield data
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"GET {url} broke off ({str(error) or type(error).__name__})") from error

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()
            self._session = None


@lru_cache
def _within(timeout_s: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_TIMEOUT_S)


def impatient_socket(unacked_s: float, address: AddrInfoType) -> socket.socket:
    """A socket that gives up what is not acknowledged; a request that timed out would else arrive much later.

    Source: RFC 5482 (TCP user timeout); tcp(7), TCP_USER_TIMEOUT. Where the system has none it stays as it is.
    """
    made = socket.socket(*address[:3])
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(unacked_s * 1000))
    return made


def _retry_after(headers: Mapping[str, str]) -> float:
    try:
        return min(60.0, max(0.1, float(headers.get("Retry-After", "1"))))
    except ValueError:
        return 1.0
