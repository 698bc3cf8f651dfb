"""Whether a version's archive is there, and is what its sum says: asked from here, before any node is.

Nomad's nodes fetch it by themselves and look at the sum again; what they object to stands in their task events.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from hoploom.kit.errors import ConfigError
from hoploom.kit.http_client import CONNECT_TIMEOUT_S, HttpClient

SILENT_S = 10.0
"""So long an address may say nothing."""

MOST_BYTES = 2 << 30
"""No archive of a service is larger; an address that goes on for ever ends here."""

_CHUNK, _SUM_BYTES, _OK = 1 << 20, 1 << 16, 200
_SUMS = ("sha256", "sha512", "sha1", "md5")


@dataclass(frozen=True)
class Archive:
    """An archive that was looked at.

    Attributes:
        url: Where it is.
        checksum: Such as "sha256:3f9c...", as Nomad takes it.
        words: What was found, for a person.
    """

    url: str
    checksum: str
    words: str


async def look(http: HttpClient, url: str, checksum: str) -> Archive:
    """Fetch an archive and compare its sum.

    Args:
        http: The pool to use.
        url: Of http, https or file, or an absolute path; others only Nomad can fetch.
        checksum: "sha256:HEX" as Nomad takes it; empty looks for URL.sha256 beside it, as `hoploom build` writes it.

    Raises:
        ConfigError: It is not there, has another sum, or has none.
    """
    if _scheme(url) not in ("", "http", "https", "file"):
        return Archive(url, checksum, f"{url}: Nomad alone can fetch it")
    wanted = checksum or await _beside(http, url)
    kind, _, digest = wanted.partition(":")
    if kind not in _SUMS or not digest:
        raise ConfigError(f"{wanted!r} is no sum of an archive; sha256: and 64 hexadecimal digits are one")
    found, size = await _sum(http, url, kind)
    if found != digest.lower():
        raise ConfigError(f"the archive {url} has the sum {kind}:{found}, not {wanted}: it is another one, or broken")
    return Archive(url, wanted, f"{kind} {found[:4]}.. ({size / 1e6:.1f} MB) is what it should be")


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError as error:
        raise ConfigError(f"{url!r} is no address of an archive: {error}") from error


async def _beside(http: HttpClient, url: str) -> str:
    """The sum that stands beside an archive."""
    found = bytearray()
    try:
        async for chunk in _read(http, f"{url}.sha256"):
            found += chunk
            if len(found) > _SUM_BYTES:
                raise ConfigError(f"{url}.sha256 has over {_SUM_BYTES:,} bytes, so it is no sum")
    except ConfigError as error:
        raise ConfigError(f"{error}: name the archive's sum by --artifact-checksum sha256:...") from error
    words = found.decode("ascii", "replace").split()
    return f"sha256:{words[0]}" if words else ""


async def _sum(http: HttpClient, url: str, kind: str) -> tuple[str, int]:
    digest, size = hashlib.new(kind), 0
    async for chunk in _read(http, url):
        size += len(chunk)
        if size > MOST_BYTES:
            raise ConfigError(f"{url} goes on after {MOST_BYTES:,} bytes, which no archive of a service has")
        await asyncio.to_thread(digest.update, chunk)
    return digest.hexdigest(), size


async def _read(http: HttpClient, url: str) -> AsyncIterator[bytes]:
    parts = urlsplit(url)
    if parts.scheme in ("", "file"):
        async for chunk in _file(Path(parts.path)):
            yield chunk
        return
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=SILENT_S)
    try:
        async with http.session.get(url, timeout=timeout) as answer:
            if answer.status != _OK:
                raise ConfigError(f"the archive cannot be fetched: {url} answers {answer.status}")
            async for chunk in answer.content.iter_chunked(_CHUNK):
                yield chunk
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ConfigError(f"the archive cannot be fetched: {url} ({str(error) or type(error).__name__})") from error


async def _file(path: Path) -> AsyncIterator[bytes]:
    try:
        with await asyncio.to_thread(path.open, "rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk
    except OSError as error:
        raise ConfigError(f"the archive cannot be read: {path} ({error.strerror})") from error
