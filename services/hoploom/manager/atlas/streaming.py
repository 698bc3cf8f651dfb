"""Sends results as they come from outputs: as one JSON list, or as an object a line. Never all of them in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from hoploom.kit.errors import Unavailable

JSON, TEXT = "json", "txt"
FORMATS: Final = {JSON: "application/json", TEXT: "text/plain"}
STALL_S: Final = 60.0
"""A reader that takes nothing for so long is gone."""

_encode: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


async def send(
    request: web.Request, pages: AsyncIterator[list[dict[str, Any]]], form: str, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Answer with all pages.

    Args:
        request: What is answered.
        pages: Results; the first page is read before the answer begins, so that a refusal has a status.
        form: `json` or `txt`.
        headers: Beside the media type.

    Raises:
        Unavailable: The first page does not come. Later it breaks the connection off: half a list is no list.
    """
    first: list[dict[str, Any]] = await anext(pages, [])
    response = web.StreamResponse(headers=headers)
    response.content_type = FORMATS[form]
    try:
        await response.prepare(request)
        await _write(response, b"[" if form == JSON else b"")
        await _write(response, await asyncio.to_thread(_text, first, form, is_first=True))
        is_first = not first
        async for page in pages:
            await _write(response, await asyncio.to_thread(_text, page, form, is_first=is_first))
            is_first = is_first and not page
        await _write(response, b"]\n" if form == JSON else b"")
        await response.write_eof()
    except (Unavailable, TimeoutError, ConnectionError):
        if request.transport is not None:
            request.transport.abort()
    return response


def _text(page: Sequence[Mapping[str, Any]], form: str, *, is_first: bool) -> bytes:
    if form == TEXT:
        return "".join(f"{_encode(each)}\n" for each in page).encode("ascii")
    joined = ",\n".join(map(_encode, page))
    before = "" if is_first or not page else ",\n"
    return f"{before}{joined}".encode("ascii")


async def _write(response: web.StreamResponse, data: bytes) -> None:
    if data:
        async with asyncio.timeout(STALL_S):
            await response.write(data)
