"""A small service on the kit with two ports, HTTP and gRPC: `python greeter_service.py --grpc-port ...`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import grpc.aio
from aiohttp import web

from backends import message
from hoploom import kit

GREET = "/example.Greeter/Greet"


class _Greeter(grpc.GenericRpcHandler):  # type: ignore[misc]
    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        return grpc.unary_unary_rpc_method_handler(_greet) if handler_call_details.method == GREET else None


async def _greet(request: bytes, _: object) -> bytes:
    # Some calls are always in flight when the instance is asked to stop.
    await asyncio.sleep(0.02)
    return message("hello " + request[2:].decode())


@contextlib.asynccontextmanager
async def _listening(_: web.Application, host: str, port: int) -> AsyncIterator[int]:
    # Without `so_reuseport` a port that is taken is refused.
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Greeter(),))
    number = server.add_insecure_port(f"{host}:{port}")
    await server.start()
    yield number
    # No more calls; those in flight end.
    await server.stop(grace=30)


async def _hello(request: web.Request) -> web.Response:
    return web.json_response({"instance": kit.me(request).id})


def _app() -> web.Application:
    app = web.Application()
    app.router.add_get("/greeter", _hello)
    greeter = kit.Port("grpc", _listening, routes=["/example.Greeter proto=grpc"])
    kit.setup(app, name="greeter", routes=["/greeter"], ports=[greeter])
    return app


if __name__ == "__main__":
    kit.run(_app())
