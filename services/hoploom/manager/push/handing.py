"""Hands the socket of a request over to the hub, which sends the answer's head; aiohttp forgets the connection."""

from aiohttp import web

from hoploom.kit.errors import Unprocessable
from hoploom.manager.push.hub import Hub
from hoploom.wire.push import MEDIA_TYPE

_HEAD = (
    "HTTP/1.1 200 OK\r\n"
    f"Content-Type: {MEDIA_TYPE}\r\n"
    "Cache-Control: no-store\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    # Said to nginx, which else collects what it passes on.
    "X-Accel-Buffering: no\r\n"
    # The end of the connection is the end of the answer: nothing that is sent later needs a frame.
    "Connection: close\r\n\r\n"
).encode()


def hand_over(request: web.Request, hub: Hub, name: str, first: bytes) -> web.Response:
    """Give the connection of a request to the hub.

    Args:
        request: The request; nothing was answered yet.
        hub: Who keeps its socket from now on.
        name: Who is at its other end; empty for somebody without a name.
        first: Events that go out at once.

    Returns:
        What the handler returns; nobody is sent it, since aiohttp's side of the connection is gone by then.

    Raises:
        Unprocessable: The connection is no plain socket.
        Unavailable: The hub does not take it.
    """
    transport = request.transport
    connection = transport.get_extra_info("socket") if transport else None
    if transport is None or connection is None or transport.get_extra_info("sslcontext") is not None:
        raise Unprocessable("push needs a plain connection: let a router end TLS before this instance")
    hub.take(connection, name, _HEAD + first)
    # Closes this side's file descriptor alone: nothing is sent for it, for the socket is open in the hub.
    transport.abort()
    return web.Response()
