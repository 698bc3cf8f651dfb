"""The HTTP API of all services in words: one table a service, shown by managers as `/openapi.json` and `/api`.

Whoever adds a route adds its `Call` to the table of its service here, in the module of its area; a test compares the
tables with the routers of the services and names the route that lacks one (`tests/unit/test_api_tables.py`).
"""

from hoploom.wire.api import atlas, every, input_calls, measures, output_calls, pages, people, steering, workers
from hoploom.wire.api.describing import Call

TABLES: dict[str, tuple[Call, ...]] = {
    "input": (*every.CALLS, *input_calls.CALLS),
    "output": (*every.CALLS, *output_calls.CALLS),
    "manager": (
        *every.CALLS, *pages.CALLS, *steering.CALLS, *measures.CALLS, *people.CALLS, *workers.CALLS, *atlas.CALLS
    ),
    "ping": every.CALLS,
}  # fmt: skip
"""The calls of each service."""
