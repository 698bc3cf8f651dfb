"""What a store has, over HTTP: dumps of all or of some batches, closed files as they are."""

import asyncio
import os
import re
import time

from aiohttp import hdrs, web

from hoploom.kit.errors import BadRequest, NotFound, Unavailable
from hoploom.output_service import dump, folder, sending
from hoploom.output_service.archive import Archive, Limits
from hoploom.output_service.dump import Order
from hoploom.output_service.extract import EVERYTHING, Wanted
from hoploom.output_service.handlers import SETTINGS, STORE
from hoploom.output_service.schema import EVERY_BATCH

ARCHIVE = web.AppKey("output_archive", Archive)
LIMITS = web.AppKey("output_limits", Limits)
DUMPS = web.AppKey("output_dumps", asyncio.Semaphore)
MAX_DUMPS = 2

_SINCE = re.compile(r"(?P<store>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):(?P<seq>[0-9]{1,18})")
_SEQ = re.compile("[0-9]{1,18}")
_AT = f"SELECT batch FROM {EVERY_BATCH} WHERE seq = ?"
_SQLITE, _ZSTD = "application/vnd.sqlite3", "application/zstd"


def routes() -> list[web.RouteDef]:
    """The routes that the health port has too."""
    return [
        web.get("/dump", get_dump, allow_head=False),
        web.head("/dump", head_dump),
        web.get("/dumps", get_dumps),
        web.get("/dumps/{name}", get_file),
    ]


async def get_dump(request: web.Request) -> web.StreamResponse:
    """The batches after `since=UUID:SEQ` up to `upto=SEQ` as a SQLite file, all without; `compress=zstd`."""
    store, slots = request.app[STORE], request.app[DUMPS]
    order = _order(request, await store.last_seq())
    if slots.locked():
        raise Unavailable(f"{MAX_DUMPS} dumps are being made already", retry_after_s=10.0)
    async with slots:
        file, copy = await store.copying.run(dump.unlinked, store.files, order)
        with file:
            response = web.StreamResponse(
                headers=_headers(order, copy.about.first_seq, copy.about.last_seq) | {"X-Content-SHA256": copy.sha256}
            )
            await sending.send(request, response, file, os.fstat(file.fileno()).st_size)
            return response


async def head_dump(request: web.Request) -> web.Response:
    """What a dump would have, without making it: whether there is anything new costs nothing."""
    store = request.app[STORE]
    last = await store.last_seq()
    order = _order(request, last)
    first = max([order.wanted.since + 1, *(file.last_seq + 1 for file in store.files.closed if file.pruned)])
    return web.Response(headers=_headers(order, first, min(last, order.wanted.upto)))


async def get_dumps(request: web.Request) -> web.Response:
    """All closed files, oldest first, and how far this store is; the id of the batch with the number `at=`.

    Whoever has the store up to some batch sees by its id whether this is the same store still, or an older copy of it
    that was put back, and has given its numbers to other batches since.
    """
    store = request.app[STORE]
    files = request.app[ARCHIVE].listing()
    document = {"v": 1, "store": store.uuid, "last_seq": await store.last_seq(), "files": files}
    if "at" in request.query:
        found = await store.read(_AT, (_seq("at", request.query["at"]),))
        document["at"] = found[0][0] if found else None
    return web.json_response(document)


async def get_file(request: web.Request) -> web.StreamResponse:
    """A closed file as it is, or a range of it."""
    number = folder.closed_number(request.match_info["name"])
    files = request.app[STORE].files
    known = next((file for file in files.closed if file.number == number), None)
    if known is None or known.pruned:
        raise NotFound(f"{'that file was pruned' if known else 'there is no such file'}: /dumps lists what there is")
    try:
        file = await asyncio.to_thread((files.folder / known.name).open, "rb")
    except OSError as error:
        raise NotFound(f"{known.name} is not there any more") from error
    with file:
        headers = {
            "Content-Type": _SQLITE,
            "Content-Disposition": f'attachment; filename="{known.name}"',
            "Accept-Ranges": "bytes",
            hdrs.ETAG: f'"{known.sha256}"',
            "X-Content-SHA256": known.sha256,
            "X-Store": request.app[STORE].uuid,
            "X-First-Seq": str(known.first_seq),
            "X-Last-Seq": str(known.last_seq),
        }
        return await sending.send_range(request, file, known.bytes, headers)


def _order(request: web.Request, last_seq: int) -> Order:
    """What is asked for.

    Raises:
        BadRequest: It makes no sense.
    """
    store, query = request.app[STORE], request.query
    deadline = time.monotonic() + request.app[SETTINGS].dump_s
    compress = query.get("compress", "")
    if compress not in ("", "zstd"):
        raise BadRequest(f"compress is zstd or nothing, not {compress[:40]!r}")
    since = _since(query["since"], store.uuid, last_seq) if "since" in query else 0
    upto = _seq("upto", query["upto"]) if "upto" in query else EVERYTHING
    if upto < since:
        raise BadRequest(f"upto={upto} comes before since={since}")

    def gives_up() -> bool:
        return store.copying.has_ended or time.monotonic() > deadline

    return Order(Wanted(store.uuid, since, upto), gives_up, compress == "zstd")


def _since(text: str, store: str, last_seq: int) -> int:
    found = _SINCE.fullmatch(text)
    if not found:
        raise BadRequest(f"since is the UUID of a store, a colon and the seq of a batch, not {text[:80]!r}")
    if found["store"] != store:
        return 0
    if int(found["seq"]) > last_seq:
        reason = f"this store has come to {last_seq} only, and not to {found['seq']}"
        raise BadRequest(f"{reason}: it may be an older copy of itself; leave since out to take all it has")
    return int(found["seq"])


def _seq(name: str, text: str) -> int:
    if not _SEQ.fullmatch(text):
        raise BadRequest(f"{name} is the seq of a batch, a whole number, not {text[:40]!r}")
    return int(text)


def _headers(order: Order, first_seq: int, last_seq: int) -> dict[str, str]:
    suffix = ".zst" if order.is_compressed else ""
    store = order.wanted.store
    return {
        "Content-Type": _ZSTD if order.is_compressed else _SQLITE,
        "Content-Disposition": f'attachment; filename="{store}-{first_seq}-{last_seq}.db{suffix}"',
        "Accept-Ranges": "none",
        # Weak: the same batches, and hardly ever the same bytes.
        hdrs.ETAG: f'W/"{store}-{first_seq}-{last_seq}{suffix}"',
        "X-Store": store,
        "X-First-Seq": str(first_seq),
        "X-Last-Seq": str(last_seq),
    }
