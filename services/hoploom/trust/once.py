"""POSTs that make something, sent again by whoever heard no answer: `Idempotency-Key` says that it is the same one.

Under a key stands in the KV store, for a day, what was asked by it and what was answered, so any instance gives the
answer again. Other content under the same key is refused: it would be lost without a word. An answer that has a secret
in it is not kept; then it is done again, which each such call takes well by itself.

Source: draft-ietf-httpapi-idempotency-key-header.
"""

import functools
import json
import re
from collections.abc import Callable
from hashlib import sha256

from aiohttp import web

from hoploom import kit
from hoploom.kit.clock import boottime_s, wall_us
from hoploom.kit.consul_api import ConsulApi
from hoploom.kit.errors import BadRequest, Unavailable, Unprocessable
from hoploom.kit.http_app import Handler, read_body

KEYS = "hoploom/once/"
HEADER = "Idempotency-Key"
KEPT_US = 24 * 3600 * 1_000_000
MOST_BYTES = 16_384
"""Of an answer that is kept; a longer one is made again."""

TIDY_EVERY_S = 600.0
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_TIDIED = web.AppKey("once_tidied_s", dict[str, float])


def attach(app: web.Application) -> None:
    """Have an application on the mesh take such calls."""
    app[_TIDIED] = {}


def once(handler: Handler, who: Callable[[web.Request], str]) -> Handler:
    """A handler that does a thing once for a key.

    Args:
        handler: Makes something, and takes the same request again well.
        who: The name of who asks; raises where he may not, before anything is written.
    """

    @functools.wraps(handler)
    async def asked(request: web.Request) -> web.StreamResponse:
        key = request.headers.get(HEADER)
        if key is None:
            return await handler(request)
        if not _KEY.fullmatch(key):
            raise BadRequest(f"{HEADER} has to be 1 to 255 printable characters without blanks")
        place = KEYS + _digest(f"{who(request)}\n{request.method} {request.path}\n{key}".encode())
        return await _asked(request, handler, place)

    return asked


async def _asked(request: web.Request, handler: Handler, place: str) -> web.StreamResponse:
    consul, content = kit.mesh(request).consul, _digest(await read_body(request))
    known, is_new = await _claimed(consul, place, content)
    if known.get("content") != content:
        raise Unprocessable(f"this {HEADER} came before with other content: send a new key with a new request")
    if "status" in known:
        status, text = int(str(known["status"])), str(known["answer"])
        headers = {"Idempotency-Replayed": "true"}
        return web.Response(status=status, text=text, content_type="application/json", headers=headers)
    try:
        answer = await handler(request)
    except BadRequest:
        if is_new:
            # Nothing was made, so there is nothing to remember, and what is put right may come under the same key.
            await consul.kv_delete(place)
        raise
    if isinstance(answer, web.Response) and _may_be_kept(answer):
        known |= {"status": answer.status, "answer": answer.text}
        await consul.kv_put(place, json.dumps(known).encode())
    await _tidy(request.app, consul)
    return answer


async def _claimed(consul: ConsulApi, place: str, content: str) -> tuple[dict[str, object], bool]:
    """What stands under a key, from now on at the latest, and whether it was put there now."""
    made: dict[str, object] = {"v": 1, "at_us": wall_us(), "content": content}
    if await consul.kv_put(place, json.dumps(made).encode(), cas=0):
        return made, True
    entry = await consul.kv_get(place, consistent=True)
    return (_read(entry.value) if entry else None) or made, False


def _may_be_kept(answer: web.Response) -> bool:
    is_json = answer.content_type == "application/json"
    is_secret = "no-store" in answer.headers.get("Cache-Control", "")
    return is_json and not is_secret and len(answer.text or "") <= MOST_BYTES


def _read(value: bytes) -> dict[str, object] | None:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


async def _tidy(app: web.Application, consul: ConsulApi) -> None:
    """Remove what is older than a day, once in a while."""
    now_s = boottime_s()
    if now_s - app[_TIDIED].get("at", float("-inf")) < TIDY_EVERY_S:
        return
    app[_TIDIED]["at"] = now_s
    try:
        for each in await consul.kv_list(KEYS):
            at_us = (_read(each.value) or {}).get("at_us", 0)
            if not isinstance(at_us, int) or wall_us() - at_us > KEPT_US:
                await consul.kv_delete(each.key)
    except Unavailable:
        # What was asked is done, and the next one tidies.
        return


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()
