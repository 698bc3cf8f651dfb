"""Every route of every service is described in `wire.api`, and nothing else is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from hoploom import kit
from hoploom.input_service.app import make_app as make_input
from hoploom.input_service.settings import Settings as InputSettings
from hoploom.manager.app import make_app as make_manager
from hoploom.manager.settings import Settings as ManagerSettings
from hoploom.output_service.app import make_app as make_output
from hoploom.output_service.settings import Settings as OutputSettings
from hoploom.wire.api import TABLES

CATCHES_THE_REST = ("*", "/{path}")
"""Of a manager: it answers what nobody has with 404."""

APPS: dict[str, Callable[[Path], web.Application]] = {
    "input": lambda _: make_input(InputSettings()),
    "output": lambda folder: make_output(OutputSettings(db_dir=folder, data_set=str(folder))),
    "manager": lambda folder: make_manager(ManagerSettings(archive_dir=str(folder), dyfi_hosts="")),
}


def routes(app: web.Application) -> Iterator[tuple[str, str]]:
    """Method and path of every route."""
    for route in app.router.routes():
        if route.resource is not None:
            path = route.resource.canonical
            yield route.method, f"{path}/{{filename}}" if isinstance(route.resource, web.StaticResource) else path


@pytest.mark.parametrize("service", APPS)
def test_every_route_of_a_service_is_described_in_its_table_and_nothing_else_is(service: str, tmp_path: Path) -> None:
    there = set(routes(APPS[service](tmp_path))) - {CATCHES_THE_REST}
    described = {(call.method, call.path) for call in TABLES[service]}
    # Every GET answers HEAD as well, without a word of its own.
    heads = {("HEAD", path) for method, path in described if method == "GET"}
    lacking, extra = sorted(there - described - heads), sorted(described - there)
    assert (lacking, extra) == ([], []), f"{service}: routes without a Call in wire/api, and Calls without a route"


def test_a_worker_answers_what_every_service_does() -> None:
    app = web.Application()
    kit.setup(app, name="ping")
    assert {path for _, path in routes(app)} == {call.path for call in TABLES["ping"]}


@pytest.mark.parametrize("service", TABLES)
def test_no_call_is_described_twice(service: str) -> None:
    named = [(call.method, call.path) for call in TABLES[service]]
    assert len(named) == len(set(named))
