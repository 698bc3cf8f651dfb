"""A small service on the kit, for tests that start and stop real instances: `python orders_service.py --port ...`."""

import asyncio

from aiohttp import web

from hoploom import kit


async def _order(request: web.Request) -> web.Response:
    await request.read()
    # Some requests are always in flight when the instance is asked to stop.
    await asyncio.sleep(0.02)
    return web.json_response({"instance": kit.me(request).id})


def _app() -> web.Application:
    app = web.Application()
    app.add_routes([web.get("/orders", _order), web.post("/orders", _order)])
    kit.setup(app, name="orders", routes=["/orders"])
    return app


if __name__ == "__main__":
    kit.run(_app())
