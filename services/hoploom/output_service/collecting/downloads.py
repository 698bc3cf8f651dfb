"""Fetches files of results into a folder in the data set's: bounded in size, in time, and by what the disk has left.

A closed file's transfer goes on where it broke off, also after a restart, and ends with its checksum. What is broken is
removed here; what is whole and still no good is judged by whoever takes it.
"""

import asyncio
import errno
import hashlib
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import aiohttp

from hoploom.kit import credentials, metrics
from hoploom.kit.errors import OutOfSpace, Unavailable, Unprocessable
from hoploom.kit.http_client import Answer, HttpClient
from hoploom.output_service.collecting.offers import ClosedFile

CONNECT_S, STALL_S = 2.0, 60.0
START_S, SLOWEST_BYTES_S = 330.0, 65_536
"""An output may work on a copy for five minutes (its setting `dump_s`); from then on it is at least so fast."""

SPARE_BYTES = 64 * 2**20
"""What is left free on the disk in any case; a set grows by what it takes, so a file's size has to be free twice."""

_PIECE_BYTES = 2**20
_UNFINISHED_DAYS = 7
_OK, _PARTIAL, _TOO_MANY = 200, 206, 429
_BYTES = metrics.counter("hoploom_collector_bytes_total", "Bytes fetched from outputs.")


class Damaged(Unavailable):
    """What came is not what was announced."""


@dataclass(frozen=True)
class Fetched:
    """A file that was fetched whole.

    Attributes:
        path: Where it is; whoever takes it removes it.
        last_seq: Number of its last batch, as its output says.
    """

    path: Path
    last_seq: int


class Downloads:
    """The folder of one collector."""

    def __init__(self, http: HttpClient, folder: Path, max_bytes: int, token: str = "") -> None:
        """Make the folder, and remove from it what no transfer will go on with.

        Args:
            http: The connections of this process.
            folder: Nobody else's.
            max_bytes: Largest file that is fetched.
            token: Of the mesh, where outputs ask for one.
        """
        self._http, self._folder, self._max_bytes = http, folder, max_bytes
        self._headers = {"Accept-Encoding": "identity", **credentials.header(token)}
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        oldest_s = time.time() - _UNFINISHED_DAYS * 86_400
        for path in folder.iterdir():
            if path.suffix != ".part" or path.stat().st_mtime < oldest_s:
                path.unlink()

    async def whole(self, url: str, store: str, file: ClosedFile) -> Fetched:
        """A closed file; a transfer that broke off goes on.

        Raises:
            Damaged: Its checksum is wrong; the next try begins anew.
            Unavailable: It does not come now, or too slowly.
            OutOfSpace: There is no room for it here.
            Unprocessable: It is over the limit.
        """
        path = self._folder / f"{store}-{file.name}-{file.sha256[:16]}.part"
        with _own_disk(path):
            done = path.stat().st_size if path.exists() else 0
            self._require_room(file.size_bytes, file.size_bytes - done)
            hashed = await asyncio.to_thread(_hash_of, path)
            if done < file.size_bytes:
                headers = {"Range": f"bytes={done}-"} if done else {}
                async with self._asked(f"{url}/dumps/{file.name}", headers, file.size_bytes) as answer:
                    _require_store(answer, store)
                    if answer.status != _PARTIAL or not _begins_at(answer, done):
                        hashed, done = hashlib.sha256(), 0
                    await self._write(answer, path, hashed, done, file.size_bytes)
            return Fetched(_checked(path, hashed.hexdigest(), file.sha256), file.last_seq)

    async def part(self, url: str, store: str, since: int, upto: int) -> Fetched:
        """The batches of a store after `since`, up to `upto` (0: all of them); raises as `whole`."""
        path = self._folder / f"{store}.tail"
        bound = f"&upto={upto}" if upto else ""
        with _own_disk(path):
            async with self._asked(f"{url}/dump?since={store}:{since}{bound}", {}, self._max_bytes) as answer:
                _require_store(answer, store)
                self._require_room(answer.content_length or 0, answer.content_length or 0)
                hashed = hashlib.sha256()
                await self._write(answer, path, hashed, 0, answer.content_length or self._max_bytes)
                said = answer.headers.get("X-Content-SHA256", "")
                return Fetched(_checked(path, hashed.hexdigest(), said), _last_seq(answer))

    @asynccontextmanager
    async def _asked(self, url: str, headers: dict[str, str], size_bytes: int) -> AsyncIterator[aiohttp.ClientResponse]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=STALL_S + START_S)
        try:
            async with (
                asyncio.timeout(START_S + size_bytes / SLOWEST_BYTES_S),
                # As it is: a Range counts the bytes of the file.
                self._http.session.get(
                    url, headers={**self._headers, **headers}, timeout=timeout, allow_redirects=False
                ) as answer,
            ):
                if answer.status not in (_OK, _PARTIAL):
                    await _refuse(answer)
                yield answer
        except TimeoutError as error:
            raise Unavailable(f"{url} comes too slowly") from error
        except aiohttp.ClientError as error:
            raise Unavailable(f"{url} broke off ({str(error) or type(error).__name__})") from error

    async def _write(
        self, answer: aiohttp.ClientResponse, path: Path, hashed: "hashlib._Hash", done: int, most: int
    ) -> None:
        most = min(most, self._max_bytes)
        with path.open("ab") as file:
            file.truncate(done)
            async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                done += len(piece)
                if done > most:
                    raise Unprocessable(f"it is longer than the {most} bytes that it may have")
                await asyncio.to_thread(_append, file, hashed, piece)
                _BYTES.inc(len(piece))

    def _require_room(self, size_bytes: int, missing_bytes: int) -> None:
        if size_bytes > self._max_bytes:
            raise Unprocessable(f"a file of {size_bytes} bytes is over the limit of {self._max_bytes}")
        needed, free = missing_bytes + size_bytes + SPARE_BYTES, shutil.disk_usage(self._folder).free
        if needed > free:
            raise OutOfSpace(f"the disk of the data set has {free} bytes left, and {needed} are needed", 60.0)


