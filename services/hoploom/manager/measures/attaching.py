"""Puts what was measured into a manager: its pages, and what keeps their figures in memory."""

from aiohttp import web

from hoploom.kit import credentials
from hoploom.manager import access
from hoploom.manager.measures import choice, courses, fleet_look, gathering
from hoploom.manager.pages import map as map_page
from hoploom.manager.pages import matrix, results, series
from hoploom.wire.people import Role


def attach(app: web.Application, token: str) -> None:
    """Show it; call it after `sight.attach`.

    Args:
        app: The manager, on the mesh.
        token: The mesh's, with which outputs are asked.
    """
    gathering.attach(app, token)
    fleet_look.attach(app)
    app[choice.ADDED] = choice.Kept(choice.added)
    app[choice.COURSES] = choice.Kept(courses.course)
    app[results.HEADERS] = credentials.header(token)
    shown = (map_page, matrix, series, results)
    access.add(app, [route for each in shown for route in each.routes()], Role.VIEWER)
