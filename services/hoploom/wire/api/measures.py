"""What a manager has made of results: matrices, series, maps, paths. Pure."""

from typing import Final

from hoploom.wire.api.describing import VIEWER, Call, page

_FILTERS: Final = {
    "campaign": "Id of the one campaign", "kind": "`ping` or `trace`", "worker": "Name of the one worker",
    "outcome": "`answered`, `lost`, `reached`, ...", "prefix": "Only targets inside",
    "since": "Probed at this moment (UTC) or later", "until": "Probed before",
}  # fmt: skip
CALLS: Final = (
    Call("GET", "/api/v1/fleet/matrix", "How workers reach each other.", VIEWER,
         query={"campaign": "Id of the one; without it, the newest"}),
    Call("GET", "/api/v1/paths", "The graph of paths in columns, with places to draw it at.", VIEWER,
         {"q": "Address, prefix or part of a worker's name", "from": "Where a way begins: an address or a worker",
          "to": "Where it ends", "campaign": "Id of the one campaign"}),
    Call("GET", "/api/v1/paths/graphml", "The whole graph of paths as GraphML.", VIEWER,
         {"campaign": "Id of the one campaign"}, answers={200: ("application/graphml+xml",)}),
    page("/paths", "Paths: the graph, a search, and the way between two of its nodes.", q="As at /api/v1/paths",
         to="Where a way ends", campaign="Id of the one campaign", **{"from": "Where a way begins"}),
    page("/paths/{address}", "An address: its links, and the newest traceroutes to it.", campaign="Id of the one"),
    page("/matrix", "Workers against networks, the worst first.", campaign="Id of the one; without it, the newest",
         span="`1 hour` to `90 days`", by="`loss`, `p50`, `p99` or `name`", rows="Page of workers",
         columns="Page of networks"),
    page("/matrix/fleet", "The fleet against itself, bad pairs first.", rows="Page of sources",
         columns="Page of destinations"),
    page("/series", "Round-trip times and loss over time.", campaign="Id of the one; without it, the newest",
         span="`1 hour` to `90 days`", worker="Name of the one worker", network="Name of the one network"),
    page("/map", "Where workers are, and targets by network and country.",
         campaign="Id of the one; without it, the newest", span="`1 hour` to `90 days`"),
    page("/stored", "Stored results of all outputs, a page at a time.", size="Results a page",
         **{**_FILTERS, "from": "Where an earlier page ended"}),
    Call("GET", "/stored/file", "All of them as a file.", VIEWER, {**_FILTERS, "form": "`csv` or `atlas`"},
         answers={200: ("text/csv", "application/x-ndjson")}),
)  # fmt: skip
