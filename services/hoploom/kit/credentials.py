"""Bearer tokens: who may change the mesh, take work, or submit results.

A token lives in a file of mode 0600 and never in a flag, a log line or a job file.
"""

import hmac
from pathlib import Path

from aiohttp import web

from hoploom.kit.errors import ConfigError, Forbidden, Unauthorized

_SCHEME = "Bearer "
# What aiohttp puts in the place of bytes that are no UTF-8.
_RAW = "surrogateescape"


def read(path: str) -> str:
    """The token in a file, or an empty text where no file is named.

    Raises:
        ConfigError: The file cannot be read, or is empty.
    """
    if not path:
        return ""
    try:
        token = Path(path).expanduser().read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"cannot read the token file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the token file {path} holds no text") from error
    if not token:
        raise ConfigError(f"the token file {path} is empty")
    return token


def require(request: web.Request, token: str) -> None:
    """Let the request pass only with the right bearer token, compared in constant time.

    Args:
        request: The request with its `Authorization` header.
        token: The token expected; empty means that this instance was given none, and nobody may pass.

    Raises:
        Forbidden: This instance knows no token for this, so it refuses everybody.
        Unauthorized: No token was sent, or a wrong one.
    """
    if not token:
        raise Forbidden("this instance was started without the token file that this call needs")
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != _SCHEME.strip().lower() or not hmac.compare_digest(
        sent.encode("utf-8", _RAW), token.encode("utf-8", _RAW)
    ):
        raise Unauthorized("send `Authorization: Bearer <token>` with the token of this mesh")


def header(token: str) -> dict[str, str]:
    """The header that carries a token; empty for no token."""
    return {"Authorization": _SCHEME + token} if token else {}
