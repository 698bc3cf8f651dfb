"""Gives an output instance the role of collecting, where its settings name a data set's folder."""

from pathlib import Path

from aiohttp import web

from hoploom import kit
from hoploom.kit import credentials
from hoploom.output_service.collecting.making import Outside
from hoploom.output_service.collecting.role import Role
from hoploom.output_service.collecting.seat import Seat
from hoploom.output_service.settings import Settings

ROUTE = "/api/v1/output/collector"


def setup(app: web.Application, settings: Settings) -> None:
    """Make the instance a candidate; after `kit.setup`.

    Raises:
        ConfigError: The name of the data set cannot be one.
    """
    if not settings.data_set:
        return
    seat = Seat(settings.data_set_name, Path(settings.data_set).expanduser(), settings.new_data_set)
    mesh = kit.mesh(app)
    roles: list[Role] = []

    async def collects(_: web.Application) -> None:
        token = credentials.read(settings.worker_token_file)
        outside = Outside(mesh.consul, mesh.http, settings.fabio_addr, token, settings.collect_max_bytes)
        roles.append(Role(seat, mesh, outside, settings.collect_s))
        await roles[0].run()

    async def get_collector(_: web.Request) -> web.Response:
        return web.json_response({"v": 1, **(roles[0].to_json() if roles else {})})

    mesh.reports.append(lambda: roles[0].words() if roles else "")
    app.add_routes([web.get(ROUTE, get_collector)])
    kit.background(app, collects)