@contextmanager
def _own_disk(path: Path) -> Iterator[None]:
    """What the disk says, in our words; a file that it has no room for makes way for others."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError):
        # Of the system's kind too, and not about the disk.
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            path.unlink(missing_ok=True)
            raise OutOfSpace(f"the disk of the data set takes no more: {error.strerror}", 60.0) from error
        raise Unavailable(f"the disk of the data set does not take {path.name}: {error.strerror}") from error


async def _refuse(answer: aiohttp.ClientResponse) -> None:
    reason = Answer(answer.status, await answer.content.read(4096)).reason()
    wait = answer.headers.get("Retry-After", "")
    raise Unavailable(f"{answer.url} answered {answer.status}: {reason}", float(wait) if wait.isdecimal() else 1.0)


def _require_store(answer: aiohttp.ClientResponse, store: str) -> None:
    said = answer.headers.get("X-Store", store)
    if said != store:
        raise Unavailable(f"{answer.url} is of store {said[:40]}, and not of {store}")


def _begins_at(answer: aiohttp.ClientResponse, done: int) -> bool:
    return answer.headers.get("Content-Range", "").startswith(f"bytes {done}-")


def _last_seq(answer: aiohttp.ClientResponse) -> int:
    said = answer.headers.get("X-Last-Seq", "")
    if not said.isdecimal():
        raise Unavailable(f"{answer.url} does not say up to which batch it is: an output of an older version")
    return int(said)


def _checked(path: Path, found: str, expected: str) -> Path:
    if found != expected:
        path.unlink(missing_ok=True)
        raise Damaged(f"its checksum is {found[:16]}..., and {expected[:16]}... was announced")
    return path


def _append(file: BinaryIO, hashed: "hashlib._Hash", piece: bytes) -> None:
    file.write(piece)
    hashed.update(piece)


def _hash_of(path: Path) -> "hashlib._Hash":
    hashed = hashlib.sha256()
    if path.exists():
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                hashed.update(piece)
    return hashed
