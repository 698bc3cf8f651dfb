"""A small service on the kit, for tests that start and stop real instances: `python orders_service.py --port ...`.

With `ORDERS_FAIL_EVERY=N` in its environment it answers every Nth request 500, as a version with a fault does; with
`ORDERS_NEVER_READY=true` it says for ever that it is not ready. `ORDERS_ROUTE` is its route where that is not /orders.
"""

import asyncio
import itertools
import os
import time

from aiohttp import web

from hoploom import kit

_numbers, _FAIL_EVERY = itertools.count(1), int(os.environ.get("ORDERS_FAIL_EVERY", "0"))


async def _order(request: web.Request) -> web.Response:
    await request.read()
    # Some requests are always in flight when the instance is asked to stop.
    await asyncio.sleep(0.02)
    # Nothing else of this instance goes on meanwhile.
    time.sleep(float(request.query.get("block_s", "0")))  # noqa: ASYNC251
    if _FAIL_EVERY and next(_numbers) % _FAIL_EVERY == 0:
        raise web.HTTPInternalServerError
    return web.json_response({"instance": kit.me(request).id})


async def _has_its_database() -> None:
    if os.environ.get("ORDERS_NEVER_READY") == "true":
        raise kit.NotReady("the database does not answer")


def _app() -> web.Application:
    app = web.Application()
    app.add_routes([web.get("/orders", _order), web.post("/orders", _order)])
    route = os.environ.get("ORDERS_ROUTE", "/orders")
    kit.setup(app, name="orders", routes=[route], ready=[_has_its_database])
    return app


if __name__ == "__main__":
    kit.run(_app())
