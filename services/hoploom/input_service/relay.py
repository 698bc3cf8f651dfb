"""One instance asks another for what only the other may answer: never further than once.

Workers are routed to any instance; the owner of the shard answers. The header says that a request was passed on, and
whoever gets it answers itself or says no.
"""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from hoploom.input_service.ownership import Owner
from hoploom.kit import Mesh, credentials, metrics
from hoploom.kit.http_client import Answer
from hoploom.trust.guard import Caller

HEADER = "X-Hoploom-Relayed"
TIMEOUT_S = 2.0
"""Less than a worker's own patience, so that it hears why, or the next owner has time to answer it."""

_RELAYED = metrics.counter("hoploom_input_relayed_total", "Requests passed on to the owner of the shard.", ("what",))


class Relay:
    """Passes requests on to other input instances."""

    def __init__(self, mesh: Mesh, token: str) -> None:
        """Speak with the workers' token."""
        self._mesh, self._headers = mesh, {**credentials.header(token), HEADER: "1"}

    async def post(self, owner: Owner, path: str, document: Mapping[str, Any]) -> Answer:
        """Pass a request on.

        Args:
            owner: To whom.
            path: Path with query.
            document: The body.

        Raises:
            Unavailable: There is no answer, or the other instance does not own the shard either.
        """
        _RELAYED.labels(path.partition("?")[0].rpartition("/")[2]).inc()
        return await self._mesh.http.request(
            "POST", owner.url + path, json=dict(document), headers=self._headers, timeout_s=TIMEOUT_S
        )


def is_relayed(request: web.Request, caller: Caller) -> bool:
    """Whether another instance has passed a request on; raises Forbidden when a worker says so itself."""
    if HEADER not in request.headers:
        return False
    caller.must_be_the_mesh()
    return True
