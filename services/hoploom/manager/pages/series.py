"""Series: round-trip times and loss over time, as a plot and as a table."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hoploom.manager.measures import plots
from hoploom.manager.measures.choice import COURSES, choice
from hoploom.manager.measures.courses import Course
from hoploom.manager.measures.plots import Plot
from hoploom.manager.measures.windows import SPANS_S
from hoploom.manager.pages import rendering

_LONGEST: Final = 140


def routes() -> list[web.RouteDef]:
    """The page."""
    return [web.get("/series", series)]


async def series(request: web.Request) -> web.Response:
    """The course of `campaign=` over `span=`, of one `worker=` and one `network=` or of all."""
    chosen = await choice(request)
    worker, network = (request.query.get(name, "")[:_LONGEST] for name in ("worker", "network"))
    found = None
    if chosen.window:
        found = await request.app[COURSES].of(chosen.gathered, chosen.window, worker=worker, network=network)
    return rendering.render(
        request,
        "series.html.j2",
        chosen=chosen,
        spans=list(SPANS_S),
        worker=worker,
        network=network,
        # A name that nobody has stays in the form, as it was asked for.
        workers=sorted({*chosen.gathered.whole.cells.workers, *filter(None, [worker])}),
        networks=sorted({*chosen.gathered.whole.cells.networks, *filter(None, [network])}),
        course=found,
        plots=_plots(found) if found and found.starts_s else (),
        size=(plots.WIDTH, plots.HEIGHT),
        edges=(plots.LEFT, plots.RIGHT, plots.TOP, plots.BOTTOM),
    )


def _plots(course: Course) -> tuple[tuple[str, Plot], ...]:
    window = course.window
    span_s = (window.since_s, window.until_s)
    times, lost = (
        plots.drawn(course.starts_s, window.step_s, span_s, lines, unit)
        for lines, unit in ((course.rtt_lines(), "ms"), (course.loss_lines(), "%"))
    )
    return ("Round-trip time", times), ("Loss", lost)
