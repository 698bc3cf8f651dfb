"""`hoploom dump`: what an output instance has, or has got since some point, as a SQLite file; or that of all of them.

A file appears under its name when it is whole and its checksum is right. With --all it goes on where the files in the
folder end, store by store.
"""

import argparse
import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import aiohttp

from hoploom.cli import screen
from hoploom.kit import credentials
from hoploom.kit.errors import BadRequest, ConfigError, Unavailable
from hoploom.kit.http_client import CONNECT_TIMEOUT_S, Answer, HttpClient
from hoploom.local.mesh import LocalMesh

NAME = "dump"
HELP = "fetch what an output instance has stored (--since UUID:SEQ for what is new), or all of them (--all DIR)"
WAIT_S = 330.0
"""So long may an output work on a copy (its setting `dump_s`), and be silent while it is sent."""

_PIECE_BYTES = 2**20
_NAME = re.compile(r"([0-9a-f-]{36})-(\d{1,18})-(\d{1,18})\.db(\.zst)?")
_OK, _MISTAKE = 200, 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    screen.add_mesh(parser)
    parser.add_argument(
        "--since", default="", metavar="UUID:SEQ",
        help="only batches of that store after this one (a dump's name and its table meta say it)",
    )  # fmt: skip
    parser.add_argument("--compress", action="store_true", help="compressed by zstd, a third of the size")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: STORE-FIRST-LAST.db here")
    where.add_argument(
        "--all", type=Path, metavar="DIR",
        help="all instances that Consul knows into this folder; again, and only what is new comes",
    )  # fmt: skip
    parser.add_argument("--address", default="", metavar="URL", help="of one instance (default: any, through Fabio)")
    parser.add_argument("--token-file", default="", metavar="FILE", help="a token to show at --address")


def run(args: argparse.Namespace) -> int:
    """Fetch, and name the files."""
    if args.all and (args.since or args.address):
        raise ConfigError("--all finds the instances, and what is new of each, by itself: no --since and no --address")
    return asyncio.run(_run(args))


@dataclass(frozen=True)
class _Wish:
    """What is asked of one instance; `since` and `output` may be lacking."""

    url: str
    since: str
    output: Path | None
    folder: Path
    is_compressed: bool
    token: str = field(default="", repr=False)


async def _run(args: argparse.Namespace) -> int:
    async with _clients(args) as (http, urls, token):
        failed = 0
        for url, store in urls.items():
            since = f"{store}:{_upto(args.all, store)}" if store else args.since
            wish = _Wish(url, since, args.output, args.all or Path(), args.compress, token)
            try:
                screen.say("dump", await _fetch(http, wish))
            except Unavailable as error:
                if not args.all:
                    raise
                failed += 1
                screen.say_aside("away", str(error))
        return 1 if failed else 0


@asynccontextmanager
async def _clients(args: argparse.Namespace) -> AsyncIterator[tuple[HttpClient, dict[str, str], str]]:
    """The instances to ask, by URL, each with its store's UUID where that has to be known; and the token to show."""
    if args.address:
        http = HttpClient()
        try:
            yield http, {args.address.rstrip("/"): ""}, credentials.read(args.token_file)
        finally:
            await http.close()
        return
    mesh = LocalMesh(screen.places(args), screen.say)
    try:
        mesh.require_running()
        urls = await _outputs(mesh) if args.all else {mesh.fabio_url: ""}
        yield mesh.http, urls, mesh.secrets.get("operator", "")
    finally:
        await mesh.close()


async def _outputs(mesh: LocalMesh) -> dict[str, str]:
    found = {}
    for entry in await mesh.consul().health("output"):
        service = entry["Service"]
        address = service["Address"] or entry["Node"]["Address"]
        found[f"http://{address}:{service['Port']}"] = (service["Meta"] or {}).get("store", "")
    if not found:
        raise Unavailable("Consul knows no output instance")
    return found


async def _fetch(http: HttpClient, wish: _Wish) -> str:
    """Fetch one dump; in words, what came of it.

    Raises:
        BadRequest: The instance refuses it, with the reason.
        Unavailable: It did not come, or not whole.
        ConfigError: It cannot be kept here.
    """
    query = {"since": wish.since, "compress": "zstd" if wish.is_compressed else ""}
    url = f"{wish.url}/dump?{urlencode({name: value for name, value in query.items() if value})}"
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=WAIT_S)
    # As it is: the checksum is that of the bytes sent.
    headers = {"Accept-Encoding": "identity", **credentials.header(wish.token)}
    try:
        async with http.session.get(url, timeout=timeout, headers=headers, allow_redirects=False) as answer:
            if answer.status != _OK:
                raise await _refused(url, answer)
            return await _kept(answer, wish)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Unavailable(f"{url} broke off ({str(error) or type(error).__name__}): ask again") from error
    except OSError as error:
        raise ConfigError(f"the dump cannot be kept: {error}") from error


async def _kept(answer: aiohttp.ClientResponse, wish: _Wish) -> str:
    store, first, last = (answer.headers.get(f"X-{name}", "") for name in ("Store", "First-Seq", "Last-Seq"))
    name = f"{store}-{first}-{last}.db{'.zst' if wish.is_compressed else ''}"
    if not _NAME.fullmatch(name):
        raise Unavailable("whoever answered is no output instance, or one of an older version")
    if int(first) > int(last) and not wish.output:
        return f"{store} has nothing after {last}"
    target = wish.output or wish.folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.partial")
    try:
        if await _written(answer, partial) != answer.headers.get("X-Content-SHA256"):
            raise Unavailable(f"the checksum of what {store} sent is wrong: ask again")
        partial.rename(target)
    finally:
        partial.unlink(missing_ok=True)
    return f"{target}: batches {first} to {last}; next --since {store}:{last}"


async def _written(answer: aiohttp.ClientResponse, path: Path) -> str:
    """Write the body; its SHA-256."""
    hashed = hashlib.sha256()
    with path.open("wb") as file:
        async for piece in answer.content.iter_chunked(_PIECE_BYTES):
            file.write(piece)
            hashed.update(piece)
    return hashed.hexdigest()


async def _refused(url: str, answer: aiohttp.ClientResponse) -> Exception:
    reason = Answer(answer.status, await answer.content.read(4096)).reason()
    if answer.status < _MISTAKE:
        return BadRequest(f"{url} refuses it: {reason}")
    return Unavailable(f"{url} answered {answer.status}: {reason}")


def _upto(folder: Path, store: str) -> int:
    """The last batch of a store that the files in a folder have, 0 for none."""
    names = [_NAME.fullmatch(each.name) for each in folder.iterdir()] if folder.is_dir() else []
    return max((int(found[3]) for found in names if found and found[1] == store), default=0)
