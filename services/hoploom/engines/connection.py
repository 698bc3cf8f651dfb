"""HTTP with two clocks: a short one for the connection, a longer one for each read.

urllib knows one timeout for both. With that, either a machine without network waits long before the next way is tried,
or a slow line loses its download. Proxies and redirects stay urllib's business.
"""

import http.client
import urllib.error
import urllib.request
from typing import IO, Any, cast

from hoploom.kit import errors

CONNECT_S = 5.0
READ_S = 30.0


class _Patient:
    """Mix-in of a connection: connects with `CONNECT_S`, then reads with `READ_S`."""

    def connect(self) -> None:
        connection = cast(http.client.HTTPConnection, self)
        connection.timeout = CONNECT_S
        super().connect()  # type: ignore[misc]
        connection.sock.settimeout(READ_S)


class _Http(_Patient, http.client.HTTPConnection):
    pass


class _Https(_Patient, http.client.HTTPSConnection):
    pass


class _HttpHandler(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Http, req)


class _HttpsHandler(urllib.request.HTTPSHandler):
    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_Https, req)


def opened(url: str) -> IO[bytes]:
    """Ask for a URL (https, http or file).

    Args:
        url: What to fetch.

    Returns:
        The answer's body, to be read and closed; with `headers` for http and https.

    Raises:
        errors.Unavailable: no connection, or an answer other than 2xx.
    """
    opener = urllib.request.build_opener(_HttpHandler(), _HttpsHandler())
    try:
        return cast(IO[bytes], opener.open(url))
    except urllib.error.HTTPError as error:
        error.close()
        raise errors.Unavailable(f"{url} answered {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        raise errors.Unavailable(f"no connection for {url} ({error.reason})") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise errors.Unavailable(f"no answer from {url} ({str(error) or type(error).__name__})") from error


def reachable(url: str) -> bool:
    """Whether somebody answers there at all, whatever the answer."""
    try:
        opened(url).close()
    except errors.Unavailable as error:
        return isinstance(error.__cause__, urllib.error.HTTPError)
    return True


def length_of(answer: Any) -> int | None:
    """Bytes that the answer announces, None when it does not say."""
    text = answer.headers.get("Content-Length", "")
    return int(text) if text.isdigit() else None
