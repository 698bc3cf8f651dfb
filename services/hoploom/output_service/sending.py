"""Sends an open file, or a part of it, to whoever asks.

Not with sendfile: when its client leaves at the wrong moment, asyncio forgets the waiting handler (seen in two of five
runs of the test), and the dump's slot is lost.
"""

import asyncio
from collections.abc import Mapping
from typing import BinaryIO

from aiohttp import hdrs, web

# A client that takes less than a piece in this time gives its slot to another.
STALL_S = 60.0
_PIECE_BYTES = 2**18
_PARTIAL, _NOT_MODIFIED, _UNSATISFIABLE = 206, 304, 416


async def send(request: web.Request, response: web.StreamResponse, file: BinaryIO, size_bytes: int) -> None:
    """Send the next so many bytes of a file in pieces."""
    response.content_length = size_bytes
    try:
        await response.prepare(request)
        while piece := await asyncio.to_thread(file.read, min(size_bytes, _PIECE_BYTES)):
            size_bytes -= len(piece)
            async with asyncio.timeout(STALL_S):
                await response.write(piece)
    except TimeoutError:
        # Its length tells the client that it is not whole.
        if request.transport:
            request.transport.abort()
    except ConnectionError:
        # The client has left: no fault of this instance, and nobody to tell.
        return


async def send_range(
    request: web.Request, file: BinaryIO, size_bytes: int, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Answer with the part of a file that is asked for, or with the whole where that was of another content.

    Args:
        request: GET or HEAD.
        file: Open at its beginning.
        size_bytes: Its size.
        headers: Of the answer; the `ETag` among them names the content.

    Source: RFC 9110 sections 13 and 14; of several ranges at once nobody has to send any.
    """
    tag = headers[hdrs.ETAG]
    if tag in request.headers.get(hdrs.IF_NONE_MATCH, ""):
        return web.Response(status=_NOT_MODIFIED, headers={hdrs.ETAG: tag})
    is_part = hdrs.RANGE in request.headers and request.headers.get(hdrs.IF_RANGE, tag) == tag
    try:
        start, stop, _ = request.http_range.indices(size_bytes) if is_part else (0, size_bytes, 1)
    except ValueError:
        start, stop = size_bytes, size_bytes
    if start >= stop:
        return web.Response(status=_UNSATISFIABLE, headers={hdrs.CONTENT_RANGE: f"bytes */{size_bytes}"})
    response = web.StreamResponse(headers=headers)
    if is_part:
        response.set_status(_PARTIAL)
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {start}-{stop - 1}/{size_bytes}"
    file.seek(start)
    if request.method == hdrs.METH_HEAD:
        response.content_length = stop - start
        await response.prepare(request)
    else:
        await send(request, response, file, stop - start)
    return response
