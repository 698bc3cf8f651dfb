"""The service of `orders_service.py` without the kit: it registers by hand, leaves Consul when told to stop, and ends.

`python plain_orders.py PORT CONSUL_URL`.
"""

import asyncio
import signal
import sys

from aiohttp import web

from engine_processes import LOOPBACK, ask


async def _order(request: web.Request) -> web.Response:
    await request.read()
    await asyncio.sleep(0.02)
    return web.json_response({"instance": request.app[_PORT]})


async def _register(app: web.Application) -> None:
    port = app[_PORT]
    record = {
        "ID": f"plain-{port}", "Name": "plain", "Address": LOOPBACK, "Port": port, "Tags": ["urlprefix-/plain"],
        "Check": {"HTTP": f"http://{LOOPBACK}:{port}/plain", "Interval": "1s", "Timeout": "1s"},
    }  # fmt: skip
    await asyncio.to_thread(ask, "PUT", f"{app[_CONSUL]}/v1/agent/service/register", record)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _leave, app)


def _leave(app: web.Application) -> None:
    ask("PUT", f"{app[_CONSUL]}/v1/agent/service/deregister/plain-{app[_PORT]}")
    # aiohttp's own way out: no new connections, requests in flight are answered.
    raise web.GracefulExit


_PORT, _CONSUL = web.AppKey("port", int), web.AppKey("consul", str)

if __name__ == "__main__":
    served = web.Application()
    served[_PORT], served[_CONSUL] = int(sys.argv[1]), sys.argv[2]
    served.add_routes([web.get("/plain", _order), web.post("/plain", _order)])
    served.on_startup.append(_register)
    web.run_app(served, host=LOOPBACK, port=served[_PORT], print=None)
