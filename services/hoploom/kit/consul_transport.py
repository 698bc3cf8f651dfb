"""How calls reach a Consul agent: the only module that imports python-consul2.

python-consul2 opens a connection a request, drops the client certificate, knows one check a service and reads
CONSUL_HTTP_ADDR over explicit arguments. Here one pooled aiohttp session lies under it (`Consul.http_connect` is its
override point), explicit settings win, indexes are numbers, and every failure is one of ours: `Unavailable` for no
agent, no leader, a time-out, an answer of 429 or 5xx, or a token without the permission.
"""

import asyncio
import warnings
from collections.abc import Awaitable
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from hoploom.kit.authorities import trusted
from hoploom.kit.errors import Leaderless, TooLarge, Unavailable
from hoploom.kit.later import imported_later

# python-consul2 imports it for its blocking class, which nobody uses here: 9 MB in every process.
with imported_later("requests"):
    from consul import base
    from consul.aio import Consul

T = TypeVar("T")
# Consul adds up to a sixteenth of the wait as jitter before it answers ("Blocking Queries" in its manual).
_JITTER = 17 / 16
CALL_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 3.0
# 25 s keeps below the 30 s at which some 1.22 agents cut a blocking query.
WAIT_S = 25.0
_TOO_MANY, _REDIRECT, _SERVER_ERROR, _CONTENT_TOO_LARGE, _NOT_FOUND = 429, 300, 500, 413, 404
# A transaction that meets another's change answers 409; the library gives that only as text.
_TXN_CONFLICT = "409"
# And so does one with an operation that the token may not do.
_DENIED = "Permission denied"
AS_JSON = base.CB.json()
AS_FLAG = base.CB.bool()


# What an agent says while the servers elect one of them, or it has not heard yet who that is.
_LEADERLESS = ("No cluster leader", "rpc error")


class Conflicting(Unavailable):
    """A transaction was rolled back."""


class Transport(base.HTTPClient):  # type: ignore[misc]
    """One aiohttp session for all calls of python-consul2."""

    def __init__(self, url: URL, token: str, ca_file: str) -> None:
        """Open nothing yet.

        Args:
            url: The agent's address.
            token: ACL token; empty sends none.
            ca_file: Certificates that an https address is checked by; empty for those of the system.

        Raises:
            ConfigError: The file cannot be read, or holds no certificate.
        """
        super().__init__(f"[{url.host}]" if ":" in str(url.host) else url.host, url.port, url.scheme)
        self._headers = {"X-Consul-Token": token} if token else {}
        self._trusted = trusted(ca_file) if url.scheme == "https" else True
        self._session: aiohttp.ClientSession | None = None

    # The library calls these four. Its headers carry nothing but a token, and the pool sends ours.
    async def get(self, callback: Any, path: str, params: Any = None, headers: Any = None) -> Any:
        """A call that the library makes."""
        return callback(await self._call("GET", path, params))

    async def put(self, callback: Any, path: str, params: Any = None, data: Any = "", headers: Any = None) -> Any:
        """A call that the library makes."""
        return callback(await self._call("PUT", path, params, data))

    async def post(self, callback: Any, path: str, params: Any = None, data: Any = "", headers: Any = None) -> Any:
        """A call that the library makes."""
        return callback(await self._call("POST", path, params, data))

    async def delete(self, callback: Any, path: str, params: Any = None, data: Any = "", headers: Any = None) -> Any:
        """A call that the library makes."""
        return callback(await self._call("DELETE", path, params, data))

    async def _call(self, method: str, path: str, params: Any, data: Any = "") -> Any:
        if self._session is None:
            # No limit on connections: blocking queries would starve the rest of a pool.
            connector = aiohttp.TCPConnector(limit=0, ssl=self._trusted)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers, trust_env=False)
        timeout = aiohttp.ClientTimeout(total=_patience(params), sock_connect=CONNECT_TIMEOUT_S)
        url = URL(self.uri(path, params), encoded=True)
        try:
            async with self._session.request(
                method, url, data=data or None, timeout=timeout, allow_redirects=False
            ) as answer:
                content = await answer.read()
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"Consul at {self.base_uri} does not answer ({_named(error)})") from error
        text = content.decode("utf-8", "replace")
        _refuse(answer.status, text)
        known: dict[str, Any] = dict(answer.headers)
        index = known.get("X-Consul-Index", "0")
        known["X-Consul-Index"] = int(index) if index.isdecimal() else 0
        return base.Response(answer.status, known, text, content)

    async def close(self) -> None:
        """Close the pooled connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class PooledConsul(Consul):  # type: ignore[misc]
    """python-consul2 over the pooled transport, deaf to CONSUL_HTTP_*."""

    def __init__(self, transport: Transport) -> None:
        """Speak through a transport; inside a running event loop."""
        self._pooled = transport
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            super().__init__(loop=asyncio.get_running_loop())
        self.token = None

    def http_connect(self, *_: Any, **__: Any) -> Transport:
        """The transport that was given; see `Consul.http_connect`."""
        return self._pooled


def _patience(params: Any) -> float:
    wanted = dict(params or [])
    if "index" not in wanted:
        return CALL_TIMEOUT_S
    return float(str(wanted.get("wait", f"{WAIT_S}s")).removesuffix("s")) * _JITTER + CALL_TIMEOUT_S


def _refuse(status: int, text: str) -> None:
    reason = text.strip()[:200] or "no reason given"
    if status == _CONTENT_TOO_LARGE:
        raise TooLarge(f"Consul refuses the value: {reason}")
    if status == _SERVER_ERROR and reason.startswith(_LEADERLESS):
        raise Leaderless(f"Consul answered {status}: {reason}")
    if status == _TOO_MANY or status >= _SERVER_ERROR or _REDIRECT <= status < _REDIRECT + 100:
        raise Unavailable(f"Consul answered {status}: {reason}")


async def translated(call: Awaitable[T]) -> T:
    """What a call answers, with the library's exceptions turned into ours.

    Raises:
        Conflicting: A transaction was rolled back.
        Unavailable: Everything else that is no answer.
    """
    try:
        return await call
    except (base.ACLPermissionDenied, base.ACLDisabled) as error:
        raise Unavailable(f"Consul refused the token: {error}") from error
    except base.ConsulException as error:
        if str(error).startswith(_TXN_CONFLICT) and _DENIED not in str(error):
            raise Conflicting(str(error)) from error
        what = "token" if _DENIED in str(error) else "call"
        raise Unavailable(f"Consul refused the {what}: {error}") from error
    except ValueError as error:
        raise Unavailable("the answer is no JSON: something else than Consul answers at that address") from error


def _named(error: Exception) -> str:
    return str(error) or type(error).__name__
