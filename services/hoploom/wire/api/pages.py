"""A manager's pages for people, and what they are made of. Pure."""

from typing import Final

from hoploom.wire.api.describing import ANYBODY, EVENTS, JSON, TEXT, TEXT_VALUE, VIEWER, Call, form, page

CALLS: Final = (
    page("/", "Home: what is wrong, what is running."),
    page("/fleet", "Every instance and worker.", q="Part of a name, place or version.", service="Only of this one.",
         state="Only in this one.", dc="Only of this datacenter.", sort="What to sort by.", page="Which fifty."),
    page("/fleet/{name}", "One instance or worker."),
    page("/mesh", "Leaders, owners of shards, routes, events."),
    form("/pause", "Pauses all probing, or lets it go on.", paused=TEXT_VALUE, csrf=TEXT_VALUE),
    Call("GET", "/api/v1/overview", "What the home page shows.", VIEWER),
    Call("GET", "/live", "Events that say when a page is old.", VIEWER, answers={200: (EVENTS,)}),
    Call("GET", "/static/{filename}", "Styles, scripts and pictures of the pages.", ANYBODY,
         answers={200: (TEXT, "text/css", "text/javascript", "application/javascript", "image/svg+xml"), 206: (TEXT,),
                  304: (), 404: (), 416: ()}),
    page("/api", "Every call of every service, for people."),
    Call("GET", "/openapi.json", "This document.", answers={200: (JSON,)}),
)  # fmt: skip
